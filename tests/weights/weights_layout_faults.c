/* Checkpoints that fit no layout, or not wholly: what is missing, strange or twice there is named.
 */
#include "layouts_support.h"

#include "base/mem.h"
#include "weights/load.h"

#include <stdio.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(swin_v2_is_refused),
        TEST(two_heads_become_one),
        TEST(unknown_parts_are_named),
        TEST(missing_parts_are_named),
        TEST(linears_may_lack_their_biases),
        TEST(two_tensors_for_one_are_named),
        TEST(thirds_that_differ_are_named),
        TEST(unknown_layouts_are_told),
    };
    return RUN_TESTS(tests);
}
