/* Operators whose result comes about in several steps, against their definitions in double: on the
 * reference device, since tests/ops holds the other devices against that one. */
#include "compare.h"
#include "devices.h"
#include "ops/ops.h"
#include "plan/plan.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { MOST = 256 };

typedef struct fixture {
    graft_log *log;
    graft_device *device;
    gr_store *store;
    gr_graph *graph;
    float x[MOST], y[MOST];
} fixture;

static int open_fixture(void **state)
{
    static fixture f;
    f = (fixture){.log = test_log_create()};
    TEST_OK(f.log, graft_device_open(f.log, "reference:0", "", &f.device));
    TEST_OK(f.log, gr_store_create(f.log, gr_device_from_public(f.device), &f.store));
    f.graph = gr_graph_create(f.log);
    fill_uniform(f.x, MOST, -1.0f, 1.0f, 11);
    *state = &f;
    return 0;
}

static int close_fixture(void **state)
{
    fixture *f = *state;
    gr_graph_destroy(f->graph);
    gr_store_destroy(f->store);
    graft_device_close(&f->device);
    graft_log_destroy(&f->log);
    return 0;
}

static gr_value *operand(fixture *f, gr_shape shape)
{
    assert_in_range(gr_shape_count(&shape), 1, MOST);
    return gr_graph_frozen(f->graph, "x", shape, GR_F32, f->x);
}

/* Leaves the value in f->y. */
static void compute(fixture *f, gr_value *y)
{
    gr_plan_params params = {.store = f->store, .outputs = &y, .output_count = 1};
    gr_plan *plan;
    TEST_OK(f->log, gr_graph_status(f->graph));
    assert_in_range(gr_shape_count(&y->shape), 1, MOST);
    TEST_OK(f->log, gr_plan_create(f->log, &params, &plan));
    TEST_OK(f->log, gr_plan_run(plan));
    TEST_OK(f->log, gr_plan_read(plan, y, f->y));
    gr_plan_destroy(plan);
}

static void check(double got, double expected, double allowed)
{
    if (!(fabs(got - expected) <= allowed))
        fail_msg("expected %.9g, found %.9g", expected, got);
}

static void check_real_dft2(fixture *f, int rows, int cols)
{
    compute(f, gr_real_dft2(operand(f, GR_SHAPE(rows, cols))));
    for (int a = 0; a < rows; a++)
        for (int b = 0; b < cols; b++) {
            double sum = 0;
            for (int r = 0; r < rows; r++)
                for (int c = 0; c < cols; c++)
                    sum += f->x[r * cols + c] *
                           cos(2 * M_PI * ((double)a * r / rows + (double)b * c / cols));
            check(f->y[a * cols + b], sum, 1e-5); /* of sums up to 15 */
        }
}

static void real_dft2_even(void **state)
{
    check_real_dft2(*state, 6, 8);
}

static void real_dft2_odd(void **state)
{
    check_real_dft2(*state, 7, 5);
}

static void real_dft2_mixed(void **state)
{
    check_real_dft2(*state, 15, 16);
}

static void real_dft2_of_a_column(void **state)
{
    check_real_dft2(*state, 9, 1);
}

static void real_dft2_of_a_row(void **state)
{
    check_real_dft2(*state, 1, 9);
}

/* Q (I + S) = I - S says all, where I + S can be inverted. */
static void check_cayley(fixture *f, int blocks, int n)
{
    compute(f, gr_cayley(operand(f, GR_SHAPE(blocks, n, n))));
    for (int block = 0; block < blocks; block++) {
        const float *r = f->x + block * n * n, *q = f->y + block * n * n;
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++) {
                double sum = q[i * n + j];
                for (int k = 0; k < n; k++)
                    sum += q[i * n + k] * 0.5 * ((double)r[k * n + j] - r[j * n + k]);
                check(sum, (i == j) - 0.5 * ((double)r[i * n + j] - r[j * n + i]), 1e-6);
            }
    }
}

static void cayley_of_boft(void **state)
{
    check_cayley(*state, 16, 4);
}

static void cayley_of_a_large_block(void **state)
{
    check_cayley(*state, 1, 16);
}

enum { BATCH = 7, DIM = 5 };

/* Mean and sum of squared distances of column d of x [BATCH, DIM]. */
static double column_mean(const fixture *f, int d, double *squares)
{
    double mean = 0;
    *squares = 0;
    for (int b = 0; b < BATCH; b++)
        mean += f->x[b * DIM + d] / (double)BATCH;
    for (int b = 0; b < BATCH; b++)
        *squares += pow(f->x[b * DIM + d] - mean, 2);
    return mean;
}

static void batch_norm_in_training(void **state)
{
    fixture *f = *state;
    compute(f, gr_batch_norm(operand(f, GR_SHAPE(BATCH, DIM)), 0.01f));
    for (int d = 0; d < DIM; d++) {
        double squares, mean = column_mean(f, d, &squares);
        for (int b = 0; b < BATCH; b++)
            check(f->y[b * DIM + d], (f->x[b * DIM + d] - mean) / sqrt(squares / BATCH + 0.01),
                  1e-6);
    }
}

static void batch_norm_in_evaluation(void **state)
{
    fixture *f = *state;
    static const float mean[DIM] = {0.5f, -0.25f, 0, 0.125f, 1}, variance[DIM] = {1, 2, 0, 4, 0.5f};
    gr_value *means = gr_graph_frozen(f->graph, "mean", GR_SHAPE(DIM), GR_F32, mean);
    gr_value *variances = gr_graph_frozen(f->graph, "var", GR_SHAPE(DIM), GR_F32, variance);
    compute(f, gr_batch_norm_fixed(operand(f, GR_SHAPE(BATCH, DIM)), means, variances, 0.01f));
    for (int i = 0; i < BATCH * DIM; i++)
        check(f->y[i], (f->x[i] - mean[i % DIM]) / sqrt(variance[i % DIM] + 0.01), 1e-5);
}

static void batch_statistics(void **state)
{
    fixture *f = *state;
    double squares;
    gr_value *x = operand(f, GR_SHAPE(BATCH, DIM)), *mean = gr_batch_mean(x);
    compute(f, mean);
    for (int d = 0; d < DIM; d++)
        check(f->y[d], column_mean(f, d, &squares), 1e-7);
    compute(f, gr_batch_variance(x, mean));
    for (int d = 0; d < DIM; d++) {
        column_mean(f, d, &squares);
        check(f->y[d], squares / (BATCH - 1), 1e-6);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(real_dft2_even),          TEST(real_dft2_odd),          TEST(real_dft2_mixed),
        TEST(real_dft2_of_a_column),   TEST(real_dft2_of_a_row),     TEST(cayley_of_boft),
        TEST(cayley_of_a_large_block), TEST(batch_norm_in_training), TEST(batch_norm_in_evaluation),
        TEST(batch_statistics),
    };
    return cmocka_run_group_tests_name("definitions", tests, NULL, NULL);
}
