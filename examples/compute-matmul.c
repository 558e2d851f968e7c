/* Multiplies two matrices on any device, and checks the product on the host.
 *
 *     compute-matmul [DEVICE]          "opencl:0"; the best one without it
 */
#include <graft/graft.h>

#include <math.h>
#include <stdio.h>

enum { M = 96, K = 128, N = 80 };

static void print_message(void *user, graft_log_level level, const char *text)
{
    (void)user, (void)level;
    fprintf(stderr, "%s\n", text);
}

/* The largest difference from c = a b, computed in double. */
static double worst_error(const float *a, const float *b, const float *c)
{
    double worst = 0.0;
    for (int i = 0; i < M; i++)
        for (int j = 0; j < N; j++) {
            double sum = 0.0;
            for (int k = 0; k < K; k++)
                sum += (double)a[i * K + k] * b[k * N + j];
            worst = fmax(worst, fabs(sum - c[i * N + j]));
        }
    return worst;
}

int main(int argc, char **argv)
{
    static float a[M * K], b[K * N], c[M * N];
    for (int i = 0; i < M * K; i++)
        a[i] = sinf((float)i);
    for (int i = 0; i < K * N; i++)
        b[i] = cosf((float)(3 * i));

    graft_log *log = graft_log_create(&(graft_log_params){print_message, NULL, GRAFT_LOG_WARN});
    graft_device *device = NULL;
    graft_program *program = NULL;
    graft_graph *graph = graft_graph_create(log);
    graft_value *x = graft_input(graph, "a", GRAFT_F32, GRAFT_SHAPE(M, K));
    graft_value *y = graft_input(graph, "b", GRAFT_F32, GRAFT_SHAPE(K, N));
    graft_value *z = graft_matmul(x, y, NULL, 1.0f);

    graft_program_params params;
    graft_program_defaults(&params);
    params.outputs = &z;
    params.output_count = 1;
    graft_status status = graft_device_open(log, argc > 1 ? argv[1] : NULL, NULL, &device);
    if (status == GRAFT_OK)
        status = graft_program_create(log, device, &params, &program);
    if (status == GRAFT_OK)
        status = graft_program_write(program, x, a, sizeof(a));
    if (status == GRAFT_OK)
        status = graft_program_write(program, y, b, sizeof(b));
    if (status == GRAFT_OK)
        status = graft_program_run(program);
    if (status == GRAFT_OK)
        status = graft_program_read(program, z, c, sizeof(c));

    /* K products of numbers up to 1, each rounded to 24 bits */
    double error = status == GRAFT_OK ? worst_error(a, b, c) : INFINITY;
    bool right = error < K * 6e-8 * 4;
    if (status == GRAFT_OK)
        printf("%d x %d x %d on %s: largest error %.1e\n", M, K, N,
               graft_device_get_info(device)->name, error);
    graft_program_destroy(&program);
    graft_graph_destroy(&graph);
    graft_device_close(&device);
    graft_log_destroy(&log);
    return right ? 0 : 1;
}
