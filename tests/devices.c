#include "devices.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void print_line(void *user, graft_log_level level, const char *text)
{
    fprintf(stderr, "[%d] %s\n", (int)level, text);
}

graft_log *test_log_create(void)
{
    const char *level = getenv("GRAFT_LOG");
    return graft_log_create(&(graft_log_params){
        .callback = print_line,
        .level = level ? (graft_log_level)atoi(level) : GRAFT_LOG_NONE,
    });
}

int test_log_open(void **state)
{
    *state = test_log_create();
    return *state ? 0 : -1;
}

int test_log_close(void **state)
{
    graft_log *log = *state;
    graft_log_destroy(&log);
    return 0;
}

void test_assert_ok(graft_log *log, graft_status status, const char *file, int line)
{
    if (status == GRAFT_OK)
        return;
    char text[1024];
    graft_log_error(log, text, sizeof(text));
    print_error("%s: %s\n", graft_status_text(status), text);
    _fail(file, line);
}

void test_assert_error(graft_log *log, const char *expected)
{
    char text[1024];
    graft_log_error(log, text, sizeof(text));
    if (!strstr(text, expected))
        fail_msg("expected an error with \"%s\", found \"%s\"", expected, text);
    if (strchr(text, '\n'))
        fail_msg("expected one line, found \"%s\"", text);
}

/* Whether `id` is in the comma-separated `list`. */
static bool listed(const char *list, const char *id)
{
    size_t length = strlen(id);
    while (*list) {
        size_t item = strcspn(list, ",");
        if (item == length && strncmp(list, id, length) == 0)
            return true;
        list += item;
        list += strspn(list, ",");
    }
    return false;
}

static int item_count(const char *list)
{
    int count = 0;
    while (*list) {
        count++;
        list += strcspn(list, ",");
        list += strspn(list, ",");
    }
    return count;
}

static bool open_one(test_devices *d, const char *id, gr_device **out)
{
    graft_device *device;
    if (graft_device_open(d->log, id, NULL, &device) != GRAFT_OK) {
        char text[1024];
        graft_log_error(d->log, text, sizeof(text));
        print_error("device %s does not open: %s\n", id, text);
        return false;
    }
    const graft_device_info *info = graft_device_get_info(device);
    print_message("device %s: %s (%s)\n", info->id, info->name, info->driver);
    *out = gr_device_from_public(device);
    d->all[d->count++] = *out;
    return true;
}

static bool open_gpus(test_devices *d)
{
    graft_device_info infos[TEST_MAX_DEVICES];
    int count = graft_device_list(d->log, infos, TEST_MAX_DEVICES);
    const char *wanted = getenv("GRAFT_TEST_DEVICES");
    for (int i = 0; i < count && i < TEST_MAX_DEVICES; i++) {
        if (wanted && !listed(wanted, infos[i].id))
            print_message("device %s: skipped, not in GRAFT_TEST_DEVICES\n", infos[i].id);
        else if (open_one(d, infos[i].id, &d->gpu[d->gpu_count]))
            d->gpu_count++;
        else
            return false;
    }
    if (count == 0)
        print_message("no OpenCL or Vulkan device: only null and reference are tested\n");
    if (!wanted || d->gpu_count == item_count(wanted))
        return true;
    print_error("GRAFT_TEST_DEVICES=%s: not all of these are there\n", wanted);
    return false;
}

int test_devices_open(void **state)
{
    test_devices *d = calloc(1, sizeof(*d));
    if (!d)
        return -1;
    *state = d;
    d->log = test_log_create();
    bool opened = open_one(d, "null:0", &d->null);
#ifdef GRAFT_HAVE_REFERENCE
    opened = opened && open_one(d, "reference:0", &d->reference);
#endif
    return opened && open_gpus(d) ? 0 : -1;
}

int test_devices_close(void **state)
{
    test_devices *d = *state;
    for (int i = 0; i < d->count; i++) {
        graft_device *device = gr_device_to_public(d->all[i]);
        graft_device_close(&device);
    }
    graft_log_destroy(&d->log);
    free(d);
    return 0;
}

static bool wanted_kind(const test_devices *d, const gr_device *device, test_which which)
{
    if (device == d->null)
        return which == TEST_ALL;
    if (which == TEST_REFERENCE)
        return device == d->reference;
    return device != d->reference || which != TEST_GPU;
}

/* Fills `tests` with every case on every device; returns how many. */
static int make_tests(const test_devices *d, const test_case *cases, int count, test_which which,
                      struct CMUnitTest *tests, test_target *targets)
{
    int made = 0;
    for (int i = 0; i < d->count; i++) {
        targets[i] = (test_target){d->all[i], d};
        for (int c = 0; c < count && wanted_kind(d, d->all[i], which); c++) {
            char *name = gr_printf(tests, "%s %s", cases[c].name, d->all[i]->info.id);
            tests[made++] = (struct CMUnitTest){
                .name = name, .test_func = cases[c].run, .initial_state = &targets[i]};
        }
    }
    return made;
}

int test_run(const char *group, const test_case *cases, int count, test_which which)
{
    test_target targets[TEST_MAX_DEVICES + 2];
    void *state = NULL;
    int failures = 1;
    if (test_devices_open(&state) == 0) {
        const test_devices *d = state;
        struct CMUnitTest *tests = gr_alloc_array(NULL, (size_t)(count * d->count), sizeof(*tests));
        int made = tests ? make_tests(d, cases, count, which, tests, targets) : 0;
        failures = made ? _cmocka_run_group_tests(group, tests, (size_t)made, NULL, NULL) : 77;
        gr_free(tests);
    }
    test_devices_close(&state);
    return failures;
}
