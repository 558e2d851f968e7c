/* graft_merge: an adapter folded into its backbone, as a plain checkpoint with timm names. */
#include <graft/model.h>

#include "base/log.h"
#include "base/mem.h"
#include "model/vit.h"
#include "train/adapter.h"
#include "weights/load.h"
#include "weights/safetensors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct merge {
    graft_log *log;
    gr_tensors *backbone, *adapter, *result;
    gr_adapter_info info;
} merge;

static graft_status check_foldable(const merge *m)
{
    for (int i = 0; i < m->info.methods->count; i++) {
        const gr_method *method = m->info.methods->item[i].method;
        if (method->not_foldable)
            return gr_fail(m->log, GRAFT_ERR_UNSUPPORTED,
                           "%s: cannot be folded into plain weights: %s", method->name,
                           method->not_foldable);
    }
    return GRAFT_OK;
}

/* The adapter tells the geometry; the backbone must have it too, whatever the images' size. */
static graft_status check_backbone(merge *m)
{
    gr_model_config found;
    const gr_model_config *wanted = &m->info.config;
    GR_TRY(gr_model_config_read(m->log, m->backbone, &found));
    if (found.dim == wanted->dim && found.depth == wanted->depth &&
        found.hidden == wanted->hidden && found.patch_size == wanted->patch_size)
        return GRAFT_OK;
    return gr_fail(m->log, GRAFT_ERR_SHAPE,
                   "%s: %d blocks of width %d and %d with patches of %d: the adapter was trained "
                   "on %d of %d and %d with patches of %d",
                   gr_tensors_source(m->backbone), found.depth, found.dim, found.hidden,
                   found.patch_size, wanted->depth, wanted->dim, wanted->hidden,
                   wanted->patch_size);
}

/* The backbone's file, or the adapter's for a tensor that was trained itself. */
static const gr_tensors *file_of(const merge *m, const char *name)
{
    return gr_tensors_find(m->adapter, name) ? m->adapter : m->backbone;
}

/* A copy of a tensor in f32. */
static graft_status copy_tensor(merge *m, const char *name, gr_shape shape, float **values)
{
    const gr_tensor *t;
    GR_TRY(gr_tensors_get_shaped(m->log, file_of(m, name), name, shape, &t));
    GR_TRY(gr_tensors_add_new(m->log, m->result, name, GR_F32, shape, (void **)values));
    gr_tensor_to_f32(t, *values);
    return GRAFT_OK;
}

/* The same for a tensor that a checkpoint may do without: zeros then. */
static graft_status copy_bias(merge *m, const char *name, gr_shape shape, float **values)
{
    if (gr_tensors_find(file_of(m, name), name))
        return copy_tensor(m, name, shape, values);
    return gr_tensors_add_new(m->log, m->result, name, GR_F32, shape, (void **)values);
}

/* Position embeddings for the image size of the adapter, as training resized them. */
static graft_status copy_positions(merge *m)
{
    static const char name[] = "pos_embed";
    const gr_model_config *c = &m->info.config;
    int grid = gr_model_grid(c);
    gr_shape shape = GR_SHAPE(1, (int64_t)grid * grid + 1, c->dim);
    const gr_tensor *t = gr_tensors_find(file_of(m, name), name);
    int64_t tokens = t && t->shape.rank == 3 ? t->shape.dim[1] : 0;
    int from = tokens > 1 ? (int)lround(sqrt((double)(tokens - 1))) : 0;
    float *values;
    if (from == 0 || from == grid || (int64_t)from * from != tokens - 1 || t->shape.dim[0] != 1 ||
        t->shape.dim[2] != c->dim)
        return copy_tensor(m, name, shape, &values);
    GR_TRY(gr_tensors_add_new(m->log, m->result, name, GR_F32, shape, (void **)&values));
    float *old = malloc((size_t)gr_tensor_count(t) * sizeof(*old));
    if (!old)
        return gr_fail(m->log, GRAFT_ERR_MEMORY, "merge: out of memory");
    gr_tensor_to_f32(t, old);
    gr_vit_resize_positions(old, from, values, grid, c->dim);
    free(old);
    return GRAFT_OK;
}

static graft_status fold(merge *m, const gr_fold_site *site)
{
    for (int i = 0; i < m->info.methods->count; i++) {
        const gr_method *method = m->info.methods->item[i].method;
        if (method->fold)
            GR_TRY(method->fold(m->log, m->info.methods->item[i].config, m->adapter, site));
    }
    return GRAFT_OK;
}

/* One weight with its bias, folded as `parts` modules of equal numbers of rows. */
static graft_status merge_linear(merge *m, const char *prefix, const char *tensor,
                                 const char *const *modules, const gr_linear_target *targets,
                                 int parts, gr_shape shape)
{
    char name[160], module[160];
    float *weight, *bias;
    int64_t out = shape.dim[0] / parts, in = gr_shape_span(&shape, 1, shape.rank);
    snprintf(name, sizeof(name), "%s%s.weight", prefix, tensor);
    GR_TRY(copy_tensor(m, name, shape, &weight));
    snprintf(name, sizeof(name), "%s%s.bias", prefix, tensor);
    GR_TRY(copy_bias(m, name, GR_SHAPE(shape.dim[0]), &bias));
    for (int p = 0; p < parts; p++) {
        snprintf(module, sizeof(module), "%s%s", prefix, modules[p]);
        gr_fold_site site = {module, targets[p], out, in, weight + p * out * in, bias + p * out};
        GR_TRY(fold(m, &site));
    }
    return GRAFT_OK;
}

static graft_status merge_one(merge *m, const char *prefix, const char *module,
                              gr_linear_target target, gr_shape shape)
{
    return merge_linear(m, prefix, module, &module, &target, 1, shape);
}

static graft_status merge_block(merge *m, int index)
{
    static const char *const parts[] = {"attn.q", "attn.k", "attn.v"};
    static const gr_linear_target targets[] = {GR_TARGET_Q, GR_TARGET_K, GR_TARGET_V};
    int64_t dim = m->info.config.dim, hidden = m->info.config.hidden;
    char prefix[32];
    snprintf(prefix, sizeof(prefix), "blocks.%d.", index);
    GR_TRY(merge_one(m, prefix, "norm1", 0, GR_SHAPE(dim)));
    GR_TRY(merge_linear(m, prefix, "attn.qkv", parts, targets, 3, GR_SHAPE(3 * dim, dim)));
    GR_TRY(merge_one(m, prefix, "attn.proj", GR_TARGET_PROJ, GR_SHAPE(dim, dim)));
    GR_TRY(merge_one(m, prefix, "norm2", 0, GR_SHAPE(dim)));
    GR_TRY(merge_one(m, prefix, "mlp.fc1", GR_TARGET_FC1, GR_SHAPE(hidden, dim)));
    return merge_one(m, prefix, "mlp.fc2", GR_TARGET_FC2, GR_SHAPE(dim, hidden));
}

/* The patch embedding keeps its tensor names under patch_embed.proj, its module is patch_embed. */
static graft_status merge_embedding(merge *m)
{
    static const char *const module[] = {"patch_embed"};
    static const gr_linear_target target[] = {0};
    int64_t patch = m->info.config.patch_size, dim = m->info.config.dim;
    float *values;
    GR_TRY(copy_tensor(m, "cls_token", GR_SHAPE(1, 1, dim), &values));
    GR_TRY(copy_positions(m));
    return merge_linear(m, "", "patch_embed.proj", module, target, 1,
                        GR_SHAPE(dim, 3, patch, patch));
}

/* What a reader cannot see in the tensors: heads and pooling, and how images become input. */
static graft_status copy_metadata(merge *m)
{
    static const char *const keys[] = {"graft.model", "graft.heads", "graft.input",
                                       "graft.classes"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        const char *value = gr_tensors_metadata(m->adapter, keys[i]);
        if (value)
            GR_TRY(gr_tensors_set_metadata(m->log, m->result, keys[i], value));
    }
    return GRAFT_OK;
}

static graft_status merge_all(merge *m)
{
    int64_t dim = m->info.config.dim, classes = m->info.config.classes;
    float *values;
    GR_TRY(merge_embedding(m));
    for (int i = 0; i < m->info.config.depth; i++)
        GR_TRY(merge_block(m, i));
    GR_TRY(merge_one(m, "", "norm", 0, GR_SHAPE(dim)));
    GR_TRY(copy_tensor(m, "head.weight", GR_SHAPE(classes, dim), &values));
    GR_TRY(copy_tensor(m, "head.bias", GR_SHAPE(classes), &values));
    return copy_metadata(m);
}

static graft_status choose_type(graft_log *log, const char *type, gr_store_as *out)
{
    *out = GR_STORE_AS_IS; /* the folded tensors are f32 */
    if (!type || strcmp(type, "f32") == 0)
        return GRAFT_OK;
    if (strcmp(type, "f16") == 0)
        *out = GR_STORE_F16;
    else if (strcmp(type, "bf16") == 0)
        *out = GR_STORE_BF16;
    else
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "type '%s': expected f32, f16 or bf16", type);
    return GRAFT_OK;
}

graft_status graft_merge(graft_log *log, const char *backbone, const char *adapter, const char *out,
                         const char *type)
{
    merge m = {.log = log, .result = gr_tensors_create()};
    gr_safetensors_params how = {.sorted = true};
    graft_status status =
        m.result ? GRAFT_OK : gr_fail(log, GRAFT_ERR_MEMORY, "merge: out of memory");
    if (status == GRAFT_OK)
        status = choose_type(log, type, &how.store);
    if (status == GRAFT_OK)
        status = gr_backbone_load(log, backbone, &m.backbone);
    if (status == GRAFT_OK)
        status = gr_tensors_load(log, adapter, &m.adapter);
    if (status == GRAFT_OK)
        status = gr_adapter_info_read(log, m.adapter, &m.info);
    if (status == GRAFT_OK)
        status = check_foldable(&m);
    if (status == GRAFT_OK)
        status = check_backbone(&m);
    if (status == GRAFT_OK)
        status = merge_all(&m);
    if (status == GRAFT_OK)
        status = gr_safetensors_write(log, out, m.result, &how);
    gr_adapter_info_release(&m.info);
    gr_tensors_destroy(&m.backbone);
    gr_tensors_destroy(&m.adapter);
    gr_tensors_destroy(&m.result);
    return status;
}
