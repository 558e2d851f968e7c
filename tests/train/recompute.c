/* Activations that are computed twice: the same gradients, to the last bit, in less memory. */
#include "support.h"

#include "model/backbone.h"

#include <stdlib.h>
#include <string.h>

static gr_trainer *open_trainer(const train_setup *s, const test_target *target,
                                graft_recompute recompute, uint64_t budget)
{
    gr_trainer_params params = train_params(s, target->device);
    params.recompute = recompute;
    params.memory_budget = budget;
    params.drop_path = 0.2f;
    return train_create(s, &params);
}

static void gradients_are_the_same(void **state)
{
    static const char *const methods[] = {"freqfit+rlrr+lora+convpass", "full", "vpt_deep"};
    for (size_t m = 0; m < sizeof(methods) / sizeof(methods[0]); m++) {
        train_setup s;
        float losses[2], *gradients[2];
        size_t count;
        train_setup_open(&s, ((test_target *)*state)->devices->log, methods[m], 3);
        for (int i = 0; i < 2; i++) {
            gr_trainer *t =
                open_trainer(&s, *state, i ? GRAFT_RECOMPUTE_ALWAYS : GRAFT_RECOMPUTE_NEVER, 0);
            gradients[i] = train_gradients(&s, t, 1, &losses[i], &count);
            gr_trainer_destroy(t);
        }
        assert_true(train_largest(gradients[0], count) > 0.0f);
        if (memcmp(gradients[0], gradients[1], count * sizeof(float)) != 0)
            fail_msg("%s: other gradients", methods[m]);
        assert_memory_equal(&losses[0], &losses[1], sizeof(float));
        free(gradients[0]);
        free(gradients[1]);
        train_setup_close(&s);
    }
}

/* A budget that not even one image fits asks for it, unless it is told not to. */
static void a_budget_asks_for_it(void **state)
{
    const test_target *target = *state;
    train_setup s;
    uint64_t bytes[2];
    gr_trainer *t = NULL;
    train_setup_open(&s, target->devices->log, "lora", 1);
    gr_model_config deep = s.config;
    deep.depth = 8;
    train_setup_remodel(&s, &deep);
    for (int i = 0; i < 2; i++) {
        uint64_t before = target->device->allocated_bytes;
        t = open_trainer(&s, target, i ? GRAFT_RECOMPUTE_ALWAYS : GRAFT_RECOMPUTE_NEVER, 0);
        bytes[i] = target->device->allocated_bytes - before;
        gr_trainer_destroy(t);
    }
    assert_true(bytes[1] < bytes[0]);
    uint64_t budget = target->device->allocated_bytes + (bytes[0] + bytes[1]) / 2;
    gr_trainer_params params = train_params(&s, target->device);
    params.memory_budget = budget;
    t = train_create(&s, &params);
    assert_true(target->device->allocated_bytes <= budget);
    gr_trainer_destroy(t);
    params.recompute = GRAFT_RECOMPUTE_NEVER;
    assert_int_equal(gr_trainer_create(s.log, &params, &t), GRAFT_ERR_DEVICE_MEMORY);
    train_setup_close(&s);
}

/* ---- Figures of published models, by the allocator of the null device ------------------------ */

/* Tensors of zeros: nobody reads them. */
static gr_tensors *zeros(graft_log *log, const gr_model_config *config, const gr_methods *methods)
{
    gr_graph *graph = gr_graph_create(log);
    gr_tensors *tensors = gr_tensors_create();
    int64_t size = config->image_size;
    gr_build build = {.graph = graph, .config = config, .methods = methods, .batch = 1};
    gr_model_logits(&build, gr_graph_input(graph, "images", GR_F32, GR_SHAPE(1, 3, size, size)));
    TEST_OK(log, gr_graph_status(graph));
    for (int i = 0; i < gr_graph_count(graph); i++) {
        const gr_value *v = gr_graph_at(graph, i);
        void *data;
        if (v->kind == GR_VALUE_FROZEN)
            TEST_OK(log, gr_tensors_add_new(log, tensors, v->name, GR_F32, v->shape, &data));
    }
    gr_graph_destroy(graph);
    return tensors;
}

typedef struct figure {
    const char *model;
    int batch;
    graft_weights weights;
    graft_recompute recompute;
    uint64_t most_mib;
} figure;

/* Whole batches, none of which is cut into micro-batches. */
static void check_figure(graft_log *log, gr_device *device, const figure *f)
{
    gr_methods *methods;
    gr_model_config config = *gr_model_preset(f->model);
    config.classes = 100;
    TEST_OK(log, gr_methods_parse(log, "lora", &methods));
    gr_tensors *weights = zeros(log, &config, methods);
    gr_trainer_params params = {
        .device = device,
        .config = &config,
        .methods = methods,
        .weights = weights,
        .batch = f->batch,
        .optimizer = {GRAFT_OPTIMIZER_ADAMW, 0.05f, 0.9f, 0.999f, 1e-8f, 0.0f},
        .kept_weights = f->weights,
        .recompute = f->recompute,
        .memory_budget = device->allocated_bytes + (f->most_mib << 20),
    };
    gr_trainer *t = NULL;
    TEST_OK(log, gr_trainer_create(log, &params, &t));
    if (gr_trainer_micro_batch(t) != f->batch)
        fail_msg("%s: %d images do not fit %llu MiB at once", f->model, f->batch,
                 (unsigned long long)f->most_mib);
    gr_trainer_destroy(t);
    gr_tensors_destroy(&weights);
    gr_methods_destroy(methods);
}

static void published_models_fit(void **state)
{
    const test_target *target = *state;
    graft_log *log = target->devices->log;
    graft_device *null;
    if (strncmp(target->device->info.id, "reference", 9) != 0)
        return; /* once is enough */
    TEST_OK(log, graft_device_open(log, "null:0", "", &null));
    const figure figures[] = {
        {"vit_base_patch16_224", 64, GRAFT_WEIGHTS_F32, GRAFT_RECOMPUTE_ALWAYS, 2100},
        {"vit_large_patch16_224", 8, GRAFT_WEIGHTS_BF16, GRAFT_RECOMPUTE_ALWAYS, 1024},
        {"vit_huge_patch14_224", 4, GRAFT_WEIGHTS_F32, GRAFT_RECOMPUTE_NEVER, 4700},
    };
    for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++)
        check_figure(log, gr_device_from_public(null), &figures[i]);
    graft_device_close(&null);
}

int main(void)
{
    const test_case cases[] = {
        TEST_CASE(gradients_are_the_same),
        TEST_CASE(a_budget_asks_for_it),
        TEST_CASE(published_models_fit),
    };
    return TEST_RUN("train recompute", cases, TEST_EXECUTING);
}
