/* Checkpoint layouts: one small model written with the names of each library must come back tensor
 * by tensor, bit for bit. The names are spelled out here apart from the library's tables. */
#include "support.h"

#include "base/mem.h"
#include "weights/layout.h"
#include "weights/load.h"
#include "weights/safetensors.h"

#include <stdio.h>

enum { D = 6, HIDDEN = 10, PATCH = 2, TOKENS = 5, CLASSES = 4, BLOCKS = 2, E = 3 };

typedef struct pair {
    fixture *f;
    gr_tensors *model; /* with graft's names */
    gr_tensors *file;  /* with a library's */
    uint32_t state;    /* of the random bits */
    const char *prefix;
} pair;

#define N(...) gr_printf(p->f->memory, __VA_ARGS__)

static pair begin(fixture *f, const char *prefix)
{
    return (pair){f, gr_tensors_create(), gr_tensors_create(), 1, prefix};
}

/* A tensor of random bits, denormals among them, but no NaN and no infinity: every byte that has
 * the top of an exponent is below 0x7b. */
static void add(pair *p, const char *name, gr_dtype dtype, gr_shape shape)
{
    void *data;
    assert_int_equal(gr_tensors_add_new(p->f->log, p->model, name, dtype, shape, &data), GRAFT_OK);
    size_t size = gr_tensors_find(p->model, name)->size_bytes;
    for (size_t i = 0; i < size; i++) {
        p->state = p->state * 1664525 + 1013904223;
        unsigned char byte = (unsigned char)(p->state >> 24);
        ((unsigned char *)data)[i] = (byte & 0x7f) < 0x7b ? byte : byte & 0x83;
    }
}

static void add_linear(pair *p, gr_dtype dtype, const char *name, int out, int in)
{
    add(p, N("%s.weight", name), dtype, GR_SHAPE(out, in));
    add(p, N("%s.bias", name), dtype, GR_SHAPE(out));
}

static void add_norm(pair *p, gr_dtype dtype, const char *name, int width)
{
    add(p, N("%s.weight", name), dtype, GR_SHAPE(width));
    add(p, N("%s.bias", name), dtype, GR_SHAPE(width));
}

static void add_block(pair *p, gr_dtype t, const char *block, int width)
{
    add_norm(p, t, N("%s.norm1", block), width);
    add_linear(p, t, N("%s.attn.qkv", block), 3 * width, width);
    add_linear(p, t, N("%s.attn.proj", block), width, width);
    add_norm(p, t, N("%s.norm2", block), width);
    add_linear(p, t, N("%s.mlp.fc1", block), HIDDEN, width);
    add_linear(p, t, N("%s.mlp.fc2", block), width, HIDDEN);
}

static void make_vit(pair *p, gr_dtype t, bool clip)
{
    add(p, "cls_token", t, GR_SHAPE(1, 1, D));
    add(p, "pos_embed", t, GR_SHAPE(1, TOKENS, D));
    add(p, "patch_embed.proj.weight", t, GR_SHAPE(D, 3, PATCH, PATCH));
    if (!clip)
        add(p, "patch_embed.proj.bias", t, GR_SHAPE(D));
    for (int i = 0; i < BLOCKS; i++)
        add_block(p, t, N("blocks.%d", i), D);
    add_norm(p, t, "norm", D);
    if (clip) {
        add_norm(p, t, "norm_pre", D);
        add(p, "proj.weight", t, GR_SHAPE(E, D));
    } else {
        add_linear(p, t, "head", CLASSES, D);
    }
}

static const int stages[] = {2, 1, 2};
enum { STAGES = 3 };

static void make_swin(pair *p, gr_dtype t)
{
    add(p, "patch_embed.proj.weight", t, GR_SHAPE(D, 3, PATCH, PATCH));
    add(p, "patch_embed.proj.bias", t, GR_SHAPE(D));
    add_norm(p, t, "patch_embed.norm", D);
    for (int s = 0; s < STAGES; s++) {
        for (int i = 0; i < stages[s]; i++) {
            const char *block = N("layers.%d.blocks.%d", s, i);
            add_block(p, t, block, D << s);
            add(p, N("%s.attn.relative_position_bias_table", block), t, GR_SHAPE(9, 2));
        }
        if (s + 1 == STAGES)
            break;
        add_norm(p, t, N("layers.%d.downsample.norm", s), 4 * D << s);
        add(p, N("layers.%d.downsample.reduction.weight", s), t, GR_SHAPE(2 * D << s, 4 * D << s));
    }
    add_norm(p, t, "norm", D << (STAGES - 1));
    add_linear(p, t, "head", CLASSES, D << (STAGES - 1));
}

/* Writing the file: a tensor of the model under the name that a library gives it. */

static void put_data(pair *p, const char *name, gr_dtype dtype, gr_shape shape, const void *data)
{
    assert_int_equal(
        gr_tensors_add(p->f->log, p->file, N("%s%s", p->prefix, name), dtype, shape, data),
        GRAFT_OK);
}

static const gr_tensor *original(pair *p, const char *name)
{
    const gr_tensor *t = gr_tensors_find(p->model, name);
    if (!t)
        fail_msg("the model has no %s", name);
    return t;
}

static void put(pair *p, const char *timm, const char *name)
{
    const gr_tensor *t = original(p, timm);
    put_data(p, name, t->dtype, t->shape, t->data);
}

static void put_shaped(pair *p, const char *timm, const char *name, gr_shape shape)
{
    const gr_tensor *t = original(p, timm);
    put_data(p, name, t->dtype, shape, t->data);
}

static void put_both(pair *p, const char *timm, const char *name)
{
    put(p, N("%s.weight", timm), N("%s.weight", name));
    put(p, N("%s.bias", timm), N("%s.bias", name));
}

static void put_third(pair *p, const char *timm, const char *name, int third)
{
    const gr_tensor *t = original(p, timm);
    gr_shape shape = t->shape;
    shape.dim[0] /= 3;
    put_data(p, name, t->dtype, shape, (const char *)t->data + t->size_bytes / 3 * third);
}

static void put_thirds(pair *p, const char *timm, const char *query, const char *key,
                       const char *value)
{
    const char *const names[] = {query, key, value};
    for (int i = 0; i < 3; i++) {
        put_third(p, N("%s.weight", timm), N("%s.weight", names[i]), i);
        put_third(p, N("%s.bias", timm), N("%s.bias", names[i]), i);
    }
}

/* Something that is no part of the model. */
static void put_extra(pair *p, const char *name, gr_shape shape)
{
    static const float zeros[256];
    put_data(p, name, GR_F32, shape, zeros);
}

static char *write_file(pair *p, const char *name)
{
    char *path = path_of(p->f, name);
    const gr_safetensors_params sorted = {.sorted = true};
    assert_int_equal(gr_safetensors_write(p->f->log, path, p->file, &sorted), GRAFT_OK);
    return path;
}

static void check_tensors(pair *p, const gr_tensors *found, size_t extra)
{
    assert_int_equal(gr_tensors_count(found), gr_tensors_count(p->model) + extra);
    for (size_t i = 0; i < gr_tensors_count(p->model); i++) {
        const gr_tensor *t = gr_tensors_at(p->model, i);
        check_tensor(found, t->name, t->dtype, t->shape);
        if (memcmp(t->data, gr_tensors_find(found, t->name)->data, t->size_bytes) != 0)
            fail_msg("%s: other values", t->name);
    }
}

static void end(pair *p)
{
    gr_tensors_destroy(&p->model);
    gr_tensors_destroy(&p->file);
}

/* The file must be told as `layout` and hold the model and `extra` tensors more. Returns it. */
static gr_tensors *load(pair *p, const char *layout, size_t extra)
{
    gr_layout_match match;
    gr_tensors *found;
    assert_true(gr_layout_recognise(p->file, &match));
    assert_string_equal(match.layout->name, layout);
    assert_int_equal(gr_backbone_load(p->f->log, write_file(p, "model.safetensors"), &found),
                     GRAFT_OK);
    check_tensors(p, found, extra);
    return found;
}

static void check_round(pair *p, const char *layout)
{
    gr_tensors *found = load(p, layout, 0);
    gr_tensors_destroy(&found);
    end(p);
}

static void put_all(pair *p)
{
    for (size_t i = 0; i < gr_tensors_count(p->model); i++)
        put(p, gr_tensors_at(p->model, i)->name, gr_tensors_at(p->model, i)->name);
}

static void timm_vit(void **state)
{
    static const char *const prefixes[] = {"", "model.", "state_dict.module.", "visual.trunk."};
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        pair p = begin(*state, prefixes[i]);
        make_vit(&p, i % 2 ? GR_F16 : GR_F32, false);
        put_all(&p);
        put_extra(&p, "head.0.weight", GR_SHAPE(2, 2));
        check_round(&p, "timm ViT");
    }
}

/* The head that stands behind it is left out with it. */
static void a_layer_before_the_head(void **state)
{
    pair p = begin(*state, "model.");
    make_vit(&p, GR_F32, true);
    put_all(&p);
    put_extra(&p, "head.weight", GR_SHAPE(2, 8));
    put_extra(&p, "head.bias", GR_SHAPE(2));
    put_extra(&p, "pre_logits.fc.weight", GR_SHAPE(8, 8));
    gr_tensors *found = load(&p, "timm ViT", 0);
    assert_null(gr_tensors_find(found, "head.weight"));
    gr_tensors_destroy(&found);
    end(&p);
}

static void the_shortest_prefix_counts(void **state)
{
    pair p = begin(*state, "model_ema.");
    make_vit(&p, GR_F32, false);
    for (size_t i = 0; i < gr_tensors_count(p.model); i++) {
        const gr_tensor *t = gr_tensors_at(p.model, i);
        put_extra(&p, t->name, t->shape);
    }
    p.prefix = "model.";
    put_all(&p);
    p.prefix = "";
    put_extra(&p, "epoch", GR_SHAPE(1));
    check_round(&p, "timm ViT");
}

static void values_that_stay_are_borrowed(void **state)
{
    pair p = begin(*state, "");
    gr_layout_match match;
    gr_tensors *out = gr_tensors_create();
    make_vit(&p, GR_F32, false);
    put_all(&p);
    assert_true(gr_layout_recognise(p.file, &match));
    assert_int_equal(gr_layout_translate(p.f->log, &match, p.file, out), GRAFT_OK);
    for (size_t i = 0; i < gr_tensors_count(out); i++) {
        const gr_tensor *t = gr_tensors_at(out, i);
        assert_ptr_equal(t->data, gr_tensors_find(p.file, t->name)->data);
    }
    gr_tensors_destroy(&out);
    end(&p);
}

static void mean_pooling(void **state)
{
    pair p = begin(*state, "");
    make_vit(&p, GR_F32, false);
    for (size_t i = 0; i < gr_tensors_count(p.model); i++) {
        const char *name = gr_tensors_at(p.model, i)->name;
        if (strncmp(name, "norm.", 5) != 0)
            put(&p, name, name);
    }
    put_both(&p, "norm", "fc_norm");
    gr_tensors *found = load(&p, "timm ViT with mean pooling", 0);
    assert_string_equal(gr_tensors_metadata(found, "graft.pool"), "avg");
    gr_tensors_destroy(&found);
    end(&p);
}

static void mae(void **state)
{
    pair p = begin(*state, "model.");
    make_vit(&p, GR_F32, false);
    put_all(&p);
    put_extra(&p, "mask_token", GR_SHAPE(1, 1, 4));
    put_extra(&p, "decoder_pos_embed", GR_SHAPE(1, TOKENS, 4));
    put_extra(&p, "decoder_embed.weight", GR_SHAPE(4, D));
    put_extra(&p, "decoder_blocks.0.norm1.weight", GR_SHAPE(4));
    put_extra(&p, "decoder_pred.bias", GR_SHAPE(12));
    check_round(&p, "MAE");
}

static void moco_v3(void **state)
{
    pair p = begin(*state, "state_dict.module.momentum_encoder.");
    make_vit(&p, GR_F32, false);
    for (size_t i = 0; i < gr_tensors_count(p.model); i++) {
        const gr_tensor *t = gr_tensors_at(p.model, i);
        put_extra(&p, t->name, t->shape);
    }
    p.prefix = "state_dict.module.base_encoder.";
    put_all(&p);
    put_extra(&p, "head.0.weight", GR_SHAPE(4, 4));
    put_extra(&p, "head.1.running_mean", GR_SHAPE(4));
    p.prefix = "state_dict.module.";
    put_extra(&p, "predictor.0.weight", GR_SHAPE(4, 4));
    gr_tensors *found = load(&p, "MoCo v3", 0);
    assert_string_equal(gr_tensors_metadata(found, "graft.heads"), "12");
    gr_tensors_destroy(&found);
    end(&p);
}

static void put_transformers_vit(pair *p)
{
    put(p, "cls_token", "embeddings.cls_token");
    put(p, "pos_embed", "embeddings.position_embeddings");
    put_both(p, "patch_embed.proj", "embeddings.patch_embeddings.projection");
    for (int i = 0; i < BLOCKS; i++) {
        const char *timm = N("blocks.%d", i), *layer = N("encoder.layer.%d", i);
        put_thirds(p, N("%s.attn.qkv", timm), N("%s.attention.attention.query", layer),
                   N("%s.attention.attention.key", layer),
                   N("%s.attention.attention.value", layer));
        put_both(p, N("%s.attn.proj", timm), N("%s.attention.output.dense", layer));
        put_both(p, N("%s.mlp.fc1", timm), N("%s.intermediate.dense", layer));
        put_both(p, N("%s.mlp.fc2", timm), N("%s.output.dense", layer));
        put_both(p, N("%s.norm1", timm), N("%s.layernorm_before", layer));
        put_both(p, N("%s.norm2", timm), N("%s.layernorm_after", layer));
    }
    put_both(p, "norm", "layernorm");
}

static void transformers_vit(void **state)
{
    static const char *const prefixes[] = {"vit.", "deit.", "model.vit.", ""};
    static const char *const outside[] = {"", "", "model.", ""};
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        pair p = begin(*state, prefixes[i]);
        make_vit(&p, i % 2 ? GR_BF16 : GR_F32, false);
        put_transformers_vit(&p);
        put_extra(&p, "pooler.dense.weight", GR_SHAPE(D, D));
        p.prefix = outside[i];
        put_both(&p, "head", "classifier");
        put_extra(&p, "decoder.decoder_embed.weight", GR_SHAPE(4, D));
        check_round(&p, "transformers ViT");
    }
}

static void put_swin_blocks(pair *p, bool buffers)
{
    for (size_t i = 0; i < gr_tensors_count(p->model); i++) {
        const char *name = gr_tensors_at(p->model, i)->name;
        if (strncmp(name, "head.", 5) != 0 && !strstr(name, "downsample"))
            put(p, name, name);
    }
    if (!buffers)
        return;
    put_extra(p, "layers.0.blocks.1.attn_mask", GR_SHAPE(2, 4, 4));
    put_extra(p, "layers.0.blocks.0.attn.relative_position_index", GR_SHAPE(4, 4));
}

static void put_merging(pair *p, int shift)
{
    for (int s = 0; s + 1 < STAGES; s++) {
        put_both(p, N("layers.%d.downsample.norm", s), N("layers.%d.downsample.norm", s + shift));
        put(p, N("layers.%d.downsample.reduction.weight", s),
            N("layers.%d.downsample.reduction.weight", s + shift));
    }
}

static void swin(void **state)
{
    pair p = begin(*state, "model.");
    make_swin(&p, GR_F32);
    put_swin_blocks(&p, true);
    put_merging(&p, 0);
    put_both(&p, "head", "head");
    check_round(&p, "Swin");
}

static void timm_swin(void **state)
{
    pair p = begin(*state, "");
    make_swin(&p, GR_F16);
    put_swin_blocks(&p, false);
    put_merging(&p, 1);
    put_both(&p, "head", "head.fc");
    check_round(&p, "timm Swin");
}

static void put_transformers_swin_block(pair *p, const char *timm, const char *layer)
{
    put_thirds(p, N("%s.attn.qkv", timm), N("%s.attention.self.query", layer),
               N("%s.attention.self.key", layer), N("%s.attention.self.value", layer));
    put(p, N("%s.attn.relative_position_bias_table", timm),
        N("%s.attention.self.relative_position_bias_table", layer));
    put_extra(p, N("%s.attention.self.relative_position_index", layer), GR_SHAPE(4, 4));
    put_both(p, N("%s.attn.proj", timm), N("%s.attention.output.dense", layer));
    put_both(p, N("%s.mlp.fc1", timm), N("%s.intermediate.dense", layer));
    put_both(p, N("%s.mlp.fc2", timm), N("%s.output.dense", layer));
    put_both(p, N("%s.norm1", timm), N("%s.layernorm_before", layer));
    put_both(p, N("%s.norm2", timm), N("%s.layernorm_after", layer));
}

static void transformers_swin(void **state)
{
    pair pair_of_files = begin(*state, "swin."), *p = &pair_of_files;
    make_swin(p, GR_F32);
    put_both(p, "patch_embed.proj", "embeddings.patch_embeddings.projection");
    put_both(p, "patch_embed.norm", "embeddings.norm");
    for (int s = 0; s < STAGES; s++) {
        for (int i = 0; i < stages[s]; i++)
            put_transformers_swin_block(p, N("layers.%d.blocks.%d", s, i),
                                        N("encoder.layers.%d.blocks.%d", s, i));
        if (s + 1 == STAGES)
            break;
        put_both(p, N("layers.%d.downsample.norm", s), N("encoder.layers.%d.downsample.norm", s));
        put(p, N("layers.%d.downsample.reduction.weight", s),
            N("encoder.layers.%d.downsample.reduction.weight", s));
    }
    put_both(p, "norm", "layernorm");
    p->prefix = "";
    put_both(p, "head", "classifier");
    check_round(p, "transformers Swin");
}

static void transformers_clip(void **state)
{
    pair pair_of_files = begin(*state, ""), *p = &pair_of_files;
    make_vit(p, GR_F32, true);
    put_shaped(p, "cls_token", "vision_model.embeddings.class_embedding", GR_SHAPE(D));
    put_shaped(p, "pos_embed", "vision_model.embeddings.position_embedding.weight",
               GR_SHAPE(TOKENS, D));
    put_extra(p, "vision_model.embeddings.position_ids", GR_SHAPE(1, TOKENS));
    put(p, "patch_embed.proj.weight", "vision_model.embeddings.patch_embedding.weight");
    put_both(p, "norm_pre", "vision_model.pre_layrnorm");
    put_both(p, "norm", "vision_model.post_layernorm");
    put(p, "proj.weight", "visual_projection.weight");
    for (int i = 0; i < BLOCKS; i++) {
        const char *timm = N("blocks.%d", i), *layer = N("vision_model.encoder.layers.%d", i);
        put_thirds(p, N("%s.attn.qkv", timm), N("%s.self_attn.q_proj", layer),
                   N("%s.self_attn.k_proj", layer), N("%s.self_attn.v_proj", layer));
        put_both(p, N("%s.attn.proj", timm), N("%s.self_attn.out_proj", layer));
        put_both(p, N("%s.mlp.fc1", timm), N("%s.mlp.fc1", layer));
        put_both(p, N("%s.mlp.fc2", timm), N("%s.mlp.fc2", layer));
        put_both(p, N("%s.norm1", timm), N("%s.layer_norm1", layer));
        put_both(p, N("%s.norm2", timm), N("%s.layer_norm2", layer));
    }
    put_extra(p, "text_model.encoder.layers.0.self_attn.q_proj.weight", GR_SHAPE(2, 2));
    put_extra(p, "text_projection.weight", GR_SHAPE(E, 2));
    put_extra(p, "logit_scale", GR_SHAPE(1));
    gr_tensors *found = load(p, "transformers CLIP", 3);
    assert_non_null(gr_tensors_find(found, "text_model.encoder.layers.0.self_attn.q_proj.weight"));
    gr_tensors_destroy(&found);
    end(p);
}

/* The transpose of a matrix of floats. */
static void put_transposed(pair *p, const char *timm, const char *name)
{
    const gr_tensor *t = original(p, timm);
    int64_t rows = t->shape.dim[0], columns = t->shape.dim[1];
    float *out = gr_alloc_array(p->f->memory, (size_t)(rows * columns), sizeof(*out));
    for (int64_t i = 0; i < rows * columns; i++)
        memcpy(&out[i % columns * rows + i / columns], (const float *)t->data + i, sizeof(*out));
    put_data(p, name, t->dtype, GR_SHAPE(columns, rows), out);
}

static void openai_clip(void **state)
{
    pair pair_of_files = begin(*state, ""), *p = &pair_of_files;
    make_vit(p, GR_F32, true);
    put_shaped(p, "cls_token", "visual.class_embedding", GR_SHAPE(D));
    put_shaped(p, "pos_embed", "visual.positional_embedding", GR_SHAPE(TOKENS, D));
    put(p, "patch_embed.proj.weight", "visual.conv1.weight");
    put_both(p, "norm_pre", "visual.ln_pre");
    put_both(p, "norm", "visual.ln_post");
    put_transposed(p, "proj.weight", "visual.proj");
    for (int i = 0; i < BLOCKS; i++) {
        const char *timm = N("blocks.%d", i), *layer = N("visual.transformer.resblocks.%d", i);
        put(p, N("%s.attn.qkv.weight", timm), N("%s.attn.in_proj_weight", layer));
        put(p, N("%s.attn.qkv.bias", timm), N("%s.attn.in_proj_bias", layer));
        put_both(p, N("%s.attn.proj", timm), N("%s.attn.out_proj", layer));
        put_both(p, N("%s.mlp.fc1", timm), N("%s.mlp.c_fc", layer));
        put_both(p, N("%s.mlp.fc2", timm), N("%s.mlp.c_proj", layer));
        put_both(p, N("%s.norm1", timm), N("%s.ln_1", layer));
        put_both(p, N("%s.norm2", timm), N("%s.ln_2", layer));
    }
    put_extra(p, "transformer.resblocks.0.ln_1.weight", GR_SHAPE(2));
    put_extra(p, "positional_embedding", GR_SHAPE(7, 2));
    put_extra(p, "input_resolution", GR_SHAPE());
    gr_tensors *found = load(p, "OpenAI CLIP", 2);
    assert_non_null(gr_tensors_find(found, "transformer.resblocks.0.ln_1.weight"));
    gr_tensors_destroy(&found);
    end(p);
}

static void check_refused(pair *p, graft_status status, const char *culprit, const char *word)
{
    gr_tensors *found;
    const char *path = write_file(p, "bad.safetensors");
    assert_error(p->f, gr_backbone_load(p->f->log, path, &found), status, path, culprit, word);
    assert_null(found);
    end(p);
}

static void swin_v2_is_refused(void **state)
{
    pair p = begin(*state, "");
    put_extra(&p, "layers.0.blocks.0.norm1.weight", GR_SHAPE(D));
    put_extra(&p, "layers.0.blocks.0.attn.logit_scale", GR_SHAPE(2, 1, 1));
    check_refused(&p, GRAFT_ERR_UNSUPPORTED, "Swin v2", "take the Swin");
    p = begin(*state, "swinv2.");
    put_extra(&p, "swinv2.encoder.layers.0.blocks.0.layernorm_before.weight", GR_SHAPE(D));
    put_extra(&p, "swinv2.encoder.layers.0.blocks.0.attention.self.logit_scale", GR_SHAPE(2, 1, 1));
    check_refused(&p, GRAFT_ERR_UNSUPPORTED, "transformers Swin v2", "take the Swin");
}

/* Half of each head beside the other's, for both class tokens one after the other. */
static void two_heads_become_one(void **state)
{
    pair p = begin(*state, "");
    gr_tensors *found;
    void *data;
    make_vit(&p, GR_F32, true);
    put_all(&p);
    put_extra(&p, "dist_token", GR_SHAPE(1, 1, D));
    static const char *const names[] = {"head.weight", "head_dist.weight", "head.bias",
                                        "head_dist.bias"};
    for (int i = 0; i < 4; i++) {
        gr_shape shape = i < 2 ? GR_SHAPE(CLASSES, D) : GR_SHAPE(CLASSES);
        assert_int_equal(gr_tensors_add_new(p.f->log, p.file, names[i], GR_F32, shape, &data), 0);
        for (int64_t k = 0; k < gr_shape_count(&shape); k++)
            ((float *)data)[k] = (float)(100 * (i + 1) + k);
    }
    assert_int_equal(gr_backbone_load(p.f->log, write_file(&p, "d.safetensors"), &found), GRAFT_OK);
    const gr_tensor *weight = gr_tensors_find(found, "head.weight");
    const gr_tensor *bias = gr_tensors_find(found, "head.bias");
    assert_true(weight->shape.dim[0] == CLASSES && weight->shape.dim[1] == 2 * D);
    for (int i = 0; i < CLASSES * 2 * D; i++) {
        int row = i / (2 * D), part = i / D % 2, column = i % D;
        float expected = 0.5f * (float)(100 * (part + 1) + row * D + column);
        assert_true(((const float *)weight->data)[i] == expected);
    }
    for (int i = 0; i < CLASSES; i++)
        assert_true(((const float *)bias->data)[i] == 0.5f * (float)(700 + 2 * i));
    gr_tensors_destroy(&found);
    end(&p);
}

/* The model would be another one without them: norms of queries, a stem. */
static void unknown_parts_are_named(void **state)
{
    static const char *const names[] = {"blocks.0.attn.q_norm.weight", "attn_pool.q_norm.weight",
                                        "patch_embed.backbone.stem.conv.weight"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        pair p = begin(*state, "");
        make_vit(&p, GR_F32, false);
        put_all(&p);
        put_extra(&p, names[i], GR_SHAPE(D));
        check_refused(&p, GRAFT_ERR_UNSUPPORTED, names[i], "timm ViT");
    }
}

static void missing_parts_are_named(void **state)
{
    static const char *const names[] = {
        "vit.embeddings.cls_token",
        "vit.encoder.layer.1.layernorm_after.bias",
        "vit.encoder.layer.1.attention.attention.key.weight",
        "vit.encoder.layer.0.attention.attention.query.bias",
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        pair p = begin(*state, "vit.");
        gr_tensors *all = p.file, *some = gr_tensors_create();
        make_vit(&p, GR_F32, false);
        put_transformers_vit(&p);
        for (size_t k = 0; k < gr_tensors_count(all); k++) {
            const gr_tensor *t = gr_tensors_at(all, k);
            if (strcmp(t->name, names[i]) != 0)
                assert_int_equal(
                    gr_tensors_add(p.f->log, some, t->name, t->dtype, t->shape, t->data), GRAFT_OK);
        }
        assert_int_equal(gr_tensors_count(some) + 1, gr_tensors_count(all));
        gr_tensors_destroy(&all);
        p.file = some;
        check_refused(&p, GRAFT_ERR_NOT_FOUND, names[i], "missing");
    }
}

static void linears_may_lack_their_biases(void **state)
{
    pair p = begin(*state, "");
    gr_tensors *all = p.model, *some = gr_tensors_create();
    make_vit(&p, GR_F32, false);
    for (size_t i = 0; i < gr_tensors_count(all); i++) {
        const gr_tensor *t = gr_tensors_at(all, i);
        if (!strstr(t->name, "bias") || strstr(t->name, "norm"))
            assert_int_equal(gr_tensors_add(p.f->log, some, t->name, t->dtype, t->shape, t->data),
                             GRAFT_OK);
    }
    p.model = some;
    put_all(&p);
    static const float zeros[CLASSES];
    gr_tensors *found = load(&p, "timm ViT", 1); /* the head's, which is zero */
    check_values(found, "head.bias", GR_SHAPE(CLASSES), zeros);
    gr_tensors_destroy(&found);
    end(&p);
    gr_tensors_destroy(&all);
}

/* norm before mean pooling and fc_norm behind it: a model has one of them. */
static void two_tensors_for_one_are_named(void **state)
{
    pair p = begin(*state, "");
    gr_tensors *found = NULL;
    make_vit(&p, GR_F32, false);
    put_all(&p);
    put_extra(&p, "fc_norm.weight", GR_SHAPE(D));
    put_extra(&p, "fc_norm.bias", GR_SHAPE(D));
    assert_error(p.f, gr_backbone_load(p.f->log, write_file(&p, "model.safetensors"), &found),
                 GRAFT_ERR_FORMAT, "has both fc_norm.", " and norm.");
    assert_null(found);
    end(&p);
}

static void thirds_that_differ_are_named(void **state)
{
    static const char name[] = "vit.encoder.layer.0.attention.attention.key.weight";
    for (int i = 0; i < 3; i++) {
        pair p = begin(*state, "vit.");
        gr_tensors *all = p.file, *some = gr_tensors_create();
        make_vit(&p, GR_F32, false);
        put_transformers_vit(&p);
        for (size_t k = 0; k < gr_tensors_count(all); k++) {
            gr_tensor t = *gr_tensors_at(all, k);
            if (strcmp(t.name, name) == 0 && i == 0)
                t.shape.dim[0]--;
            else if (strcmp(t.name, name) == 0 && i == 1)
                t.dtype = GR_F16;
            else if (i == 2 && strstr(t.name, "layer.0.attention.attention.") &&
                     strstr(t.name, ".weight"))
                t.shape = GR_SHAPE(INT64_MAX / 16, 0);
            assert_int_equal(gr_tensors_add(p.f->log, some, t.name, t.dtype, t.shape, t.data),
                             GRAFT_OK);
        }
        gr_tensors_destroy(&all);
        p.file = some;
        static const char *const telling[] = {"[5, 6]", "F16", "empty"};
        check_refused(&p, GRAFT_ERR_SHAPE, i < 2 ? name : "query.weight", telling[i]);
    }
}

static void unknown_layouts_are_told(void **state)
{
    pair p = begin(*state, "");
    put_extra(&p, "conv1.weight", GR_SHAPE(2, 3));
    put_extra(&p, "bn1.weight", GR_SHAPE(2));
    put_extra(&p, "layer1.0.conv1.weight", GR_SHAPE(2));
    put_extra(&p, "layer1.0.conv2.weight", GR_SHAPE(2));
    check_refused(&p, GRAFT_ERR_UNSUPPORTED, "timm ViT", "conv1.weight");
    p = begin(*state, "");
    put_extra(&p, "blocks.0.norm1.weight", GR_SHAPE(2));
    assert_int_equal(gr_tensors_set_metadata(p.f->log, p.file, "graft.format", "adapter-1"),
                     GRAFT_OK);
    check_refused(&p, GRAFT_ERR_FORMAT, "adapter", "backbone");
}

static void metadata_of_the_file_goes_first(void **state)
{
    pair p = begin(*state, "module.base_encoder.");
    make_vit(&p, GR_F32, false);
    put_all(&p);
    assert_int_equal(gr_tensors_set_metadata(p.f->log, p.file, "graft.heads", "3"), GRAFT_OK);
    gr_tensors *found = load(&p, "MoCo v3", 0);
    assert_string_equal(gr_tensors_metadata(found, "graft.heads"), "3");
    gr_tensors_destroy(&found);
    end(&p);
}

static void the_config_beside_it_is_read(void **state)
{
    static const struct {
        const char *config, *heads, *eps, *activation;
    } cases[] = {
        {"{\"model_type\":\"vit\",\"num_attention_heads\":3,\"layer_norm_eps\":1e-6}", "3",
         "9.9999999999999995e-07", NULL},
        {"{\"model_type\":\"clip\",\"num_attention_heads\":9,"
         "\"vision_config\":{\"num_attention_heads\":2,\"hidden_act\":\"gelu\"}}",
         "2", "1e-12", "gelu"},
        {"{\"model_type\":\"bert\",\"num_attention_heads\":3}", NULL, "1e-12", NULL},
        {"{\"model_type\":\"vit\",\"num_attention_heads\":[3]}", NULL, "1e-12", NULL},
        {"{}", NULL, "1e-12", NULL},
    };
    pair p = begin(*state, "vit.");
    make_vit(&p, GR_F32, false);
    put_transformers_vit(&p);
    p.prefix = "";
    put_both(&p, "head", "classifier");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *const keys[] = {"graft.heads", "graft.norm_eps", "graft.activation"};
        const char *const values[] = {cases[i].heads, cases[i].eps, cases[i].activation};
        put_text(path_of(p.f, "config.json"), cases[i].config);
        gr_tensors *found = load(&p, "transformers ViT", 0);
        for (int k = 0; k < 3; k++) {
            const char *value = gr_tensors_metadata(found, keys[k]);
            assert_int_equal(value != NULL, values[k] != NULL);
            if (value)
                assert_string_equal(value, values[k]);
        }
        gr_tensors_destroy(&found);
    }
    put_text(path_of(p.f, "config.json"), "{");
    gr_tensors *found;
    assert_error(p.f, gr_backbone_load(p.f->log, p.f->directory, &found), GRAFT_ERR_FORMAT,
                 "config.json", "JSON");
    end(&p);
}

static void patterns(void **state)
{
    static const struct {
        const char *from, *to, *name, *result; /* NULL: does not fit */
    } cases[] = {
        {"a.#.b.@", "c.#.@", "a.12.b.bias", "c.12.bias"},
        {"a.#.b.@", "c.#.@", "a.12.b.gain", NULL},
        {"a.#.b.@", "c.#.@", "a.012.b.bias", NULL},
        {"a.#.b.@", "c.#.@", "a..b.bias", NULL},
        {"a.#.b.@", "c.#.@", "a.99999999999999999999.b.bias", NULL},
        {"a.#.b.@", "c.#.@", "a.1.b.bias.x", NULL},
        {"a.#.b.#", "#.#-", "a.3.b.7", "3.6"},
        {"a.#.b.#", "#.#-", "a.3.b.0", NULL},
        {"#-.x", "#.x", "2.x", "3.x"},
        {"a", "b", "a", "b"},
        {"a", "b", "ab", NULL},
        {"ab", "b", "a", NULL},
        {"a*", "b*", "axy", "bxy"},
        {"a*", "b*", "a", "b"},
        {"a.#", "#", "a.", NULL},
    };
    char name[GR_NAME_BYTES], longest[2 * GR_NAME_BYTES];
    gr_name_parts parts;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool fits = gr_pattern_match(cases[i].from, cases[i].name, &parts) &&
                    gr_pattern_expand(cases[i].to, &parts, name);
        if (fits != (cases[i].result != NULL))
            fail_msg("%s in %s", cases[i].name, cases[i].from);
        if (fits)
            assert_string_equal(name, cases[i].result);
    }
    memset(longest, 'x', sizeof(longest));
    for (size_t length = GR_NAME_BYTES - 8; length < GR_NAME_BYTES + 8; length++) {
        longest[length] = '\0';
        bool fits = length < GR_NAME_BYTES;
        assert_int_equal(gr_pattern_match("*", longest, &parts), fits);
        assert_int_equal(fits && gr_pattern_expand("*.1", &parts, name),
                         length + 2 < GR_NAME_BYTES);
        longest[length] = 'x';
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(timm_vit),
        TEST(a_layer_before_the_head),
        TEST(the_shortest_prefix_counts),
        TEST(values_that_stay_are_borrowed),
        TEST(mean_pooling),
        TEST(mae),
        TEST(moco_v3),
        TEST(transformers_vit),
        TEST(swin),
        TEST(timm_swin),
        TEST(transformers_swin),
        TEST(transformers_clip),
        TEST(openai_clip),
        TEST(swin_v2_is_refused),
        TEST(two_heads_become_one),
        TEST(unknown_parts_are_named),
        TEST(missing_parts_are_named),
        TEST(linears_may_lack_their_biases),
        TEST(two_tensors_for_one_are_named),
        TEST(thirds_that_differ_are_named),
        TEST(unknown_layouts_are_told),
        TEST(metadata_of_the_file_goes_first),
        TEST(the_config_beside_it_is_read),
        TEST(patterns),
    };
    return RUN_TESTS(tests);
}
