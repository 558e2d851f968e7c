#include "command/bench/trace.h"

#include "command/console/device.h"
#include "command/console/output.h"

#include <stdlib.h>

enum { MAX_KERNELS = 128 };

/* Share of what the device could do for so much to compute and to move, of the roofline. */
static json_t *share_of(const bench_device *d, const graft_kernel_time *k)
{
    double share = cli_trace_share(&d->lanes, k->flop, k->bytes, k->milliseconds * 1e-3);
    return share > 0.0 ? json_real(share) : json_null();
}

static json_t *kernels_json(const bench_device *d, const graft_kernel_time *times, int count,
                            double *flop)
{
    json_t *array = json_array();
    for (int i = 0; i < count; i++) {
        *flop += times[i].flop;
        json_array_append_new(
            array, json_pack("{s:o,s:i,s:f,s:f,s:f,s:o}", "name", cli_json_text(times[i].name),
                             "dispatches", times[i].dispatches, "milliseconds",
                             times[i].milliseconds, "bytes", times[i].bytes, "flop", times[i].flop,
                             "share_of_peak", share_of(d, &times[i])));
    }
    return array;
}

static graft_status run_steps(bench_device *d, const bench_work *work, const bench_truth *t,
                              graft_trainer *trainer, json_t **kernels, double *flop)
{
    enum { STEPS = 2 }; /* the first one compiles */
    graft_kernel_time times[MAX_KERNELS];
    size_t pixels = (size_t)t->image_size * (size_t)t->image_size * 3;
    size_t n = (size_t)work->batch_size;
    int found = 0;
    float *images = malloc(n * pixels * sizeof(*images));
    int32_t *labels = calloc(n, sizeof(*labels));
    graft_status status = images && labels ? GRAFT_OK : GRAFT_ERR_MEMORY;
    if (images)
        bench_fill(images, n * pixels, 7);
    graft_batch batch = {.count = work->batch_size, .images = images, .labels = labels};
    for (int i = 0; i < STEPS && status == GRAFT_OK; i++) {
        double start = cli_seconds();
        status = graft_trainer_step(trainer, &batch, NULL, NULL);
        cli_trace_until_now(&d->lanes, "step with each kernel measured", start);
    }
    if (status == GRAFT_OK)
        status = graft_trainer_profile(trainer, times, MAX_KERNELS, &found);
    if (status == GRAFT_OK)
        *kernels = kernels_json(d, times, found < MAX_KERNELS ? found : MAX_KERNELS, flop);
    const graft_trainer_info *info = graft_trainer_get_info(trainer);
    *flop *= (double)info->batch_size / info->micro_batch; /* of one micro-batch until here */
    free(images);
    free(labels);
    return status;
}

graft_status bench_profile(bench *b, bench_device *device, const bench_work *work,
                           const bench_truth *truth, json_t **kernels, double *flop)
{
    graft_device *own;
    graft_model *model;
    graft_trainer *trainer;
    *kernels = NULL;
    CLI_TRY(cli_open_device(b->c, device->info.id, &own));
    graft_status status =
        bench_open_trainer(b, own, work, work->batch_size, &device->lanes, &model, &trainer);
    if (status == GRAFT_OK) {
        status = run_steps(device, work, truth, trainer, kernels, flop);
        graft_trainer_destroy(&trainer);
        graft_model_close(&model);
    }
    graft_device_close(&own);
    return status == GRAFT_ERR_UNSUPPORTED ? GRAFT_OK : status; /* cannot measure */
}
