/* Finding, opening, using and closing devices from several threads at once, as the first thing
 * that a process does: a thread of an application knows nothing of the others. */
#include "devices.h"
#include "shaders/unary.gk.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { THREADS = 4, COUNT = 1000, MAX_WANTED = 16 };

typedef struct worker {
    pthread_t thread;
    pthread_barrier_t *start;
    char ids[MAX_WANTED][32]; /* of GRAFT_TEST_DEVICES; none: all that it finds */
    int id_count;
    int opened;
    char error[1024]; /* "": all is well */
} worker;

#define TRY(expression)                                                                            \
    do {                                                                                           \
        if ((expression) != GRAFT_OK)                                                              \
            return false;                                                                          \
    } while (0)

/* y = 2 x on the device; leaves its objects to the device when it fails. */
static bool run_kernel(gr_device *device, float *values)
{
    gr_pipeline_spec spec = {&gr_kernel_unary, {64, 0}};
    gr_unary_params params = {
        .rows = 1, .cols = COUNT, .x_stride = COUNT, .y_stride = COUNT, .alpha = 2.0f};
    gr_pipeline *pipeline;
    gr_buffer *x, *y;
    gr_list *list;
    TRY(gr_device_pipelines(device, &spec, 1, &pipeline));
    TRY(gr_device_buffer_create(device, 4 * COUNT, GR_MEMORY_DEVICE, &x));
    TRY(gr_device_buffer_create(device, 4 * COUNT, GR_MEMORY_DEVICE, &y));
    TRY(gr_device_buffer_write(device, x, 0, values, 4 * COUNT));
    gr_command command = {.kind = GR_COMMAND_DISPATCH,
                          .binding_count = 2,
                          .binding = {{x, 0, 4 * COUNT}, {y, 0, 4 * COUNT}},
                          .pipeline = pipeline,
                          .grid = {(COUNT + 63) / 64, 1, 1}};
    memcpy(command.params, &params, sizeof(params));
    TRY(gr_device_list_create(device, &command, 1, false, &list));
    TRY(gr_device_submit(device, list));
    TRY(gr_device_wait(device));
    TRY(gr_device_buffer_read(device, y, 0, values, 4 * COUNT));
    gr_device_list_destroy(device, &list);
    gr_device_buffer_destroy(device, &x);
    gr_device_buffer_destroy(device, &y);
    return true;
}

static void use_device(worker *w, graft_log *log, const char *id)
{
    graft_device *device;
    float values[COUNT];
    for (int i = 0; i < COUNT; i++)
        values[i] = (float)i;
    if (graft_device_open(log, id, "", &device) != GRAFT_OK) {
        graft_log_error(log, w->error, sizeof(w->error));
        return;
    }
    w->opened++;
    if (!run_kernel(gr_device_from_public(device), values))
        graft_log_error(log, w->error, sizeof(w->error));
    for (int i = 0; i < COUNT && !w->error[0]; i++)
        if (values[i] != 2.0f * (float)i)
            snprintf(w->error, sizeof(w->error), "%s: element %d: %g", id, i, (double)values[i]);
    graft_device_close(&device);
}

static void *work(void *argument)
{
    worker *w = argument;
    graft_log *log = test_log_create();
    graft_device_info infos[TEST_MAX_DEVICES];
    pthread_barrier_wait(w->start);
    int count = graft_device_list(log, infos, TEST_MAX_DEVICES);
    for (int i = 0; i < w->id_count && !w->error[0]; i++)
        use_device(w, log, w->ids[i]);
    for (int i = 0; w->id_count == 0 && i < count && !w->error[0]; i++)
        use_device(w, log, infos[i].id);
    graft_log_destroy(&log);
    return NULL;
}

static void read_wanted(worker *w)
{
    const char *list = getenv("GRAFT_TEST_DEVICES");
    while (list && *list && w->id_count < MAX_WANTED) {
        size_t length = strcspn(list, ",");
        snprintf(w->ids[w->id_count++], sizeof(w->ids[0]), "%.*s", (int)length, list);
        list += length + (list[length] == ',');
    }
}

static void threads_open_devices_at_once(void **state)
{
    worker workers[THREADS];
    pthread_barrier_t start;
    assert_int_equal(pthread_barrier_init(&start, NULL, THREADS), 0);
    memset(workers, 0, sizeof(workers));
    for (int i = 0; i < THREADS; i++) {
        workers[i].start = &start;
        read_wanted(&workers[i]);
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(workers[i].thread, NULL);
    pthread_barrier_destroy(&start);
    for (int i = 0; i < THREADS; i++)
        assert_string_equal(workers[i].error, "");
    if (workers[0].opened == 0)
        skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(threads_open_devices_at_once)};
    return cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}
