#include "command/bench/trace.h"

#include "command/console/device.h"
#include "command/console/output.h"

#include <math.h>
#include <stdlib.h>

enum { MAX_KERNELS = 128 };

/* Share of what the device could do for so much to compute and to move, of the roofline. */
static json_t *share_of(const bench_device *d, const graft_kernel_time *k)
{
    double compute = d->peak[BENCH_PEAK_MULTIPLY_ADD], memory = d->peak[BENCH_PEAK_BANDWIDTH];
    double at_best =
        fmax(compute > 0.0 ? k->flop / compute : 0.0, memory > 0.0 ? k->bytes / memory : 0.0);
    return at_best > 0.0 && k->milliseconds > 0.0 ? json_real(at_best * 1e3 / k->milliseconds)
                                                  : json_null();
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

/* Chrome's format: microseconds; a process for each device, a thread for each lane. */
void bench_span(bench *b, const bench_device *device, const char *lane, const char *name,
                double start, double end, json_t *args)
{
    if (b->trace)
        json_array_append_new(
            b->trace, json_pack("{s:o,s:s,s:f,s:f,s:o,s:s,s:o}", "name", cli_json_text(name), "ph",
                                "X", "ts", (start - b->started) * 1e6, "dur", (end - start) * 1e6,
                                "pid", cli_json_text(device->info.id), "tid", lane, "args",
                                args ? args : json_object()));
    else
        json_decref(args);
}

/* The kernels of the step that has just ended, the longest first, one after the other. */
static void add_spans(bench *b, const bench_device *d, const json_t *kernels, double start)
{
    size_t i;
    json_t *k;
    json_array_foreach((json_t *)(uintptr_t)kernels, i, k)
    {
        double seconds = 1e-3 * json_number_value(json_object_get(k, "milliseconds"));
        bench_span(b, d, "device", json_string_value(json_object_get(k, "name")), start,
                   start + seconds, json_copy(k));
        start += seconds;
    }
}

static graft_status run_steps(bench *b, bench_device *d, const bench_work *work,
                              const bench_truth *t, graft_trainer *trainer, json_t **kernels,
                              double *flop)
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
    double start = 0.0;
    for (int i = 0; i < STEPS && status == GRAFT_OK; i++) {
        start = cli_seconds();
        status = graft_trainer_step(trainer, &batch, NULL, NULL);
        bench_span(b, d, "host", "step with each kernel measured", start, cli_seconds(), NULL);
    }
    if (status == GRAFT_OK)
        status = graft_trainer_kernel_times(trainer, times, MAX_KERNELS, &found);
    if (status == GRAFT_OK)
        *kernels = kernels_json(d, times, found < MAX_KERNELS ? found : MAX_KERNELS, flop);
    if (*kernels)
        add_spans(b, d, *kernels, start);
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
        bench_open_trainer(b, own, work, work->batch_size, true, &model, &trainer);
    if (status == GRAFT_OK) {
        status = run_steps(b, device, work, truth, trainer, kernels, flop);
        graft_trainer_destroy(&trainer);
        graft_model_close(&model);
    }
    graft_device_close(&own);
    return status == GRAFT_ERR_UNSUPPORTED ? GRAFT_OK : status; /* cannot measure */
}
