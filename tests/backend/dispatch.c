/* Kernels on every device: tunables, offsets, grids, replay, parameters and times. */
#include "base/system.h"
#include "devices.h"
#include "shaders/unary.gk.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FUNC_SCALE 0
#define FUNC_RELU  3
#define GUARD      (-77.0f)

/* y = f(x) of `count` floats at an offset within buffers of `length` floats. */
typedef struct fixture {
    gr_device *device;
    gr_pipeline *pipeline;
    gr_buffer *x, *y;
    uint32_t length, first, count;
} fixture;

static gr_pipeline *make_pipeline(gr_device *device, uint32_t workgroup, uint32_t func)
{
    gr_pipeline *pipeline;
    gr_pipeline_spec spec = {&gr_kernel_unary, {workgroup, func}};
    TEST_OK(device->log, gr_device_pipelines(device, &spec, 1, &pipeline));
    return pipeline;
}

static float input(uint32_t i)
{
    return (float)((int)(i % 200) - 100) * 0.25f;
}

static fixture make_fixture(gr_device *device, uint32_t workgroup, uint32_t func, uint32_t count)
{
    uint32_t align = device->caps.offset_align / 4;
    fixture f = {.device = device, .first = align < 4 ? 4 : align, .count = count};
    f.length = f.first + count + 64;
    f.pipeline = make_pipeline(device, workgroup, func);
    float *values = malloc(f.length * sizeof(float));
    assert_non_null(values);
    TEST_OK(device->log, gr_device_buffer_create(device, 4 * f.length, GR_MEMORY_DEVICE, &f.x));
    TEST_OK(device->log, gr_device_buffer_create(device, 4 * f.length, GR_MEMORY_DEVICE, &f.y));
    for (uint32_t i = 0; i < f.length; i++)
        values[i] = input(i);
    TEST_OK(device->log, gr_device_buffer_write(device, f.x, 0, values, 4 * f.length));
    for (uint32_t i = 0; i < f.length; i++)
        values[i] = GUARD;
    TEST_OK(device->log, gr_device_buffer_write(device, f.y, 0, values, 4 * f.length));
    free(values);
    return f;
}

static void drop_fixture(fixture *f)
{
    gr_device_buffer_destroy(f->device, &f->x);
    gr_device_buffer_destroy(f->device, &f->y);
}

static gr_command command_of(const fixture *f, uint32_t workgroup, float alpha)
{
    uint32_t rows = f->count % 3 ? 1 : 3, cols = f->count / rows;
    gr_unary_params params = {
        .rows = rows, .cols = cols, .x_stride = cols, .y_stride = cols, .alpha = alpha};
    gr_command command = {
        .kind = GR_COMMAND_DISPATCH,
        .barrier = true,
        .label = "unary",
        .binding_count = 2,
        .binding = {{f->x, 4 * f->first, 4 * f->count}, {f->y, 4 * f->first, 4 * f->count}},
        .pipeline = f->pipeline,
        .grid = {(cols + workgroup - 1) / workgroup, rows, 1},
    };
    memcpy(command.params, &params, sizeof(params));
    return command;
}

static void run_command(const fixture *f, const gr_command *command)
{
    gr_list *list;
    TEST_OK(f->device->log, gr_device_list_create(f->device, command, 1, false, &list));
    TEST_OK(f->device->log, gr_device_submit(f->device, list));
    gr_device_wait(f->device);
    gr_device_list_destroy(f->device, &list);
}

/* Expects alpha x (or max(x, 0) for relu) in the range, and the guard around it. */
static void check_output(const fixture *f, bool relu, float alpha)
{
    float *y = malloc(f->length * sizeof(float));
    assert_non_null(y);
    TEST_OK(f->device->log, gr_device_buffer_read(f->device, f->y, 0, y, 4 * f->length));
    for (uint32_t i = 0; i < f->length; i++) {
        float x = input(i), expected = relu ? fmaxf(x, 0.0f) : alpha * x;
        if (i < f->first || i >= f->first + f->count)
            expected = GUARD;
        if (y[i] != expected)
            fail_msg("element %u: expected %g, found %g", i, expected, y[i]);
    }
    free(y);
}

static void tunables_and_grids_cover_every_element(void **state)
{
    gr_device *device = test_device_of(state);
    const uint32_t workgroups[] = {1, 32, 64, 128};
    const uint32_t counts[] = {1, 3, 31, 127, 128, 129, 384, 10007};
    for (size_t w = 0; w < 4; w++) {
        if (workgroups[w] > device->caps.max_workgroup)
            continue;
        for (size_t c = 0; c < 8; c++) {
            for (uint32_t func = FUNC_SCALE; func <= FUNC_RELU; func += FUNC_RELU) {
                fixture f = make_fixture(device, workgroups[w], func, counts[c]);
                gr_command command = command_of(&f, workgroups[w], 0.5f);
                run_command(&f, &command);
                check_output(&f, func == FUNC_RELU, 0.5f);
                drop_fixture(&f);
            }
        }
    }
}

static void a_list_runs_again_with_new_inputs(void **state)
{
    gr_device *device = test_device_of(state);
    fixture f = make_fixture(device, 64, FUNC_SCALE, 1000);
    gr_command command = command_of(&f, 64, 2.0f);
    gr_list *list;
    TEST_OK(device->log, gr_device_list_create(device, &command, 1, false, &list));
    for (int run = 1; run <= 3; run++) {
        float x = (float)run, y = 0.0f;
        uint64_t last = 4 * (f.first + f.count - 1);
        TEST_OK(device->log, gr_device_buffer_write(device, f.x, last, &x, 4));
        TEST_OK(device->log, gr_device_submit(device, list));
        TEST_OK(device->log, gr_device_wait(device));
        TEST_OK(device->log, gr_device_buffer_read(device, f.y, last, &y, 4));
        assert_float_equal(y, 2.0f * x, 0.0f);
    }
    gr_device_list_destroy(device, &list);
    drop_fixture(&f);
}

/* x doubled 20 times from one buffer to the other and back by a list of `count` commands, submitted
 * without waiting. */
static void double_to_and_fro(gr_device *device, int count, double work)
{
    fixture f = make_fixture(device, 64, FUNC_SCALE, 300);
    gr_command commands[20];
    for (int i = 0; i < count; i++) {
        commands[i] = command_of(&f, 64, 2.0f);
        commands[i].binding[0].buffer = i % 2 ? f.y : f.x;
        commands[i].binding[1].buffer = i % 2 ? f.x : f.y;
        commands[i].barrier = true;
        commands[i].work = work;
    }
    gr_list *list;
    TEST_OK(device->log, gr_device_list_create(device, commands, count, false, &list));
    for (int i = 0; i < 20 / count; i++)
        TEST_OK(device->log, gr_device_submit(device, list));
    float x[300];
    TEST_OK(device->log, gr_device_buffer_read(device, f.x, 4 * f.first, x, sizeof(x)));
    for (uint32_t i = 0; i < 300; i++)
        assert_float_equal(x[i], ldexpf(input(f.first + i), 20), 0.0f);
    gr_device_list_destroy(device, &list);
    drop_fixture(&f);
}

static void submits_follow_one_another(void **state)
{
    double_to_and_fro(test_device_of(state), 2, 0.0);
}

/* Where a device is given a list in pieces: several commands each, one each, and all at once. */
static void heavy_lists_are_done_in_order(void **state)
{
    static const double work[] = {3e9, 1e12, 1.0};
    for (int i = 0; i < 3; i++)
        double_to_and_fro(test_device_of(state), 10, work[i]);
}

/* A wait that returns early would leave the time of the work to the read. */
static void waiting_waits(void **state)
{
    enum { COMMANDS = 100, RUNS = 8 };
    gr_device *device = test_device_of(state);
    fixture f = make_fixture(device, 64, FUNC_SCALE, 1 << 16);
    gr_command commands[COMMANDS];
    gr_list *list;
    float y;
    for (int i = 0; i < COMMANDS; i++)
        commands[i] = command_of(&f, 64, 1.0f);
    TEST_OK(device->log, gr_device_list_create(device, commands, COMMANDS, false, &list));
    int slower_reads = 0;
    for (int run = 0; run <= RUNS; run++) {
        double start = gr_seconds();
        TEST_OK(device->log, gr_device_submit(device, list));
        TEST_OK(device->log, gr_device_wait(device));
        double waited = gr_seconds();
        TEST_OK(device->log, gr_device_buffer_read(device, f.y, 4 * f.first, &y, 4));
        bool compiles = run == 0;
        slower_reads += !compiles && gr_seconds() - waited >= waited - start;
    }
    assert_true(slower_reads < RUNS / 2); /* on a busy machine one may be */
    gr_device_list_destroy(device, &list);
    drop_fixture(&f);
}

/* What was recorded is what runs, whatever becomes of the caller's commands. */
static void a_list_copies_its_commands(void **state)
{
    gr_device *device = test_device_of(state);
    fixture f = make_fixture(device, 64, FUNC_SCALE, 100);
    gr_command command = command_of(&f, 64, -1.0f);
    gr_list *list;
    TEST_OK(device->log, gr_device_list_create(device, &command, 1, false, &list));
    memset(&command, 0xff, sizeof(command));
    TEST_OK(device->log, gr_device_submit(device, list));
    TEST_OK(device->log, gr_device_wait(device));
    gr_device_list_destroy(device, &list);
    check_output(&f, false, -1.0f);
    drop_fixture(&f);
}

static void several_pipelines_are_made_at_once(void **state)
{
    gr_device *device = test_device_of(state);
    const gr_pipeline_spec specs[2] = {{&gr_kernel_unary, {64, FUNC_SCALE}},
                                       {&gr_kernel_unary, {64, FUNC_RELU}}};
    gr_pipeline *pipelines[2];
    TEST_OK(device->log, gr_device_pipelines(device, specs, 2, pipelines));
    for (int i = 0; i < 2; i++) {
        fixture f = make_fixture(device, 64, FUNC_SCALE, 500);
        gr_command command = command_of(&f, 64, 3.0f);
        command.pipeline = pipelines[i];
        run_command(&f, &command);
        check_output(&f, i == 1, 3.0f);
        drop_fixture(&f);
    }
}

static void profiled_lists_tell_times(void **state)
{
    gr_device *device = test_device_of(state);
    if (!device->caps.timestamps)
        skip();
    fixture f = make_fixture(device, 64, FUNC_SCALE, 1 << 20);
    gr_command commands[2] = {command_of(&f, 64, 1.0f), command_of(&f, 64, 1.0f)};
    double ns[2] = {-1, -1};
    gr_list *list;
    TEST_OK(device->log, gr_device_list_create(device, commands, 2, true, &list));
    for (int run = 0; run < 2; run++) {
        TEST_OK(device->log, gr_device_submit(device, list));
        TEST_OK(device->log, gr_device_wait(device));
        TEST_OK(device->log, gr_device_list_times(device, list, ns));
        for (int i = 0; i < 2; i++)
            assert_true(ns[i] > 1e3 && ns[i] < 60e9);
    }
    gr_device_list_destroy(device, &list);
    check_output(&f, false, 1.0f);
    drop_fixture(&f);
}

int main(void)
{
    const test_case cases[] = {
        TEST_CASE(tunables_and_grids_cover_every_element),
        TEST_CASE(a_list_runs_again_with_new_inputs),
        TEST_CASE(submits_follow_one_another),
        TEST_CASE(heavy_lists_are_done_in_order),
        TEST_CASE(waiting_waits),
        TEST_CASE(a_list_copies_its_commands),
        TEST_CASE(several_pipelines_are_made_at_once),
        TEST_CASE(profiled_lists_tell_times),
    };
    return TEST_RUN("dispatch", cases, TEST_EXECUTING);
}
