/* config.json and preprocessor_config.json of Hugging Face transformers. */
#include "adapter/library_config.h"

#include "base/json.h"

#include <stdio.h>

/* The width of a gated MLP there is (2/3 ratio width) up to a multiple of 8. */
static double ratio_of(const gr_model_config *c)
{
    return gr_mlp_ratio(c->swiglu ? c->hidden * 3 / 2 : c->hidden, c->dim);
}

static json_t *swin_config(const gr_model_config *c)
{
    return json_pack("{s:[s],s:s,s:i,s:f,s:i,s:o,s:o,s:i}", "architectures",
                     "SwinForImageClassification", "model_type", "swin", "embed_dim", c->dim,
                     "mlp_ratio", ratio_of(c), "hidden_size", c->dim << (c->stages - 1), "depths",
                     gr_json_integers(c->stage_depth, c->stages), "num_heads",
                     gr_json_integers(c->stage_heads, c->stages), "window_size", c->window);
}

static json_t *dinov2_config(const gr_model_config *c)
{
    bool registers = c->registers > 0;
    json_t *json = json_pack(
        "{s:[s],s:s,s:i,s:i,s:i,s:f,s:b}", "architectures",
        registers ? "Dinov2WithRegistersForImageClassification" : "Dinov2ForImageClassification",
        "model_type", registers ? "dinov2_with_registers" : "dinov2", "hidden_size", c->dim,
        "num_hidden_layers", c->depth, "num_attention_heads", c->heads, "mlp_ratio", ratio_of(c),
        "use_swiglu_ffn", c->swiglu);
    if (registers)
        gr_json_set(&json, "num_register_tokens", json_integer(c->registers));
    return json;
}

static json_t *vit_config(const gr_model_config *c)
{
    return json_pack(
        "{s:[s],s:s,s:i,s:i,s:i,s:i}", "architectures",
        c->distilled ? "DeiTForImageClassificationWithTeacher" : "ViTForImageClassification",
        "model_type", c->distilled ? "deit" : "vit", "hidden_size", c->dim, "num_hidden_layers",
        c->depth, "num_attention_heads", c->heads, "intermediate_size", c->hidden);
}

/* The projection is the classifier: "image_embeds" are the logits. */
static json_t *clip_config(const gr_model_config *c)
{
    return json_pack("{s:[s],s:s,s:i,s:i,s:i,s:i,s:i}", "architectures",
                     "CLIPVisionModelWithProjection", "model_type", "clip_vision_model",
                     "hidden_size", c->dim, "num_hidden_layers", c->depth, "num_attention_heads",
                     c->heads, "intermediate_size", c->hidden, "projection_dim", c->classes);
}

/* "0": name and back; LABEL_0, .. where classes have no names, as transformers does. */
static void add_labels(json_t **json, const gr_library_model *m)
{
    json_t *by_id = json_object(), *by_name = json_object();
    const json_t *names = json_object_get(m->classes, "names");
    for (int i = 0; i < m->config->classes; i++) {
        char id[16], unnamed[24];
        snprintf(id, sizeof(id), "%d", i);
        snprintf(unnamed, sizeof(unnamed), "LABEL_%d", i);
        const char *name = json_string_value(json_array_get(names, (size_t)i));
        name = name && *name ? name : unnamed;
        gr_json_set(&by_id, id, json_string(name));
        gr_json_set(&by_name, name, json_integer(i));
    }
    gr_json_set(json, "id2label", by_id);
    gr_json_set(json, "label2id", by_name);
}

json_t *gr_transformers_config(const gr_library_model *m)
{
    const gr_model_config *c = m->config;
    json_t *json = c->family == GR_FAMILY_SWIN   ? swin_config(c)
                   : c->pre_norm                 ? clip_config(c)
                   : c->layer_scale || c->swiglu ? dinov2_config(c)
                                                 : vit_config(c);
    if (!json)
        return NULL;
    gr_json_set(&json, "image_size", json_integer(c->image_size));
    gr_json_set(&json, "patch_size", json_integer(c->patch_size));
    gr_json_set(&json, "num_channels", json_integer(3));
    gr_json_set(&json, "qkv_bias", json_boolean(m->biased));
    gr_json_set(&json, "hidden_act",
                json_string(c->activation == GR_FUNC_GELU_TANH
                                ? "gelu_pytorch_tanh"
                                : gr_activation_name(c->activation)));
    gr_json_set(&json, "layer_norm_eps", gr_json_float(c->norm_eps));
    gr_json_set(&json, "torch_dtype", json_string("float32"));
    add_labels(&json, m);
    return json;
}

/* Pillow's numbers. */
enum { BILINEAR = 2, BICUBIC = 3 };

/* ViT's processor resizes to one size; CLIP's cuts the centre out after that. */
json_t *gr_transformers_preprocessor(const gr_library_model *m)
{
    const gr_preprocess *p = &m->input->preprocess;
    const graft_input_params *s = &m->input->settings;
    int size = m->config->image_size, to = p->resize_to > size ? p->resize_to : size;
    bool crops = s->resize == GRAFT_RESIZE_CROP, cuts = crops || to > size;
    json_t *json =
        json_pack("{s:s,s:b,s:b,s:b,s:f,s:i,s:o,s:o,s:b}", "image_processor_type",
                  cuts ? "CLIPImageProcessor" : "ViTImageProcessor", "do_resize", true,
                  "do_rescale", true, "do_normalize", true, "rescale_factor", 1.0 / 255.0,
                  "resample", s->interpolation == GRAFT_INTERPOLATION_BICUBIC ? BICUBIC : BILINEAR,
                  "image_mean", gr_json_floats(p->normalization.mean), "image_std",
                  gr_json_floats(p->normalization.std), "do_center_crop", cuts);
    gr_json_set(&json, "size",
                crops ? json_pack("{s:i}", "shortest_edge", to)
                      : json_pack("{s:i,s:i}", "height", to, "width", to));
    if (cuts)
        gr_json_set(&json, "crop_size", json_pack("{s:i,s:i}", "height", size, "width", size));
    return json;
}
