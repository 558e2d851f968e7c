/* Training steps of a vision transformer with random weights.
 *
 *     train_step [--device ID] [--model NAME] [--method NAMES] [--batch N] [--profile]
 *
 * Answers with the time of a step, see sample.h; with --profile it prints the time of each kernel
 * in one step instead. */
#include "bench/sample.h"
#include "device/device.h"
#include "model/vit.h"
#include "ops/ops.h"
#include "peft/compose.h"
#include "train/trainer.h"

#include <graft/device.h>

enum { CLASSES = 100 };

typedef struct bench {
    graft_log *log;
    graft_device *device;
    gr_methods *methods;
    gr_tensors *weights;
    gr_trainer *trainer;
    float *images;
    int32_t *labels;
    uint64_t step;
} bench;

static void print_message(void *user, graft_log_level level, const char *text)
{
    (void)user;
    fprintf(level == GRAFT_LOG_INFO ? stdout : stderr, "%s\n", text);
}

/* Numbers in [-1, 1), quickly. */
static void fill_random(float *x, int64_t count, float scale, uint32_t seed)
{
    for (int64_t i = 0; i < count; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = ((float)(seed >> 8) * 0x1p-23f - 1.0f) * scale;
    }
}

/* A tensor of the backbone, whether it is frozen or a method trains it. */
static bool is_weight(const bench *b, const gr_value *v)
{
    return v->kind == GR_VALUE_FROZEN ||
           (v->kind == GR_VALUE_PARAM && gr_methods_train(b->methods, v->name));
}

/* The backbone's tensors, found by building the model without values. */
static graft_status random_weights(bench *b, const gr_model_config *config)
{
    gr_graph *graph = gr_graph_create(b->log);
    b->weights = gr_tensors_create();
    if (!graph || !b->weights)
        return GRAFT_ERR_MEMORY;
    int64_t size = config->image_size;
    gr_build build = {.graph = graph, .config = config, .methods = b->methods, .batch = 1};
    gr_vit_logits(&build, gr_graph_input(graph, "images", GR_F32, GR_SHAPE(1, 3, size, size)));
    graft_status status = gr_graph_status(graph);
    for (int i = 0; i < gr_graph_count(graph) && status == GRAFT_OK; i++) {
        const gr_value *v = gr_graph_at(graph, i);
        void *data;
        if (!is_weight(b, v))
            continue;
        status = gr_tensors_add_new(b->log, b->weights, v->name, GR_F32, v->shape, &data);
        if (status == GRAFT_OK)
            fill_random(data, gr_shape_count(&v->shape), 0.05f, (uint32_t)i);
    }
    gr_graph_destroy(graph);
    return status;
}

static graft_status make_batch(bench *b, const gr_model_config *config, int batch)
{
    int64_t count = 3LL * batch * config->image_size * config->image_size;
    b->images = malloc((size_t)count * sizeof(*b->images));
    b->labels = malloc((size_t)batch * sizeof(*b->labels));
    if (!b->images || !b->labels)
        return GRAFT_ERR_MEMORY;
    fill_random(b->images, count, 1.0f, 1);
    for (int i = 0; i < batch; i++)
        b->labels[i] = i * 37 % CLASSES;
    return GRAFT_OK;
}

static int step(void *user)
{
    bench *b = user;
    float loss;
    graft_status status = gr_trainer_gradients(b->trainer, b->images, b->labels, b->step, &loss);
    if (status == GRAFT_OK)
        status = gr_trainer_update(b->trainer, b->step++, 1e-3f);
    if (status == GRAFT_OK)
        status = gr_device_wait(gr_device_from_public(b->device)); /* the update is not left over */
    return status != GRAFT_OK || !(loss < 1e3f);
}

static graft_status prepare(bench *b, const char *device, const char *model, const char *methods,
                            int batch, bool profile)
{
    const gr_model_config *preset = gr_model_preset(model);
    if (!preset)
        return gr_fail(b->log, GRAFT_ERR_ARGUMENT, "%s: no such model", model);
    gr_model_config config = *preset;
    config.classes = CLASSES;
    GR_TRY(graft_device_open(b->log, device, NULL, &b->device));
    GR_TRY(gr_methods_parse(b->log, methods, &b->methods));
    GR_TRY(random_weights(b, &config));
    GR_TRY(make_batch(b, &config, batch));
    gr_trainer_params params = {
        .device = gr_device_from_public(b->device),
        .config = &config,
        .methods = b->methods,
        .weights = b->weights,
        .batch = batch,
        .optimizer = {GRAFT_OPTIMIZER_ADAMW, 0.05f, 0.9f, 0.999f, 1e-8f, 0.0f},
        .profile = profile,
    };
    GR_TRY(gr_trainer_create(b->log, &params, &b->trainer));
    gr_tensors_destroy(&b->weights);
    const graft_device_info *info = graft_device_get_info(b->device);
    printf("device %s, %s, %s\nbatch %d\n", info->id, info->name, info->driver, batch);
    return GRAFT_OK;
}

int main(int argc, char **argv)
{
    const char *device = NULL, *model = "vit_base_patch16_224", *methods = "lora";
    int batch = 8;
    bool profile = false;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--profile") == 0)
            profile = true;
        else if (strcmp(argv[i], "--device") == 0)
            device = value, i++;
        else if (strcmp(argv[i], "--model") == 0)
            model = value, i++;
        else if (strcmp(argv[i], "--method") == 0)
            methods = value, i++;
        else if (strcmp(argv[i], "--batch") == 0)
            batch = atoi(value), i++;
        else
            return fprintf(stderr, "train_step: %s: unknown\n", argv[i]), 2;
    }
    graft_log_params log = {.callback = print_message, .level = GRAFT_LOG_INFO};
    bench b = {.log = graft_log_create(&log)};
    int failed = prepare(&b, device, model, methods, batch, profile) != GRAFT_OK;
    for (int i = 0; i < 2 && !failed; i++) /* the first one compiles */
        failed = step(&b);
    if (!failed && profile)
        failed = gr_trainer_profile(b.trainer) != GRAFT_OK;
    else if (!failed)
        failed = sample_serve(step, &b, 0.0);
    uint64_t peak = 0;
    if (b.device)
        graft_device_memory(b.device, &peak);
    printf("device_peak_mib %.0f\nprocess_peak_mib %.0f\n", (double)peak / 0x1p20,
           sample_peak_mib());
    gr_trainer_destroy(b.trainer);
    gr_methods_destroy(b.methods);
    gr_tensors_destroy(&b.weights);
    free(b.images);
    free(b.labels);
    graft_device_close(&b.device);
    graft_log_destroy(&b.log);
    return failed;
}
