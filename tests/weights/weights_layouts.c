/* Checkpoint layouts: one small model written with the names of each library must come back tensor
 * by tensor, bit for bit. */
#include "layouts_support.h"

#include "base/mem.h"
#include "weights/load.h"

#include <stdio.h>

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
        for (int i = 0; i < layout_stages[s]; i++)
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
        TEST(metadata_of_the_file_goes_first),
        TEST(the_config_beside_it_is_read),
    };
    return RUN_TESTS(tests);
}
