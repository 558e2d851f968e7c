/* golden: runs golden cases on this machine's devices, see golden.h. */
#include "golden.h"

#include "base/mem.h"
#include "devices.h"
#include "weights/safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: golden [--device ID] [--write DIR] CASE_DIR...\n"
    "       golden --suite CASE_DIR [--part N/M]\n"
    "Runs golden cases, or all those below a folder, and compares with what they expect.\n"
    "  --device ID   on this device only, such as opencl:0, vulkan:0 or reference:0\n"
    "  --write DIR   saves what the first device computed as DIR/CASE.safetensors\n"
    "  --suite DIR   all cases below DIR, and those below $GRAFT_GOLDEN_DIR\n"
    "  --part N/M    on the Nth of every M devices only: parts run side by side\n";

typedef struct session {
    test_devices *devices;
    gr_device *only; /* of --device */
    const char *write;
    const char *suite; /* set while the cases of $GRAFT_GOLDEN_DIR run */
    int part, parts;   /* of the devices: part 1 to parts */
    int passed, failed;
} session;

static void print_error_of(graft_log *log, const char *what, const char *name)
{
    char text[1024];
    graft_log_error(log, text, sizeof(text));
    printf("%s: %s: %s\n", what, name, text);
}

static graft_status write_results(const session *s, const golden_case *c, const gr_tensors *got)
{
    char *path = gr_printf(NULL, "%s/%s.safetensors", s->write, c->name);
    graft_status status = path ? gr_make_directories(s->devices->log, s->write) : GRAFT_ERR_MEMORY;
    if (status == GRAFT_OK)
        status = gr_safetensors_write(s->devices->log, path, got, NULL);
    gr_free(path);
    return status;
}

static void run_on(session *s, const golden_case *c, gr_device *device, bool write)
{
    gr_tensors *got = NULL;
    graft_status status = golden_run(s->devices->log, c, device, &got);
    int wrong = status == GRAFT_OK ? golden_check(c, device->info.id, got) : 1;
    if (status == GRAFT_OK && write)
        status = write_results(s, c, got);
    if (status != GRAFT_OK)
        print_error_of(s->devices->log, "WRONG", c->path);
    if (status != GRAFT_OK || wrong)
        s->failed++;
    else
        s->passed++;
    gr_tensors_destroy(&got);
    fflush(stdout);
}

static bool same_file(graft_log *log, const char *a, const char *b, const char *name)
{
    gr_mapping map[2] = {{0}};
    char *path[2] = {gr_path_join(NULL, a, name), gr_path_join(NULL, b, name)};
    bool same = path[0] && path[1] && gr_file_exists(path[0]) && gr_file_exists(path[1]) &&
                gr_file_map(log, path[0], &map[0]) == GRAFT_OK &&
                gr_file_map(log, path[1], &map[1]) == GRAFT_OK &&
                map[0].size_bytes == map[1].size_bytes &&
                memcmp(map[0].data, map[1].data, map[0].size_bytes) == 0;
    for (int i = 0; i < 2; i++) {
        gr_file_unmap(&map[i]);
        gr_free(path[i]);
    }
    return same;
}

/* Whether the suite has the same case, which has run already. */
static bool in_suite(const session *s, const char *path)
{
    const char *slash = strrchr(path, '/');
    char *twin = s->suite && slash ? gr_path_join(NULL, s->suite, slash + 1) : NULL;
    bool same = twin && same_file(s->devices->log, twin, path, "config.json") &&
                same_file(s->devices->log, twin, path, "expected.safetensors");
    gr_free(twin);
    return same;
}

static void run_case(void *user, const char *path)
{
    session *s = user;
    golden_case c;
    if (in_suite(s, path)) {
        printf("%s: has run already\n", path);
        return;
    }
    graft_status status = golden_open(s->devices->log, path, &c);
    if (status != GRAFT_OK) {
        print_error_of(s->devices->log, "WRONG", path);
        s->failed++;
    } else if (s->only) {
        run_on(s, &c, s->only, s->write);
    } else {
        for (int i = 0, ran = 0; i < s->devices->count; i++)
            if (s->devices->all[i] != s->devices->null && i % s->parts == s->part - 1)
                run_on(s, &c, s->devices->all[i], s->write && ran++ == 0);
    }
    golden_close(&c);
}

static void run_below(session *s, const char *path)
{
    if (golden_visit(path, run_case, s) == 0) {
        printf("WRONG: %s: no case here: no config.json\n", path);
        s->failed++;
    }
}

static void run_suite(session *s, const char *path)
{
    const char *more = getenv("GRAFT_GOLDEN_DIR");
    run_below(s, path);
    s->suite = path;
    if (more && *more)
        run_below(s, more);
    else
        printf("GRAFT_GOLDEN_DIR is not set: no more cases\n");
}

static graft_status open_device(session *s, const char *id, graft_device **out)
{
    graft_status status = graft_device_open(s->devices->log, id, NULL, out);
    s->only = status == GRAFT_OK ? gr_device_from_public(*out) : NULL;
    if (status != GRAFT_OK)
        print_error_of(s->devices->log, "golden", id);
    return status;
}

/* Runs what was asked for on all devices, or on a single one. */
static int run_all(session *s, const char *device, const char *suite, char **paths)
{
    graft_device *only = NULL;
    test_devices single = {0};
    void *state = &single;
    bool ready;
    if (device) {
        single.log = test_log_create();
        s->devices = &single;
        ready = open_device(s, device, &only) == GRAFT_OK;
    } else {
        ready = test_devices_open(&state) == 0;
        s->devices = state;
    }
    s->failed += !ready;
    if (ready && suite)
        run_suite(s, suite);
    for (; ready && *paths; paths++)
        run_below(s, *paths);
    graft_device_close(&only);
    if (device)
        graft_log_destroy(&single.log);
    else
        test_devices_close(&state);
    printf("%d passed, %d failed\n", s->passed, s->failed);
    return s->failed ? 1 : 0;
}

int main(int argc, char **argv)
{
    session s = {.part = 1, .parts = 1};
    bool understood = true;
    const char *device = NULL, *suite = NULL;
    int i = 1;
    for (; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
        if (strcmp(argv[i], "--device") == 0)
            device = argv[i + 1];
        else if (strcmp(argv[i], "--write") == 0)
            s.write = argv[i + 1];
        else if (strcmp(argv[i], "--suite") == 0)
            suite = argv[i + 1];
        else if (strcmp(argv[i], "--part") == 0)
            understood = sscanf(argv[i + 1], "%d/%d", &s.part, &s.parts) == 2 && s.part >= 1 &&
                         s.part <= s.parts;
        else
            break;
    }
    if (!understood || (i == argc && !suite) || (i < argc && argv[i][0] == '-')) {
        fputs(usage, stderr);
        return 2;
    }
    return run_all(&s, device, suite, argv + i);
}
