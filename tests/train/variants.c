/* What published vision transformers have beside a plain one: logits of the library's own model,
 * and gradients of every tensor. tests/train/variants.py made the numbers. */
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 16, CLASSES = 5 };

typedef struct variant {
    const char *name;
    void (*change)(gr_model_config *c); /* of a ViT with 2 blocks of width 24, MLP of 48, 2 heads */
    float logits[CLASSES];
    int unbiased; /* bits 1, 2, 4: query, key, value have no bias */
} variant;

static void distilled(gr_model_config *c)
{
    c->distilled = true;
}

static void patches_alone(gr_model_config *c)
{
    c->no_class_token = true;
    c->pool = GR_POOL_AVG;
}

static void normed_mean(gr_model_config *c)
{
    c->no_class_token = true;
    c->pool = GR_POOL_NORMED_AVG;
}

static void beit(gr_model_config *c)
{
    c->positions = GR_POSITIONS_NONE;
    c->layer_scale = c->relative_bias = true;
    c->pool = GR_POOL_AVG;
}

static void beit_shared(gr_model_config *c)
{
    beit(c);
    c->relative_bias = false;
    c->shared_relative_bias = true;
}

static void eva02(gr_model_config *c)
{
    c->swiglu = c->attn_norm = c->mlp_norm = true;
    c->rope = GR_ROPE_EVA02;
    c->pool = GR_POOL_AVG;
}

static void siglip(gr_model_config *c)
{
    c->no_class_token = true;
    c->activation = GR_FUNC_GELU_TANH;
    c->pool = GR_POOL_MAP;
}

static void dinov3(gr_model_config *c)
{
    c->positions = GR_POSITIONS_NONE;
    c->registers = 2;
    c->layer_scale = true;
    c->rope = GR_ROPE_DINOV3;
}

static const variant variants[] = {
    {"distilled", distilled, {-1.495139f, -1.577479f, 0.1310204f, 1.846811f, 1.758476f}},
    {"patches alone",
     patches_alone,
     {-0.4802597f, 0.854496f, -0.6148582f, 0.7609127f, -0.00204429f}},
    {"BEiT", beit, {0.02160529f, -0.1139169f, 0.5397324f, -0.2455841f, 0.5649624f}},
    {"BEiT with shared positions",
     beit_shared,
     {0.02150291f, -0.1137444f, 0.5395397f, -0.245427f, 0.5648865f}},
    {"SigLIP", siglip, {0.5648282f, -0.3505036f, 0.4011874f, 0.2279818f, -0.1065197f}},
    {"EVA02", eva02, {-0.1718591f, 0.2898835f, 0.0425022f, 0.2011202f, 0.2981119f}, 2},
    {"DINOv3", dinov3, {-2.748218f, 1.624743f, 0.3356052f, -1.635087f, 3.145813f}, 7},
    {"mean of normed patches",
     normed_mean,
     {-0.5523605f, 0.8363419f, -0.5117051f, 0.6026249f, 0.1655514f}},
};

enum { VARIANTS = sizeof(variants) / sizeof(variants[0]) };

static void open_variant(train_setup *s, graft_log *log, const variant *v, const char *methods,
                         int batch)
{
    train_setup_open(s, log, methods, batch);
    gr_model_config config = s->config;
    assert_int_equal(config.image_size, SIDE);
    config.heads = 2;
    config.hidden = 48;
    v->change(&config);
    train_setup_remodel(s, &config);
}

static void clear_biases(const gr_tensors *weights, int64_t dim, int parts)
{
    for (size_t i = 0; i < gr_tensors_count(weights); i++) {
        const gr_tensor *t = gr_tensors_at(weights, i);
        for (int64_t k = 0; strstr(t->name, "attn.qkv.bias") && k < 3 * dim; k++)
            if (parts >> k / dim & 1)
                ((float *)t->data)[k] = 0.0f;
    }
}

static void logits_are_those_of_the_library(void **state)
{
    const test_target *target = *state;
    float logits[CLASSES], image[3 * SIDE * SIDE];
    for (int i = 0; i < 3 * SIDE * SIDE; i++)
        image[i] = (float)sin(0.11 * i);
    for (int i = 0; i < VARIANTS; i++) {
        train_setup s;
        open_variant(&s, target->devices->log, &variants[i], "linear", 1);
        train_fill(s.weights);
        train_fill(s.adapter);
        clear_biases(s.weights, s.config.dim, variants[i].unbiased);
        gr_trainer_params params = train_params(&s, target->device);
        gr_trainer *trainer = train_create(&s, &params);
        TEST_OK(s.log, gr_trainer_logits(trainer, image, 1, logits));
        print_message("%s\n", variants[i].name);
        train_assert_close(logits, variants[i].logits, CLASSES, 1e-5);
        gr_trainer_destroy(trainer);
        train_setup_close(&s);
    }
}

static void every_tensor_gets_a_gradient(void **state)
{
    const test_target *target = *state;
    for (int v = 0; v < VARIANTS; v++) {
        train_setup s;
        open_variant(&s, target->devices->log, &variants[v], "full", 2);
        gr_trainer_params params = train_params(&s, target->device);
        train_assert_every_gradient(&s, &params, variants[v].name);
        train_setup_close(&s);
    }
}

/* Prompts and filters stand behind whatever tokens there are. */
static void methods_work_on_each(void **state)
{
    const test_target *target = *state;
    static const char *const methods[] = {"convpass+lora+ssf", "vpt_deep+boft", "freqfit+rlrr"};
    for (int v = 0; v < VARIANTS; v++)
        for (size_t m = 0; m < sizeof(methods) / sizeof(methods[0]); m++) {
            train_setup s;
            open_variant(&s, target->devices->log, &variants[v], methods[m], 3);
            train_assert_splits_agree(&s, train_params(&s, target->device), (int[]){2}, 1);
            train_setup_close(&s);
        }
}

/* The kernels have tests of their own: one device tells what the network is. */
int main(void)
{
    const test_case cases[] = {
        TEST_CASE(logits_are_those_of_the_library),
        TEST_CASE(every_tensor_gets_a_gradient),
        TEST_CASE(methods_work_on_each),
    };
    return TEST_RUN("train variants", cases, TEST_REFERENCE);
}
