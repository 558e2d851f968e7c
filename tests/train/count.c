/* Exact numbers of trainable parameters, as the papers' code has them. */
#include "support.h"

#include "model/count.h"

static void expect(const char *model, const char *methods, const char *key, const char *value,
                   int64_t expected)
{
    graft_log *log = test_log_create();
    gr_methods *set = NULL;
    int64_t without_head = 0, with_head = 0;
    gr_model_config config = *gr_model_preset(model);
    TEST_OK(log, gr_methods_parse(log, methods, &set));
    if (key)
        TEST_OK(log, gr_methods_set(log, set, key, value));
    TEST_OK(log, gr_count_trainable(log, &config, set, &without_head, &with_head));
    assert_int_equal(without_head, expected);
    assert_int_equal(with_head, expected);
    int feature = config.stages ? config.dim << (config.stages - 1) : config.dim;
    config.classes = 100;
    TEST_OK(log, gr_count_trainable(log, &config, set, &without_head, &with_head));
    assert_int_equal(without_head, expected);
    assert_int_equal(with_head, expected + 100 * (feature + 1));
    gr_methods_destroy(set);
    graft_log_destroy(&log);
}

static void vit_base(void **state)
{
    const char *model = "vit_base_patch16_224";
    expect(model, "linear", NULL, NULL, 0);
    expect(model, "full", NULL, NULL, 85798656);
    expect(model, "bitfit", NULL, NULL, 102912);
    expect(model, "lora", NULL, NULL, 294912);
    expect(model, "lora", "lora.targets", "q,k,v,proj,fc1,fc2", 1327104);
    expect(model, "lora", "lora.r", "4", 147456);
    expect(model, "convpass", NULL, NULL, 327552);
    expect(model, "convpass_attn", NULL, NULL, 163776);
    expect(model, "rlrr", NULL, NULL, 288768);
    expect(model, "freqfit", NULL, NULL, 2256384);
    expect(model, "freqfit+lora", NULL, NULL, 2256384 + 294912);
}

static void vit_large(void **state)
{
    const char *model = "vit_large_patch16_224";
    expect(model, "full", NULL, NULL, 303301632);
    expect(model, "bitfit", NULL, NULL, 272384);
    expect(model, "lora", NULL, NULL, 786432);
    expect(model, "convpass", NULL, NULL, 864000);
    expect(model, "convpass_attn", NULL, NULL, 432000);
    expect(model, "rlrr", NULL, NULL, 765952);
    expect(model, "freqfit", NULL, NULL, 5785600);
}

/* "bias" is also in the names of the tables of relative positions: 63,544 of bitfit's numbers,
 * which the published ones include. */
static void swin_base(void **state)
{
    const char *model = "swin_base_patch4_window7_224";
    expect(model, "linear", NULL, NULL, 0);
    expect(model, "full", NULL, NULL, 86743224);
    expect(model, "bitfit", NULL, NULL, 137216 + 63544);
    expect(model, "lora", NULL, NULL, 385024);
    expect(model, "convpass", NULL, NULL, 437504);
    expect(model, "convpass_attn", NULL, NULL, 218752);
    expect(model, "rlrr", NULL, NULL, 358144);
}

/* CLIP's image encoder has no bias at its patches and one more norm. */
static void clip(void **state)
{
    const char *model = "clip_vit_base_patch16_224";
    expect(model, "full", NULL, NULL, 85798656 - 768 + 2 * 768);
    expect(model, "convpass", NULL, NULL, 327552);
}

static void wrong_geometry_is_an_error(void **state)
{
    graft_log *log = test_log_create();
    gr_methods *set = NULL;
    gr_model_config config = *gr_model_preset("vit_tiny_patch16_224");
    config.image_size = 225;
    TEST_OK(log, gr_methods_parse(log, "linear", &set));
    assert_int_equal(gr_count_trainable(log, &config, set, NULL, NULL), GRAFT_ERR_ARGUMENT);
    test_assert_error(log, "image size 225");
    gr_methods_destroy(set);
    graft_log_destroy(&log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vit_base),
        cmocka_unit_test(vit_large),
        cmocka_unit_test(swin_base),
        cmocka_unit_test(clip),
        cmocka_unit_test(wrong_geometry_is_an_error),
    };
    return cmocka_run_group_tests_name("train count", tests, NULL, NULL);
}
