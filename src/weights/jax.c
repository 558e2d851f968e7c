#include "weights/jax.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

/* How a JAX array becomes a timm tensor. */
typedef enum axes {
    FLAT_1,  /* any shape -> [all] */
    SAME,    /* shape kept */
    LINEAR,  /* [in.., out] -> [out, in] */
    PATCHES, /* [height, width, in, out] -> [out, in, height, width] */
} axes;

typedef struct mapping {
    const char *jax, *timm;
    axes axes;
    int rank; /* of the JAX array */
    bool optional;
} mapping;

static const mapping outer[] = {
    {"cls", "cls_token", SAME, 3},
    {"Transformer/posembed_input/pos_embedding", "pos_embed", SAME, 3},
    {"embedding/kernel", "patch_embed.proj.weight", PATCHES, 4},
    {"embedding/bias", "patch_embed.proj.bias", FLAT_1, 1},
    {"Transformer/encoder_norm/scale", "norm.weight", FLAT_1, 1},
    {"Transformer/encoder_norm/bias", "norm.bias", FLAT_1, 1},
    {"head/kernel", "head.weight", LINEAR, 2, true},
    {"head/bias", "head.bias", FLAT_1, 1, true},
};

/* Below Transformer/encoderblock_{i}/ and blocks.{i}. */
static const mapping block[] = {
    {"LayerNorm_0/scale", "norm1.weight", FLAT_1, 1},
    {"LayerNorm_0/bias", "norm1.bias", FLAT_1, 1},
    {"MultiHeadDotProductAttention_1/out/kernel", "attn.proj.weight", LINEAR, 3},
    {"MultiHeadDotProductAttention_1/out/bias", "attn.proj.bias", FLAT_1, 1},
    {"LayerNorm_2/scale", "norm2.weight", FLAT_1, 1},
    {"LayerNorm_2/bias", "norm2.bias", FLAT_1, 1},
    {"MlpBlock_3/Dense_0/kernel", "mlp.fc1.weight", LINEAR, 2},
    {"MlpBlock_3/Dense_0/bias", "mlp.fc1.bias", FLAT_1, 1},
    {"MlpBlock_3/Dense_1/kernel", "mlp.fc2.weight", LINEAR, 2},
    {"MlpBlock_3/Dense_1/bias", "mlp.fc2.bias", FLAT_1, 1},
};

#define NAME_BYTES 128

typedef struct converter {
    graft_log *log;
    gr_tensors *jax, *timm;
} converter;

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void block_names(int i, const char *jax, const char *timm, char jax_name[NAME_BYTES],
                        char timm_name[NAME_BYTES])
{
    snprintf(jax_name, NAME_BYTES, "Transformer/encoderblock_%d/%s", i, jax);
    snprintf(timm_name, NAME_BYTES, "blocks.%d.%s", i, timm);
}

/* in[a, b, c] -> out[c, b, a]. Sixteen rows of `in` at a time, so that every visit to `out` fills a
 * cache line. */
static void reverse_axes(const float *in, int64_t a, int64_t b, int64_t c, float *out)
{
    enum { ROWS = 16 };
    for (int64_t start = 0; start < a; start += ROWS) {
        int64_t end = start + ROWS < a ? start + ROWS : a;
        for (int64_t j = 0; j < b; j++)
            for (int64_t k = 0; k < c; k++)
                for (int64_t i = start; i < end; i++)
                    out[(k * b + j) * a + i] = in[(i * b + j) * c + k];
    }
}

/* Empty arrays are refused: the size of the others bounds every product of their dimensions. */
static graft_status find_array(const converter *c, const char *name, int rank,
                               const gr_tensor **tensor)
{
    GR_TRY(gr_tensors_get(c->log, c->jax, name, tensor));
    if ((*tensor)->shape.rank == rank && (*tensor)->size_bytes > 0)
        return GRAFT_OK;
    char text[GR_SHAPE_TEXT];
    return gr_fail(c->log, GRAFT_ERR_SHAPE,
                   "%s: tensor %s: expected %d dimensions, none of them zero, found %s",
                   gr_tensors_source(c->jax), name, rank, gr_shape_text(&(*tensor)->shape, text));
}

/* The values of a JAX array as F32, in memory of their own; drops the original. */
static graft_status take_values(const converter *c, const char *name, int rank,
                                const gr_tensor **tensor, float **values)
{
    GR_TRY(find_array(c, name, rank, tensor));
    *values = gr_alloc_array(NULL, (size_t)gr_tensor_count(*tensor), sizeof(float));
    if (!*values)
        return gr_fail(c->log, GRAFT_ERR_MEMORY, "%s: no memory to convert it", name);
    gr_tensor_to_f32(*tensor, *values);
    gr_tensors_drop_data(c->jax, *tensor);
    return GRAFT_OK;
}

static gr_shape timm_shape(const gr_shape *s, axes how)
{
    int last = s->rank - 1;
    switch (how) {
    case FLAT_1:
        return GR_SHAPE(gr_shape_count(s));
    case SAME:
        return *s;
    case LINEAR:
        return GR_SHAPE(s->dim[last], gr_shape_span(s, 0, last));
    case PATCHES:
        return GR_SHAPE(s->dim[3], s->dim[2], s->dim[0], s->dim[1]);
    }
    return *s;
}

static graft_status convert(const converter *c, const char *jax_name, const char *timm_name,
                            const mapping *m)
{
    if (m->optional && !gr_tensors_find(c->jax, jax_name))
        return GRAFT_OK;
    const gr_tensor *tensor;
    float *values;
    void *out;
    GR_TRY(take_values(c, jax_name, m->rank, &tensor, &values));
    const gr_shape *s = &tensor->shape;
    gr_shape shape = timm_shape(s, m->axes);
    graft_status status = gr_tensors_add_new(c->log, c->timm, timm_name, GR_F32, shape, &out);
    if (status == GRAFT_OK) {
        if (m->axes == LINEAR)
            reverse_axes(values, shape.dim[1], 1, shape.dim[0], out);
        else if (m->axes == PATCHES)
            reverse_axes(values, s->dim[0] * s->dim[1], s->dim[2], s->dim[3], out);
        else
            memcpy(out, values, (size_t)gr_shape_count(s) * sizeof(float));
    }
    gr_free(values);
    return status;
}

/* Puts query, key or value, the `part`-th third of the rows, into attn.qkv. Kernels are
 * [in, heads, head width], biases [heads, head width]. */
static graft_status convert_third(const converter *c, const char *jax_name, bool kernel, int part,
                                  const gr_shape *shape, float *qkv)
{
    const gr_tensor *tensor;
    float *values;
    GR_TRY(take_values(c, jax_name, kernel ? 3 : 2, &tensor, &values));
    int64_t in = kernel ? tensor->shape.dim[0] : 1;
    int64_t out = gr_shape_span(&tensor->shape, kernel, kernel + 2);
    graft_status status = GRAFT_OK;
    char text[GR_SHAPE_TEXT];
    if (3 * out != shape->dim[0] || (kernel && in != shape->dim[1]))
        status =
            gr_fail(c->log, GRAFT_ERR_SHAPE, "%s: tensor %s: shape %s differs from that of query",
                    gr_tensors_source(c->jax), jax_name, gr_shape_text(&tensor->shape, text));
    else
        reverse_axes(values, in, 1, out, qkv + part * out * in);
    gr_free(values);
    return status;
}

static graft_status convert_qkv(const converter *c, int i, bool kernel)
{
    static const char *const parts[] = {"query", "key", "value"};
    const char *leaf = kernel ? "kernel" : "bias";
    char jax_name[NAME_BYTES], timm_name[NAME_BYTES], path[64];
    gr_shape shape = {0};
    void *qkv = NULL;
    for (int part = 0; part < 3; part++) {
        snprintf(path, sizeof(path), "MultiHeadDotProductAttention_1/%s/%s", parts[part], leaf);
        block_names(i, path, kernel ? "attn.qkv.weight" : "attn.qkv.bias", jax_name, timm_name);
        if (part == 0) {
            const gr_tensor *query;
            GR_TRY(find_array(c, jax_name, kernel ? 3 : 2, &query));
            int64_t in = query->shape.dim[0];
            int64_t out = gr_shape_span(&query->shape, kernel, query->shape.rank);
            shape = kernel ? GR_SHAPE(3 * out, in) : GR_SHAPE(3 * out);
            GR_TRY(gr_tensors_add_new(c->log, c->timm, timm_name, GR_F32, shape, &qkv));
        }
        GR_TRY(convert_third(c, jax_name, kernel, part, &shape, qkv));
    }
    return GRAFT_OK;
}

static graft_status convert_block(const converter *c, int i)
{
    char jax_name[NAME_BYTES], timm_name[NAME_BYTES];
    for (size_t k = 0; k < COUNT(block); k++) {
        block_names(i, block[k].jax, block[k].timm, jax_name, timm_name);
        GR_TRY(convert(c, jax_name, timm_name, &block[k]));
    }
    GR_TRY(convert_qkv(c, i, true));
    return convert_qkv(c, i, false);
}

/* Whatever still has its values was not understood. */
static graft_status check_leftovers(const converter *c)
{
    for (size_t i = 0; i < gr_tensors_count(c->jax); i++) {
        const gr_tensor *tensor = gr_tensors_at(c->jax, i);
        if (tensor->data && strncmp(tensor->name, "pre_logits/", 11) != 0)
            return gr_fail(c->log, GRAFT_ERR_UNSUPPORTED,
                           "%s: tensor %s: a plain ViT has no such tensor",
                           gr_tensors_source(c->jax), tensor->name);
    }
    return GRAFT_OK;
}

bool gr_jax_recognise(const gr_tensors *tensors)
{
    return gr_tensors_find(tensors, "embedding/kernel") &&
           gr_tensors_find(tensors, "Transformer/posembed_input/pos_embedding");
}

static bool has_block(const gr_tensors *jax, int i)
{
    char prefix[NAME_BYTES];
    size_t length = (size_t)snprintf(prefix, sizeof(prefix), "Transformer/encoderblock_%d/", i);
    for (size_t k = 0; k < gr_tensors_count(jax); k++)
        if (strncmp(gr_tensors_at(jax, k)->name, prefix, length) == 0)
            return true;
    return false;
}

graft_status gr_jax_to_timm(graft_log *log, gr_tensors *jax, gr_tensors *timm)
{
    converter c = {.log = log, .jax = jax, .timm = timm};
    for (size_t k = 0; k < COUNT(outer); k++)
        GR_TRY(convert(&c, outer[k].jax, outer[k].timm, &outer[k]));
    for (int i = 0; has_block(jax, i); i++)
        GR_TRY(convert_block(&c, i));
    return check_leftovers(&c);
}
