/* What an application can get wrong is a status with one line, and leaves everything usable. */
#include "compute.h"

static const float NUMBERS[6] = {1, 2, 3, 4, 5, 6};

/* A graph of one softmax of x [2, 3], and its program. */
typedef struct toy {
    graft_graph *graph;
    graft_value *x, *y;
    graft_program *program;
} toy;

static toy open_toy(void **state)
{
    toy t = {.graph = graft_graph_create(log_of(state))};
    t.x = graft_input(t.graph, "x", GRAFT_F32, GRAFT_SHAPE(2, 3));
    t.y = graft_softmax(t.x, 1.0f);
    t.program = program_of(state, t.y);
    return t;
}

/* The program still works. */
static void close_toy(void **state, toy *t)
{
    float y[6];
    TEST_OK(log_of(state), graft_program_write(t->program, t->x, NUMBERS, sizeof(NUMBERS)));
    TEST_OK(log_of(state), graft_program_run(t->program));
    TEST_OK(log_of(state), graft_program_read(t->program, t->y, y, sizeof(y)));
    graft_program_destroy(&t->program);
    graft_graph_destroy(&t->graph);
}

static void inputs_without_data(void **state)
{
    toy t = open_toy(state);
    float y[6];
    CHECK_FAILS(log_of(state), graft_program_run(t.program), GRAFT_ERR_ARGUMENT,
                "x: the input has no data; bind a buffer, or write to it");
    CHECK_FAILS(log_of(state), graft_program_read(t.program, t.y, y, sizeof(y)), GRAFT_ERR_ARGUMENT,
                "run the program first");
    close_toy(state, &t);
}

static void buffers_that_do_not_fit(void **state)
{
    graft_log *log = log_of(state);
    const test_devices *all = ((const test_target *)*state)->devices;
    gr_device *other = test_device_of(state) == all->null ? all->reference : all->null;
    toy t = open_toy(state);
    graft_buffer *small, *large, *foreign = NULL;
    TEST_OK(log, graft_buffer_create(device_of(state), 8, GRAFT_MEMORY_HOST, &small));
    TEST_OK(log, graft_buffer_create(device_of(state), 4096, GRAFT_MEMORY_HOST, &large));
    CHECK_FAILS(log, graft_program_bind(t.program, t.x, small, 0), GRAFT_ERR_ARGUMENT,
                "x: takes 24 bytes at 0; the buffer has 8");
    CHECK_FAILS(log, graft_program_bind(t.program, t.x, large, 1), GRAFT_ERR_ARGUMENT,
                "x: bound at byte 1; expected a multiple of");
    CHECK_FAILS(log, graft_program_bind(t.program, t.x, large, UINT64_MAX & ~(uint64_t)4095),
                GRAFT_ERR_ARGUMENT, "the buffer has 4096");
    CHECK_FAILS(log, graft_program_bind(t.program, t.x, NULL, 0), GRAFT_ERR_ARGUMENT,
                "x: no buffer");
    CHECK_FAILS(log, graft_buffer_write(small, 4, NUMBERS, 8), GRAFT_ERR_ARGUMENT,
                "the buffer has 8");
    CHECK_FAILS(log, graft_buffer_write(small, 0, NULL, 4), GRAFT_ERR_ARGUMENT, "no data");
    CHECK_FAILS(log, graft_buffer_create(device_of(state), 6, GRAFT_MEMORY_HOST, &foreign),
                GRAFT_ERR_ARGUMENT, "multiple of 4");
    CHECK_FAILS(log, graft_buffer_create(device_of(state), 8, (graft_memory)7, &foreign),
                GRAFT_ERR_ARGUMENT, "no memory 7");
    if (other) {
        TEST_OK(log,
                graft_buffer_create(gr_device_to_public(other), 4096, GRAFT_MEMORY_HOST, &foreign));
        CHECK_FAILS(log, graft_program_bind(t.program, t.x, foreign, 0), GRAFT_ERR_ARGUMENT,
                    "x: the buffer is of ");
    }
    TEST_OK(log, graft_program_bind(t.program, t.x, large, 0));
    TEST_OK(log, graft_program_bind(t.program, t.y, large, 0));
    CHECK_FAILS(log, graft_program_run(t.program), GRAFT_ERR_ARGUMENT,
                "softmax: bound to bytes where x lies");
    TEST_OK(log, graft_program_bind(t.program, t.y, large, 1024));
    graft_buffer_destroy(&small);
    graft_buffer_destroy(&large);
    graft_buffer_destroy(&foreign);
    close_toy(state, &t);
}

static void values_of_elsewhere(void **state)
{
    graft_log *log = log_of(state);
    toy t = open_toy(state), other = open_toy(state);
    graft_buffer *buffer;
    float y[8];
    TEST_OK(log, graft_buffer_create(device_of(state), 4096, GRAFT_MEMORY_HOST, &buffer));
    CHECK_FAILS(log, graft_program_bind(t.program, other.x, buffer, 0), GRAFT_ERR_ARGUMENT,
                "x: neither input nor output of this program");
    CHECK_FAILS(log, graft_program_bind(t.program, NULL, buffer, 0), GRAFT_ERR_ARGUMENT, "NULL");
    CHECK_FAILS(log, graft_program_write(t.program, other.x, NUMBERS, sizeof(NUMBERS)),
                GRAFT_ERR_ARGUMENT, "x: neither input nor");
    CHECK_FAILS(log, graft_program_write(t.program, t.x, NUMBERS, 20), GRAFT_ERR_ARGUMENT,
                "x: 20 bytes given; the value has 24");
    CHECK_FAILS(log, graft_program_write(t.program, t.x, NULL, 24), GRAFT_ERR_ARGUMENT,
                "x: no host memory");
    CHECK_FAILS(log, graft_program_read(t.program, other.y, y, 24), GRAFT_ERR_ARGUMENT,
                "softmax: neither output nor");
    CHECK_FAILS(log, graft_program_read(t.program, t.y, y, 32), GRAFT_ERR_ARGUMENT, "32 bytes");
    graft_value *mixed = graft_matmul(t.x, other.x, NULL, 1.0f);
    assert_null(mixed);
    CHECK_FAILS(log, graft_graph_status(t.graph), GRAFT_ERR_ARGUMENT, "x belongs to another graph");
    graft_buffer_destroy(&buffer);
    close_toy(state, &t);
    close_toy(state, &other);
}

static void programs_that_cannot_be(void **state)
{
    graft_log *log = log_of(state);
    graft_device *device = device_of(state);
    toy t = open_toy(state), other = open_toy(state);
    graft_program *p;
    graft_program_params params;
    graft_program_defaults(&params);
    CHECK_FAILS(log, graft_program_create(log, device, &params, &p), GRAFT_ERR_ARGUMENT,
                "`outputs` is empty");
    CHECK_FAILS(log, graft_program_create(log, device, NULL, &p), GRAFT_ERR_ARGUMENT, "`outputs`");
    graft_value *outputs[] = {t.y, other.y, NULL, t.y};
    params.outputs = outputs;
    params.output_count = 2;
    CHECK_FAILS(log, graft_program_create(log, device, &params, &p), GRAFT_ERR_ARGUMENT,
                "of another graph");
    params.outputs = outputs + 2;
    CHECK_FAILS(log, graft_program_create(log, device, &params, &p), GRAFT_ERR_ARGUMENT,
                "output 0 is NULL");
    outputs[2] = t.x;
    CHECK_FAILS(log, graft_program_create(log, device, &params, &p), GRAFT_ERR_ARGUMENT,
                "output 0, x, is no result");
    outputs[2] = t.y;
    CHECK_FAILS(log, graft_program_create(log, device, &params, &p), GRAFT_ERR_ARGUMENT,
                "is output 0 too");
    params.output_count = 1;
    CHECK_FAILS(log, graft_program_create(log, NULL, &params, &p), GRAFT_ERR_ARGUMENT, "no device");
    assert_null(p);
    close_toy(state, &t);
    close_toy(state, &other);
}

/* Each in a graph of its own: the first error stays. */
static void check_graph(graft_log *log, graft_graph *graph, const graft_value *value,
                        graft_status status, const char *text)
{
    assert_null(value);
    CHECK_FAILS(log, graft_graph_status(graph), status, text);
    graft_graph_destroy(&graph);
}

static void graphs_that_cannot_be(void **state)
{
    graft_log *log = log_of(state);
    graft_shape vector = GRAFT_SHAPE(3);
    graft_graph *g = graft_graph_create(log);
    graft_input(g, "x", GRAFT_F32, vector);
    check_graph(log, g, graft_input(g, "x", GRAFT_F32, vector), GRAFT_ERR_ARGUMENT, "used twice");
    g = graft_graph_create(log);
    check_graph(log, g, graft_input(g, NULL, GRAFT_F32, vector), GRAFT_ERR_ARGUMENT, "a name");
    g = graft_graph_create(log);
    check_graph(log, g, graft_input(g, ".x", GRAFT_F32, vector), GRAFT_ERR_ARGUMENT,
                ".x: names that begin with \".\" are the library's own");
    g = graft_graph_create(log);
    check_graph(log, g, graft_input(g, "x", (graft_dtype)9, vector), GRAFT_ERR_ARGUMENT,
                "x: no element type 9");
    g = graft_graph_create(log);
    check_graph(log, g, graft_input(g, "x", GRAFT_F32, GRAFT_SHAPE(0)), GRAFT_ERR_SHAPE, "[0]");
    g = graft_graph_create(log);
    check_graph(log, g, graft_input(g, "x", GRAFT_F32, GRAFT_SHAPE(1, 1, 1, 1, 1, 1, 1)),
                GRAFT_ERR_SHAPE, "axes; expected 0 to 6");
    g = graft_graph_create(log);
    check_graph(log, g, graft_input(g, "x", GRAFT_F32, GRAFT_SHAPE(INT64_MAX / 2, 8)),
                GRAFT_ERR_SHAPE, "too large");
    g = graft_graph_create(log);
    check_graph(log, g, graft_constant(g, "x", GRAFT_F32, vector, NULL), GRAFT_ERR_ARGUMENT,
                "x: a constant needs data");
    g = graft_graph_create(log);
    graft_value *labels = graft_input(g, "labels", GRAFT_I32, GRAFT_SHAPE(3, 3));
    check_graph(log, g, graft_matmul(labels, labels, NULL, 1.0f), GRAFT_ERR_SHAPE,
                "matmul: labels holds I32; expected F32");
    g = graft_graph_create(log);
    graft_value *a = graft_input(g, "a", GRAFT_F32, GRAFT_SHAPE((int64_t)1 << 40, 1));
    graft_value *b = graft_input(g, "b", GRAFT_F32, GRAFT_SHAPE(1, (int64_t)1 << 40));
    check_graph(log, g, graft_matmul(a, b, NULL, 1.0f), GRAFT_ERR_SHAPE, "too large shape");
    g = graft_graph_create(log);
    a = graft_input(g, "a", GRAFT_F32, vector);
    check_graph(log, g, graft_reshape(a, (graft_shape){.rank = 7}), GRAFT_ERR_SHAPE,
                "reshape: 7 axes");
    assert_null(graft_input(NULL, "x", GRAFT_F32, vector));
    assert_null(graft_matmul(NULL, NULL, NULL, 1.0f));
    assert_int_equal(graft_graph_status(NULL), GRAFT_ERR_MEMORY);
}

static void updates_that_cannot_be(void **state)
{
    graft_log *log = log_of(state);
    graft_graph *graph = graft_graph_create(log);
    graft_value *x = graft_input(graph, "x", GRAFT_F32, GRAFT_SHAPE(2, 3));
    graft_value *w = graft_parameter(graph, "w", GRAFT_SHAPE(3), NULL);
    graft_value *y = graft_mul(x, w), *loss = graft_sum(y, 0), *apart = graft_sum(x, 0);
    graft_assignment a[] = {{w, y}, {x, y}, {w, NULL}, {w, w}, {w, w}};
    graft_program *p;
    graft_program_params params;
    graft_program_defaults(&params);
    params.outputs = &y;
    params.output_count = 1;
    params.assignments = a;
    params.assignment_count = 1;
    CHECK_FAILS(log, graft_program_create(log, device_of(state), &params, &p), GRAFT_ERR_SHAPE,
                "w [3]: assigned mul [2, 3]");
    params.assignments = a + 1;
    CHECK_FAILS(log, graft_program_create(log, device_of(state), &params, &p), GRAFT_ERR_ARGUMENT,
                "x: neither parameter nor state");
    params.assignments = a + 2;
    CHECK_FAILS(log, graft_program_create(log, device_of(state), &params, &p), GRAFT_ERR_ARGUMENT,
                "has no value");
    params.assignments = a + 3;
    params.assignment_count = 2;
    CHECK_FAILS(log, graft_program_create(log, device_of(state), &params, &p), GRAFT_ERR_ARGUMENT,
                "w: updated twice");
    params.assignment_count = 0;
    params.loss = apart;
    CHECK_FAILS(log, graft_program_create(log, device_of(state), &params, &p), GRAFT_ERR_ARGUMENT,
                "reduce: the loss depends on no parameter");
    params.loss = loss;
    params.optimizer.kind = (graft_optimizer)9;
    CHECK_FAILS(log, graft_program_create(log, device_of(state), &params, &p), GRAFT_ERR_ARGUMENT,
                "no optimizer 9");
    graft_value *gradient;
    CHECK_FAILS(log, graft_gradients(loss, &x, 1, &gradient), GRAFT_ERR_ARGUMENT,
                "x is no parameter");
    assert_int_equal(graft_gradients(NULL, &w, 1, &gradient), GRAFT_ERR_ARGUMENT);
    params.optimizer.kind = GRAFT_OPTIMIZER_SGD;
    params.loss = y; /* last: the graph is done for */
    CHECK_FAILS(log, graft_program_create(log, device_of(state), &params, &p), GRAFT_ERR_SHAPE,
                "the loss must be a scalar");
    graft_graph_destroy(&graph);
}

static void parameters_that_cannot_be_shared(void **state)
{
    graft_log *log = log_of(state);
    const test_devices *all = ((const test_target *)*state)->devices;
    gr_device *other = test_device_of(state) == all->null ? all->reference : all->null;
    graft_graph *graphs[2];
    graft_value *sums[2];
    for (int i = 0; i < 2; i++) {
        graphs[i] = graft_graph_create(log);
        sums[i] = graft_sum(graft_parameter(graphs[i], "w", GRAFT_SHAPE(3 + i), NULL), 0);
    }
    graft_program *program = program_of(state, sums[0]), *p;
    graft_program_params params;
    graft_program_defaults(&params);
    params.outputs = &sums[1];
    params.output_count = 1;
    params.share = program;
    CHECK_FAILS(log, graft_program_create(log, device_of(state), &params, &p), GRAFT_ERR_SHAPE,
                "w: 12 bytes on the device, expected 16");
    assert_null(p);
    if (other)
        CHECK_FAILS(log, graft_program_create(log, gr_device_to_public(other), &params, &p),
                    GRAFT_ERR_ARGUMENT, "`share` is on");
    graft_program_destroy(&program);
    for (int i = 0; i < 2; i++)
        graft_graph_destroy(&graphs[i]);
}

/* More than any device holds, found before anything is allocated. */
static void sizes_that_do_not_fit(void **state)
{
    graft_log *log = log_of(state);
    graft_graph *graph = graft_graph_create(log);
    graft_value *a = graft_input(graph, "a", GRAFT_F32, GRAFT_SHAPE(1 << 20, 4));
    graft_value *b = graft_input(graph, "b", GRAFT_F32, GRAFT_SHAPE(4, 1 << 20));
    graft_value *c = graft_matmul(a, b, NULL, 1.0f);
    graft_program_params params;
    graft_program_defaults(&params);
    params.outputs = &c;
    params.output_count = 1;
    graft_program *p;
    CHECK_FAILS(log, graft_program_create(log, device_of(state), &params, &p),
                GRAFT_ERR_DEVICE_MEMORY, "MiB");
    graft_graph_destroy(&graph);
}

static void nothing_at_all(void **state)
{
    (void)state;
    float y;
    int count;
    assert_int_equal(graft_device_wait(NULL), GRAFT_ERR_ARGUMENT);
    assert_int_equal(graft_program_run(NULL), GRAFT_ERR_ARGUMENT);
    assert_int_equal(graft_program_read(NULL, NULL, &y, 4), GRAFT_ERR_ARGUMENT);
    assert_int_equal(graft_program_write(NULL, NULL, &y, 4), GRAFT_ERR_ARGUMENT);
    assert_int_equal(graft_program_bind(NULL, NULL, NULL, 0), GRAFT_ERR_ARGUMENT);
    assert_int_equal(graft_program_profile(NULL, NULL, 0, &count), GRAFT_ERR_ARGUMENT);
    assert_int_equal(graft_buffer_create(NULL, 4, GRAFT_MEMORY_HOST, NULL), GRAFT_ERR_ARGUMENT);
    assert_int_equal(graft_buffer_read(NULL, 0, &y, 4), GRAFT_ERR_ARGUMENT);
    assert_int_equal(graft_buffer_size(NULL), 0);
    assert_int_equal(graft_shape_count(graft_value_shape(NULL)), -1);
    graft_program_destroy(NULL);
    graft_buffer_destroy(NULL);
    graft_graph_destroy(NULL);
    graft_program_defaults(NULL);
}

const test_case bad_use_cases[] = {
    TEST_CASE(inputs_without_data),
    TEST_CASE(buffers_that_do_not_fit),
    TEST_CASE(values_of_elsewhere),
    TEST_CASE(programs_that_cannot_be),
    TEST_CASE(graphs_that_cannot_be),
    TEST_CASE(sizes_that_do_not_fit),
    TEST_CASE(nothing_at_all),
    TEST_CASE(updates_that_cannot_be),
    TEST_CASE(parameters_that_cannot_be_shared),
};
const int bad_use_count = sizeof(bad_use_cases) / sizeof(bad_use_cases[0]);
