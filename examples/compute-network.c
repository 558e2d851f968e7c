/* Trains a small network of one's own on any device: two hidden layers that tell two interleaved
 * spirals apart.
 *
 *     compute-network [DEVICE]         "opencl:0"; the best one without it
 */
#include <graft/graft.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { POINTS = 256, WIDTH = 32, STEPS = 400 };

static void print_message(void *user, graft_log_level level, const char *text)
{
    (void)user, (void)level;
    fprintf(stderr, "%s\n", text);
}

/* Points of two spirals, one a half turn behind the other. */
static void make_spirals(float *points, int32_t *labels)
{
    for (int i = 0; i < POINTS; i++) {
        float radius = (float)(i / 2 + 8) / (POINTS / 2 + 8);
        float angle = 7.0f * radius + (float)(i % 2) * 3.14159265f;
        points[2 * i] = radius * cosf(angle);
        points[2 * i + 1] = radius * sinf(angle);
        labels[i] = i % 2;
    }
}

/* x [POINTS, in] through a layer whose weights start uniform in +-sqrt(3 / in). */
static graft_value *layer(graft_graph *graph, graft_value *x, const char *names[2], int in, int out)
{
    static float start[WIDTH * WIDTH];
    for (int i = 0; i < in * out; i++)
        start[i] = (2.0f * (float)rand() / (float)RAND_MAX - 1.0f) * sqrtf(3.0f / (float)in);
    graft_value *weight = graft_parameter(graph, names[0], GRAFT_SHAPE(out, in), start);
    graft_value *bias = graft_parameter(graph, names[1], GRAFT_SHAPE(out), NULL);
    return graft_linear(x, weight, bias);
}

int main(int argc, char **argv)
{
    static float points[POINTS * 2], logits[POINTS * 2];
    static int32_t labels[POINTS];
    make_spirals(points, labels);

    graft_log *log = graft_log_create(&(graft_log_params){print_message, NULL, GRAFT_LOG_WARN});
    graft_device *device = NULL;
    graft_program *program = NULL;
    graft_graph *graph = graft_graph_create(log);
    graft_value *x = graft_input(graph, "points", GRAFT_F32, GRAFT_SHAPE(POINTS, 2));
    graft_value *t = graft_input(graph, "labels", GRAFT_I32, GRAFT_SHAPE(POINTS));
    graft_value *y = graft_gelu(layer(graph, x, (const char *[]){"w1", "b1"}, 2, WIDTH));
    y = graft_gelu(layer(graph, y, (const char *[]){"w2", "b2"}, WIDTH, WIDTH));
    y = layer(graph, y, (const char *[]){"w3", "b3"}, WIDTH, 2);
    graft_value *loss = graft_cross_entropy(y, t), *outputs[] = {y, loss};

    graft_program_params params;
    graft_program_defaults(&params);
    params.outputs = outputs;
    params.output_count = 2;
    params.loss = loss; /* each run ends with a step of AdamW */
    params.optimizer.lr = 0.01f;
    graft_status status = graft_device_open(log, argc > 1 ? argv[1] : NULL, NULL, &device);
    if (status == GRAFT_OK)
        status = graft_program_create(log, device, &params, &program);
    if (status == GRAFT_OK)
        status = graft_program_write(program, x, points, sizeof(points));
    if (status == GRAFT_OK)
        status = graft_program_write(program, t, labels, sizeof(labels));
    for (int step = 0; step < STEPS && status == GRAFT_OK; step++)
        status = graft_program_run(program);
    float value = 0.0f;
    if (status == GRAFT_OK)
        status = graft_program_read(program, loss, &value, sizeof(value));
    if (status == GRAFT_OK)
        status = graft_program_read(program, y, logits, sizeof(logits));

    int right = 0;
    for (int i = 0; i < POINTS && status == GRAFT_OK; i++)
        right += (logits[2 * i + 1] > logits[2 * i]) == labels[i];
    if (status == GRAFT_OK)
        printf("%d steps on %s: loss %.4f, %d of %d points right\n", STEPS,
               graft_device_get_info(device)->name, (double)value, right, POINTS);
    graft_program_destroy(&program);
    graft_graph_destroy(&graph);
    graft_device_close(&device);
    graft_log_destroy(&log);
    return right >= POINTS * 98 / 100 ? 0 : 1;
}
