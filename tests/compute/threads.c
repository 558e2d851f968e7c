/* Two threads, each with a device of its own. */
#include "compute.h"

#include "base/system.h"

enum { STEPS = 30 };

static const float X[6] = {0.5f, -1, 2, 1, 0.25f, -0.5f};

typedef struct worker {
    graft_program *program;
    graft_value *loss;
    graft_status status;
    float result;
} worker;

/* Trains, reads and lets the program go, all on this thread. */
static void work(void *user)
{
    worker *w = user;
    for (int step = 0; step < STEPS && w->status == GRAFT_OK; step++)
        w->status = graft_program_run(w->program);
    if (w->status == GRAFT_OK)
        w->status = graft_program_read(w->program, w->loss, &w->result, sizeof(w->result));
    graft_program_destroy(&w->program);
}

/* Programs of one graph, on two devices at once: the same bits, and the graph lives until the last
 * one is gone. */
static void train_at_once(void **state)
{
    graft_log *log = log_of(state);
    graft_device *devices[2] = {device_of(state)};
    TEST_OK(log, graft_device_open(log, test_device_of(state)->info.id, NULL, &devices[1]));
    graft_graph *graph = graft_graph_create(log);
    graft_value *x = graft_constant(graph, "x", GRAFT_F32, GRAFT_SHAPE(2, 3), X);
    graft_value *w = graft_parameter(graph, "w", GRAFT_SHAPE(3, 2), X);
    graft_value *y = graft_gelu(graft_matmul(x, w, NULL, 1.0f));
    graft_value *loss = graft_mean(graft_mul(y, y), 0);
    graft_program_params params;
    graft_program_defaults(&params);
    params.outputs = &loss;
    params.output_count = 1;
    params.loss = loss;
    worker workers[2] = {{.loss = loss}, {.loss = loss}};
    gr_thread threads[2];
    for (int i = 0; i < 2; i++)
        TEST_OK(log, graft_program_create(log, devices[i], &params, &workers[i].program));
    graft_graph_destroy(&graph);
    for (int i = 0; i < 2; i++)
        assert_true(gr_thread_start(&threads[i], work, &workers[i]));
    for (int i = 0; i < 2; i++)
        gr_thread_join(&threads[i]);
    for (int i = 0; i < 2; i++)
        TEST_OK(log, workers[i].status);
    assert_memory_equal(&workers[0].result, &workers[1].result, sizeof(float));
    graft_device_close(&devices[1]);
}

const test_case thread_cases[] = {TEST_CASE(train_at_once)};
const int thread_count = sizeof(thread_cases) / sizeof(thread_cases[0]);
