/* Programs of an application's own: what they compute, and where. */
#include "compute.h"

#include <string.h>

graft_program *program_of(void **state, graft_value *output)
{
    graft_program_params params;
    graft_program_defaults(&params);
    params.outputs = &output;
    params.output_count = 1;
    graft_program *program;
    TEST_OK(log_of(state),
            graft_program_create(log_of(state), device_of(state), &params, &program));
    return program;
}

static const float A[6] = {1, 2, 3, 4, 5, 6}, B[6] = {1, 0, -1, 2, 0.5f, 1};
static const float AB[4] = {0.5f, 7, 2, 16};

static void expect_product(void **state, const float *c)
{
    for (int i = 0; i < 4; i++)
        assert_float_equal(c[i], AB[i], 1e-5);
    (void)state;
}

/* Host memory in, host memory out; then the same program again with other numbers. */
static void written_and_read(void **state)
{
    graft_log *log = log_of(state);
    graft_graph *graph = graft_graph_create(log);
    graft_value *a = graft_input(graph, "a", GRAFT_F32, GRAFT_SHAPE(2, 3));
    graft_value *b = graft_constant(graph, "b", GRAFT_F32, GRAFT_SHAPE(3, 2), B);
    graft_value *c = graft_matmul(a, b, NULL, 1.0f);
    graft_program *program = program_of(state, c);
    float result[4];
    TEST_OK(log, graft_program_write(program, a, A, sizeof(A)));
    TEST_OK(log, graft_program_run(program));
    TEST_OK(log, graft_program_read(program, c, result, sizeof(result)));
    expect_product(state, result);
    float ones[6] = {1, 1, 1, 1, 1, 1};
    TEST_OK(log, graft_program_write(program, a, ones, sizeof(ones)));
    TEST_OK(log, graft_program_run(program));
    TEST_OK(log, graft_program_read(program, c, result, sizeof(result)));
    assert_float_equal(result[0], 0.5f, 1e-5);
    assert_float_equal(result[1], 3.0f, 1e-5);
    graft_program_destroy(&program);
    graft_graph_destroy(&graph);
}

/* Buffers of the application, at an offset, moved between runs and let go before the program. */
static void bound_to_buffers(void **state)
{
    graft_log *log = log_of(state);
    graft_graph *graph = graft_graph_create(log);
    graft_value *a = graft_input(graph, "a", GRAFT_F32, GRAFT_SHAPE(2, 3));
    graft_value *b = graft_input(graph, "b", GRAFT_F32, GRAFT_SHAPE(3, 2));
    graft_value *c = graft_matmul(a, b, NULL, 1.0f);
    graft_program *program = program_of(state, c);
    graft_graph_destroy(&graph); /* the program keeps it */
    uint64_t step = graft_buffer_alignment(device_of(state));
    step = step < 256 ? 256 : step;
    graft_buffer *in, *out;
    TEST_OK(log, graft_buffer_create(device_of(state), 2 * step, GRAFT_MEMORY_DEVICE, &in));
    TEST_OK(log, graft_buffer_create(device_of(state), 3 * step, GRAFT_MEMORY_HOST, &out));
    assert_int_equal(graft_buffer_size(out), 3 * step);
    TEST_OK(log, graft_buffer_write(in, 0, A, sizeof(A)));
    TEST_OK(log, graft_buffer_write(in, step, B, sizeof(B)));
    TEST_OK(log, graft_program_bind(program, a, in, 0));
    TEST_OK(log, graft_program_bind(program, b, in, step));
    float result[4] = {0};
    for (uint64_t place = 0; place < 3; place++) {
        memset(result, 0, sizeof(result));
        TEST_OK(log, graft_program_bind(program, c, out, place * step));
        TEST_OK(log, graft_program_run(program));
        TEST_OK(log, graft_buffer_read(out, place * step, result, sizeof(result)));
        expect_product(state, result);
    }
    graft_buffer_destroy(&in);
    graft_buffer_destroy(&out);
    assert_null(out);
    TEST_OK(log, graft_program_run(program));
    TEST_OK(log, graft_program_read(program, c, result, sizeof(result)));
    expect_product(state, result);
    graft_program_destroy(&program);
}

/* Outputs that are views: of an input, and of one another. */
static void outputs_lie_apart(void **state)
{
    graft_log *log = log_of(state);
    graft_graph *graph = graft_graph_create(log);
    graft_value *a = graft_input(graph, "a", GRAFT_F32, GRAFT_SHAPE(2, 3));
    graft_value *y = graft_softmax(a, 1.0f);
    graft_value *flat = graft_reshape(a, GRAFT_SHAPE(6)), *row = graft_slice(y, 0, 0, 1);
    graft_value *outputs[] = {flat, y, row};
    graft_program_params params;
    graft_program_defaults(&params);
    params.outputs = outputs;
    params.output_count = 3;
    graft_program *program;
    TEST_OK(log, graft_program_create(log, device_of(state), &params, &program));
    TEST_OK(log, graft_program_write(program, a, A, sizeof(A)));
    TEST_OK(log, graft_program_run(program));
    float copy[6], soft[6], first[3];
    TEST_OK(log, graft_program_read(program, flat, copy, sizeof(copy)));
    TEST_OK(log, graft_program_read(program, row, first, sizeof(first)));
    TEST_OK(log, graft_program_read(program, y, soft, sizeof(soft)));
    assert_memory_equal(copy, A, sizeof(A));
    assert_memory_equal(first, soft, sizeof(first));
    assert_float_equal(soft[0] + soft[1] + soft[2], 1.0f, 1e-6);
    graft_program_destroy(&program);
    graft_graph_destroy(&graph);
}

/* Red, green, blue and white, to their mean and to themselves; no test of weights: tests/ops. */
static void pixels_become_input(void **state)
{
    graft_log *log = log_of(state);
    const uint32_t image[4] = {0xff0000ff, 0xff00ff00, 0xffff0000, 0xffffffff};
    const float mean[3] = {0.5f, 0, 0}, deviation[3] = {0.5f, 1, 1};
    graft_graph *graph = graft_graph_create(log);
    graft_value *x = graft_input(graph, "x", GRAFT_I32, GRAFT_SHAPE(1, 2, 2));
    graft_value *one = graft_resize_rgba8(x, 1, 1, mean, deviation, false);
    graft_value *same = graft_resize_rgba8(x, 2, 2, mean, deviation, true);
    graft_value *outputs[] = {one, same};
    graft_program_params params;
    graft_program_defaults(&params);
    params.outputs = outputs;
    params.output_count = 2;
    graft_program *program;
    TEST_OK(log, graft_program_create(log, device_of(state), &params, &program));
    TEST_OK(log, graft_program_write(program, x, image, sizeof(image)));
    TEST_OK(log, graft_program_run(program));
    float small[3], whole[12];
    TEST_OK(log, graft_program_read(program, one, small, sizeof(small)));
    TEST_OK(log, graft_program_read(program, same, whole, sizeof(whole)));
    const float wanted[12] = {-1, -1, 1, 1, 0, 1,
                              0,  1,  1, 0, 0, 1}; /* bgra: red and blue changed */
    for (int i = 0; i < 12; i++)
        assert_float_equal(whole[i], wanted[i], 1e-6);
    assert_float_equal(small[0], 0.0f, 1e-6);
    assert_float_equal(small[1], 0.5f, 1e-6);
    assert_float_equal(small[2], 0.5f, 1e-6);
    graft_program_destroy(&program);
    graft_graph_destroy(&graph);
}

static void profiled(void **state)
{
    graft_log *log = log_of(state);
    graft_graph *graph = graft_graph_create(log);
    graft_value *a = graft_input(graph, "a", GRAFT_F32, GRAFT_SHAPE(2, 3));
    graft_value *y = graft_softmax(a, 1.0f);
    graft_program_params params;
    graft_program_defaults(&params);
    params.outputs = &y;
    params.output_count = 1;
    params.profile = true;
    graft_program *program;
    if (!test_device_of(state)->caps.timestamps) {
        CHECK_FAILS(log, graft_program_create(log, device_of(state), &params, &program),
                    GRAFT_ERR_UNSUPPORTED, "cannot measure");
        assert_null(program);
        graft_graph_destroy(&graph);
        return;
    }
    TEST_OK(log, graft_program_create(log, device_of(state), &params, &program));
    assert_int_equal(graft_program_commands(program), 1);
    TEST_OK(log, graft_program_write(program, a, A, sizeof(A)));
    graft_kernel_time times[4];
    int count;
    CHECK_FAILS(log, graft_program_profile(program, times, 4, &count), GRAFT_ERR_ARGUMENT,
                "nothing has run");
    TEST_OK(log, graft_program_run(program));
    TEST_OK(log, graft_device_wait(device_of(state)));
    TEST_OK(log, graft_program_profile(program, times, 4, &count));
    assert_int_equal(count, 1);
    assert_true(strncmp(times[0].name, "softmax/softmax", 15) == 0);
    assert_int_equal(times[0].dispatches, 1);
    assert_true(times[0].milliseconds >= 0.0);
    graft_program_destroy(&program);
    graft_graph_destroy(&graph);
}

static void says_its_version(void **state)
{
    (void)state;
    assert_string_equal(graft_version_text(), PROJECT_VERSION);
    assert_int_equal(graft_version(), GRAFT_VERSION);
    assert_int_equal(GRAFT_VERSION_NUMBER(1, 2, 3), 0x010203);
}

int main(void)
{
    const test_case cases[] = {TEST_CASE(written_and_read),    TEST_CASE(bound_to_buffers),
                               TEST_CASE(outputs_lie_apart),   TEST_CASE(profiled),
                               TEST_CASE(pixels_become_input), TEST_CASE(says_its_version)};
    int failures = TEST_RUN("compute", cases, TEST_EXECUTING);
    failures += test_run("training", training_cases, training_count, TEST_EXECUTING);
    failures += test_run("threads", thread_cases, thread_count, TEST_ALL);
    int bad = test_run("bad use", bad_use_cases, bad_use_count, TEST_ALL);
    return failures ? failures : bad;
}
