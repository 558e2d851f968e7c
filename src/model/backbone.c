#include "model/backbone.h"

#include "model/own_graph.h"
#include "model/positions.h"
#include "model/swin.h"
#include "model/vit.h"
#include "peft/compose.h"
#include "weights/tensors.h"

#include <math.h>
#include <string.h>

/* pos_embed for another grid than the backbone's. NULL when its size is not a square grid. */
static const float *resized_positions(gr_build *b, const gr_tensor *t, const gr_shape *shape)
{
    bool single = t->shape.rank == 3 && t->shape.dim[0] == 1;
    int first = b->config->patch_positions ? 0 : gr_model_class_tokens(b->config);
    int64_t tokens = single ? t->shape.dim[1] : 0, dim = shape->dim[2], patches = tokens - first;
    int from = (int)lround(sqrt((double)patches)), to = gr_model_grid(b->config);
    if (patches < 1 || (int64_t)from * from != patches || t->shape.dim[2] != dim)
        return NULL;
    float *old = gr_graph_memory(b->graph, (size_t)(tokens * dim) * sizeof(float));
    float *new = gr_graph_memory(b->graph, (size_t)gr_shape_count(shape) * sizeof(float));
    if (!old || !new)
        return NULL;
    gr_tensor_to_f32(t, old);
    if (gr_positions_resize(b->config->positions, old, from, first, new, to, (int)dim) == GRAFT_OK)
        return new;
    gr_graph_fail(b->graph, GRAFT_ERR_MEMORY, "%s: out of memory", t->name);
    return NULL;
}

static gr_value *add_tensor(gr_build *b, const char *name, gr_shape shape, gr_dtype dtype,
                            const void *source)
{
    if (gr_methods_train(b->methods, name))
        return gr_graph_param(b->graph, name, shape, dtype, source);
    return gr_graph_frozen(b->graph, name, shape, dtype, source);
}

static gr_value *add_loaded(gr_build *b, const gr_tensor *t, gr_shape shape)
{
    bool is_pos = strcmp(t->name, "pos_embed") == 0;
    if (is_pos && !gr_shape_equal(&t->shape, &shape)) {
        const float *resized = resized_positions(b, t, &shape);
        if (resized)
            return add_tensor(b, t->name, shape, GR_F32, resized);
    }
    gr_value *v = gr_build_has_shape(b, t, &shape)
                      ? add_tensor(b, t->name, shape, t->dtype, t->data)
                      : NULL;
    if (v)
        v->source_is_mapped = b->weights && gr_tensors_is_mapped(b->weights, t->data);
    return v;
}

static const gr_tensor *find_tensor(const gr_build *b, const char *name)
{
    const gr_tensor *t = b->adapter ? gr_tensors_find(b->adapter, name) : NULL;
    return t || !b->weights ? t : gr_tensors_find(b->weights, name);
}

/* How a backbone starts that is trained from scratch: as timm initialises its ViTs and Swins. */
static gr_init scratch_init(const char *name, const gr_shape *shape)
{
    if (strstr(name, "bias") && !strstr(name, "bias_table"))
        return (gr_init){GR_INIT_ZERO, 0.0f, 0.0f};
    if (strstr(name, "norm"))
        return (gr_init){GR_INIT_CONSTANT, 1.0f, 0.0f};
    if (strstr(name, "_token"))
        return (gr_init){GR_INIT_NORMAL, 0.0f, 1e-6f};
    if (strstr(name, ".gamma"))
        return (gr_init){GR_INIT_CONSTANT, 1e-5f, 0.0f};
    if (strcmp(name, "patch_embed.proj.weight") == 0)
        return (gr_init){GR_INIT_UNIFORM, 1.0f / sqrtf((float)gr_shape_span(shape, 1, 4)), 0.0f};
    return (gr_init){GR_INIT_TRUNCATED, 0.0f, 0.02f};
}

void gr_model_scratch_values(const char *name, const gr_shape *shape, uint64_t seed, float *values)
{
    gr_init_values(scratch_init(name, shape), shape, seed, name, values);
}

static gr_value *add_scratch(gr_build *b, const char *name, gr_shape shape)
{
    float *values = NULL;
    if (b->from_scratch) {
        values = gr_graph_memory(b->graph, (size_t)gr_shape_count(&shape) * sizeof(*values));
        if (!values)
            return NULL;
        gr_model_scratch_values(name, &shape, b->seed, values);
    }
    return add_tensor(b, name, shape, GR_F32, values);
}

gr_value *gr_build_optional(gr_build *b, const char *name, gr_shape shape)
{
    gr_value *existing =
        gr_graph_status(b->graph) == GRAFT_OK ? gr_graph_find(b->graph, name) : NULL;
    if (existing)
        return existing;
    const gr_tensor *t = find_tensor(b, name);
    if (t)
        return add_loaded(b, t, shape);
    return b->weights ? NULL : add_scratch(b, name, shape);
}

gr_value *gr_build_weight(gr_build *b, const char *name, gr_shape shape)
{
    gr_value *v = gr_build_optional(b, name, shape);
    if (!v && gr_graph_status(b->graph) == GRAFT_OK)
        gr_graph_fail(b->graph, GRAFT_ERR_NOT_FOUND,
                      "%s: not in the backbone %s; graft inspect shows what is", name,
                      b->weights ? gr_tensors_source(b->weights) : "");
    return v;
}

gr_value *gr_build_if_loaded(gr_build *b, const char *name, gr_shape shape)
{
    return find_tensor(b, name) ? gr_build_optional(b, name, shape) : NULL;
}

gr_value *gr_model_logits(gr_build *b, gr_value *image)
{
    switch (b->config->family) {
    case GR_FAMILY_SWIN:
        return gr_swin_logits(b, image);
    case GR_FAMILY_OWN:
        return gr_own_graph_logits(b, image);
    case GR_FAMILY_VIT:
        break;
    }
    return gr_vit_logits(b, image);
}
