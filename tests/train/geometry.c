/* Geometries: read off tensors, written into metadata and back, and checked. No device. */
#include "support.h"

#include "build/config_json.h"
#include "model/backbone.h"
#include "weights/tensors.h"

#include <stdio.h>
#include <string.h>

static graft_log *the_log;

/* The shapes of all tensors of a backbone, as its builder asks for them. */
static gr_tensors *tensors_of(const gr_model_config *config)
{
    gr_methods *full = NULL;
    TEST_OK(the_log, gr_methods_parse(the_log, "full", &full));
    gr_graph *graph = gr_graph_create(the_log);
    gr_tensors *tensors = gr_tensors_create();
    gr_build b = {.graph = graph, .config = config, .methods = full, .batch = 1};
    int64_t size = config->image_size;
    gr_model_logits(&b, gr_graph_input(graph, "images", GR_F32, GR_SHAPE(1, 3, size, size)));
    TEST_OK(the_log, gr_graph_status(graph));
    for (int i = 0; i < gr_graph_count(graph); i++) {
        const gr_value *v = gr_graph_at(graph, i);
        if (v->kind == GR_VALUE_PARAM)
            TEST_OK(the_log, gr_tensors_add(the_log, tensors, v->name, GR_F32, v->shape, NULL));
    }
    gr_graph_destroy(graph);
    gr_methods_destroy(full);
    return tensors;
}

/* Two geometries are equal when their descriptions are. */
static void assert_equal(const gr_model_config *found, const gr_model_config *expected)
{
    gr_tensors *a = gr_tensors_create(), *b = gr_tensors_create();
    TEST_OK(the_log, gr_model_config_describe(the_log, a, found));
    TEST_OK(the_log, gr_model_config_describe(the_log, b, expected));
    assert_string_equal(gr_tensors_metadata(a, GR_MODEL_KEY), gr_tensors_metadata(b, GR_MODEL_KEY));
    gr_tensors_destroy(&a);
    gr_tensors_destroy(&b);
}

static void tensors_tell_every_preset(void **state)
{
    (void)state;
    const char *name;
    for (int i = 0; (name = gr_model_preset_name(i)); i++) {
        gr_model_config preset = *gr_model_preset(name), found;
        preset.classes = 7;
        TEST_OK(the_log, gr_model_config_check(the_log, &preset));
        gr_tensors *tensors = tensors_of(&preset);
        TEST_OK(the_log, gr_model_config_read(the_log, tensors, &found));
        assert_equal(&found, &preset);
        gr_tensors_destroy(&tensors);
    }
}

/* What a head sees is no matter of tensors: a file's metadata tells. */
static void metadata_tells_the_pool(void **state)
{
    (void)state;
    gr_model_config vit = *gr_model_preset("vit_tiny_patch16_224"), found;
    vit.classes = 7;
    gr_tensors *tensors = tensors_of(&vit);
    TEST_OK(the_log, gr_model_config_read(the_log, tensors, &found));
    assert_int_equal(found.pool, GR_POOL_CLS);
    TEST_OK(the_log, gr_tensors_set_metadata(the_log, tensors, "graft.pool", "avg"));
    TEST_OK(the_log, gr_model_config_read(the_log, tensors, &found));
    assert_int_equal(found.pool, GR_POOL_AVG);
    TEST_OK(the_log, gr_tensors_set_metadata(the_log, tensors, "graft.pool", "cls"));
    TEST_OK(the_log, gr_model_config_read(the_log, tensors, &found));
    assert_int_equal(found.pool, GR_POOL_CLS);
    TEST_OK(the_log, gr_tensors_set_metadata(the_log, tensors, "graft.pool", "max"));
    assert_int_equal(gr_model_config_read(the_log, tensors, &found), GRAFT_ERR_UNSUPPORTED);
    test_assert_error(the_log, "graft.pool 'max': expected cls, avg, normed-avg or map");
    gr_tensors_destroy(&tensors);
}

/* Registers, LayerScale and gates follow from the tensors as well. */
static void tensors_tell_what_dinov2_has(void **state)
{
    (void)state;
    for (int i = 0; i < 8; i++) {
        gr_model_config config = *gr_model_preset("vit_mini_patch8_64"), found;
        config.classes = 7;
        config.registers = i & 1 ? 4 : 0;
        config.patch_positions = i & 1;
        config.layer_scale = i & 2;
        config.swiglu = i & 4;
        gr_tensors *tensors = tensors_of(&config);
        TEST_OK(the_log, gr_tensors_set_metadata(the_log, tensors, "graft.heads", "3"));
        TEST_OK(the_log, gr_model_config_read(the_log, tensors, &found));
        assert_equal(&found, &config);
        gr_tensors_destroy(&tensors);
    }
}

static gr_model_config tiny_swin(void)
{
    gr_model_config swin = *gr_model_preset("swin_tiny_patch4_window7_224");
    swin.classes = 3;
    return swin;
}

/* What tensors do not tell is in the metadata of files that graft wrote. */
static void metadata_go_round(void **state)
{
    (void)state;
    gr_model_config cases[] = {
        *gr_model_preset("vit_mini_patch8_64"),
        *gr_model_preset("clip_vit_base_patch16_224"),
        tiny_swin(),
        *gr_model_preset("vit_mini_patch8_64"),
        *gr_model_preset("vit_mini_patch8_64"),
        *gr_model_preset("vit_mini_patch8_64"),
        *gr_model_preset("vit_mini_patch8_64"),
    };
    cases[0].pool = GR_POOL_AVG;
    cases[0].heads = 6;
    cases[1].proj_dim = 512;
    cases[1].normalize_feature = true;
    cases[1].logit_scale = 14.2857f;
    cases[1].activation = GR_FUNC_GELU;
    cases[2].image_size = 448;
    cases[3].registers = 4;
    cases[3].patch_positions = cases[3].layer_scale = cases[3].swiglu = true;
    cases[4].positions = cases[5].positions = GR_POSITIONS_NONE;
    cases[4].relative_bias = cases[4].shared_relative_bias = true;
    cases[5].rope = GR_ROPE_DINOV3;
    cases[5].distilled = true;
    cases[6].rope = GR_ROPE_EVA02;
    cases[6].attn_norm = cases[6].mlp_norm = cases[6].no_class_token = true;
    cases[6].pool = GR_POOL_NORMED_AVG;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        gr_model_config found;
        cases[i].classes = 3;
        gr_tensors *tensors = tensors_of(&cases[i]);
        TEST_OK(the_log, gr_model_config_describe(the_log, tensors, &cases[i]));
        TEST_OK(the_log, gr_model_config_read(the_log, tensors, &found));
        assert_equal(&found, &cases[i]);
        assert_int_equal(found.normalize_feature, cases[i].normalize_feature);
        assert_float_equal(found.logit_scale, cases[i].logit_scale, 0.0f);
        gr_tensors_destroy(&tensors);
    }
}

static void described(const char *text, graft_status expected, const char *telling,
                      gr_model_config *found)
{
    gr_tensors *tensors = gr_tensors_create();
    TEST_OK(the_log, gr_tensors_set_metadata(the_log, tensors, GR_MODEL_KEY, text));
    assert_int_equal(gr_model_config_described(the_log, tensors, found), expected);
    if (expected != GRAFT_OK)
        test_assert_error(the_log, telling);
    gr_tensors_destroy(&tensors);
}

#define PLAIN                                                                                      \
    "{\"image_size\":64,\"patch_size\":8,\"dim\":32,\"depth\":2,\"heads\":2,\"hidden\":64,"        \
    "\"classes\":3,\"norm_eps\":1e-6,\"activation\":1,\"pool\":\"cls\""

/* Files of before there were families are plain vision transformers; half a Swin is none. */
static void metadata_of_other_files(void **state)
{
    (void)state;
    gr_model_config c;
    described(PLAIN "}", GRAFT_OK, NULL, &c);
    assert_true(c.family == GR_FAMILY_VIT && !c.pre_norm && c.proj_dim == 0 && c.dim == 32);
    described(PLAIN ",\"swin\":{\"depths\":[2]}}", GRAFT_ERR_FORMAT, "incomplete", &c);
    described(PLAIN ",\"swin\":{\"depths\":[1,1],\"heads\":[2],\"window\":4}}", GRAFT_ERR_FORMAT,
              "incomplete", &c);
    described(PLAIN ",\"swin\":{\"depths\":[1,1,1,1,1],\"heads\":[2,2,2,2,2],\"window\":4}}",
              GRAFT_ERR_ARGUMENT, "5 stages", &c);
    described(PLAIN ",\"swin\":{\"depths\":[1,2],\"heads\":[2,2],\"window\":4}}",
              GRAFT_ERR_ARGUMENT, "2 blocks, but its stages have 3", &c);
    described(PLAIN ",\"clip\":{\"proj_dim\":5}}", GRAFT_ERR_FORMAT, "incomplete", &c);
}

static void misfits(void **state)
{
    (void)state;
    gr_model_config c = tiny_swin();
    c.image_size = 448;
    TEST_OK(the_log, gr_model_config_check(the_log, &c));
    c.image_size = 256;
    assert_int_equal(gr_model_config_check(the_log, &c), GRAFT_ERR_ARGUMENT);
    test_assert_error(the_log, "image size 256: its grid of 64 in stage 0");
    test_assert_error(the_log, "multiple of 224");
    c = tiny_swin();
    c.stage_heads[2] = 5;
    assert_int_equal(gr_model_config_check(the_log, &c), GRAFT_ERR_ARGUMENT);
    test_assert_error(the_log, "stage 2");
    c = tiny_swin();
    c.window = 0;
    assert_int_equal(gr_model_config_check(the_log, &c), GRAFT_ERR_ARGUMENT);
    c = *gr_model_preset("vit_mini_patch8_64");
    c.classes = 7;
    c.depth = 100000000; /* would take all memory */
    assert_int_equal(gr_model_config_check(the_log, &c), GRAFT_ERR_ARGUMENT);
    test_assert_error(the_log, "100000000 blocks: expected at most 1024");
}

/* A table of relative positions has (2 w - 1)^2 rows. */
static void tables_of_no_window(void **state)
{
    (void)state;
    gr_model_config c = tiny_swin(), found;
    static const int64_t rows[] = {168, 144}; /* no square; an even side */
    for (int i = 0; i < 2; i++) {
        gr_tensors *all = tensors_of(&c), *changed = gr_tensors_create();
        for (size_t k = 0; k < gr_tensors_count(all); k++) {
            const gr_tensor *t = gr_tensors_at(all, k);
            gr_shape shape = t->shape;
            if (strcmp(t->name, "layers.2.blocks.0.attn.relative_position_bias_table") == 0)
                shape.dim[0] = rows[i];
            TEST_OK(the_log, gr_tensors_add(the_log, changed, t->name, GR_F32, shape, NULL));
        }
        assert_int_equal(gr_model_config_read(the_log, changed, &found), GRAFT_ERR_SHAPE);
        test_assert_error(the_log, "layers.2.blocks.0.attn.relative_position_bias_table");
        gr_tensors_destroy(&all);
        gr_tensors_destroy(&changed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tensors_tell_every_preset),    cmocka_unit_test(metadata_tells_the_pool),
        cmocka_unit_test(tensors_tell_what_dinov2_has), cmocka_unit_test(metadata_go_round),
        cmocka_unit_test(metadata_of_other_files),      cmocka_unit_test(misfits),
        cmocka_unit_test(tables_of_no_window),
    };
    the_log = test_log_create();
    int failed = cmocka_run_group_tests_name("train geometry", tests, NULL, NULL);
    graft_log_destroy(&the_log);
    return failed;
}
