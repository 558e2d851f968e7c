/* Power spectra of gratings: all power is at one known frequency. */
#include "devices.h"

#include "analyze/power.h"
#include "ops/ops.h"
#include "plan/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

enum { IMAGES = 2, CHANNELS = 3 };

/* p cycles along the rows' axis and q along the columns'. */
typedef struct grating {
    int grid, p, q;
} grating;

static double amplitude(int image, int channel)
{
    return 1.0 + image + 0.5 * channel;
}

/* A token that is no patch, and then the grid. */
static void fill(const grating *g, float *tokens)
{
    for (int b = 0; b < IMAGES; b++)
        for (int t = 0; t < 1 + g->grid * g->grid; t++)
            for (int c = 0; c < CHANNELS; c++) {
                int row = (t - 1) / g->grid, col = (t - 1) % g->grid;
                double turns = (double)(g->p * row + g->q * col) / g->grid;
                *tokens++ = t == 0 ? 100.0f
                                   : (float)(amplitude(b, c) *
                                             cos(2.0 * 3.14159265358979323846 * turns + 0.3 * c));
            }
}

/* The power of the tokens by gr_token_power, on a device. */
static float *measure(const test_target *target, const grating *g)
{
    graft_log *log = target->devices->log;
    int64_t tokens = 1 + g->grid * g->grid, places = g->grid * (g->grid / 2 + 1);
    float *input = malloc((size_t)(IMAGES * tokens * CHANNELS) * sizeof(*input));
    float *power = malloc((size_t)(IMAGES * places) * sizeof(*power));
    assert_true(input && power);
    fill(g, input);
    gr_graph *graph = gr_graph_create(log);
    gr_store *store;
    gr_plan *plan;
    gr_value *x = gr_graph_frozen(graph, "x", GR_SHAPE(IMAGES, tokens, CHANNELS), GR_F32, input);
    gr_value *y = gr_token_power(x, g->grid);
    TEST_OK(log, gr_graph_status(graph));
    TEST_OK(log, gr_store_create(log, target->device, &store));
    gr_plan_params params = {.store = store, .outputs = &y, .output_count = 1};
    TEST_OK(log, gr_plan_create(log, &params, &plan));
    TEST_OK(log, gr_plan_run(plan));
    TEST_OK(log, gr_plan_read(plan, y, power));
    gr_plan_destroy(plan);
    gr_store_destroy(store);
    gr_graph_destroy(graph);
    free(input);
    return power;
}

/* A cosine of amplitude a has a^2 grid^2 / 4 at its frequency and as much at the mirrored one. */
static double expected_power(const grating *g, int image)
{
    double sum = 0.0;
    for (int c = 0; c < CHANNELS; c++)
        sum += amplitude(image, c) * amplitude(image, c) * g->grid * g->grid / 4.0;
    return sum / CHANNELS;
}

static const grating gratings[] = {{6, 1, 2}, {6, 5, 1}, {5, 0, 2}, {7, 3, 1}};

static void power_is_at_the_frequency(void **state)
{
    const test_target *target = *state;
    for (size_t i = 0; i < sizeof(gratings) / sizeof(gratings[0]); i++) {
        const grating *g = &gratings[i];
        float *power = measure(target, g);
        int half = g->grid / 2 + 1, places = g->grid * half;
        for (int k = 0; k < IMAGES * places; k++) {
            double whole = expected_power(g, k / places);
            double expected = k % places == g->p * half + g->q ? whole : 0.0;
            if (!(fabs(power[k] - expected) < 1e-4 * whole))
                fail_msg("grid %d, grating (%d, %d), place %d: %g, expected %g", g->grid, g->p,
                         g->q, k, (double)power[k], expected);
        }
        free(power);
    }
}

/* Places of the whole spectrum at a distance that rounds to f. */
static int ring(int grid, int f)
{
    int count = 0;
    for (int u = -(grid - 1) / 2; u <= grid / 2; u++)
        for (int v = -(grid - 1) / 2; v <= grid / 2; v++)
            count += lround(sqrt(u * u + v * v)) == f;
    return count;
}

static void rings_are_means_of_the_whole_spectrum(void **state)
{
    (void)state;
    for (int grid = 2; grid < 10; grid++) {
        int half = grid / 2 + 1;
        double spectrum[81], mean[9];
        for (int place = 0; place < grid * half; place++) {
            int u = place / half <= grid / 2 ? place / half : place / half - grid;
            int v = place % half, f = (int)lround(sqrt(u * u + v * v));
            int mirrors = v == 0 || 2 * v == grid ? 1 : 2;
            for (int k = 0; k < grid * half; k++)
                spectrum[k] = k == place;
            gr_radial_mean(spectrum, grid, mean);
            for (int k = 0; k < half; k++) {
                double expected = k == f ? (double)mirrors / ring(grid, f) : 0.0;
                if (!(fabs(mean[k] - expected) < 1e-12))
                    fail_msg("grid %d, (%d, %d), ring %d: %g, expected %g", grid, u, v, k, mean[k],
                             expected);
            }
        }
    }
}

int main(void)
{
    const test_case cases[] = {
        TEST_CASE(power_is_at_the_frequency),
        TEST_CASE(rings_are_means_of_the_whole_spectrum),
    };
    return TEST_RUN("power", cases, TEST_EXECUTING);
}
