#include "search/slice.h"

#include <stdlib.h>
#include <string.h>

enum { WHOLE = -1 };

/* Tensors of modules: PREFIX, the block's number, SUFFIX. */
static const struct part {
    const char *prefix, *suffix;
    gr_module module;
    int axis; /* that the module's width cuts; or WHOLE */
} parts[] = {
    {"blocks.", ".attn.qkv.lora_A.weight", GR_MODULE_LORA, 0},
    {"blocks.", ".attn.qkv.lora_B.weight", GR_MODULE_LORA, 1},
    {"blocks.", ".mlp.adapter.down.weight", GR_MODULE_ADAPTER, 0},
    {"blocks.", ".mlp.adapter.down.bias", GR_MODULE_ADAPTER, 0},
    {"blocks.", ".mlp.adapter.up.weight", GR_MODULE_ADAPTER, 1},
    {"blocks.", ".mlp.adapter.up.bias", GR_MODULE_ADAPTER, WHOLE},
    {"prompts.", ".tokens", GR_MODULE_PROMPTS, 0},
};

/* NULL: the tensor is of no module. */
static const struct part *part_of(const char *name, long *block)
{
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        size_t length = strlen(parts[i].prefix);
        char *end;
        if (strncmp(name, parts[i].prefix, length) != 0)
            continue;
        *block = strtol(name + length, &end, 10);
        if (strcmp(end, parts[i].suffix) == 0 && *block >= 0 && *block < GRAFT_INT_LIST_MAX)
            return &parts[i];
    }
    return NULL;
}

static graft_status copy_part(graft_log *log, const gr_tensor *t, int axis, int width,
                              gr_tensors *out)
{
    gr_shape shape = t->shape;
    if (axis != WHOLE && (axis >= shape.rank || shape.dim[axis] < width))
        return gr_fail(log, GRAFT_ERR_SHAPE,
                       "%s: too small for a sub-network of width %d; is it of this supernet?",
                       t->name, width);
    if (gr_shape_count(&shape) < 1)
        return gr_fail(log, GRAFT_ERR_SHAPE, "%s: is empty; is it of a supernet?", t->name);
    if (axis != WHOLE)
        shape.dim[axis] = width;
    void *data;
    GR_TRY(gr_tensors_add_new(log, out, t->name, GR_F32, shape, &data));
    size_t rows = (size_t)(shape.rank > 0 ? shape.dim[0] : 1);
    size_t columns = (size_t)(gr_shape_count(&shape) / (int64_t)rows);
    size_t stride = (size_t)(gr_shape_count(&t->shape) / (t->shape.rank > 0 ? t->shape.dim[0] : 1));
    for (size_t r = 0; r < rows; r++)
        memcpy((float *)data + r * columns, (const float *)t->data + r * stride,
               columns * sizeof(float));
    return GRAFT_OK;
}

graft_status gr_subnet_slice(graft_log *log, const gr_tensors *supernet, const gr_subnet *subnet,
                             gr_tensors *out)
{
    for (size_t i = 0; i < gr_tensors_count(supernet); i++) {
        const gr_tensor *t = gr_tensors_at(supernet, i);
        long block = 0;
        const struct part *part = part_of(t->name, &block);
        int width = part ? subnet->width[part->module][block] : 0;
        if (t->dtype != GR_F32)
            return gr_fail(log, GRAFT_ERR_FORMAT, "%s: expected F32; is it of a supernet?",
                           t->name);
        if (!part || width > 0)
            GR_TRY(copy_part(log, t, part ? part->axis : WHOLE, width, out));
    }
    return GRAFT_OK;
}
