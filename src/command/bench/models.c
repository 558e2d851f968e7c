/* The suites of whole models: a training step, inference, and the memory that they take. */
#include "command/bench/models.h"

#include "command/bench/machine.h"
#include "command/bench/trace.h"
#include "command/console/device.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of the largest gradient or logit: dozens of layers in float, in another order. */
static const double TOLERANCE = 1e-3;

/* A device, model and batch of its own, so that memory is its own, too. */
typedef struct setup {
    graft_device *device;
    graft_model *model;
    graft_trainer *trainer; /* training */
    graft_adapter *adapter; /* inference */
    int count;
    float *images;
    int32_t *labels;
    float *logits;
} setup;

static void close_setup(void *state)
{
    setup *s = state;
    graft_trainer_destroy(&s->trainer);
    graft_model_close(&s->model);
    graft_adapter_close(&s->adapter);
    graft_device_close(&s->device);
    free(s->images);
    free(s->labels);
    free(s->logits);
    free(s);
}

/* The last image is the one that the reference has seen. */
static graft_status make_batch(bench *b, setup *s, int size)
{
    size_t pixels = (size_t)size * (size_t)size * 3, n = (size_t)s->count;
    s->images = malloc(n * pixels * sizeof(*s->images));
    s->labels = malloc(n * sizeof(*s->labels));
    s->logits = malloc(n * BENCH_CLASSES * sizeof(*s->logits));
    if (!s->images || !s->labels || !s->logits)
        return cli_fail(b->c, GRAFT_ERR_MEMORY, "out of memory");
    bench_fill(s->images, (n - 1) * pixels, 7);
    bench_fill_image(s->images + (n - 1) * pixels, size);
    for (int i = 0; i < s->count; i++)
        s->labels[i] = i * 37 % BENCH_CLASSES;
    return GRAFT_OK;
}

static graft_status train_once(void *state)
{
    setup *s = state;
    graft_batch batch = {.count = s->count, .images = s->images, .labels = s->labels};
    CLI_TRY(graft_trainer_step(s->trainer, &batch, NULL, NULL));
    return graft_device_wait(s->device); /* the update is not left over */
}

static graft_status infer_once(void *state)
{
    setup *s = state;
    return graft_model_logits(s->model, s->images, s->count, s->logits);
}

/* The whole batch goes through the device; only the last image has a label, so that the gradients
 * are those of that image alone. */
static graft_status check_training(bench *b, setup *s, const bench_truth *t, double *error)
{
    int32_t *labels = malloc((size_t)s->count * sizeof(*labels));
    float *gradients = malloc((size_t)t->trainable * sizeof(*gradients));
    graft_step_result result = {0};
    graft_status status = GRAFT_ERR_MEMORY;
    if (labels && gradients) {
        for (int i = 0; i < s->count; i++)
            labels[i] = i == s->count - 1 ? BENCH_LABEL : -1;
        graft_batch batch = {.count = s->count, .images = s->images, .labels = labels};
        status = graft_trainer_gradients(s->trainer, &batch, NULL, &result);
    }
    if (status == GRAFT_OK)
        status = graft_trainer_read_gradients(s->trainer, gradients);
    if (status == GRAFT_OK) {
        *error = fmax(bench_error(gradients, t->gradients, (size_t)t->trainable),
                      bench_error(&result.loss, &t->loss, 1));
        status = bench_check(b, *error, TOLERANCE);
    }
    free(labels);
    free(gradients);
    return status;
}

static graft_status open_training(bench *b, const bench_work *work, setup *s, const bench_truth *t,
                                  double *error)
{
    CLI_TRY(bench_open_trainer(b, s->device, work, s->count, NULL, &s->model, &s->trainer));
    CLI_TRY(check_training(b, s, t, error));
    return train_once(s);
}

static graft_status open_inference(bench *b, const bench_work *work, setup *s, const bench_truth *t,
                                   double *error)
{
    graft_model_params params;
    graft_source adapter = {.data = t->adapter.data, .size_bytes = t->adapter.size_bytes};
    graft_model_defaults(&params);
    params.model = work->model;
    params.batch_size = s->count;
    CLI_TRY(graft_model_open(b->c->log, s->device, &params, &s->model));
    CLI_TRY(graft_adapter_open(b->c->log, &adapter, &s->adapter));
    CLI_TRY(graft_model_attach(s->model, s->adapter));
    CLI_TRY(infer_once(s));
    *error =
        bench_error(s->logits + (size_t)(s->count - 1) * BENCH_CLASSES, t->logits, BENCH_CLASSES);
    return bench_check(b, *error, TOLERANCE);
}

static json_t *facts_of(const bench *b, const setup *s, const bench_truth *t)
{
    uint64_t peak = 0;
    graft_device_memory(s->device, &peak);
    double process = bench_peak_process_mib();
    json_t *extra = json_pack(
        "{s:f,s:o,s:I,s:I}", "peak_device_mib", (double)peak / 0x1p20, "peak_process_mib",
        b->device_count == 1 ? json_real(process) : json_null(), "trainable",
        (json_int_t)t->trainable, "trainable_without_head", (json_int_t)t->trainable_without_head);
    if (s->trainer)
        json_object_set_new(extra, "micro_batch",
                            json_integer(graft_trainer_get_info(s->trainer)->micro_batch));
    return extra;
}

/* Training where only the head learns is a forward pass: its flop are those of inference. */
static graft_status profile(bench *b, bench_device *d, const bench_work *work, const bench_truth *t,
                            json_t **kernels, double *flop)
{
    bench_work forward = *work;
    if (work->infer)
        forward.method = "linear";
    CLI_TRY(bench_profile(b, d, &forward, t, kernels, flop));
    if (!work->infer)
        return GRAFT_OK;
    json_decref(*kernels);
    *kernels = NULL;
    return GRAFT_OK;
}

static graft_status open_model(bench *b, bench_device *d, const bench_work *work, bench_run *run)
{
    const bench_truth *t;
    bool training = !work->infer;
    json_t *kernels = NULL;
    double flop = 0.0, error = 0.0;
    CLI_TRY(bench_truth_of(b, work, &t));
    if (work->unit != BENCH_MIB)
        CLI_TRY(profile(b, d, work, t, &kernels, &flop));
    setup *s = calloc(1, sizeof(*s));
    if (!s) {
        json_decref(kernels);
        return cli_fail(b->c, GRAFT_ERR_MEMORY, "out of memory");
    }
    s->count = work->batch_size;
    bench_reset_peak_process();
    graft_status status = cli_open_device(b->c, d->info.id, &s->device);
    if (status == GRAFT_OK)
        status = make_batch(b, s, t->image_size);
    if (status == GRAFT_OK)
        status =
            training ? open_training(b, work, s, t, &error) : open_inference(b, work, s, t, &error);
    if (status != GRAFT_OK) {
        json_decref(kernels);
        close_setup(s);
        return status;
    }
    *run = (bench_run){
        s, training ? train_once : infer_once, close_setup, flop, 0.0, error, facts_of(b, s, t)};
    if (kernels)
        json_object_set_new(run->extra, "kernels", kernels);
    return GRAFT_OK;
}

static graft_status add(bench *b, const char *suite, const char *what, const char *model,
                        const char *method, int batch_size, bench_unit unit)
{
    char name[120];
    snprintf(name, sizeof(name), "%s %.50s %.40s %d", what, model, method, batch_size);
    bench_work *w = bench_add(b, suite, name);
    if (!w)
        return cli_fail(b->c, GRAFT_ERR_MEMORY, "out of memory");
    w->unit = unit;
    w->amount = batch_size;
    w->open = open_model;
    w->model = model;
    w->method = method;
    w->batch_size = batch_size;
    w->infer = strcmp(what, "infer") == 0;
    return GRAFT_OK;
}

/* Over batch sizes, then over methods: what is neither given nor varied is as here. */
static graft_status add_range(bench *b, const char *suite, const char *what, bench_unit unit)
{
    static const int sizes[] = {1, 8, 32};
    static const char *const methods[] = {"linear", "adaptformer", "full"};
    const bench_options *o = b->options;
    const char *model = o->model ? o->model : "vit_base_patch16_224";
    const char *method = o->method ? o->method : "lora";
    if (o->model || o->method || o->batch_size) /* one figure alone */
        return add(b, suite, what, model, method, o->batch_size ? o->batch_size : 8, unit);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        CLI_TRY(add(b, suite, what, model, method, sizes[i], unit));
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
        CLI_TRY(add(b, suite, what, model, methods[i], 8, unit));
    return GRAFT_OK;
}

graft_status bench_add_models(bench *b, unsigned suites)
{
    static const char tiny[] = "vit_tiny_patch16_224";
    if (suites & BENCH_QUICK) {
        CLI_TRY(add(b, "quick", "train", tiny, "lora", 8, BENCH_IMAGES));
        CLI_TRY(add(b, "quick", "infer", tiny, "lora", 8, BENCH_IMAGES));
    }
    if (suites & BENCH_TRAIN)
        CLI_TRY(add_range(b, "train", "train", BENCH_IMAGES));
    if (suites & BENCH_INFER)
        CLI_TRY(add_range(b, "infer", "infer", BENCH_IMAGES));
    if (suites & BENCH_MEMORY)
        CLI_TRY(add_range(b, "memory", "train", BENCH_MIB));
    return GRAFT_OK;
}
