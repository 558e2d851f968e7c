/* Methods: who goes with whom, and where released code and published method differ. */
#include "support.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void misfits_are_refused(void **state)
{
    const test_target *target = *state;
    static const struct {
        const char *methods, *key, *value;
        gr_family family;
        const char *culprit, *remedy;
    } wrong[] = {
        {"vpt_deep+freqfit", NULL, NULL, GR_FAMILY_VIT, "freqfit:", "`set` freqfit.variant=1d"},
        {"vpt_shallow+freqfit", "freqfit.variant", "2d-real", GR_FAMILY_VIT,
         "freqfit:", "`set` freqfit.variant=1d"},
        {"vpt_shallow+freqfit", "freqfit.variant", "dct", GR_FAMILY_VIT,
         "freqfit:", "`set` freqfit.variant=1d"},
        {"vpt_deep+convpass", NULL, NULL, GR_FAMILY_VIT, "convpass:", "leave out"},
        {"vpt_shallow+convpass_attn", NULL, NULL, GR_FAMILY_VIT, "convpass:", "leave out"},
        {"vpt_shallow+vpt_deep", NULL, NULL, GR_FAMILY_VIT, "vpt_deep:", "leave one"},
        {"convpass+convpass_attn", NULL, NULL, GR_FAMILY_VIT, "convpass_attn:", "leave one"},
        {"ssf+rlrr", NULL, NULL, GR_FAMILY_VIT, "ssf:", "leave one"},
        {"boft", "boft.block_size", "16", GR_FAMILY_VIT, "width of 48", "smaller boft.block_size"},
        {"boft", "boft.n_butterfly_factor", "3", GR_FAMILY_VIT, "width of 40", "smaller"},
        {"boft", "boft.block_size", "3", GR_FAMILY_VIT, "boft.block_size=3", "even"},
        {"lora+dora", NULL, NULL, GR_FAMILY_VIT, "dora:", "leave one"},
        {"ia3+dora", NULL, NULL, GR_FAMILY_VIT, "dora:", "leave one"},
        {"ia3", "ia3.feedforward", "v", GR_FAMILY_VIT, "ia3.feedforward:", "leave them out"},
        {"lora", "lora.rank_pattern", "q=4,", GR_FAMILY_VIT, "'q=4,'", "MODULE=NUMBER"},
        {"dora", "dora.rank_pattern", "v=8,q=1.5", GR_FAMILY_VIT, "'q': rank 1.5", "whole number"},
        {"dora", "dora.alpha_pattern", "q:4", GR_FAMILY_VIT, "'q:4'", "MODULE=NUMBER"},
        {"vpt_shallow", NULL, NULL, GR_FAMILY_SWIN, "vpt:", "choose another method"},
        {"vpt_deep", NULL, NULL, GR_FAMILY_SWIN, "vpt:", "choose another method"},
        {"freqfit", NULL, NULL, GR_FAMILY_SWIN, "freqfit:", "choose another method"},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        graft_log *log = target->devices->log;
        gr_methods *methods = NULL;
        gr_model_config config = {.family = wrong[i].family, .dim = 48, .hidden = 40};
        TEST_OK(log, gr_methods_parse(log, wrong[i].methods, &methods));
        if (wrong[i].key)
            TEST_OK(log, gr_methods_set(log, methods, wrong[i].key, wrong[i].value));
        assert_int_not_equal(gr_methods_check(log, methods, &config), GRAFT_OK);
        test_assert_error(log, wrong[i].culprit);
        test_assert_error(log, wrong[i].remedy);
        gr_methods_destroy(methods);
    }
}

static void noah_has_widths_for_48_blocks(void **state)
{
    const test_target *target = *state;
    graft_log *log = target->devices->log;
    gr_methods *methods = NULL;
    gr_model_config config = {.family = GR_FAMILY_VIT, .depth = 48, .dim = 48, .hidden = 40};
    TEST_OK(log, gr_methods_parse(log, "noah", &methods));
    TEST_OK(log, gr_methods_check(log, methods, &config));
    config.depth = 49;
    assert_int_equal(gr_methods_check(log, methods, &config), GRAFT_ERR_UNSUPPORTED);
    test_assert_error(log, "noah: the backbone has 49 blocks, it takes up to 48");
    gr_methods_destroy(methods);
}

/* A filter belongs to one size of images: both grids are named. */
static void filters_of_another_grid_are_refused(void **state)
{
    const test_target *target = *state;
    static const char *const variants[] = {"2d", "2d-real", "dct", "1d"};
    for (size_t i = 0; i < sizeof(variants) / sizeof(variants[0]); i++) {
        train_setup s;
        train_setup_open(&s, target->devices->log, "freqfit", 2);
        train_setup_reshape(&s, "freqfit.variant", variants[i]);
        s.config.image_size = 24;
        gr_trainer_params params = train_params(&s, target->device);
        gr_trainer *trainer = NULL;
        assert_int_equal(gr_trainer_create(s.log, &params, &trainer), GRAFT_ERR_SHAPE);
        test_assert_error(s.log, "freqfit.0.filter");
        test_assert_error(s.log, i < 3 ? "4x4 patches, found one of 6x6; use images of 16x16"
                                       : "learned on 9 frequencies, a grid of 6x6 patches has 19");
        train_setup_close(&s);
    }
}

/* The largest gradient of a tensor after some steps from the method's own start. */
static float gradient_of(const test_target *target, const char *methods, const char *official,
                         const char *tensor)
{
    train_setup s;
    float loss;
    size_t count;
    train_setup_open(&s, target->devices->log, methods, 4);
    train_setup_option(&s, "adapter.official", official);
    gr_trainer_params params = train_params(&s, target->device);
    params.adapter = NULL;
    gr_trainer *trainer = train_create(&s, &params);
    for (uint64_t step = 0; step < 2; step++) {
        TEST_OK(s.log, gr_trainer_gradients(trainer, s.images, s.labels, step, &loss));
        TEST_OK(s.log, gr_trainer_update(trainer, step, 1e-2f));
    }
    float *values = train_gradient_of(&s, trainer, tensor, &count);
    float largest = train_largest(values, count);
    free(values);
    gr_trainer_destroy(trainer);
    train_setup_close(&s);
    return largest;
}

/* All zero is a saddle of the adapter: only the last bias moves. */
static void official_adapters_are_dead(void **state)
{
    const char *bias = "blocks.0.mlp.adapter.up.bias";
    static const char *const dead[] = {"blocks.0.mlp.adapter.up.weight",
                                       "blocks.0.mlp.adapter.down.weight",
                                       "blocks.1.mlp.adapter.down.bias"};
    assert_true(gradient_of(*state, "adapter", "1", bias) > 1e-5f);
    for (int i = 0; i < 3; i++) {
        assert_true(gradient_of(*state, "adapter", "1", dead[i]) == 0.0f);
        assert_true(gradient_of(*state, "adapter", "0", dead[i]) > 1e-6f);
    }
}

static void logits_of_lora(const test_target *target, const char *r, const char *alpha,
                           const char *official, float *logits)
{
    train_setup s;
    train_setup_open(&s, target->devices->log, "lora", 2);
    train_setup_reshape(&s, "lora.r", r);
    train_setup_option(&s, "lora.alpha", alpha);
    train_setup_option(&s, "lora.official", official);
    gr_trainer_params params = train_params(&s, target->device);
    gr_trainer *trainer = train_create(&s, &params);
    TEST_OK(s.log, gr_trainer_logits(trainer, s.images, 2, logits));
    gr_trainer_destroy(trainer);
    train_setup_close(&s);
}

/* FreqFiT's code divides alpha by r as whole numbers. */
static void official_lora_rounds_its_scale_down(void **state)
{
    float plain[10], official[10], lower[10];
    logits_of_lora(*state, "4", "6", "0", plain);
    logits_of_lora(*state, "4", "6", "1", official);
    logits_of_lora(*state, "4", "4", "0", lower);
    assert_memory_equal(official, lower, sizeof(official));
    assert_memory_not_equal(official, plain, sizeof(official));
}

/* Its magnitudes are the lengths of the frozen rows, and B is zero. */
static void dora_starts_at_the_backbone(void **state)
{
    const test_target *target = *state;
    float logits[2][10];
    for (int i = 0; i < 2; i++) {
        train_setup s;
        train_setup_open(&s, target->devices->log, i ? "dora" : "linear", 2);
        gr_tensors_destroy(&s.adapter); /* start values are the method's own */
        gr_trainer_params params = train_params(&s, target->device);
        gr_trainer *trainer = train_create(&s, &params);
        TEST_OK(s.log, gr_trainer_logits(trainer, s.images, 2, logits[i]));
        gr_trainer_destroy(trainer);
        train_setup_close(&s);
    }
    for (int i = 0; i < 10; i++)
        assert_true(fabsf(logits[0][i] - logits[1][i]) < 1e-5f);
}

/* peft knows one factor only without its compiled extension. */
static void official_boft_has_one_factor(void **state)
{
    const test_target *target = *state;
    for (int official = 0; official <= 1; official++) {
        train_setup s;
        train_setup_open(&s, target->devices->log, "boft", 2);
        train_setup_reshape(&s, "boft.official", official ? "1" : "0");
        gr_trainer_params params = train_params(&s, target->device);
        gr_trainer *trainer = train_create(&s, &params);
        const gr_param *r =
            gr_params_find(gr_trainer_parameters(trainer), "blocks.0.attn.q.boft_R");
        assert_non_null(r);
        assert_int_equal(r->shape.dim[0], official ? 1 : 2);
        gr_trainer_destroy(trainer);
        train_setup_close(&s);
    }
}

static void too_many_frequencies_are_refused(void **state)
{
    const test_target *target = *state;
    train_setup s;
    train_setup_open(&s, target->devices->log, "fourierft", 2);
    train_setup_option(&s, "fourierft.n_frequency", "577");
    gr_trainer_params params = train_params(&s, target->device);
    gr_trainer *trainer = NULL;
    assert_int_equal(gr_trainer_create(s.log, &params, &trainer), GRAFT_ERR_ARGUMENT);
    test_assert_error(s.log, "blocks.0.attn.q: fourierft.n_frequency=577");
    test_assert_error(s.log, "576 places");
    train_setup_close(&s);
}

/* Places and projections that come with an adapter are used as they are, and checked. */
static void frozen_tensors_of_adapters_are_used(void **state)
{
    const test_target *target = *state;
    static const char name[] = "blocks.0.attn.q.fourierft_indices";
    float logits[2][10];
    /* columns that end at 24, and further ones */
    static const int64_t shift[] = {0, 0, 22, INT64_MAX - 2};
    for (int given = 0; given <= 3; given++) {
        train_setup s;
        void *data;
        train_setup_open(&s, target->devices->log, "fourierft", 2);
        if (given)
            TEST_OK(s.log,
                    gr_tensors_add_new(s.log, s.adapter, name, GR_I64, GR_SHAPE(2, 60), &data));
        for (int64_t j = 0; given && j < 60; j++) {
            ((int64_t *)data)[j] = j % 24;
            ((int64_t *)data)[60 + j] = j / 24 + shift[given];
        }
        gr_trainer_params params = train_params(&s, target->device);
        gr_trainer *trainer = NULL;
        graft_status status = gr_trainer_create(s.log, &params, &trainer);
        assert_int_equal(status, given >= 2 ? GRAFT_ERR_SHAPE : GRAFT_OK);
        if (given >= 2)
            test_assert_error(s.log, "fourierft_indices: a place lies outside");
        else
            TEST_OK(s.log, gr_trainer_logits(trainer, s.images, 2, logits[given]));
        gr_trainer_destroy(trainer);
        train_setup_close(&s);
    }
    assert_memory_not_equal(logits[0], logits[1], sizeof(logits[0]));
}

int main(void)
{
    const test_case cases[] = {
        TEST_CASE(misfits_are_refused),
        TEST_CASE(noah_has_widths_for_48_blocks),
        TEST_CASE(filters_of_another_grid_are_refused),
        TEST_CASE(official_adapters_are_dead),
        TEST_CASE(official_lora_rounds_its_scale_down),
        TEST_CASE(dora_starts_at_the_backbone),
        TEST_CASE(official_boft_has_one_factor),
        TEST_CASE(too_many_frequencies_are_refused),
        TEST_CASE(frozen_tensors_of_adapters_are_used),
    };
    return TEST_RUN("train methods", cases, TEST_EXECUTING);
}
