/* What src/device refuses on every device, and its bookkeeping, seen on the null device. */
#include "devices.h"
#include "shaders/unary.gk.h"

#include "backends/null/null.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct fixture {
    graft_log *log;
    graft_device *handle;
    gr_device *device;
    gr_pipeline *pipeline;
    gr_buffer *a, *b; /* 1 MiB each */
} fixture;

#define SIZE (1u << 20)

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof(*f));
    *state = f;
    unsetenv("GRAFT_LIMITS");
    unsetenv("GRAFT_DISABLE");
    f->log = test_log_create();
    if (graft_device_open(f->log, "null:0", "", &f->handle) != GRAFT_OK)
        return -1;
    f->device = gr_device_from_public(f->handle);
    gr_pipeline_spec spec = {&gr_kernel_unary, {64, 0}};
    if (gr_device_pipelines(f->device, &spec, 1, &f->pipeline) != GRAFT_OK ||
        gr_device_buffer_create(f->device, SIZE, GR_MEMORY_DEVICE, &f->a) != GRAFT_OK ||
        gr_device_buffer_create(f->device, SIZE, GR_MEMORY_DEVICE, &f->b) != GRAFT_OK)
        return -1;
    return 0;
}

static int teardown(void **state)
{
    fixture *f = *state;
    gr_device_buffer_destroy(f->device, &f->a);
    gr_device_buffer_destroy(f->device, &f->b);
    const gr_null_stats *stats = gr_null_stats_of(f->device);
    int alive = stats->live_buffers + stats->live_lists;
    graft_device_close(&f->handle);
    graft_log_destroy(&f->log);
    free(f);
    return alive ? -1 : 0;
}

/* b = unary(a), correct in every respect. */
static gr_command good_command(const fixture *f)
{
    return (gr_command){.kind = GR_COMMAND_DISPATCH,
                        .label = "unary",
                        .binding_count = 2,
                        .binding = {{f->a, 0, 4096}, {f->b, 0, 4096}},
                        .pipeline = f->pipeline,
                        .grid = {16, 1, 1}};
}

static void assert_refused(const fixture *f, const gr_command *commands, int count,
                           const char *reason)
{
    gr_list *list = (gr_list *)(uintptr_t)1;
    assert_int_equal(gr_device_list_create(f->device, commands, count, false, &list),
                     GRAFT_ERR_ARGUMENT);
    assert_null(list);
    test_assert_error(f->log, reason);
}

static void assert_accepted(const fixture *f, const gr_command *commands, int count)
{
    gr_list *list;
    assert_int_equal(gr_device_list_create(f->device, commands, count, false, &list), GRAFT_OK);
    gr_device_list_destroy(f->device, &list);
}

static void bindings_stay_within_their_buffer(void **state)
{
    const fixture *f = *state;
    gr_command c = good_command(f);
    assert_accepted(f, &c, 1);
    c.binding[1].offset = SIZE - 4096;
    assert_accepted(f, &c, 1);
    c.binding[1].offset = SIZE - 4096 + 64;
    assert_refused(f, &c, 1, "command 0 (unary): binding 1: 4096 bytes at 1044544, but the buffer");
    c = good_command(f);
    c.binding[0].offset = (uint64_t)0 - 4096; /* offset + size wraps around */
    assert_refused(f, &c, 1, "binding 0");
    c = good_command(f);
    c.binding[0].buffer = NULL;
    assert_refused(f, &c, 1, "binding 0: not a live buffer");
    c = good_command(f);
    c.binding_count = 1;
    assert_refused(f, &c, 1, "expected 2 bindings, found 1");
}

static void bindings_are_aligned(void **state)
{
    const fixture *f = *state;
    gr_command c = good_command(f);
    c.binding[1].offset = 32;
    assert_refused(f, &c, 1, "a multiple of 64, found 32");
    c = good_command(f);
    c.binding[0].size = 4095;
    assert_refused(f, &c, 1, "a multiple of 4, found 4095");
    c.binding[0].size = 0;
    assert_refused(f, &c, 1, "a multiple of 4, found 0");
}

static void bindings_keep_the_limit_of_the_device(void **state)
{
    const fixture *f = *state;
    gr_command c = good_command(f);
    f->device->caps.max_binding_bytes = 4096;
    assert_accepted(f, &c, 1);
    c.binding[0].size = 4100;
    assert_refused(f, &c, 1, "expected at most 4096 bytes, found 4100");
}

static void written_bindings_overlap_nothing(void **state)
{
    const fixture *f = *state;
    gr_command c = good_command(f);
    c.binding[1] = (gr_binding){f->a, 0, 4096};
    assert_refused(f, &c, 1, "bindings 0 and 1 overlap");
    c.binding[1].offset = 4096 - 64;
    assert_refused(f, &c, 1, "bindings 0 and 1 overlap");
    c.binding[1].offset = 4096;
    assert_accepted(f, &c, 1);
    c.kind = GR_COMMAND_COPY;
    c.binding[1].offset = 64;
    assert_refused(f, &c, 1, "bindings 0 and 1 overlap");
}

static void grids_keep_the_limit_of_the_device(void **state)
{
    const fixture *f = *state;
    gr_command c = good_command(f);
    c.grid[0] = 0;
    assert_refused(f, &c, 1, "grid[0]: expected 1 to 2147483647 work-groups, found 0");
    c = good_command(f);
    c.grid[2] = 65536;
    assert_refused(f, &c, 1, "grid[2]: expected 1 to 65535 work-groups, found 65536");
}

static void copies_have_one_size(void **state)
{
    const fixture *f = *state;
    gr_command c = good_command(f);
    c.kind = GR_COMMAND_COPY;
    assert_accepted(f, &c, 1);
    c.binding[1].size = 8192;
    assert_refused(f, &c, 1, "a copy of different sizes");
    c.binding[1] = (gr_binding){f->b, 4, 4096};
    assert_accepted(f, &c, 1);
    c.binding[1].offset = 6;
    assert_refused(f, &c, 1, "a multiple of 4, found 6");
}

static void foreign_pipelines_are_refused(void **state)
{
    const fixture *f = *state;
    gr_command c = good_command(f);
    c.pipeline = NULL;
    assert_refused(f, &c, 1, "not a live pipeline");
    c.kind = (gr_command_kind)17;
    assert_refused(f, &c, 1, "not a live pipeline");
}

static void missing_barriers_are_found(void **state)
{
    const fixture *f = *state;
    gr_command c[3] = {good_command(f), good_command(f), good_command(f)};
    /* read after write */
    c[1].binding[0].buffer = f->b;
    c[1].binding[1].buffer = f->a;
    c[1].binding[1].offset = 65536;
    c[1].label = "second";
    assert_refused(f, c, 2,
                   "command 1 (second): binding 0 needs a barrier after command 0 (unary)");
    c[1].barrier = true;
    assert_accepted(f, c, 2);
    /* write after write, three commands on */
    c[2].binding[0].offset = 131072;
    c[1].barrier = false;
    c[1].binding[0].offset = 8192;
    assert_refused(f, c, 3, "command 2 (unary): binding 1 needs a barrier after command 0");
    c[1].barrier = true;
    assert_accepted(f, c, 3);
    /* write after read */
    c[1] = good_command(f);
    c[1].binding[0].offset = 131072;
    c[1].binding[1] = (gr_binding){f->a, 0, 64};
    assert_refused(f, c, 2, "binding 1 needs a barrier after command 0");
    /* two readers need none */
    c[1] = good_command(f);
    c[1].binding[1].offset = 65536;
    assert_accepted(f, c, 2);
}

static void work_groups_keep_the_limit_of_the_device(void **state)
{
    const fixture *f = *state;
    gr_pipeline *pipeline;
    gr_pipeline_spec spec = {&gr_kernel_unary, {2048, 0}};
    assert_int_equal(gr_device_pipelines(f->device, &spec, 1, &pipeline), GRAFT_ERR_UNSUPPORTED);
    test_assert_error(f->log, "kernel unary: a work-group of 2048: the device allows 1 to 1024");
    spec.tunables[0] = 0;
    assert_int_equal(gr_device_pipelines(f->device, &spec, 1, &pipeline), GRAFT_ERR_UNSUPPORTED);
    assert_null(pipeline);
}

static void buffers_keep_the_limit_of_the_device(void **state)
{
    const fixture *f = *state;
    gr_buffer *buffer;
    f->device->caps.max_buffer_bytes = 1000;
    assert_int_equal(gr_device_buffer_create(f->device, 1004, GR_MEMORY_DEVICE, &buffer),
                     GRAFT_ERR_DEVICE_MEMORY);
    assert_null(buffer);
    assert_int_equal(gr_device_buffer_create(f->device, 0, GR_MEMORY_DEVICE, &buffer),
                     GRAFT_ERR_ARGUMENT);
    assert_int_equal(gr_device_buffer_create(f->device, 6, GR_MEMORY_DEVICE, &buffer),
                     GRAFT_ERR_ARGUMENT);
}

static void host_access_stays_within_the_buffer(void **state)
{
    const fixture *f = *state;
    char bytes[8];
    memset(bytes, 1, sizeof(bytes));
    assert_int_equal(gr_device_buffer_write(f->device, f->a, SIZE - 4, bytes, 8),
                     GRAFT_ERR_ARGUMENT);
    assert_int_equal(gr_device_buffer_read(f->device, f->a, SIZE + 8, bytes, 0),
                     GRAFT_ERR_ARGUMENT);
    assert_int_equal(gr_device_buffer_read(f->device, f->a, SIZE - 8, bytes, 8), GRAFT_OK);
    for (int i = 0; i < 8; i++)
        assert_int_equal(bytes[i], 0);
}

static void memory_is_counted(void **state)
{
    const fixture *f = *state;
    uint64_t peak;
    gr_buffer *buffer;
    assert_int_equal(graft_device_memory(f->handle, &peak), 2 * SIZE);
    assert_int_equal(gr_device_buffer_create(f->device, 4096, GR_MEMORY_HOST, &buffer), GRAFT_OK);
    assert_int_equal(graft_device_memory(f->handle, NULL), 2 * SIZE + 4096);
    gr_device_buffer_destroy(f->device, &buffer);
    assert_null(buffer);
    gr_device_buffer_destroy(f->device, &buffer);
    assert_int_equal(graft_device_memory(f->handle, &peak), 2 * SIZE);
    assert_int_equal(peak, 2 * SIZE + 4096);
}

static void submits_are_counted(void **state)
{
    const fixture *f = *state;
    const gr_null_stats *stats = gr_null_stats_of(f->device);
    gr_command c[3] = {good_command(f), good_command(f), good_command(f)};
    c[1].kind = GR_COMMAND_COPY;
    c[2] = (gr_command){.kind = GR_COMMAND_FILL, .binding_count = 1, .binding = {{f->a, 0, 4}}};
    c[1].barrier = c[2].barrier = true;
    gr_list *list;
    assert_int_equal(gr_device_list_create(f->device, c, 3, false, &list), GRAFT_OK);
    for (int i = 0; i < 5; i++)
        assert_int_equal(gr_device_submit(f->device, list), GRAFT_OK);
    assert_int_equal(gr_device_wait(f->device), GRAFT_OK);
    assert_int_equal(stats->submits, 5);
    assert_int_equal(stats->dispatches, 5);
    assert_int_equal(stats->copies, 5);
    assert_int_equal(stats->fills, 5);
    assert_int_equal(stats->barriers, 10);
    gr_device_list_destroy(f->device, &list);
    assert_int_equal(gr_device_submit(f->device, list), GRAFT_ERR_ARGUMENT);
}

/* One of each kernel and its tunables, however often it is asked for. */
static void pipelines_are_made_once(void **state)
{
    const fixture *f = *state;
    const gr_null_stats *stats = gr_null_stats_of(f->device);
    const gr_pipeline_spec specs[3] = {
        {&gr_kernel_unary, {32, 0}}, {&gr_kernel_unary, {64, 0}}, {&gr_kernel_unary, {32, 0}}};
    gr_pipeline *first[3], *again[3];
    assert_int_equal(gr_device_pipelines(f->device, specs, 3, first), GRAFT_OK);
    assert_int_equal(stats->live_pipelines, 2);
    assert_ptr_equal(first[0], first[2]);
    assert_ptr_not_equal(first[0], first[1]);
    assert_ptr_equal(first[1], f->pipeline);
    gr_null_fail_after(f->device, 0, GRAFT_ERR_DEVICE);
    assert_int_equal(gr_device_pipelines(f->device, specs, 3, again), GRAFT_OK);
    assert_memory_equal(first, again, sizeof(first));
    gr_null_fail_after(f->device, 0, GRAFT_OK);
}

/* All or nothing: the second of three pipelines fails, and none is left. */
static void planned_failures_leave_nothing_behind(void **state)
{
    const fixture *f = *state;
    gr_pipeline_spec specs[3];
    gr_pipeline *pipelines[3];
    for (int i = 0; i < 3; i++)
        specs[i] = (gr_pipeline_spec){&gr_kernel_unary, {32u << i, 1}};
    gr_null_fail_after(f->device, 1, GRAFT_ERR_DEVICE);
    assert_int_equal(gr_device_pipelines(f->device, specs, 3, pipelines), GRAFT_ERR_DEVICE);
    assert_int_equal(gr_null_stats_of(f->device)->live_pipelines, 1);
    gr_buffer *buffer;
    gr_null_fail_after(f->device, 0, GRAFT_ERR_DEVICE_MEMORY);
    assert_int_equal(gr_device_buffer_create(f->device, 64, GR_MEMORY_DEVICE, &buffer),
                     GRAFT_ERR_DEVICE_MEMORY);
    assert_int_equal(graft_device_memory(f->handle, NULL), 2 * SIZE);
    gr_null_fail_after(f->device, 0, GRAFT_OK);
    assert_int_equal(gr_device_wait(f->device), GRAFT_OK);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(bindings_stay_within_their_buffer),
        TEST(bindings_are_aligned),
        TEST(bindings_keep_the_limit_of_the_device),
        TEST(written_bindings_overlap_nothing),
        TEST(grids_keep_the_limit_of_the_device),
        TEST(copies_have_one_size),
        TEST(foreign_pipelines_are_refused),
        TEST(missing_barriers_are_found),
        TEST(work_groups_keep_the_limit_of_the_device),
        TEST(buffers_keep_the_limit_of_the_device),
        TEST(host_access_stays_within_the_buffer),
        TEST(memory_is_counted),
        TEST(submits_are_counted),
        TEST(pipelines_are_made_once),
        TEST(planned_failures_leave_nothing_behind),
    };
    return cmocka_run_group_tests_name("rules", tests, NULL, NULL);
}
