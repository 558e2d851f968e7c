/* Adapters on a backbone of one's own graph: its weights are constants, an adapter is a low-rank
 * update beside a linear and a head, as parameters. Two are trained for two tasks, and then take
 * turns in one program by writing parameters: the backbone stays where it is.
 *
 *     compute-adapter [DEVICE]         "opencl:0"; the best one without it
 */
#include <graft/graft.h>

#include <stdio.h>
#include <stdlib.h>

enum { POINTS = 256, WIDTH = 48, RANK = 4, STEPS = 150, TASKS = 2, TENSORS = 4 };

/* What is trained: A, B, weight and bias of the head, one after the other. */
static const int sizes[TENSORS] = {RANK * WIDTH, WIDTH *RANK, 2 * WIDTH, 2};

typedef struct adapter {
    float values[RANK * WIDTH + WIDTH * RANK + 2 * WIDTH + 2];
} adapter;

typedef struct network {
    graft_value *points, *labels, *logits, *loss, *trained[TENSORS];
} network;

static void print_message(void *user, graft_log_level level, const char *text)
{
    (void)user, (void)level;
    fprintf(stderr, "%s\n", text);
}

static float *noise(float *out, int count, float size)
{
    for (int i = 0; i < count; i++)
        out[i] = size * (2.0f * (float)rand() / (float)RAND_MAX - 1.0f);
    return out;
}

/* Points of a square: in the circle or out of it; and in which pair of quadrants. */
static void make_tasks(float *points, int32_t labels[TASKS][POINTS])
{
    noise(points, 2 * POINTS, 1.0f);
    for (int i = 0; i < POINTS; i++) {
        float x = points[2 * i], y = points[2 * i + 1];
        labels[0][i] = x * x + y * y < 0.6f;
        labels[1][i] = x * y > 0.0f;
    }
}

/* Two frozen layers; beside the second one y += B (A x), which starts at zero as B does. */
static void build(graft_graph *graph, const adapter *start, network *n)
{
    static float frozen[WIDTH * WIDTH], bias[WIDTH];
    const float *at = start->values;
    const graft_shape shapes[TENSORS] = {GRAFT_SHAPE(RANK, WIDTH), GRAFT_SHAPE(WIDTH, RANK),
                                         GRAFT_SHAPE(2, WIDTH), GRAFT_SHAPE(2)};
    static const char *const names[TENSORS] = {"A", "B", "head.weight", "head.bias"};
    for (int i = 0; i < TENSORS; at += sizes[i++])
        n->trained[i] = graft_parameter(graph, names[i], shapes[i], at);
    n->points = graft_input(graph, "points", GRAFT_F32, GRAFT_SHAPE(POINTS, 2));
    n->labels = graft_input(graph, "labels", GRAFT_I32, GRAFT_SHAPE(POINTS));
    graft_value *w1 = graft_constant(graph, "w1", GRAFT_F32, GRAFT_SHAPE(WIDTH, 2),
                                     noise(frozen, 2 * WIDTH, 2.0f));
    graft_value *b1 =
        graft_constant(graph, "b1", GRAFT_F32, GRAFT_SHAPE(WIDTH), noise(bias, WIDTH, 1.0f));
    graft_value *w2 = graft_constant(graph, "w2", GRAFT_F32, GRAFT_SHAPE(WIDTH, WIDTH),
                                     noise(frozen, WIDTH * WIDTH, 0.25f));
    graft_value *x = graft_gelu(graft_linear(n->points, w1, b1));
    graft_value *update = graft_linear(graft_linear(x, n->trained[0], NULL), n->trained[1], NULL);
    graft_value *y = graft_gelu(graft_add(graft_linear(x, w2, NULL), update, 1.0f));
    n->logits = graft_linear(y, n->trained[2], n->trained[3]);
    n->loss = graft_cross_entropy(n->logits, n->labels);
}

static graft_status create(graft_log *log, graft_device *device, const network *n, bool training,
                           const float *points, graft_program **out)
{
    graft_value *outputs[] = {training ? n->loss : n->logits};
    graft_program_params params;
    graft_program_defaults(&params);
    params.outputs = outputs;
    params.output_count = 1;
    params.loss = training ? n->loss : NULL;
    params.optimizer.lr = 0.02f;
    graft_status status = graft_program_create(log, device, &params, out);
    if (status == GRAFT_OK)
        status = graft_program_write(*out, n->points, points, sizeof(float) * 2 * POINTS);
    return status;
}

/* The adapter in use takes on these values, or they are read. */
static graft_status move(graft_program *program, const network *n, adapter *a, bool write)
{
    graft_status status = GRAFT_OK;
    float *at = a->values;
    for (int i = 0; i < TENSORS && status == GRAFT_OK; at += sizes[i++]) {
        uint64_t size = sizeof(float) * (uint64_t)sizes[i];
        status = write ? graft_program_write(program, n->trained[i], at, size)
                       : graft_program_read(program, n->trained[i], at, size);
    }
    return status;
}

/* In a program of its own for each task, so that its optimiser starts anew. */
static graft_status train(graft_log *log, graft_device *device, const network *n,
                          const float *points, const int32_t *labels, adapter *a)
{
    graft_program *program = NULL;
    graft_status status = create(log, device, n, true, points, &program);
    if (status == GRAFT_OK)
        status = graft_program_write(program, n->labels, labels, sizeof(*labels) * POINTS);
    for (int step = 0; step < STEPS && status == GRAFT_OK; step++)
        status = graft_program_run(program);
    if (status == GRAFT_OK)
        status = move(program, n, a, false);
    graft_program_destroy(&program);
    return status;
}

/* How many points an adapter gets right, in the program that all of them use; -1: none could be. */
static int count_right(graft_program *program, const network *n, adapter *a, const int32_t *labels)
{
    static float logits[2 * POINTS];
    int right = 0;
    if (move(program, n, a, true) != GRAFT_OK || graft_program_run(program) != GRAFT_OK ||
        graft_program_read(program, n->logits, logits, sizeof(logits)) != GRAFT_OK)
        return -1;
    for (int i = 0; i < POINTS; i++)
        right += (logits[2 * i + 1] > logits[2 * i]) == labels[i];
    return right;
}

int main(int argc, char **argv)
{
    static float points[2 * POINTS];
    static int32_t labels[TASKS][POINTS];
    static adapter adapters[TASKS], start;
    network n;
    noise(start.values, sizes[0], 0.3f);
    noise(start.values + sizes[0] + sizes[1], sizes[2], 0.3f);
    make_tasks(points, labels);

    graft_log *log = graft_log_create(&(graft_log_params){print_message, NULL, GRAFT_LOG_WARN});
    graft_device *device = NULL;
    graft_program *program = NULL;
    graft_graph *graph = graft_graph_create(log);
    build(graph, &start, &n);
    graft_status status = graft_device_open(log, argc > 1 ? argv[1] : NULL, NULL, &device);
    if (status == GRAFT_OK)
        status = create(log, device, &n, false, points, &program);
    for (int i = 0; i < TASKS && status == GRAFT_OK; i++)
        status = train(log, device, &n, points, labels[i], &adapters[i]);
    bool good = status == GRAFT_OK;
    for (int turn = 0; turn < 2 * TASKS && status == GRAFT_OK; turn++) {
        int right = count_right(program, &n, &adapters[turn % TASKS], labels[turn % TASKS]);
        printf("adapter %d: %d of %d points right\n", turn % TASKS, right, POINTS);
        good &= right >= POINTS * 93 / 100;
    }
    graft_program_destroy(&program);
    graft_graph_destroy(&graph);
    graft_device_close(&device);
    graft_log_destroy(&log);
    return good ? 0 : 1;
}
