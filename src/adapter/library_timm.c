/* config.json of timm. The architecture is one of timm's names with the same parts; the arguments
 * beside it tell the whole geometry, so that any width and depth is built. */
#include "adapter/library_config.h"

#include "base/json.h"

#include <math.h>
#include <string.h>

static bool same_geometry(const gr_model_config *a, const gr_model_config *b)
{
    return a->family == b->family && a->patch_size == b->patch_size && a->dim == b->dim &&
           a->depth == b->depth && a->heads == b->heads && a->hidden == b->hidden &&
           a->image_size == b->image_size && a->window == b->window;
}

/* A published model of this geometry, or one with the same parts. The arguments cannot tell the
 * epsilon of norms, nor a gated MLP. */
static const char *architecture(const gr_model_config *c)
{
    const char *name;
    if (c->distilled)
        return "deit_base_distilled_patch16_224";
    bool plain = c->norm_eps < 5e-6f && !c->layer_scale && !c->swiglu && !c->registers;
    if (c->family == GR_FAMILY_VIT && c->swiglu)
        return c->registers ? "vit_giant_patch14_reg4_dinov2" : "vit_giant_patch14_dinov2";
    for (int i = 0; (name = gr_model_preset_name(i)); i++)
        if ((plain || c->family == GR_FAMILY_SWIN) && strncmp(name, "clip_", 5) != 0 &&
            strncmp(name, "vit_mini", 8) != 0 && same_geometry(c, gr_model_preset(name)))
            return name;
    if (c->family == GR_FAMILY_SWIN)
        return "swin_tiny_patch4_window7_224";
    if (c->norm_eps >= 5e-6f)
        return "vit_base_patch16_clip_224";
    if (c->layer_scale)
        return c->registers ? "vit_base_patch14_reg4_dinov2" : "vit_base_patch14_dinov2";
    return "vit_base_patch16_224";
}

static json_t *swin_arguments(const gr_model_config *c)
{
    return json_pack("{s:i,s:i,s:i,s:i,s:f,s:o,s:o}", "img_size", c->image_size, "patch_size",
                     c->patch_size, "embed_dim", c->dim, "window_size", c->window, "mlp_ratio",
                     gr_mlp_ratio(c->hidden, c->dim), "depths",
                     gr_json_integers(c->stage_depth, c->stages), "num_heads",
                     gr_json_integers(c->stage_heads, c->stages));
}

static const char *pool_of(const gr_model_config *c)
{
    return c->pool == GR_POOL_CLS ? "token" : "avg";
}

static json_t *vit_arguments(const gr_model_config *c, bool biased)
{
    json_t *json = json_pack(
        "{s:i,s:i,s:i,s:i,s:i,s:f,s:b,s:s,s:b,s:b,s:i}", "img_size", c->image_size, "patch_size",
        c->patch_size, "embed_dim", c->dim, "depth", c->depth, "num_heads", c->heads, "mlp_ratio",
        gr_mlp_ratio(c->swiglu ? 2 * c->hidden : c->hidden, c->dim), "qkv_bias", biased,
        "global_pool", pool_of(c), "no_embed_class", c->patch_positions, "pre_norm", c->pre_norm,
        "reg_tokens", c->registers);
    gr_json_set(&json, "init_values", c->layer_scale ? json_real(1e-5) : json_null());
    if (c->pool == GR_POOL_NORMED_AVG)
        gr_json_set(&json, "fc_norm", json_false());
    if (c->no_class_token)
        gr_json_set(&json, "class_token", json_false());
    if (!c->swiglu) /* else the architecture's */
        gr_json_set(&json, "act_layer", json_string(gr_activation_name(c->activation)));
    return json;
}

/* timm resizes to floor(size / crop_pct) before it crops. */
static double crop_part(int size, int resize_to)
{
    double part = resize_to > size ? (double)size / resize_to : 1.0;
    while (floor(size / part) < resize_to)
        part = nextafter(part, 0.0);
    return part;
}

static json_t *pretrained(const gr_library_model *m)
{
    const gr_preprocess *p = &m->input->preprocess;
    int size = m->config->image_size;
    bool crops = m->input->settings.resize == GRAFT_RESIZE_CROP;
    bool cubic = m->input->settings.interpolation == GRAFT_INTERPOLATION_BICUBIC;
    return json_pack("{s:[i,i,i],s:b,s:s,s:f,s:s,s:o,s:o,s:i,s:s,s:s}", "input_size", 3, size, size,
                     "fixed_input_size", true, "interpolation", cubic ? "bicubic" : "bilinear",
                     "crop_pct", crop_part(size, p->resize_to), "crop_mode",
                     crops ? "center" : "squash", "mean", gr_json_floats(p->normalization.mean),
                     "std", gr_json_floats(p->normalization.std), "num_classes", m->config->classes,
                     "first_conv", "patch_embed.proj", "classifier",
                     m->config->family == GR_FAMILY_SWIN ? "head.fc" : "head");
}

json_t *gr_timm_config(const gr_library_model *m)
{
    const gr_model_config *c = m->config;
    bool swin = c->family == GR_FAMILY_SWIN;
    json_t *json =
        json_pack("{s:s,s:i,s:i,s:s,s:o,s:o}", "architecture", architecture(c), "num_classes",
                  c->classes, "num_features", c->dim << (swin ? c->stages - 1 : 0), "global_pool",
                  pool_of(c), "model_args", swin ? swin_arguments(c) : vit_arguments(c, m->biased),
                  "pretrained_cfg", pretrained(m));
    json_t *names = json_object_get(m->classes, "names");
    if (names)
        gr_json_set(&json, "label_names", json_incref(names));
    return json;
}
