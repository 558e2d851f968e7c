/* The original JAX checkpoints: every element of a small one must land where timm has it.
 *
 * Each array gets values that tell where they came from: array number + position / 4096, exact in
 * f32. The expected index is written out per tensor, apart from the library's transposition. */
#include "support.h"

#include "base/mem.h"
#include "weights/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <zip.h>

enum { D = 6, HEADS = 2, WIDTH = 3, HIDDEN = 37, PATCH = 2, TOKENS = 5, CLASSES = 4, BLOCKS = 2 };
enum { NAME = 96 };

typedef struct array {
    char name[NAME];
    int rank;
    int dim[4];
} array;

typedef struct checkpoint {
    array arrays[64];
    int count;
} checkpoint;

static void add(checkpoint *c, const char *name, int rank, int d0, int d1, int d2, int d3)
{
    array *a = &c->arrays[c->count++];
    snprintf(a->name, sizeof(a->name), "%s", name);
    a->rank = rank;
    memcpy(a->dim, (int[]){d0, d1, d2, d3}, sizeof(a->dim));
}

static void add_block(checkpoint *c, int i)
{
    char name[NAME];
#define ADD(leaf, ...)                                                                             \
    (snprintf(name, sizeof(name), "Transformer/encoderblock_%d/%s", i, leaf),                      \
     add(c, name, __VA_ARGS__))
#define ATTENTION "MultiHeadDotProductAttention_1/"
    ADD("LayerNorm_0/bias", 1, D, 1, 1, 1);
    ADD("LayerNorm_0/scale", 1, D, 1, 1, 1);
    ADD("LayerNorm_2/bias", 1, D, 1, 1, 1);
    ADD("LayerNorm_2/scale", 1, D, 1, 1, 1);
    ADD("MlpBlock_3/Dense_0/bias", 1, HIDDEN, 1, 1, 1);
    ADD("MlpBlock_3/Dense_0/kernel", 2, D, HIDDEN, 1, 1);
    ADD("MlpBlock_3/Dense_1/bias", 1, D, 1, 1, 1);
    ADD("MlpBlock_3/Dense_1/kernel", 2, HIDDEN, D, 1, 1);
    ADD(ATTENTION "key/bias", 2, HEADS, WIDTH, 1, 1);
    ADD(ATTENTION "key/kernel", 3, D, HEADS, WIDTH, 1);
    ADD(ATTENTION "out/bias", 1, D, 1, 1, 1);
    ADD(ATTENTION "out/kernel", 3, HEADS, WIDTH, D, 1);
    ADD(ATTENTION "query/bias", 2, HEADS, WIDTH, 1, 1);
    ADD(ATTENTION "query/kernel", 3, D, HEADS, WIDTH, 1);
    ADD(ATTENTION "value/bias", 2, HEADS, WIDTH, 1, 1);
    ADD(ATTENTION "value/kernel", 3, D, HEADS, WIDTH, 1);
#undef ADD
}

static checkpoint make_checkpoint(void)
{
    checkpoint c = {0};
    add(&c, "Transformer/encoder_norm/bias", 1, D, 1, 1, 1);
    add(&c, "Transformer/encoder_norm/scale", 1, D, 1, 1, 1);
    for (int i = 0; i < BLOCKS; i++)
        add_block(&c, i);
    add(&c, "Transformer/posembed_input/pos_embedding", 3, 1, TOKENS, D, 1);
    add(&c, "cls", 3, 1, 1, D, 1);
    add(&c, "embedding/bias", 1, D, 1, 1, 1);
    add(&c, "embedding/kernel", 4, PATCH, PATCH, 3, D);
    add(&c, "head/bias", 1, CLASSES, 1, 1, 1);
    add(&c, "head/kernel", 2, D, CLASSES, 1, 1);
    return c;
}

static array *find(checkpoint *c, const char *name)
{
    for (int i = 0; i < c->count; i++)
        if (strcmp(c->arrays[i].name, name) == 0)
            return &c->arrays[i];
    fail_msg("no array %s", name);
    return NULL;
}

static void drop(checkpoint *c, const char *name)
{
    array *a = find(c, name);
    *a = c->arrays[--c->count];
}

static void put_checkpoint(fixture *f, checkpoint *c, const char *path)
{
    zip_member members[64];
    for (int i = 0; i < c->count; i++) {
        const array *a = &c->arrays[i];
        size_t count = 1;
        char header[160], shape[64] = "";
        for (int k = 0; k < a->rank; k++) {
            count *= (size_t)a->dim[k];
            sprintf(shape + strlen(shape), "%d,", a->dim[k]);
        }
        sprintf(header, "{'descr': '<f4', 'fortran_order': False, 'shape': (%s), }", shape);
        float *values = gr_alloc_array(f->memory, count, sizeof(float));
        for (size_t k = 0; k < count; k++)
            values[k] = (float)i + (float)k / 4096;
        char *name = gr_printf(f->memory, "%s.npy", a->name);
        members[i] = (zip_member){name, npy(f, 1, header, values, count * 4), ZIP_CM_STORE};
    }
    put_zip(path, members, (size_t)c->count);
}

/* The value at a position of a JAX array. */
static float at(checkpoint *c, int block, const char *name, int i, int j, int k, int l)
{
    char full[2 * NAME];
    if (block < 0)
        snprintf(full, sizeof(full), "%s", name);
    else
        snprintf(full, sizeof(full), "Transformer/encoderblock_%d/%s", block, name);
    const array *a = find(c, full);
    int position = ((i * a->dim[1] + j) * a->dim[2] + k) * a->dim[3] + l;
    return (float)(a - c->arrays) + (float)position / 4096;
}

/* Names outside the blocks have no prefix: block is -1. */
static void timm_name(char name[NAME], int block, const char *leaf)
{
    if (block < 0)
        snprintf(name, NAME, "%s", leaf);
    else
        snprintf(name, NAME, "blocks.%d.%s", block, leaf);
}

static void check_vector(checkpoint *c, const gr_tensors *t, int block, const char *jax,
                         const char *timm, int size)
{
    char name[NAME];
    float expected[64];
    for (int i = 0; i < size; i++)
        expected[i] = at(c, block, jax, i, 0, 0, 0);
    timm_name(name, block, timm);
    check_values(t, name, GR_SHAPE(size), expected);
}

static void check_linear(checkpoint *c, const gr_tensors *t, int block, const char *jax,
                         const char *timm, int out, int in)
{
    char name[NAME];
    float expected[256];
    for (int o = 0; o < out; o++)
        for (int i = 0; i < in; i++)
            expected[o * in + i] = at(c, block, jax, i, o, 0, 0);
    timm_name(name, block, timm);
    check_values(t, name, GR_SHAPE(out, in), expected);
}

static void check_attention(checkpoint *c, const gr_tensors *t, int block)
{
    static const char *const parts[] = {"query", "key", "value"};
    float weight[3 * D * D], bias[3 * D], proj[D * D];
    char name[NAME];
    for (int p = 0; p < 3; p++) {
        for (int h = 0; h < HEADS; h++) {
            for (int w = 0; w < WIDTH; w++) {
                int row = p * D + h * WIDTH + w;
                snprintf(name, sizeof(name), ATTENTION "%s/bias", parts[p]);
                bias[row] = at(c, block, name, h, w, 0, 0);
                snprintf(name, sizeof(name), ATTENTION "%s/kernel", parts[p]);
                for (int in = 0; in < D; in++)
                    weight[row * D + in] = at(c, block, name, in, h, w, 0);
            }
        }
    }
    for (int out = 0; out < D; out++)
        for (int h = 0; h < HEADS; h++)
            for (int w = 0; w < WIDTH; w++)
                proj[out * D + h * WIDTH + w] = at(c, block, ATTENTION "out/kernel", h, w, out, 0);
    snprintf(name, sizeof(name), "blocks.%d.attn.qkv.weight", block);
    check_values(t, name, GR_SHAPE(3 * D, D), weight);
    snprintf(name, sizeof(name), "blocks.%d.attn.qkv.bias", block);
    check_values(t, name, GR_SHAPE(3 * D), bias);
    snprintf(name, sizeof(name), "blocks.%d.attn.proj.weight", block);
    check_values(t, name, GR_SHAPE(D, D), proj);
    check_vector(c, t, block, ATTENTION "out/bias", "attn.proj.bias", D);
}

static void check_embedding(checkpoint *c, const gr_tensors *t)
{
    float patch[D * 3 * PATCH * PATCH], cls[D], position[TOKENS * D];
    for (int o = 0; o < D; o++)
        for (int i = 0; i < 3; i++)
            for (int y = 0; y < PATCH; y++)
                for (int x = 0; x < PATCH; x++)
                    patch[((o * 3 + i) * PATCH + y) * PATCH + x] =
                        at(c, -1, "embedding/kernel", y, x, i, o);
    for (int d = 0; d < D; d++) {
        cls[d] = at(c, -1, "cls", 0, 0, d, 0);
        for (int n = 0; n < TOKENS; n++)
            position[n * D + d] = at(c, -1, "Transformer/posembed_input/pos_embedding", 0, n, d, 0);
    }
    check_values(t, "patch_embed.proj.weight", GR_SHAPE(D, 3, PATCH, PATCH), patch);
    check_values(t, "cls_token", GR_SHAPE(1, 1, D), cls);
    check_values(t, "pos_embed", GR_SHAPE(1, TOKENS, D), position);
    check_vector(c, t, -1, "embedding/bias", "patch_embed.proj.bias", D);
}

static void every_element_lands_in_place(void **state)
{
    fixture *f = *state;
    const char *path = path_of(f, "vit.npz");
    checkpoint c = make_checkpoint();
    put_checkpoint(f, &c, path);
    gr_tensors *t;
    assert_int_equal(gr_backbone_load(f->log, path, &t), GRAFT_OK);
    assert_int_equal(gr_tensors_count(t), 4 + 12 * BLOCKS + 2 + 2);
    check_embedding(&c, t);
    assert_string_equal(gr_tensors_metadata(t, "graft.heads"), "2");
    assert_string_equal(gr_tensors_metadata(t, "graft.positions"), "bilinear-aligned");
    for (int i = 0; i < BLOCKS; i++) {
        check_vector(&c, t, i, "LayerNorm_0/scale", "norm1.weight", D);
        check_vector(&c, t, i, "LayerNorm_0/bias", "norm1.bias", D);
        check_vector(&c, t, i, "LayerNorm_2/scale", "norm2.weight", D);
        check_vector(&c, t, i, "LayerNorm_2/bias", "norm2.bias", D);
        check_linear(&c, t, i, "MlpBlock_3/Dense_0/kernel", "mlp.fc1.weight", HIDDEN, D);
        check_vector(&c, t, i, "MlpBlock_3/Dense_0/bias", "mlp.fc1.bias", HIDDEN);
        check_linear(&c, t, i, "MlpBlock_3/Dense_1/kernel", "mlp.fc2.weight", D, HIDDEN);
        check_vector(&c, t, i, "MlpBlock_3/Dense_1/bias", "mlp.fc2.bias", D);
        check_attention(&c, t, i);
    }
    check_vector(&c, t, -1, "Transformer/encoder_norm/scale", "norm.weight", D);
    check_vector(&c, t, -1, "Transformer/encoder_norm/bias", "norm.bias", D);
    check_linear(&c, t, -1, "head/kernel", "head.weight", CLASSES, D);
    check_vector(&c, t, -1, "head/bias", "head.bias", CLASSES);
    gr_tensors_destroy(&t);
}

/* All three kernels of block 1 with three heads of two channels instead. */
static void blocks_of_different_heads_are_named(void **state)
{
    static const char *const parts[] = {"query", "key", "value"};
    fixture *f = *state;
    const char *path = path_of(f, "vit.npz");
    checkpoint c = make_checkpoint();
    for (int i = 0; i < 3; i++) {
        char name[NAME];
        snprintf(name, sizeof(name), "Transformer/encoderblock_1/" ATTENTION "%s/kernel", parts[i]);
        memcpy(find(&c, name)->dim, (int[]){D, WIDTH, HEADS, 1}, sizeof(c.arrays[0].dim));
    }
    put_checkpoint(f, &c, path);
    gr_tensors *t;
    assert_error(f, gr_backbone_load(f->log, path, &t), GRAFT_ERR_UNSUPPORTED, path,
                 "encoderblock_1", "query/kernel", "3 heads", "2");
    assert_null(t);
}

static void the_head_may_be_absent(void **state)
{
    fixture *f = *state;
    const char *path = path_of(f, "vit.npz");
    checkpoint c = make_checkpoint();
    drop(&c, "head/kernel");
    drop(&c, "head/bias");
    put_checkpoint(f, &c, path);
    gr_tensors *t;
    assert_int_equal(gr_backbone_load(f->log, path, &t), GRAFT_OK);
    assert_null(gr_tensors_find(t, "head.weight"));
    assert_non_null(gr_tensors_find(t, "blocks.1.attn.qkv.weight"));
    gr_tensors_destroy(&t);
}

/* A head that sees what graft leaves out would be another one on the features. */
static void a_head_behind_another_layer_is_left_out(void **state)
{
    fixture *f = *state;
    const char *path = path_of(f, "vit.npz");
    checkpoint c = make_checkpoint();
    add(&c, "pre_logits/bias", 1, D, 1, 1, 1);
    add(&c, "pre_logits/kernel", 2, D, D, 1, 1);
    put_checkpoint(f, &c, path);
    gr_tensors *t;
    assert_int_equal(gr_backbone_load(f->log, path, &t), GRAFT_OK);
    assert_null(gr_tensors_find(t, "head.weight"));
    assert_null(gr_tensors_find(t, "head.bias"));
    gr_tensors_destroy(&t);
}

static void missing_arrays_are_named(void **state)
{
    static const char *const names[] = {
        "cls",
        "embedding/bias",
        "Transformer/encoder_norm/scale",
        "Transformer/encoderblock_0/LayerNorm_0/scale",
        "Transformer/encoderblock_1/MlpBlock_3/Dense_1/kernel",
        "Transformer/encoderblock_1/" ATTENTION "query/kernel",
        "Transformer/encoderblock_1/" ATTENTION "key/bias",
        "Transformer/encoderblock_0/" ATTENTION "out/kernel",
    };
    fixture *f = *state;
    const char *path = path_of(f, "vit.npz");
    gr_tensors *t;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        checkpoint c = make_checkpoint();
        drop(&c, names[i]);
        put_checkpoint(f, &c, path);
        assert_error(f, gr_backbone_load(f->log, path, &t), GRAFT_ERR_NOT_FOUND, path, names[i]);
        assert_null(t);
    }
}

static void wrong_shapes_are_named(void **state)
{
    static const struct {
        const char *name;
        array wrong;
        const char *shape;
    } cases[] = {
        {"cls", {.rank = 1, .dim = {D, 1, 1, 1}}, "[6]"},
        {"embedding/kernel", {.rank = 2, .dim = {12, D, 1, 1}}, "[12, 6]"},
        {"head/kernel", {.rank = 2, .dim = {0, 4, 1, 1}}, "[0, 4]"},
        {"Transformer/encoderblock_0/" ATTENTION "query/kernel",
         {.rank = 2, .dim = {D, D, 1, 1}},
         "[6, 6]"},
        {"Transformer/encoderblock_0/" ATTENTION "key/kernel",
         {.rank = 3, .dim = {D, HEADS, 4, 1}},
         "[6, 2, 4]"},
        {"Transformer/encoderblock_0/" ATTENTION "value/kernel",
         {.rank = 3, .dim = {D + 1, HEADS, WIDTH, 1}},
         "[7, 2, 3]"},
        {"Transformer/encoderblock_0/" ATTENTION "value/bias",
         {.rank = 2, .dim = {HEADS, 1, 1, 1}},
         "[2, 1]"},
    };
    fixture *f = *state;
    const char *path = path_of(f, "vit.npz");
    gr_tensors *t;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        checkpoint c = make_checkpoint();
        array *a = find(&c, cases[i].name);
        a->rank = cases[i].wrong.rank;
        memcpy(a->dim, cases[i].wrong.dim, sizeof(a->dim));
        put_checkpoint(f, &c, path);
        assert_error(f, gr_backbone_load(f->log, path, &t), GRAFT_ERR_SHAPE, path, cases[i].name,
                     cases[i].shape);
        assert_null(t);
    }
}

/* Such as the convolutional stem of a hybrid model. */
static void foreign_arrays_are_named(void **state)
{
    static const char *const names[] = {"conv_root/kernel",
                                        "Transformer/encoderblock_0/LayerNorm_1/scale"};
    fixture *f = *state;
    const char *path = path_of(f, "vit.npz");
    gr_tensors *t;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        checkpoint c = make_checkpoint();
        add(&c, names[i], 1, D, 1, 1, 1);
        put_checkpoint(f, &c, path);
        assert_error(f, gr_backbone_load(f->log, path, &t), GRAFT_ERR_UNSUPPORTED, path, names[i]);
        assert_null(t);
    }
}

static void a_gap_in_the_blocks_is_named(void **state)
{
    static const char name[] = "Transformer/encoderblock_3/LayerNorm_0/scale";
    fixture *f = *state;
    const char *path = path_of(f, "vit.npz");
    checkpoint c = make_checkpoint();
    gr_tensors *t;
    add(&c, name, 1, D, 1, 1, 1);
    put_checkpoint(f, &c, path);
    assert_error(f, gr_backbone_load(f->log, path, &t), GRAFT_ERR_NOT_FOUND, path, name, "block 2");
    assert_null(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_element_lands_in_place),
        TEST(the_head_may_be_absent),
        TEST(a_head_behind_another_layer_is_left_out),
        TEST(missing_arrays_are_named),
        TEST(wrong_shapes_are_named),
        TEST(blocks_of_different_heads_are_named),
        TEST(foreign_arrays_are_named),
        TEST(a_gap_in_the_blocks_is_named),
    };
    return RUN_TESTS(tests);
}
