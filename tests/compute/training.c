/* Programs that train: gradients, the built-in updates, updates of the application's own, sharing.
 */
#include "compute.h"

#include "backends/null/null.h"

#include <math.h>
#include <string.h>

static const float X[6] = {0.5f, -1, 2, 1, 0.25f, -0.5f}, Y[2] = {1, -2};
static const float START[3] = {0.3f, -0.2f, 0.1f};

/* mean((x w - y)^2) of x [2, 3], with its values. */
typedef struct regression {
    graft_graph *graph;
    graft_value *w, *loss;
} regression;

static regression open_regression(void **state)
{
    regression r = {.graph = graft_graph_create(log_of(state))};
    graft_value *x = graft_constant(r.graph, "x", GRAFT_F32, GRAFT_SHAPE(2, 3), X);
    graft_value *y = graft_constant(r.graph, "y", GRAFT_F32, GRAFT_SHAPE(2, 1), Y);
    r.w = graft_parameter(r.graph, "w", GRAFT_SHAPE(3, 1), START);
    graft_value *error = graft_add(graft_matmul(x, r.w, NULL, 1.0f), y, -1.0f);
    r.loss = graft_mean(graft_mul(error, error), 0);
    return r;
}

/* The gradient at w, in double. */
static void gradient_at(const double *w, double *gradient)
{
    for (int j = 0; j < 3; j++)
        gradient[j] = 0.0;
    for (int i = 0; i < 2; i++) {
        double error = -Y[i];
        for (int j = 0; j < 3; j++)
            error += X[3 * i + j] * w[j];
        for (int j = 0; j < 3; j++)
            gradient[j] += error * X[3 * i + j]; /* 2 / 2 rows */
    }
}

static graft_program *create(void **state, const graft_program_params *params)
{
    graft_program *program;
    TEST_OK(log_of(state), graft_program_create(log_of(state), device_of(state), params, &program));
    return program;
}

static void expect(const float *found, const double *wanted, int count)
{
    for (int i = 0; i < count; i++)
        assert_float_equal(found[i], (float)wanted[i], 2e-6);
}

static void gradients_of_a_loss_of_ones_own(void **state)
{
    regression r = open_regression(state);
    graft_value *gradient;
    TEST_OK(log_of(state), graft_gradients(r.loss, &r.w, 1, &gradient));
    graft_program *program = program_of(state, gradient);
    float found[3];
    double w[3] = {START[0], START[1], START[2]}, wanted[3];
    gradient_at(w, wanted);
    TEST_OK(log_of(state), graft_program_run(program));
    TEST_OK(log_of(state), graft_program_read(program, gradient, found, sizeof(found)));
    expect(found, wanted, 3);
    graft_program_destroy(&program);
    graft_graph_destroy(&r.graph);
}

/* Two steps of each kind against the formulas of program.h. */
static void check_optimizer(void **state, graft_optimizer kind)
{
    regression r = open_regression(state);
    graft_program_params params;
    graft_program_defaults(&params);
    params.outputs = &r.loss;
    params.output_count = 1;
    params.loss = r.loss;
    params.optimizer.kind = kind;
    params.optimizer.lr = 0.1f;
    params.optimizer.weight_decay = 0.5f;
    graft_program *program = create(state, &params);
    double w[3] = {START[0], START[1], START[2]}, m[3] = {0}, v[3] = {0}, g[3], lr = 0.1;
    for (int t = 1; t <= 2; t++) {
        TEST_OK(log_of(state), graft_program_set_lr(program, (float)lr));
        TEST_OK(log_of(state), graft_program_run(program));
        gradient_at(w, g);
        for (int i = 0; i < 3; i++) {
            bool adamw = kind == GRAFT_OPTIMIZER_ADAMW;
            double d = g[i] + 0.5 * w[i];
            m[i] = adamw ? 0.9 * m[i] + 0.1 * g[i] : 0.9 * m[i] + d;
            v[i] = 0.999 * v[i] + 0.001 * g[i] * g[i];
            w[i] -= adamw ? lr * 0.5 * w[i] + lr * m[i] / (1 - pow(0.9, t)) /
                                                  (sqrt(v[i] / (1 - pow(0.999, t))) + 1e-8)
                          : lr * m[i];
        }
        lr = 0.05;
    }
    float found[3];
    TEST_OK(log_of(state), graft_program_read(program, r.w, found, sizeof(found)));
    for (int i = 0; i < 3; i++)
        assert_float_equal(found[i], (float)w[i], 2e-5); /* AdamW divides by small roots */
    graft_program_destroy(&program);
    graft_graph_destroy(&r.graph);
}

static void adamw_follows_its_formula(void **state)
{
    check_optimizer(state, GRAFT_OPTIMIZER_ADAMW);
}

static void sgd_follows_its_formula(void **state)
{
    check_optimizer(state, GRAFT_OPTIMIZER_SGD);
}

/* a' = b, b' = a + b: each sees the numbers from before the run. */
static void assignments_happen_at_once(void **state)
{
    graft_log *log = log_of(state);
    const float one[2] = {1, 10};
    graft_graph *graph = graft_graph_create(log);
    graft_value *a = graft_state(graph, "a", GRAFT_SHAPE(2), NULL);
    graft_value *b = graft_state(graph, "b", GRAFT_SHAPE(2), one);
    graft_value *sum = graft_add(a, b, 1.0f);
    graft_assignment next[] = {{a, b}, {b, sum}};
    graft_program_params params;
    graft_program_defaults(&params);
    params.outputs = &sum;
    params.output_count = 1;
    params.assignments = next;
    params.assignment_count = 2;
    graft_program *program = create(state, &params);
    for (int i = 0; i < 10; i++)
        TEST_OK(log, graft_program_run(program));
    float found[2], before[2];
    TEST_OK(log, graft_program_read(program, a, found, sizeof(found)));
    TEST_OK(log, graft_program_read(program, sum, before, sizeof(before)));
    assert_float_equal(found[0], 55, 0);
    assert_float_equal(found[1], 550, 0);
    assert_float_equal(before[0], 89, 0);
    TEST_OK(log, graft_program_write(program, b, one, sizeof(one)));
    TEST_OK(log, graft_program_run(program));
    TEST_OK(log, graft_program_read(program, sum, found, sizeof(found)));
    assert_float_equal(found[0], 56, 0);
    graft_program_destroy(&program);
    graft_graph_destroy(&graph);
}

/* An evaluation of the same parameters, by a program of another graph, that outlives the first. */
static void programs_share_parameters(void **state)
{
    graft_log *log = log_of(state);
    regression r = open_regression(state), other = open_regression(state);
    graft_program_params params;
    graft_program_defaults(&params);
    params.outputs = &r.loss;
    params.output_count = 1;
    params.loss = r.loss;
    params.optimizer.kind = GRAFT_OPTIMIZER_SGD;
    params.optimizer.lr = 0.05f;
    graft_program *trained = create(state, &params);
    graft_program_defaults(&params);
    params.outputs = &other.loss;
    params.output_count = 1;
    params.share = trained;
    graft_program *evaluated = create(state, &params);
    float before, after;
    TEST_OK(log, graft_program_run(evaluated));
    TEST_OK(log, graft_program_read(evaluated, other.loss, &before, sizeof(before)));
    for (int i = 0; i < 20; i++)
        TEST_OK(log, graft_program_run(trained));
    graft_program_destroy(&trained);
    TEST_OK(log, graft_program_run(evaluated));
    TEST_OK(log, graft_program_read(evaluated, other.loss, &after, sizeof(after)));
    assert_true(after < 0.2f * before);
    graft_program_destroy(&evaluated);
    graft_graph_destroy(&r.graph);
    graft_graph_destroy(&other.graph);
}

/* Dropout: the same for the same run of the same seed, else different; the mean stays. */
static void dropout_goes_by_seed_and_run(void **state)
{
    graft_log *log = log_of(state);
    enum { COUNT = 1000 };
    static float ones[COUNT], first[COUNT], second[COUNT], again[COUNT];
    for (int i = 0; i < COUNT; i++)
        ones[i] = 1.0f;
    graft_graph *graph = graft_graph_create(log);
    graft_value *x = graft_constant(graph, "x", GRAFT_F32, GRAFT_SHAPE(10, COUNT / 10), ones);
    graft_value *y = graft_dropout(x, 0.25f, false);
    graft_program *program = program_of(state, y);
    TEST_OK(log, graft_program_run(program));
    TEST_OK(log, graft_program_read(program, y, first, sizeof(first)));
    TEST_OK(log, graft_program_run(program));
    TEST_OK(log, graft_program_read(program, y, second, sizeof(second)));
    TEST_OK(log, graft_program_set_run(program, 0));
    TEST_OK(log, graft_program_run(program));
    TEST_OK(log, graft_program_read(program, y, again, sizeof(again)));
    assert_memory_equal(first, again, sizeof(first));
    assert_memory_not_equal(first, second, sizeof(first));
    double sum = 0.0;
    for (int i = 0; i < COUNT; i++)
        sum += first[i];
    assert_float_equal(sum / COUNT, 1.0, 0.1); /* five deviations of the mean are 0.09 */
    graft_program_destroy(&program);
    graft_graph_destroy(&graph);
}

/* create, train, destroy: no memory is left on the device. */
static void cycles_keep_memory_constant(void **state)
{
    uint64_t before = graft_device_memory(device_of(state), NULL);
    for (int i = 0; i < 200; i++) {
        regression r = open_regression(state);
        graft_program_params params;
        graft_program_defaults(&params);
        params.outputs = &r.loss;
        params.output_count = 1;
        params.loss = r.loss;
        graft_program *program = create(state, &params);
        TEST_OK(log_of(state), graft_program_run(program));
        graft_graph_destroy(&r.graph);
        graft_program_destroy(&program);
        assert_int_equal(graft_device_memory(device_of(state), NULL), before);
    }
}

/* All of a short life of a program; the first failure ends it. */
static graft_status live(graft_log *log, graft_device *device, regression *r, graft_buffer **buffer,
                         graft_program **program)
{
    float loss;
    graft_program_params params;
    graft_program_defaults(&params);
    params.outputs = &r->loss;
    params.output_count = 1;
    params.loss = r->loss;
    graft_status status = graft_buffer_create(device, 1024, GRAFT_MEMORY_HOST, buffer);
    if (status == GRAFT_OK)
        status = graft_program_create(log, device, &params, program);
    if (status == GRAFT_OK)
        status = graft_program_run(*program);
    if (status == GRAFT_OK)
        status = graft_program_bind(*program, r->loss, *buffer, 0);
    if (status == GRAFT_OK)
        status = graft_program_run(*program);
    if (status == GRAFT_OK)
        status = graft_program_read(*program, r->loss, &loss, sizeof(loss));
    return status;
}

/* A device that is lost at any point: a status, and everything can be let go in any order. */
static void a_lost_device_is_a_status(void **state)
{
    const test_devices *all = ((const test_target *)*state)->devices;
    uint64_t before = all->null->allocated_bytes;
    int operations = 0;
    graft_status status;
    do {
        regression r = open_regression(state);
        graft_buffer *buffer = NULL;
        graft_program *program = NULL;
        gr_null_fail_after(all->null, operations, GRAFT_ERR_DEVICE);
        status = live(all->log, gr_device_to_public(all->null), &r, &buffer, &program);
        assert_true(status == GRAFT_OK || status == GRAFT_ERR_DEVICE);
        graft_graph_destroy(&r.graph);
        graft_buffer_destroy(&buffer);
        graft_program_destroy(&program);
        gr_null_fail_after(all->null, 0, GRAFT_OK);
        assert_int_equal(all->null->allocated_bytes, before);
        operations++;
    } while (status != GRAFT_OK);
    assert_true(operations > 10);
}

const test_case training_cases[] = {
    TEST_CASE(gradients_of_a_loss_of_ones_own), TEST_CASE(adamw_follows_its_formula),
    TEST_CASE(sgd_follows_its_formula),         TEST_CASE(assignments_happen_at_once),
    TEST_CASE(programs_share_parameters),       TEST_CASE(dropout_goes_by_seed_and_run),
    TEST_CASE(cycles_keep_memory_constant),     TEST_CASE(a_lost_device_is_a_status),
};
const int training_count = sizeof(training_cases) / sizeof(training_cases[0]);
