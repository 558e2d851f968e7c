/* Libraries as candidates of the planner: taken where they are right, refused where they are not,
 * left out where they are switched off; and the result of the operator is right each time. */
#include "compare.h"
#include "devices.h"
#include "graph/graph.h"
#include "ops/ops.h"
#include "plan/internal.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A backend whose library turns round: right numbers, but of the inverse transform. */
static const gr_backend *honest;
static gr_backend liar;
static int creations;

static graft_status create_wrong(gr_device *device, const gr_library_desc *desc, gr_library **out)
{
    gr_library_desc other = *desc;
    other.fft.inverse = !desc->fft.inverse;
    creations++;
    return honest->library_create(device, &other, out);
}

static void lie(gr_device *device)
{
    honest = device->backend;
    liar = *honest;
    if (liar.library_create)
        liar.library_create = create_wrong;
    creations = 0;
    device->backend = &liar;
}

/* Half spectrum of a real line, ortho normalisation. */
static void expected_spectrum(const float *x, int64_t n, int64_t channels, float *z)
{
    for (int64_t k = 0; k <= n / 2; k++)
        for (int64_t c = 0; c < channels; c++) {
            double re = 0, im = 0, w = 2 * acos(-1.0) / (double)n;
            for (int64_t t = 0; t < n; t++) {
                re += x[t * channels + c] * cos(w * (double)(k * t));
                im -= x[t * channels + c] * sin(w * (double)(k * t));
            }
            z[2 * (k * channels + c)] = (float)(re / sqrt((double)n));
            z[2 * (k * channels + c) + 1] = (float)(im / sqrt((double)n));
        }
}

static int library_steps(const gr_plan *plan)
{
    int count = 0;
    for (size_t i = 0; i < plan->step_count; i++)
        count += plan->steps[i].kind == GR_COMMAND_LIBRARY;
    return count;
}

/* Transforms a line on the device, compares, and returns how many operations of a library were
 * part of it. */
static int transform(gr_device *device, int64_t n, int64_t channels)
{
    graft_log *log = device->log;
    size_t count = (size_t)(n * channels), bins = (size_t)(n / 2 + 1);
    float *x = malloc(count * sizeof(*x)), *z = malloc(2 * bins * (size_t)channels * sizeof(*z));
    float *expected = malloc(2 * bins * (size_t)channels * sizeof(*expected));
    assert_true(x && z && expected);
    fill_uniform(x, count, -1.0f, 1.0f, 3);
    expected_spectrum(x, n, channels, expected);

    gr_graph *graph = gr_graph_create(log);
    gr_value *y = gr_rfft2(gr_graph_frozen(graph, "x", GR_SHAPE(1, 1, n, channels), GR_F32, x));
    gr_store *store;
    gr_plan *plan;
    gr_plan_params params = {.outputs = &y, .output_count = 1};
    TEST_OK(log, gr_store_create(log, device, &store));
    params.store = store;
    TEST_OK(log, gr_plan_create(log, &params, &plan));
    TEST_OK(log, gr_plan_run(plan));
    TEST_OK(log, gr_plan_read(plan, y, z));
    comparison c =
        compare_floats(z, expected, 2 * bins * (size_t)channels, (tolerance){.absolute = 2e-6});
    char text[256];
    compare_describe(&c, text, sizeof(text));
    if (c.wrong)
        fail_msg("length %d: %s", (int)n, text);
    int steps = library_steps(plan);
    gr_plan_destroy(plan);
    gr_store_destroy(store);
    gr_graph_destroy(graph);
    free(x);
    free(z);
    free(expected);
    return steps;
}

static gr_device *device_of(void **state)
{
    gr_device *device = ((const test_target *)*state)->device;
    device->caps.fft_library = true;
    return device;
}

/* Whether this build has a library for the device at all. */
static bool has_fft(gr_device *device)
{
    gr_library_desc desc = {.kind = GR_LIBRARY_FFT, .fft = {1, 128, 1, false}};
    gr_library *library;
    bool has = gr_device_library_create(device, &desc, &library) == GRAFT_OK;
    gr_device_library_destroy(device, &library);
    return has;
}

static void takes_the_library_for_long_axes(void **state)
{
    gr_device *device = device_of(state);
    bool has = has_fft(device);
    if (!has)
        print_message("%s: no FFT library\n", device->info.id);
    assert_int_equal(transform(device, 197, 2), has);
    assert_int_equal(transform(device, 206, 4), has);
}

static void sums_directly_for_short_and_odd_cases(void **state)
{
    gr_device *device = device_of(state);
    assert_int_equal(transform(device, 14, 2), 0);
    assert_int_equal(transform(device, 64, 2), 0);
    assert_int_equal(transform(device, 197, 3), 0); /* a channel without a partner */
}

static void leaves_out_what_is_switched_off(void **state)
{
    gr_device *device = device_of(state);
    device->caps.fft_library = false;
    assert_int_equal(transform(device, 206, 2), 0);
}

static void keep_text(void *user, graft_log_level level, const char *text)
{
    char *kept = user;
    if (level == GRAFT_LOG_INFO && strstr(text, "own kernels"))
        snprintf(kept, 256, "%s", text);
}

/* Length 210, which no other case asks for: a device remembers what it has found. */
static void refuses_a_library_that_is_wrong(void **state)
{
    gr_device *device = device_of(state);
    bool has = has_fft(device);
    graft_log *log = device->log;
    char text[256] = "";
    device->log = graft_log_create(
        &(graft_log_params){.callback = keep_text, .user = text, .level = GRAFT_LOG_INFO});
    lie(device);
    int steps = transform(device, 210, 2);
    transform(device, 210, 2);
    int found = creations;
    graft_log_destroy(&device->log);
    device->backend = honest;
    device->log = log;
    assert_int_equal(steps, 0);
    assert_int_equal(found, liar.library_create ? 1 : 0); /* and not again */
    assert_true(!has || strstr(text, "FFT [1, 210, 1]"));
}

int main(void)
{
    const test_case cases[] = {
        TEST_CASE(takes_the_library_for_long_axes),
        TEST_CASE(sums_directly_for_short_and_odd_cases),
        TEST_CASE(leaves_out_what_is_switched_off),
        TEST_CASE(refuses_a_library_that_is_wrong),
    };
    return TEST_RUN("candidates", cases, TEST_GPU);
}
