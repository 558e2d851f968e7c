#include "command/bench/machine.h"

#include "command/bench/bench.h"
#include "command/console/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

double bench_cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* user, nice, system, idle, iowait, irq, softirq, steal of the first line, in ticks. */
double bench_busy_seconds(void)
{
    FILE *file = fopen("/proc/stat", "r");
    double t[8] = {0};
    int read = 0;
    if (file) {
        read = fscanf(file, "cpu %lf %lf %lf %lf %lf %lf %lf %lf", &t[0], &t[1], &t[2], &t[3],
                      &t[4], &t[5], &t[6], &t[7]);
        fclose(file);
    }
    if (read != 8)
        return 0.0;
    return (t[0] + t[1] + t[2] + t[5] + t[6] + t[7]) / (double)sysconf(_SC_CLK_TCK);
}

/* The text behind `key` and a colon, of the first such line; "" when there is none. */
static void read_line(const char *path, const char *key, char *text, size_t size)
{
    char line[256];
    FILE *file = fopen(path, "r");
    text[0] = '\0';
    while (file && !text[0] && fgets(line, sizeof(line), file)) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, key, strlen(key)) == 0 && colon)
            snprintf(text, size, "%s", colon + 1 + strspn(colon + 1, " \t"));
        text[strcspn(text, "\n")] = '\0';
    }
    if (file)
        fclose(file);
}

double bench_peak_process_mib(void)
{
    char text[64];
    read_line("/proc/self/status", "VmHWM", text, sizeof(text));
    if (text[0])
        return strtod(text, NULL) / 1024.0;
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss / 1024.0;
}

void bench_reset_peak_process(void)
{
    FILE *file = fopen("/proc/self/clear_refs", "w");
    if (!file)
        return;
    fputs("5", file);
    fclose(file);
}

/* A number that stands alone in a file of the system, or null. */
static json_t *file_number(const char *path, double scale)
{
    FILE *file = fopen(path, "r");
    double value;
    int read = file ? fscanf(file, "%lf", &value) : 0;
    if (file)
        fclose(file);
    return read == 1 ? json_real(value * scale) : json_null();
}

static json_t *clock_mhz(void)
{
    char text[64];
    json_t *value = file_number("/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq", 1e-3);
    if (!json_is_null(value))
        return value;
    read_line("/proc/cpuinfo", "cpu MHz", text, sizeof(text));
    return text[0] ? json_real(strtod(text, NULL)) : value;
}

json_t *bench_machine(void)
{
    struct utsname system = {.sysname = "?"};
    char processor[128], when[40];
    double load[1] = {-1.0};
    time_t now = time(NULL);
    uname(&system);
    read_line("/proc/cpuinfo", "model name", processor, sizeof(processor));
    if (getloadavg(load, 1) != 1)
        load[0] = -1.0;
    strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", gmtime(&now));
    char kernel[160];
    snprintf(kernel, sizeof(kernel), "%.60s %.60s %.30s", system.sysname, system.release,
             system.machine);
    return json_pack("{s:o,s:I,s:o,s:s,s:o,s:o,s:o}", "processor",
                     cli_json_text(processor[0] ? processor : "unknown"), "threads",
                     (json_int_t)sysconf(_SC_NPROCESSORS_ONLN), "system", cli_json_text(kernel),
                     "date", when, "load", load[0] < 0.0 ? json_null() : json_real(load[0]),
                     "clock_mhz", clock_mhz(), "temperature_c",
                     file_number("/sys/class/thermal/thermal_zone0/temp", 1e-3));
}
