/* What follows from the structure of the network: gradients that are zero, and all others not. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A trainer whose gradients are there. */
static gr_trainer *open_case(train_setup *s, const test_target *target, const char *methods,
                             gr_pool pool)
{
    float loss;
    train_setup_open(s, target->devices->log, methods, 4);
    s->config.pool = pool;
    gr_trainer_params params = train_params(s, target->device);
    gr_trainer *trainer = train_create(s, &params);
    TEST_OK(s->log, gr_trainer_gradients(trainer, s->images, s->labels, 0, &loss));
    return trainer;
}

static void close_case(train_setup *s, gr_trainer *trainer)
{
    gr_trainer_destroy(trainer);
    train_setup_close(s);
}

/* The largest gradient in elements [first, last) of a tensor. */
static float largest_of(const train_setup *s, const gr_trainer *t, const char *name, size_t first,
                        size_t last)
{
    size_t count;
    float *values = train_gradient_of(s, t, name, &count);
    assert_true(last <= count);
    float largest = train_largest(values + first, last - first);
    free(values);
    return largest;
}

/* Softmax is invariant to what shifts all scores of a row. */
static void bias_of_keys_has_no_gradient(void **state)
{
    train_setup s;
    gr_trainer *t = open_case(&s, *state, "bitfit", GR_POOL_CLS);
    const char *name = "blocks.0.attn.qkv.bias";
    float q = largest_of(&s, t, name, 0, 24), v = largest_of(&s, t, name, 48, 72);
    assert_true(q > 1e-4f && v > 1e-4f);
    assert_true(largest_of(&s, t, name, 24, 48) < 1e-5f * q);
    close_case(&s, t);

    t = open_case(&s, *state, "rlrr", GR_POOL_CLS);
    q = largest_of(&s, t, "blocks.1.attn.q.rlrr.shift", 0, 24);
    assert_true(q > 1e-5f);
    assert_true(largest_of(&s, t, "blocks.1.attn.k.rlrr.shift", 0, 24) < 1e-4f * q);
    close_case(&s, t);
}

/* The last filter touches patch tokens only, and the head reads the class token. */
static void last_filter_trains_only_with_average_pooling(void **state)
{
    static const char *const names[] = {"freqfit.2.filter", "freqfit.2.ssf.scale",
                                        "freqfit.2.ssf.shift"};
    train_setup s;
    for (int pool = GR_POOL_CLS; pool <= GR_POOL_AVG; pool++) {
        gr_trainer *t = open_case(&s, *state, "freqfit", (gr_pool)pool);
        assert_true(gr_trainer_reaches(t, "freqfit.1.filter"));
        for (int i = 0; i < 3; i++) {
            size_t count;
            float *values = train_gradient_of(&s, t, names[i], &count);
            assert_int_equal(gr_trainer_reaches(t, names[i]), pool == GR_POOL_AVG);
            assert_int_equal(train_largest(values, count) != 0.0f, pool == GR_POOL_AVG);
            free(values);
        }
        close_case(&s, t);
    }
}

/* With average pooling the last filter acts through its mean only: bin (0, 0). */
static void last_filter_trains_its_constant_bin(void **state)
{
    train_setup s;
    gr_trainer *t = open_case(&s, *state, "freqfit", GR_POOL_AVG);
    float dc = largest_of(&s, t, "freqfit.2.filter", 0, 48);
    assert_true(dc > 1e-5f);
    assert_true(largest_of(&s, t, "freqfit.2.filter", 48, 4 * 3 * 48) < 1e-4f * dc);
    close_case(&s, t);
}

/* A real signal has no imaginary part at bins that are their own mirror image. */
static void self_conjugate_bins_have_no_imaginary_gradient(void **state)
{
    train_setup s;
    size_t count;
    gr_trainer *t = open_case(&s, *state, "freqfit", GR_POOL_CLS);
    float *g = train_gradient_of(&s, t, "freqfit.0.filter", &count); /* [4, 3, 24, 2] */
    float largest = train_largest(g, count);
    for (size_t bin = 0; bin < 12; bin++) {
        bool own_mirror = (bin / 3) % 2 == 0 && (bin % 3) % 2 == 0;
        float imaginary = 0.0f;
        for (size_t c = 0; c < 24; c++)
            imaginary = fmaxf(imaginary, fabsf(g[(bin * 24 + c) * 2 + 1]));
        assert_int_equal(imaginary < 1e-5f * largest, own_mirror);
    }
    free(g);
    close_case(&s, t);
}

/* Behind the last block only the class token counts, which sees only the centre of the kernel. */
static void last_convolution_trains_its_centre(void **state)
{
    train_setup s;
    gr_trainer *t = open_case(&s, *state, "convpass", GR_POOL_CLS);
    for (int block = 0; block < 2; block++) {
        char name[64];
        size_t count;
        snprintf(name, sizeof(name), "blocks.%d.mlp.convpass.conv.weight", block);
        float *g = train_gradient_of(&s, t, name, &count);
        for (size_t tap = 0; tap < 9; tap++) {
            float largest = 0.0f;
            for (size_t i = tap; i < count; i += 9)
                largest = fmaxf(largest, fabsf(g[i]));
            assert_int_equal(largest != 0.0f, block == 0 || tap == 4);
        }
        free(g);
    }
    close_case(&s, t);
}

/* R acts through its skew part alone. */
static void blocks_of_rotations_have_skew_gradients(void **state)
{
    train_setup s;
    size_t count;
    gr_trainer *t = open_case(&s, *state, "boft", GR_POOL_CLS);
    float *g = train_gradient_of(&s, t, "blocks.0.mlp.fc2.boft_R", &count); /* [2, 10, 4, 4] */
    float largest = train_largest(g, count);
    assert_int_equal(count, 2 * 10 * 4 * 4);
    assert_true(largest > 1e-5f);
    for (size_t block = 0; block < 20; block++)
        for (size_t i = 0; i < 4; i++)
            for (size_t j = 0; j <= i; j++) {
                float below = g[block * 16 + i * 4 + j], above = g[block * 16 + j * 4 + i];
                assert_true(fabsf(below + above) < 1e-5f * largest);
            }
    free(g);
    close_case(&s, t);
}

static bool known_to_be_zero(const char *name)
{
    return strstr(name, "freqfit.2.") || strstr(name, "attn.k.rlrr.shift");
}

/* Whatever a method trains is reached by the loss. */
static void all_other_tensors_have_gradients(void **state)
{
    for (int m = 0; m < gr_method_count(); m++) {
        train_setup s;
        const char *method = gr_method_at(m)->name;
        gr_trainer *t = open_case(&s, *state, method, GR_POOL_CLS);
        const gr_params *params = gr_trainer_parameters(t);
        for (size_t i = 0; i < params->count; i++) {
            const char *name = params->items[i].name;
            size_t count = (size_t)gr_shape_count(&params->items[i].shape);
            float largest = largest_of(&s, t, name, 0, count);
            if (!known_to_be_zero(name) && !(largest > 1e-6f && isfinite(largest)))
                fail_msg("%s: %s has gradient %g", method, name, (double)largest);
        }
        close_case(&s, t);
    }
}

int main(void)
{
    const test_case cases[] = {
        TEST_CASE(bias_of_keys_has_no_gradient),
        TEST_CASE(last_filter_trains_only_with_average_pooling),
        TEST_CASE(last_filter_trains_its_constant_bin),
        TEST_CASE(self_conjugate_bins_have_no_imaginary_gradient),
        TEST_CASE(last_convolution_trains_its_centre),
        TEST_CASE(blocks_of_rotations_have_skew_gradients),
        TEST_CASE(all_other_tensors_have_gradients),
    };
    return TEST_RUN("train structure", cases, TEST_EXECUTING);
}
