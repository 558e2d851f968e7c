/* Smooths an image in the frequency domain on any device, and compares it with the convolution by a
 * Gaussian, computed on the host.
 *
 *     compute-filter [DEVICE]          "opencl:0"; the best one without it
 */
#include <graft/graft.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { SIDE = 48, BINS = SIDE / 2 + 1 };

static const double PI = 3.14159265358979323846, DEVIATION = 2.0; /* pixels */

static void print_message(void *user, graft_log_level level, const char *text)
{
    (void)user, (void)level;
    fprintf(stderr, "%s\n", text);
}

/* A bright square on stripes. */
static float pixel(int y, int x)
{
    bool square = abs(y - SIDE / 3) < 6 && abs(x - SIDE / 2) < 9;
    return (square ? 1.0f : 0.0f) + 0.2f * sinf((float)x);
}

/* The Gaussian's transfer function at a frequency in cycles per image. */
static float gain(int fy, int fx)
{
    double y = fy <= SIDE / 2 ? fy : fy - SIDE, x = fx;
    return (float)exp(-2.0 * PI * PI * DEVIATION * DEVIATION * (y * y + x * x) / (SIDE * SIDE));
}

/* One pixel of the smoothed image: the Gaussian over the image, which repeats beyond its edges. */
static double smoothed(const float *image, int y, int x)
{
    double sum = 0.0, weights = 0.0;
    for (int dy = -SIDE / 2; dy < SIDE / 2; dy++)
        for (int dx = -SIDE / 2; dx < SIDE / 2; dx++) {
            double weight = exp(-(dy * dy + dx * dx) / (2.0 * DEVIATION * DEVIATION));
            sum += weight * image[(y + dy + SIDE) % SIDE * SIDE + (x + dx + SIDE) % SIDE];
            weights += weight;
        }
    return sum / weights;
}

int main(int argc, char **argv)
{
    static float image[SIDE * SIDE], filter[SIDE * BINS * 2], result[SIDE * SIDE];
    for (int i = 0; i < SIDE * SIDE; i++)
        image[i] = pixel(i / SIDE, i % SIDE);
    for (int i = 0; i < SIDE * BINS; i++)
        filter[2 * i] = gain(i / BINS, i % BINS); /* the imaginary parts are 0 */

    graft_log *log = graft_log_create(&(graft_log_params){print_message, NULL, GRAFT_LOG_WARN});
    graft_device *device = NULL;
    graft_program *program = NULL;
    graft_graph *graph = graft_graph_create(log);
    graft_value *x = graft_input(graph, "image", GRAFT_F32, GRAFT_SHAPE(1, SIDE, SIDE, 1));
    graft_value *h =
        graft_constant(graph, "filter", GRAFT_F32, GRAFT_SHAPE(SIDE, BINS, 1, 2), filter);
    graft_value *y = graft_irfft2(graft_complex_mul(graft_rfft2(x), h), SIDE);

    graft_program_params params;
    graft_program_defaults(&params);
    params.outputs = &y;
    params.output_count = 1;
    graft_status status = graft_device_open(log, argc > 1 ? argv[1] : NULL, NULL, &device);
    if (status == GRAFT_OK)
        status = graft_program_create(log, device, &params, &program);
    if (status == GRAFT_OK)
        status = graft_program_write(program, x, image, sizeof(image));
    if (status == GRAFT_OK)
        status = graft_program_run(program);
    if (status == GRAFT_OK)
        status = graft_program_read(program, y, result, sizeof(result));

    double worst = status == GRAFT_OK ? 0.0 : INFINITY;
    for (int i = 0; i < SIDE * SIDE && status == GRAFT_OK; i++)
        worst = fmax(worst, fabs(smoothed(image, i / SIDE, i % SIDE) - result[i]));
    if (status == GRAFT_OK)
        printf("%d x %d pixels on %s: largest difference %.1e\n", SIDE, SIDE,
               graft_device_get_info(device)->name, worst);
    graft_program_destroy(&program);
    graft_graph_destroy(&graph);
    graft_device_close(&device);
    graft_log_destroy(&log);
    return worst < 2e-5 ? 0 : 1; /* the Gaussian's tails are cut off at half the image */
}
