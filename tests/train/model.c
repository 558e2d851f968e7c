/* Models that do not fit together: one line that names the culprit. Nothing is computed here. */
#include "support.h"

#include "model/backbone.h"
#include "model/positions.h"
#include "ops/dropout.h"
#include "ops/operators.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static test_devices *devices;

static graft_status try_create(const train_setup *s)
{
    gr_trainer_params params = train_params(s, devices->null);
    gr_trainer *trainer = NULL;
    graft_status status = gr_trainer_create(s->log, &params, &trainer);
    gr_trainer_destroy(trainer);
    assert_int_equal(devices->null->allocated_bytes, 0);
    return status;
}

/* A copy of `from` with one tensor of another shape, or without it when rank is -1. */
static gr_tensors *with_changed(graft_log *log, const gr_tensors *from, const char *name,
                                gr_shape shape)
{
    gr_tensors *to = gr_tensors_create();
    assert_non_null(to);
    TEST_OK(log, gr_tensors_set_source(log, to, "small.safetensors"));
    for (size_t i = 0; i < gr_tensors_count(from); i++) {
        const gr_tensor *t = gr_tensors_at(from, i);
        void *data;
        if (strcmp(t->name, name) != 0)
            TEST_OK(log, gr_tensors_add(log, to, t->name, t->dtype, t->shape, t->data));
        else if (shape.rank >= 0)
            TEST_OK(log, gr_tensors_add_new(log, to, t->name, GR_F32, shape, &data));
    }
    return to;
}

static void expect_weights_error(const char *name, gr_shape shape, graft_status status,
                                 const char *text)
{
    train_setup s;
    train_setup_open(&s, devices->log, "lora", 2);
    gr_tensors *whole = s.weights;
    s.weights = with_changed(s.log, whole, name, shape);
    assert_int_equal(try_create(&s), status);
    test_assert_error(s.log, name);
    test_assert_error(s.log, text);
    gr_tensors_destroy(&s.weights);
    s.weights = whole;
    assert_int_equal(try_create(&s), GRAFT_OK);
    train_setup_close(&s);
}

static void missing_tensors_are_named(void **state)
{
    static const char *const names[] = {
        "patch_embed.proj.weight",
        "cls_token",
        "pos_embed",
        "blocks.0.norm1.weight",
        "blocks.1.norm2.bias",
        "blocks.1.attn.qkv.weight",
        "blocks.0.mlp.fc2.weight",
        "blocks.0.attn.proj.weight",
        "norm.weight",
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        expect_weights_error(names[i], (gr_shape){.rank = -1}, GRAFT_ERR_NOT_FOUND,
                             "small.safetensors");
}

static void wrong_shapes_are_named(void **state)
{
    expect_weights_error("blocks.1.mlp.fc1.weight", GR_SHAPE(40, 23), GRAFT_ERR_SHAPE,
                         "expected shape [40, 24], found [40, 23]");
    expect_weights_error("blocks.1.mlp.fc1.bias", GR_SHAPE(1, 40), GRAFT_ERR_SHAPE,
                         "expected shape [40], found [1, 40]");
    expect_weights_error("patch_embed.proj.weight", GR_SHAPE(24, 3, 4, 5), GRAFT_ERR_SHAPE,
                         "expected shape [24, 3, 4, 4], found [24, 3, 4, 5]");
    expect_weights_error("pos_embed", GR_SHAPE(1, 16, 24), GRAFT_ERR_SHAPE,
                         "expected shape [1, 17, 24], found [1, 16, 24]");
    expect_weights_error("pos_embed", GR_SHAPE(1, 17, 23), GRAFT_ERR_SHAPE, "[1, 17, 23]");
    expect_weights_error("pos_embed", GR_SHAPE(17, 24), GRAFT_ERR_SHAPE, "[17, 24]");
}

static void wrong_adapters_are_named(void **state)
{
    train_setup s;
    train_setup_open(&s, devices->log, "lora", 2);
    gr_tensors *whole = s.adapter;
    s.adapter = with_changed(s.log, whole, "blocks.1.attn.v.lora_B.weight", GR_SHAPE(24, 7));
    assert_int_equal(try_create(&s), GRAFT_ERR_SHAPE);
    test_assert_error(s.log,
                      "blocks.1.attn.v.lora_B.weight: expected shape [24, 8], found [24, 7]");
    gr_tensors_destroy(&s.adapter);
    s.adapter = whole;
    train_setup_close(&s);
}

static void wrong_geometry_is_named(void **state)
{
    train_setup s;
    train_setup_open(&s, devices->log, "linear", 2);
    s.config.heads = 5;
    assert_int_equal(try_create(&s), GRAFT_ERR_ARGUMENT);
    test_assert_error(s.log, "`heads` 5");
    s.config.heads = 3;
    s.config.image_size = 18;
    assert_int_equal(try_create(&s), GRAFT_ERR_ARGUMENT);
    test_assert_error(s.log, "image size 18");
    train_setup_close(&s);
}

static void unknown_methods_and_options_are_named(void **state)
{
    static const struct {
        const char *methods, *key, *value, *text;
    } wrong[] = {
        {"lorra", NULL, NULL, "method 'lorra': unknown; the methods are linear, full, bitfit"},
        {"", NULL, NULL, "method '': unknown"},
        {"lora+", NULL, NULL, "method '': unknown"},
        {"lora+rlrr+lora", NULL, NULL, "method 'lora': named twice"},
        {"lora", "lora.rank", "4", "lora.rank: unknown option; those of lora are: r, alpha"},
        {"linear", "linear.r", "4", "linear.r: unknown option; those of linear are: none"},
        {"lora", "rlrr.r", "4", "rlrr.r: no such method in lora"},
        {"lora", "lora", "4", "lora: no such method in lora; write method.option=value"},
        {"lora", "lora.r", "0", "lora.r=0: expected a whole number from 1 to 4096"},
        {"lora", "lora.r", "2.5", "lora.r=2.5: expected a whole number"},
        {"lora", "lora.r", "four", "lora.r=four: expected a whole number"},
        {"lora", "lora.r", "", "lora.r=: expected a whole number"},
        {"lora", "lora.alpha", "nan", "lora.alpha=nan: expected a number"},
        {"lora", "lora.dropout", "1", "lora.dropout=1: expected a number from 0 to 0.99"},
        {"lora", "lora.targets", "q,x", "lora.targets=q,x: expected a comma list of q, k, v"},
        {"lora", "lora.targets", "", "lora.targets=: expected a comma list"},
        {"freqfit", "freqfit.variant", "3d", "freqfit.variant=3d: expected one of 2d"},
        {"convpass", "convpass.conv_init", "ident", "expected one of identity|xavier"},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        gr_methods *methods = NULL;
        graft_status status = gr_methods_parse(devices->log, wrong[i].methods, &methods);
        assert_int_equal(status == GRAFT_OK, wrong[i].key != NULL);
        if (wrong[i].key)
            status = gr_methods_set(devices->log, methods, wrong[i].key, wrong[i].value);
        assert_int_equal(status, GRAFT_ERR_ARGUMENT);
        test_assert_error(devices->log, wrong[i].text);
        gr_methods_destroy(methods);
    }
}

/* Options survive the way to text and back. */
static void options_have_texts(void **state)
{
    gr_methods *methods = NULL;
    TEST_OK(devices->log, gr_methods_parse(devices->log, "convpass+lora", &methods));
    TEST_OK(devices->log, gr_methods_set(devices->log, methods, "lora.targets", "fc1,q"));
    TEST_OK(devices->log, gr_methods_set(devices->log, methods, "lora.alpha", "0.1"));
    TEST_OK(devices->log, gr_methods_set(devices->log, methods, "convpass.conv_init", "identity"));
    static const char *const expected[2][4] = {{"8", "0.100000001", "q,fc1", "0"},
                                               {"8", "1", "0.100000001", "identity"}};
    char text[GRAFT_SETTING_TEXT_SIZE], name[64];
    gr_methods_name(methods, name, sizeof(name));
    assert_string_equal(name, "lora+convpass");
    for (int m = 0; m < 2; m++)
        for (int i = 0; i < 4; i++)
            assert_string_equal(graft_setting_text(&methods->item[m].method->options[i],
                                                   methods->item[m].config, text),
                                expected[m][i]);
    gr_methods_destroy(methods);
}

/* Aligned corners: 2x2 -> 3x3 has the old values in the corners, their means between. */
static void positions_are_interpolated(void **state)
{
    const float from[] = {9, 90, 0, 10, 2, 30, 4, 50, 6, 70};
    const float expected[] = {9, 90, 0, 10, 1, 20, 2, 30, 2, 30, 3, 40, 4, 50, 4, 50, 5, 60, 6, 70};
    float to[20], back[10], one[4];
    const gr_positions kind = GR_POSITIONS_BILINEAR_ALIGNED;
    assert_int_equal(gr_positions_resize(kind, from, 2, 1, to, 3, 2), GRAFT_OK);
    assert_memory_equal(to, expected, sizeof(to));
    assert_int_equal(gr_positions_resize(kind, to, 3, 1, back, 2, 2), GRAFT_OK);
    assert_memory_equal(back, from, sizeof(back));
    assert_int_equal(gr_positions_resize(kind, from, 2, 1, one, 1, 2), GRAFT_OK);
    assert_memory_equal(one, from, sizeof(one));
}

/* torch 1.13: interpolate(.., mode="bicubic", antialias=True), which timm uses. */
static void positions_are_resized_as_timm_does(void **state)
{
    const float from[] = {1, -2, 3, 0.5f, 4, -1, 2, 7, 0.25f};
    const float down[] = {0.4268674f, 0.9688975f, 3.374657f, 2.130232f};
    const float up[] = {1.200574f, -1.454404f, -0.4865233f, 3.497438f,   0.5307827f, 1.268813f,
                        1.19073f,  0.3454843f, 0.7888842f,  4.300994f,   3.485631f,  -1.146044f,
                        1.813071f, 5.741227f,  4.959477f,   -0.04208899f};
    float to[16];
    assert_int_equal(gr_positions_resize(GR_POSITIONS_BICUBIC, from, 3, 0, to, 2, 1), GRAFT_OK);
    for (int i = 0; i < 4; i++)
        assert_float_equal(to[i], down[i], 2e-6f);
    assert_int_equal(gr_positions_resize(GR_POSITIONS_BICUBIC, from, 3, 0, to, 4, 1), GRAFT_OK);
    for (int i = 0; i < 16; i++)
        assert_float_equal(to[i], up[i], 2e-6f);
}

/* torch.nn.functional.interpolate(mode="bicubic", align_corners=False) in float64. */
static void positions_are_resized_as_torch_does(void **state)
{
    const float from[] = {1, -2, 3, 0.5f, 4, -1, 2, 7, 0.25f};
    const float down[] = {0.3777046f, 1.360809f, 2.985893f, 1.517159f};
    const float up[] = {1.284709f, -1.80966f,  -0.7511023f, 3.697516f,  0.4441117f, 1.2828f,
                        1.183442f, 0.2176412f, 0.6443204f,  4.76619f,   3.8377f,    -1.472021f,
                        1.741051f, 6.130154f,  5.29884f,    -0.1537914f};
    const gr_positions kind = GR_POSITIONS_BICUBIC_PLAIN;
    float to[16];
    assert_int_equal(gr_positions_resize(kind, from, 3, 0, to, 2, 1), GRAFT_OK);
    for (int i = 0; i < 4; i++)
        assert_float_equal(to[i], down[i], 2e-6f);
    assert_int_equal(gr_positions_resize(kind, from, 3, 0, to, 4, 1), GRAFT_OK);
    for (int i = 0; i < 16; i++)
        assert_float_equal(to[i], up[i], 2e-6f);
}

/* Trained at 4x4 patches, used at 6x6 and at 2x2. */
static void backbones_take_other_image_sizes(void **state)
{
    if (!devices->reference)
        skip();
    for (int size = 8; size <= 24; size += 16) {
        train_setup s;
        train_setup_open(&s, devices->log, "lora+convpass", 2);
        s.config.image_size = size;
        size_t pixels = (size_t)(2 * 3 * size * size);
        float *images = malloc(pixels * sizeof(*images)), logits[2 * 5];
        assert_non_null(images);
        fill_normal(images, pixels, 1.0f, 3);
        gr_trainer_params params = train_params(&s, devices->reference);
        gr_trainer *trainer = train_create(&s, &params);
        TEST_OK(s.log, gr_trainer_logits(trainer, images, 2, logits));
        assert_true(isfinite(train_largest(logits, 10)) && train_largest(logits, 10) > 0);
        gr_trainer_destroy(trainer);
        free(images);
        train_setup_close(&s);
    }
}

/* Each place of the network draws masks of its own. Rates of DropPath grow linearly, from 0. */
static void every_dropout_has_its_own_stream(void **state)
{
    const float expected[] = {0.0f, 0.15f, 0.3f}; /* by block */
    train_setup s;
    train_setup_open(&s, devices->log, "lora+convpass", 2);
    s.config.depth = 3;
    train_setup_option(&s, "lora.dropout", "0.2");
    train_setup_option(&s, "convpass.dropout", "0.1");
    gr_graph *graph = gr_graph_create(s.log);
    gr_build b = {.graph = graph,
                  .config = &s.config,
                  .methods = s.methods,
                  .training = true,
                  .drop_path = 0.3f,
                  .scalars = gr_graph_input(graph, "scalars", GR_F32, GR_SHAPE(16)),
                  .batch = 2};
    gr_model_logits(&b, gr_graph_input(graph, "images", GR_F32, GR_SHAPE(2, 3, 16, 16)));
    TEST_OK(s.log, gr_graph_status(graph));
    int found = 0, paths[3] = {0}, elementwise[2] = {0};
    bool used[256] = {false};
    for (int i = 0; i < gr_graph_count(graph); i++) {
        const gr_value *v = gr_graph_at(graph, i);
        if (!v->op || strcmp(v->op->name, "dropout") != 0)
            continue;
        const gr_dropout_attrs *attrs = v->attrs;
        assert_in_range(attrs->stream, 0, 255);
        assert_false(used[attrs->stream]);
        used[attrs->stream] = true;
        found++;
        for (int block = 0; block < 3 && attrs->per_sample; block++)
            paths[block] += fabsf(attrs->rate - expected[block]) < 1e-6f;
        elementwise[0] += !attrs->per_sample && attrs->rate == 0.2f;
        elementwise[1] += !attrs->per_sample && attrs->rate == 0.1f;
    }
    assert_int_equal(paths[0], 0); /* rate 0 is no operator at all */
    assert_int_equal(paths[1], 4); /* attention, MLP and the bypass of each */
    assert_int_equal(paths[2], 4);
    assert_int_equal(elementwise[0], 3 * 2); /* LoRA of q and v */
    assert_int_equal(elementwise[1], 3 * 2); /* two bypasses */
    assert_int_equal(found, 20);
    gr_graph_destroy(graph);
    train_setup_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(missing_tensors_are_named),
        cmocka_unit_test(wrong_shapes_are_named),
        cmocka_unit_test(wrong_adapters_are_named),
        cmocka_unit_test(wrong_geometry_is_named),
        cmocka_unit_test(unknown_methods_and_options_are_named),
        cmocka_unit_test(options_have_texts),
        cmocka_unit_test(positions_are_interpolated),
        cmocka_unit_test(positions_are_resized_as_timm_does),
        cmocka_unit_test(positions_are_resized_as_torch_does),
        cmocka_unit_test(backbones_take_other_image_sizes),
        cmocka_unit_test(every_dropout_has_its_own_stream),
    };
    void *state = NULL;
    if (test_devices_open(&state) != 0)
        return 1;
    devices = state;
    int failures = cmocka_run_group_tests_name("train model", tests, NULL, NULL);
    test_devices_close(&state);
    return failures;
}
