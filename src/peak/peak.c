#include "base/log.h"
#include "base/mem.h"
#include "base/system.h"
#include "device/device.h"
#include "kernels/choose.h"

#include "shaders/peak_fma.gk.h"
#include "shaders/peak_shared.gk.h"

#include <graft/peak.h>
#include <string.h>

/* Work-items: enough for the largest devices, some times over. A sum counts to 16 million exactly.
 */
enum { ITEMS = 1 << 20, MOST_ROUNDS = 1 << 15, STEPS = 16, SUMS = 8 };
static const double LONG_ENOUGH = 0.02; /* seconds of a run, far below what watchdogs allow */

struct graft_peak_test {
    graft_log *log;
    gr_device *device;
    graft_peak peak;
    gr_pipeline *pipeline;
    uint32_t group;  /* work-items of a work-group */
    uint32_t width;  /* elements of a work-item */
    uint32_t rounds; /* of the list */
    gr_buffer *result;
    gr_list *list;
};

static graft_status make_pipeline(graft_peak_test *t, bool fused)
{
    gr_pipeline_spec spec = {.kernel = &gr_kernel_peak_shared};
    const gr_variant *variant = NULL;
    if (t->peak == GRAFT_PEAK_MULTIPLY_ADD) {
        variant = gr_variant_next(t->device, "peak_fma", NULL, NULL);
        spec.kernel = variant->runs;
    }
    gr_variant_tunables(t->device, variant, spec.kernel, spec.tunables);
    if (t->peak == GRAFT_PEAK_MULTIPLY_ADD)
        spec.tunables[1] = fused;
    t->group = spec.tunables[0];
    t->width = variant ? variant->width : 1;
    return gr_device_pipelines(t->device, &spec, 1, &t->pipeline);
}

static graft_status record(graft_peak_test *t)
{
    uint32_t groups = ITEMS / t->group / t->width;
    gr_command c = {
        .kind = GR_COMMAND_DISPATCH,
        .label = "peak",
        .binding_count = 1,
        .binding = {{t->result, 0, ITEMS * sizeof(float)}},
        .pipeline = t->pipeline,
        .grid = {groups, 1, 1},
    };
    gr_peak_fma_params fma = {t->rounds, 1.0f, 1.0f};
    gr_peak_shared_params shared = {t->rounds};
    if (t->peak == GRAFT_PEAK_MULTIPLY_ADD)
        memcpy(c.params, &fma, sizeof(fma));
    else
        memcpy(c.params, &shared, sizeof(shared));
    gr_device_list_destroy(t->device, &t->list);
    return gr_device_list_create(t->device, &c, 1, false, &t->list);
}

static float expected(const graft_peak_test *t, size_t i)
{
    if (t->peak == GRAFT_PEAK_MULTIPLY_ADD)
        return (float)(SUMS * STEPS * t->rounds + 28 + SUMS * (i % 16));
    return (float)(28.0 * t->group * t->rounds);
}

static graft_status check(graft_peak_test *t)
{
    float *y = gr_alloc_array(NULL, ITEMS, sizeof(*y));
    if (!y)
        return gr_fail(t->log, GRAFT_ERR_MEMORY, "peak: out of memory");
    graft_status status = gr_device_buffer_read(t->device, t->result, 0, y, ITEMS * sizeof(*y));
    for (size_t i = 0; i < ITEMS && status == GRAFT_OK; i++)
        if (y[i] != expected(t, i))
            status = gr_fail(t->log, GRAFT_ERR_NUMERIC, "peak: element %zu is %g, should be %g", i,
                             (double)y[i], (double)expected(t, i));
    gr_free(y);
    return status;
}

/* Doubles the rounds until a run takes long enough. */
static graft_status find_rounds(graft_peak_test *t, double *seconds)
{
    /* Sums of shared memory are exact as long as they are below 2^24. */
    uint32_t most = t->peak == GRAFT_PEAK_MULTIPLY_ADD ? MOST_ROUNDS : (1u << 19) / t->group;
    for (t->rounds = 1;; t->rounds *= 2) {
        GR_TRY(record(t));
        if (t->rounds == 1)
            GR_TRY(graft_peak_run(t)); /* drivers finish compiling when they first run */
        double start = gr_seconds();
        GR_TRY(graft_peak_run(t));
        *seconds = gr_seconds() - start;
        if (*seconds >= LONG_ENOUGH || t->rounds * 2 > most)
            return check(t);
    }
}

/* Devices without a fused multiply-add make a slow function of it, others make one of two. */
static graft_status choose_fused(graft_peak_test *t)
{
    double rate[2];
    for (int fused = 0; fused < 2; fused++) {
        double seconds;
        GR_TRY(make_pipeline(t, fused));
        GR_TRY(find_rounds(t, &seconds));
        rate[fused] = t->rounds / seconds;
    }
    if (rate[1] >= rate[0])
        return GRAFT_OK;
    double seconds;
    GR_TRY(make_pipeline(t, false));
    return find_rounds(t, &seconds);
}

static graft_status prepare(graft_peak_test *t)
{
    double seconds;
    if (!t->device->caps.executes)
        return gr_fail(t->log, GRAFT_ERR_UNSUPPORTED, "peak: %s runs nothing", t->device->info.id);
    GR_TRY(gr_device_buffer_create(t->device, ITEMS * sizeof(float), GR_MEMORY_DEVICE, &t->result));
    if (t->peak == GRAFT_PEAK_MULTIPLY_ADD)
        return choose_fused(t);
    GR_TRY(make_pipeline(t, false));
    return find_rounds(t, &seconds);
}

graft_status graft_peak_create(graft_log *log, graft_device *device, graft_peak peak,
                               graft_peak_test **out)
{
    *out = NULL;
    if (!device || peak < GRAFT_PEAK_MULTIPLY_ADD || peak > GRAFT_PEAK_SHARED_MEMORY)
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "peak: no device, or no peak %d, see graft_peak",
                       (int)peak);
    graft_peak_test *t = gr_alloc(NULL, sizeof(*t));
    if (!t)
        return gr_fail(log, GRAFT_ERR_MEMORY, "peak: out of memory");
    *t = (graft_peak_test){.log = log, .device = gr_device_from_public(device), .peak = peak};
    graft_status status = prepare(t);
    if (status == GRAFT_OK)
        *out = t;
    else
        graft_peak_destroy(&t);
    return status;
}

void graft_peak_destroy(graft_peak_test **test)
{
    if (!test || !*test)
        return;
    graft_peak_test *t = *test;
    gr_device_list_destroy(t->device, &t->list);
    gr_device_buffer_destroy(t->device, &t->result);
    gr_free(t);
    *test = NULL;
}

graft_status graft_peak_run(graft_peak_test *test)
{
    GR_TRY(gr_device_submit(test->device, test->list));
    return gr_device_wait(test->device);
}

double graft_peak_work(const graft_peak_test *t)
{
    if (t->peak == GRAFT_PEAK_MULTIPLY_ADD)
        return 2.0 * SUMS * STEPS * t->rounds * ITEMS;
    return 2.0 * sizeof(float[4]) * t->group * t->rounds * ITEMS;
}
