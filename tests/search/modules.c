/* NOAH's modules by their formulas: folded into the weights around them, or in the place where
 * another method has the same. */
#include "train/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 2, CLASSES = 5, WIDTH = 3, COUNT = BATCH * CLASSES };

/* NOAH with `module` alone, WIDTH wide. */
static void open_module(train_setup *s, const test_target *target, const char *module)
{
    static const char *const modules[] = {"lora", "adapter", "prompts"};
    train_setup_open(s, target->devices->log, "noah", BATCH);
    for (int i = 0; i < 3; i++) {
        char key[32];
        snprintf(key, sizeof(key), "noah.%s", modules[i]);
        train_setup_reshape(s, key, strcmp(modules[i], module) == 0 ? "3" : "0");
    }
}

static void logits_of(const train_setup *s, const gr_tensors *adapter, gr_device *device,
                      float out[COUNT])
{
    gr_trainer_params params = train_params(s, device);
    params.adapter = adapter;
    gr_trainer *trainer = train_create(s, &params);
    TEST_OK(s->log, gr_trainer_logits(trainer, s->images, BATCH, out));
    gr_trainer_destroy(trainer);
}

static float *tensor(gr_tensors *tensors, int block, const char *name, int64_t count)
{
    char full[80];
    snprintf(full, sizeof(full), "blocks.%d.%s", block, name);
    const gr_tensor *t = gr_tensors_find(tensors, full);
    assert_non_null(t);
    assert_int_equal(t->dtype, GR_F32);
    assert_int_equal(gr_tensor_count(t), count);
    return (float *)t->data;
}

/* out [m, n] += a [m, k] b [k, n] */
static void add_product(const float *a, const float *b, int m, int k, int n, float *out)
{
    for (int i = 0; i < m; i++)
        for (int j = 0; j < k; j++)
            for (int l = 0; l < n; l++)
                out[i * n + l] += a[i * k + j] * b[j * n + l];
}

static void zero(float *values, int count)
{
    memset(values, 0, (size_t)count * sizeof(*values));
}

/* qkv: W x + B A x = (W + B A) x */
static void fold_lora(train_setup *s, int block)
{
    int dim = s->config.dim;
    float *down = tensor(s->adapter, block, "attn.qkv.lora_A.weight", WIDTH * dim);
    float *up = tensor(s->adapter, block, "attn.qkv.lora_B.weight", 3 * dim * WIDTH);
    float *weight = tensor(s->weights, block, "attn.qkv.weight", 3 * dim * dim);
    add_product(up, down, 3 * dim, WIDTH, dim, weight);
    zero(up, 3 * dim * WIDTH);
}

/* What the bottleneck makes of any input when its weights are zero: quick GELU of its bias. */
static void set_constant(train_setup *s, int block)
{
    zero(tensor(s->adapter, block, "mlp.adapter.down.weight", WIDTH * s->config.dim),
         WIDTH * s->config.dim);
}

/* v + W2 q(b1) + b2 of v = fc2(..) is an fc2 with another bias. */
static void fold_constant(train_setup *s, int block)
{
    int dim = s->config.dim;
    float *up = tensor(s->adapter, block, "mlp.adapter.up.weight", dim * WIDTH), hidden[WIDTH];
    float *up_bias = tensor(s->adapter, block, "mlp.adapter.up.bias", dim);
    const float *down_bias = tensor(s->adapter, block, "mlp.adapter.down.bias", WIDTH);
    float *bias = tensor(s->weights, block, "mlp.fc2.bias", dim);
    for (int i = 0; i < WIDTH; i++)
        hidden[i] = down_bias[i] / (1.0f + expf(-1.702f * down_bias[i]));
    add_product(up, hidden, dim, WIDTH, 1, bias);
    for (int i = 0; i < dim; i++)
        bias[i] += up_bias[i];
    zero(up, dim * WIDTH);
    zero(up_bias, dim);
}

/* Far from zero quick GELU is the identity. */
static void set_linear(train_setup *s, int block)
{
    float *bias = tensor(s->adapter, block, "mlp.adapter.down.bias", WIDTH);
    for (int i = 0; i < WIDTH; i++)
        bias[i] = 40.0f + (float)i;
}

/* v + W2 (W1 v + b1) + b2 = (1 + W2 W1) v + W2 b1 + b2 */
static void fold_linear(train_setup *s, int block)
{
    int dim = s->config.dim, hidden = s->config.hidden;
    float *up = tensor(s->adapter, block, "mlp.adapter.up.weight", dim * WIDTH);
    float *up_bias = tensor(s->adapter, block, "mlp.adapter.up.bias", dim);
    float *down = tensor(s->adapter, block, "mlp.adapter.down.weight", WIDTH * dim);
    float *down_bias = tensor(s->adapter, block, "mlp.adapter.down.bias", WIDTH);
    float *weight = tensor(s->weights, block, "mlp.fc2.weight", dim * hidden);
    float *bias = tensor(s->weights, block, "mlp.fc2.bias", dim);
    float *weight_part = calloc((size_t)(WIDTH * hidden), sizeof(float)), bias_part[WIDTH] = {0};
    assert_non_null(weight_part);
    add_product(down, weight, WIDTH, dim, hidden, weight_part);
    add_product(down, bias, WIDTH, dim, 1, bias_part);
    add_product(up, weight_part, dim, WIDTH, hidden, weight);
    add_product(up, bias_part, dim, WIDTH, 1, bias);
    add_product(up, down_bias, dim, WIDTH, 1, bias);
    for (int i = 0; i < dim; i++)
        bias[i] += up_bias[i];
    zero(up, dim * WIDTH);
    zero(up_bias, dim);
    free(weight_part);
}

/* The logits with the module are those with it folded into the weights. */
static void check_folding(const test_target *target, const char *module,
                          void (*set)(train_setup *, int), void (*fold)(train_setup *, int))
{
    train_setup s;
    float expected[COUNT], found[COUNT];
    open_module(&s, target, module);
    for (int i = 0; set && i < s.config.depth; i++)
        set(&s, i);
    logits_of(&s, s.adapter, target->device, expected);
    for (int i = 0; i < s.config.depth; i++)
        fold(&s, i);
    logits_of(&s, s.adapter, target->device, found);
    train_assert_close(found, expected, COUNT, 1e-5);
    train_setup_close(&s);
}

static void lora_is_an_update_of_qkv(void **state)
{
    check_folding(*state, "lora", NULL, fold_lora);
}

static void adapter_follows_the_mlp(void **state)
{
    check_folding(*state, "adapter", set_constant, fold_constant);
    check_folding(*state, "adapter", set_linear, fold_linear);
}

/* Where they stand matters to nothing: attention does not know an order. */
static void prompts_are_deep_prompts(void **state)
{
    const test_target *target = *state;
    train_setup noah, vpt;
    float expected[COUNT], found[COUNT];
    open_module(&noah, target, "prompts");
    train_setup_open(&vpt, target->devices->log, "vpt_deep", BATCH);
    train_setup_reshape(&vpt, "vpt_deep.num_tokens", "3");
    logits_of(&vpt, noah.adapter, target->device, expected);
    logits_of(&noah, noah.adapter, target->device, found);
    train_assert_close(found, expected, COUNT, 1e-5);
    train_setup_close(&noah);
    train_setup_close(&vpt);
}

int main(void)
{
    const test_case cases[] = {
        TEST_CASE(lora_is_an_update_of_qkv),
        TEST_CASE(adapter_follows_the_mlp),
        TEST_CASE(prompts_are_deep_prompts),
    };
    return TEST_RUN("search modules", cases, TEST_EXECUTING);
}
