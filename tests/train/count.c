/* Exact numbers of trainable parameters, as the papers' code has them. */
#include "support.h"

#include "model/count.h"

#include <stdio.h>
#include <string.h>

#define SIX "q,k,v,proj,fc1,fc2"

enum { NONE = -1 }; /* the method does not fit, or nothing is published */

/* Without the head, for ViT-B/16, ViT-L/16, Swin-B and, where it was published, ViT-H/14, at
 * 224x224 pixels. */
static const struct {
    const char *methods, *set[2];
    int64_t base, large, swin, huge; /* huge 0: not published */
} counts[] = {
    {"linear", {0}, 0, 0, 0},
    {"full", {0}, 85798656, 303301632, 86743224, 630764800},
    /* The names of Swin's tables of relative positions, 63,544 numbers, have "bias" in them. */
    {"bitfit", {0}, 102912, 272384, 137216 + 63544},
    {"vpt_shallow", {"num_tokens=50"}, 38400, 51200, NONE},
    {"vpt_deep", {"num_tokens=50"}, 460800, 1228800, NONE},
    {"vpt_deep", {"num_tokens=10"}, 92160, 245760, NONE},
    {"ssf", {0}, 205824, 544768, 278016, 906240},
    {"adapter", {0}, 1779840, 6319104, NONE},
    {"adapter", {"h=8"}, 156768, 417984, 204736},
    {"adaptformer", {0}, 1189632, 3171840, NONE},
    {"adaptformer", {"h=8"}, 156768, 417984, 204736},
    {"lora", {"targets=q,v"}, 294912, 786432, 385024},
    {"lora", {"targets=" SIX}, 1327104, 3538944, NONE},
    {"lora", {"r=4"}, 147456, 393216, NONE},
    {"lora", {"rank_pattern=blocks.0=0,attn.q=2"}, (3072 + 12288) * 11, (4096 + 16384) * 23, NONE},
    {"dora", {0}, 294912 + 18432, 786432 + 49152, NONE},
    {"ia3", {0}, 12 * 6 * 768, 24 * 6 * 1024, NONE},
    {"vera", {0}, 101376, 258048, NONE},
    {"vera", {"train_bias=1"}, 101376 + 82944, 258048 + 221184, NONE},
    {"boft", {0}, 746496, 1990656, NONE},
    {"boft", {"official=1"}, 414720, 1105920, NONE},
    {"boft", {"official=1", "train_bias=1"}, 414720 + 82944, 1105920 + 221184, NONE},
    {"fourierft", {0}, 216000, 432000, NONE},
    {"fourierft", {"n_frequency=1000", "train_bias=1"}, 72000 + 82944, 144000 + 221184, NONE},
    {"convpass", {0}, 327552, 864000, 437504, 1430528},
    {"convpass_attn", {0}, 163776, 432000, 218752},
    {"rlrr", {0}, 288768, 765952, 358144, 1274880},
    {"freqfit", {"variant=2d"}, 2256384, 5785600, NONE},
    {"freqfit", {"variant=2d-real"}, 1138176, 2918400, NONE},
    {"freqfit", {"variant=1d"}, 1996800, 5120000, NONE},
    {"freqfit", {"variant=scale-shift"}, 19968, 51200, NONE},
    {"freqfit", {"variant=dct"}, 1976832, 5068800, NONE},
    {"vpt_deep+freqfit",
     {"variant=1d", "vpt_deep.num_tokens=10"},
     2096640 + 92160,
     5376000 + 245760,
     NONE},
    {"vpt_deep+freqfit", {"variant=1d"}, 2496000 + 460800, 6400000 + 1228800, NONE},
    {"vpt_deep+freqfit",
     {"variant=1d", "vpt_deep.num_tokens=100"},
     2995200 + 921600,
     7680000 + 2457600,
     NONE},
    {"vpt_shallow+freqfit", {"variant=1d"}, 2496000 + 38400, 6400000 + 51200, NONE},
    {"vpt_shallow+freqfit", {"variant=scale-shift"}, 19968 + 38400, 51200 + 51200, NONE},
    {"freqfit+lora", {"targets=" SIX}, 3583488, 9324544, NONE},
};

/* "r=4" is an option of the last method named. */
static void set_option(graft_log *log, gr_methods *methods, const char *list, const char *option)
{
    char key[128];
    const char *last = strrchr(list, '+');
    const char *equals = strchr(option, '=');
    bool whole = memchr(option, '.', (size_t)(equals - option)) != NULL;
    snprintf(key, sizeof(key), "%s%s%.*s",
             whole  ? ""
             : last ? last + 1
                    : list,
             whole ? "" : ".", (int)(equals - option), option);
    TEST_OK(log, gr_methods_set(log, methods, key, equals + 1));
}

static void expect(graft_log *log, const char *model, size_t row, int64_t expected)
{
    if (expected == NONE)
        return;
    gr_methods *methods = NULL;
    int64_t without_head = -1, with_head = -1;
    gr_model_config config = *gr_model_preset(model);
    TEST_OK(log, gr_methods_parse(log, counts[row].methods, &methods));
    for (int i = 0; i < 2 && counts[row].set[i]; i++)
        set_option(log, methods, counts[row].methods, counts[row].set[i]);
    TEST_OK(log, gr_count_trainable(log, &config, methods, &without_head, &with_head));
    if (without_head != expected || with_head != expected)
        fail_msg("%s %s on %s: %lld parameters, expected %lld", counts[row].methods,
                 counts[row].set[0] ? counts[row].set[0] : "", model, (long long)without_head,
                 (long long)expected);
    gr_methods_destroy(methods);
}

static void published_counts(void **state)
{
    graft_log *log = test_log_create();
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        expect(log, "vit_base_patch16_224", i, counts[i].base);
        expect(log, "vit_large_patch16_224", i, counts[i].large);
        expect(log, "swin_base_patch4_window7_224", i, counts[i].swin);
        if (counts[i].huge)
            expect(log, "vit_huge_patch14_224", i, counts[i].huge);
    }
    graft_log_destroy(&log);
}

static int64_t count_of(graft_log *log, gr_model_config config, const char *list, bool with_head)
{
    gr_methods *methods = NULL;
    int64_t without = 0, with = 0;
    TEST_OK(log, gr_methods_parse(log, list, &methods));
    TEST_OK(log, gr_count_trainable(log, &config, methods, &without, &with));
    gr_methods_destroy(methods);
    return with_head ? with : without;
}

/* CLIP's image encoder has no bias at its patches and one more norm. */
static void clip(void **state)
{
    graft_log *log = test_log_create();
    gr_model_config config = *gr_model_preset("clip_vit_base_patch16_224");
    assert_int_equal(count_of(log, config, "full", false), 85798656 - 768 + 2 * 768);
    assert_int_equal(count_of(log, config, "convpass", false), 327552);
    graft_log_destroy(&log);
}

/* The head comes on top; Swin's reads the width of the last stage. */
static void heads_are_counted_apart(void **state)
{
    graft_log *log = test_log_create();
    gr_model_config vit = *gr_model_preset("vit_base_patch16_224");
    gr_model_config swin = *gr_model_preset("swin_base_patch4_window7_224");
    vit.classes = swin.classes = 100;
    assert_int_equal(count_of(log, vit, "lora", false), 294912);
    assert_int_equal(count_of(log, vit, "lora", true), 294912 + 100 * 769);
    assert_int_equal(count_of(log, swin, "rlrr", false), 358144);
    assert_int_equal(count_of(log, swin, "rlrr", true), 358144 + 100 * 1025);
    graft_log_destroy(&log);
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
        cmocka_unit_test(published_counts),
        cmocka_unit_test(clip),
        cmocka_unit_test(heads_are_counted_apart),
        cmocka_unit_test(wrong_geometry_is_an_error),
    };
    return cmocka_run_group_tests_name("train count", tests, NULL, NULL);
}
