#include "adapter/names.h"

#include "adapter/plain.h"
#include "build/config_json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Of the newer families, whose parts libraries name in several ways. */
static bool has_own_attention(const gr_model_config *c)
{
    return c->relative_bias || c->shared_relative_bias || c->rope || c->attn_norm || c->mlp_norm ||
           c->pool == GR_POOL_MAP;
}

static const char own_attention[] = "merging writes models with relative or rotary positions, or "
                                    "norms inside of their blocks, with "
                                    "graft's own names only";

static const char own_graph[] = "it is the graph of an application, which libraries do not know";

/* Why timm has no model that computes the same; NULL: it has. */
static const char *not_timm(const gr_model_config *c)
{
    if (c->family == GR_FAMILY_OWN)
        return own_graph;
    if (c->normalize_feature)
        return "its head is one of texts, on a feature of length 1, timm's the feature itself";
    return has_own_attention(c) ? own_attention : NULL;
}

/* Each stage of transformers' Swin has the bias table of a whole window. */
static bool has_small_stage(const gr_model_config *c)
{
    return c->family == GR_FAMILY_SWIN && gr_model_grid(c) >> (c->stages - 1) < c->window;
}

static const char *not_transformers(const gr_model_config *c)
{
    if (c->family == GR_FAMILY_OWN)
        return own_graph;
    if (c->pre_norm && (c->normalize_feature || c->classes > c->dim))
        return "transformers has no classifier on the class token of CLIP, but a projection "
               "without "
               "a bias, of at most as many classes as there are channels, on the feature itself";
    if (c->family == GR_FAMILY_VIT && c->pool != GR_POOL_CLS)
        return "its head sees the mean of the patches, transformers' the class token";
    if (has_own_attention(c))
        return own_attention;
    if (has_small_stage(c))
        return "a stage of it is smaller than a window";
    if (c->family == GR_FAMILY_VIT && c->registers && !c->layer_scale)
        return "transformers has registers in DINOv2 only, whose blocks have layer scales";
    if (c->swiglu && (!c->layer_scale || c->hidden % 8))
        return "transformers has gated MLPs in DINOv2 only, whose width is a multiple of 8";
    return NULL;
}

static bool is_transformers(const char *layout)
{
    return layout && strncmp(layout, "transformers", strlen("transformers")) == 0;
}

/* Whose names they shall be; fails, or says in a line why they are others. */
static graft_status choose(graft_log *log, graft_tensor_names asked, const char *layout,
                           const gr_model_config *c, graft_tensor_names *out)
{
    graft_tensor_names wanted = asked                     ? asked
                                : is_transformers(layout) ? GRAFT_TENSOR_NAMES_TRANSFORMERS
                                                          : GRAFT_TENSOR_NAMES_TIMM;
    *out = GRAFT_TENSOR_NAMES_AS_READ;
    if (c->family == GR_FAMILY_OWN && !asked) /* the names that its application knows */
        return GRAFT_OK;
    const char *why = wanted == GRAFT_TENSOR_NAMES_TIMM ? not_timm(c) : not_transformers(c);
    const char *whose = wanted == GRAFT_TENSOR_NAMES_TIMM ? "timm" : "transformers";
    *out = wanted;
    if (!why)
        return GRAFT_OK;
    if (asked)
        return gr_fail(log, GRAFT_ERR_UNSUPPORTED, "`names` %s: %s%s", whose, why,
                       !not_timm(c) ? "; choose timm"
                                    : "; leave it out for a file that graft reads");
    *out = not_timm(c) ? GRAFT_TENSOR_NAMES_AS_READ : GRAFT_TENSOR_NAMES_TIMM;
    gr_log(log, GRAFT_LOG_INFO, "merge: %s: written with %s names", why,
           *out == GRAFT_TENSOR_NAMES_TIMM ? "timm's" : "graft's own");
    return GRAFT_OK;
}

static const gr_layout *layout_of(graft_tensor_names names, const gr_model_config *c,
                                  const char *read)
{
    bool swin = c->family == GR_FAMILY_SWIN;
    if (names == GRAFT_TENSOR_NAMES_TRANSFORMERS)
        return c->pre_norm      ? &gr_layout_transformers_clip
               : swin           ? &gr_layout_transformers_swin
               : c->swiglu      ? &gr_layout_transformers_dinov2_swiglu
               : c->layer_scale ? &gr_layout_transformers_dinov2
                                : &gr_layout_transformers_vit;
    if (swin) /* of timm up to 0.6, where the backbone is */
        return read && strcmp(read, gr_layout_timm_swin.name) == 0 ? &gr_layout_timm_swin
                                                                   : &gr_layout_timm_swin_new;
    if (c->distilled)
        return &gr_layout_timm_deit_distilled;
    return c->pool == GR_POOL_AVG ? &gr_layout_timm_vit_avg : &gr_layout_timm_vit;
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* [side^2, side^2]: the row of the bias table for each pair of places in a window, which
 * transformers keeps in files. */
static graft_status add_window_index(graft_log *log, gr_tensors *out, const gr_tensor *table)
{
    char name[GR_NAME_BYTES];
    int64_t span = (int64_t)lround(sqrt((double)table->shape.dim[0])), side = (span + 1) / 2;
    int64_t tokens = side * side, *index;
    void *values;
    snprintf(name, sizeof(name), "%.*sindex", (int)(strlen(table->name) - strlen("bias_table")),
             table->name);
    GR_TRY(gr_tensors_add_new(log, out, name, GR_I64, GR_SHAPE(tokens, tokens), &values));
    index = values;
    for (int64_t q = 0; q < tokens; q++)
        for (int64_t k = 0; k < tokens; k++)
            index[q * tokens + k] =
                (q / side - k / side + side - 1) * span + q % side - k % side + side - 1;
    return GRAFT_OK;
}

/* What transformers' classes ask for beside the model. */
static graft_status complete_transformers(graft_log *log, const gr_layout *layout,
                                          const gr_model_config *c, const char *tower,
                                          gr_tensors *out)
{
    char name[GR_NAME_BYTES];
    void *zeros;
    for (size_t i = 0, count = gr_tensors_count(out); i < count; i++)
        if (ends_with(gr_tensors_at(out, i)->name, ".relative_position_bias_table"))
            GR_TRY(add_window_index(log, out, gr_tensors_at(out, i)));
    if (layout != &gr_layout_transformers_dinov2 && layout != &gr_layout_transformers_dinov2_swiglu)
        return GRAFT_OK;
    snprintf(name, sizeof(name), "%sembeddings.mask_token", tower);
    return gr_tensors_add_new(log, out, name, GR_F32, GR_SHAPE(1, c->dim), &zeros);
}

static graft_status rename_all(graft_log *log, const gr_tensors *merged, gr_named *n)
{
    bool transformers = n->names == GRAFT_TENSOR_NAMES_TRANSFORMERS;
    gr_layout_match match = {.layout = n->layout, .tower = ""};
    const gr_plain_params params = {.class_position = transformers,
                                    .projection_head = transformers && n->config.pre_norm};
    if (transformers && n->layout->towers[0])
        match.tower = n->layout->towers[n->config.registers || n->config.distilled ? 1 : 0];
    n->plain = gr_tensors_create();
    n->tensors = gr_tensors_create();
    if (!n->plain || !n->tensors)
        return gr_fail(log, GRAFT_ERR_MEMORY, "merge: out of memory");
    if (n->names == GRAFT_TENSOR_NAMES_AS_READ) {
        for (size_t i = 0; i < gr_tensors_count(merged); i++) {
            const gr_tensor *t = gr_tensors_at(merged, i);
            GR_TRY(gr_tensors_add(log, n->tensors, t->name, t->dtype, t->shape, t->data));
        }
        return GRAFT_OK;
    }
    GR_TRY(gr_plain(log, merged, &n->config, &params, n->plain));
    GR_TRY(gr_layout_restore(log, &match, n->plain, n->tensors));
    if (params.projection_head)
        GR_TRY(gr_tensors_set_metadata(log, n->tensors, GR_HEAD_KEY, "projection"));
    return transformers ? complete_transformers(log, n->layout, &n->config, match.tower, n->tensors)
                        : GRAFT_OK;
}

/* Where nobody asked for a library's names and a tensor has none there, graft's own serve. */
static graft_status fall_back(graft_log *log, const gr_model_config *config,
                              const gr_tensors *merged, gr_named *n)
{
    gr_named_release(n);
    *n = (gr_named){.config = *config};
    gr_log(
        log, GRAFT_LOG_INFO,
        "merge: the model has tensors that libraries have no place for: written with graft's own "
        "names; `names` timm tells which");
    return rename_all(log, merged, n);
}

graft_status gr_names_apply(graft_log *log, graft_tensor_names names, const char *layout,
                            const gr_model_config *config, const gr_tensors *merged, gr_named *out)
{
    *out = (gr_named){.config = *config};
    graft_status status = choose(log, names, layout, config, &out->names);
    out->layout = layout_of(out->names, config, names ? NULL : layout);
    if (status == GRAFT_OK)
        status = rename_all(names ? log : NULL, merged, out);
    if (status == GRAFT_ERR_UNSUPPORTED && !names)
        status = fall_back(log, config, merged, out);
    if (status == GRAFT_OK)
        status = gr_model_config_describe(log, out->tensors, &out->config);
    if (status != GRAFT_OK)
        gr_named_release(out);
    return status;
}

void gr_named_release(gr_named *named)
{
    gr_tensors_destroy(&named->tensors);
    gr_tensors_destroy(&named->plain);
    *named = (gr_named){0};
}
