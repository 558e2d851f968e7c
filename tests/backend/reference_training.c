#include "reference_support.h"

#include "base/philox.h"
#include "shaders/adamw.gk.h"
#include "shaders/cross_entropy.gk.h"
#include "shaders/cross_entropy_grad.gk.h"
#include "shaders/dropout.gk.h"
#include "shaders/ema.gk.h"
#include "shaders/normalize_images.gk.h"
#include "shaders/sgd.gk.h"

#include <string.h>

/* The buffer of what changes from step to step, as the kernels see it. */
typedef union scalars {
    struct {
        float lr, beta1, beta2, eps, bias1, bias2_root, momentum, inv_count;
        uint32_t seed_lo, seed_hi, step, sample_base;
    };
    uint32_t words[16];
} scalars;

static void test_cross_entropy(void **state)
{
    float logits[] = {-999, -999, -999, -999, 0, 0, 0, 0, 0, 0, 0, 1.0986122887f}, loss[1], dx[12];
    int32_t labels[] = {0, -1, 3};
    scalars s = {.inv_count = 0.5f};
    gr_cross_entropy_params p = {.rows = 3, .cols = 4};
    RUN(*state, cross_entropy, .params = &p,
        .arrays = {ARRAY(logits), ARRAY(labels), ARRAY(logits), ARRAY(s.words), ARRAY(loss)});
    CHECK(loss, 1.0397207708f); /* (log 4 + log 6 - log 3) / 2 = log 8 / 2 */

    gr_cross_entropy_grad_params q = {.rows = 3, .cols = 4};
    RUN(*state, cross_entropy_grad, .params = &q,
        .arrays = {ARRAY(logits), ARRAY(labels), ARRAY(logits), ARRAY(s.words), ARRAY(dx)});
    const float twelfth = 1.0f / 12;
    CHECK(dx, -0.375f, 0.125f, 0.125f, 0.125f, 0, 0, 0, 0, twelfth, twelfth, twelfth, -0.25f);
}

/* Softmax of the first row is 1/2, 1/4, 1/4; the others carry half a target, and none. */
static void test_cross_entropy_soft(void **state)
{
    const float log2 = 0.6931471806f;
    float logits[] = {log2, 0, 0, 5, 5, 5, 1, 2, 3}, loss[1], dx[9];
    float targets[] = {0.25f, 0.75f, 0, 0, 0, 0.5f, 0, 0, 0};
    scalars s = {.inv_count = 0.5f};
    gr_cross_entropy_params p = {.rows = 3, .cols = 3};
    RUN(*state, cross_entropy, .params = &p, .tunables = {{"SOFT", 1}},
        .arrays = {ARRAY(logits), ARRAY(logits), ARRAY(targets), ARRAY(s.words), ARRAY(loss)});
    CHECK(loss, 0.8811568535f); /* (1.75 log 2 + 0.5 log 3) / 2 */

    gr_cross_entropy_grad_params q = {.rows = 3, .cols = 3};
    RUN(*state, cross_entropy_grad, .params = &q, .tunables = {{"SOFT", 1}},
        .arrays = {ARRAY(logits), ARRAY(logits), ARRAY(targets), ARRAY(s.words), ARRAY(dx)});
    const float twelfth = 1.0f / 12;
    CHECK(dx, 0.125f, -0.25f, 0.125f, twelfth, twelfth, -2 * twelfth, 0, 0, 0);
}

static void test_cross_entropy_label(void **state)
{
    float logits[] = {0, 0}, loss[1];
    int32_t labels[] = {2};
    scalars s = {.inv_count = 1};
    gr_cross_entropy_params p = {.rows = 1, .cols = 2};
    FAULT(*state, TEXTS("cross_entropy", "label 2", "2 classes"), cross_entropy, .params = &p,
          .arrays = {ARRAY(logits), ARRAY(labels), ARRAY(logits), ARRAY(s.words), ARRAY(loss)});
}

/* The first step moves by lr against the sign of the gradient, whatever its size. */
static void test_adamw_first_step(void **state)
{
    float p[] = {7, 1, 1, 1, 7}, g[] = {9, 0.5f, -1e-3f, 1, 9}, m[5] = {0}, v[5] = {0};
    scalars s = {.lr = 0.1f, .beta1 = 0.9f, .beta2 = 0.999f, .bias1 = 0.1f};
    s.bias2_root = 0.0316227766f; /* sqrt(0.001) */
    gr_adamw_params params = {.rows = 2, .cols = 2, .count = 3, .offset = 1};
    params.weight_decay = 0.1f;
    RUN(*state, adamw, .params = &params,
        .arrays = {ARRAY(p), ARRAY(g), ARRAY(m), ARRAY(v), ARRAY(s.words)});
    CHECK(p, 7, 0.89f, 1.09f, 0.89f, 7);
    CHECK(m, 0, 0.05f, -1e-4f, 0.1f, 0);
    CHECK(v, 0, 2.5e-4f, 1e-9f, 1e-3f, 0);
}

static void test_adamw_later_step(void **state)
{
    float p[] = {1}, g[] = {1}, m[] = {2}, v[] = {4};
    scalars s = {
        .lr = 0.1f, .beta1 = 0.5f, .beta2 = 0.5f, .bias1 = 0.75f, .bias2_root = 0.8660254038f};
    gr_adamw_params params = {.rows = 1, .cols = 1, .count = 1};
    RUN(*state, adamw, .params = &params,
        .arrays = {ARRAY(p), ARRAY(g), ARRAY(m), ARRAY(v), ARRAY(s.words)});
    CHECK(m, 1.5f);
    CHECK(v, 2.5f);
    CHECK(p, 0.8904554885f); /* 1 - 0.2 sqrt(0.3) */

    /* eps is added after the root is corrected: 1 / (1 + 3), at beta = 0. */
    float q[] = {1}, h[] = {1}, n[] = {0}, w[] = {0};
    s = (scalars){.lr = 1, .eps = 3, .bias1 = 1, .bias2_root = 1};
    RUN(*state, adamw, .params = &params,
        .arrays = {ARRAY(q), ARRAY(h), ARRAY(n), ARRAY(w), ARRAY(s.words)});
    CHECK(q, 0.75f);
}

static void test_sgd(void **state)
{
    float p[] = {7, 1}, g[] = {9, 0.5f}, m[] = {7, 1};
    scalars s = {.lr = 0.1f, .momentum = 0.9f};
    gr_sgd_params params = {.rows = 1, .cols = 1, .count = 1, .offset = 1, .weight_decay = 0.2f};
    RUN(*state, sgd, .params = &params, .arrays = {ARRAY(p), ARRAY(g), ARRAY(m), ARRAY(s.words)});
    CHECK(p, 7, 0.84f);
    CHECK(m, 7, 1.6f);
}

static void test_ema(void **state)
{
    float w[] = {1, 2, 3, 4}, ema[] = {8, 4, 3, 7};
    gr_ema_params params = {.rows = 2, .cols = 2, .count = 3, .decay = 0.75f, .rest = 0.25f};
    RUN(*state, ema, .params = &params, .arrays = {ARRAY(w), ARRAY(ema)});
    CHECK(ema, 6.25f, 3.5f, 3, 7);
    CHECK(w, 1, 2, 3, 4);
}

static void test_normalize(void **state)
{
    /* two images of 2 x 1 pixels: 12 bytes, of which the last words holds no more than that */
    uint32_t pixels[] = {0x03020100, 0x07060504, 0xff090808};
    float table[3 * 256], images[13] = {0};
    for (int i = 0; i < 3 * 256; i++)
        table[i] = (float)i;
    gr_normalize_images_params params = {.rows = 2, .cols = 6, .count = 12, .area = 2};
    RUN(*state, normalize_images, .params = &params,
        .arrays = {ARRAY(pixels), ARRAY(table), ARRAY(images)});
    CHECK(images, 0, 3, 257, 260, 514, 517, 6, 8, 256 + 7, 256 + 9, 512 + 8, 512 + 255, 0);
}

/* Vectors published with the generator (Random123, kat_vectors). */
static void test_philox_known_answers(void **state)
{
    static const struct {
        uint32_t counter[4], key[2], expected[4];
    } cases[] = {
        {{0}, {0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t words[4];
        gr_philox(cases[i].counter, cases[i].key, words);
        assert_memory_equal(words, cases[i].expected, sizeof(words));
    }
}

/* All zero: the words above as fractions are 0.399, 0.8805, 0.7357, 0.6055. */
static void test_dropout(void **state)
{
    float x[] = {1, 2, 3, 4}, y[4];
    scalars s = {0};
    gr_dropout_params p = {.rows = 1, .cols = 4, .rate = 0.5f};
    RUN(*state, dropout, .params = &p, .arrays = {ARRAY(x), ARRAY(s.words), ARRAY(y)});
    CHECK(y, 0, 4, 6, 8);
    p.rate = 0.75f;
    RUN(*state, dropout, .params = &p, .arrays = {ARRAY(x), ARRAY(s.words), ARRAY(y)});
    CHECK(y, 0, 8, 0, 0);
    p.rate = 0x6627e8p-24f; /* the first draw itself: kept */
    RUN(*state, dropout, .params = &p, .arrays = {ARRAY(x), ARRAY(s.words), ARRAY(y)});
    assert_true(y[0] > 0);
    p.rate = 0;
    RUN(*state, dropout, .params = &p, .arrays = {ARRAY(x), ARRAY(s.words), ARRAY(y)});
    CHECK(y, 1, 2, 3, 4);
}

/* Draws of a second implementation at key 0x12345678, 0x9abcdef0, step 7, stream 11. */
static void test_dropout_stream(void **state)
{
    float x[] = {1, 1, 1, 1, 1, 1}, y[6];
    scalars s = {.seed_lo = 0x12345678, .seed_hi = 0x9abcdef0, .step = 7, .sample_base = 5};
    gr_dropout_params p = {.rows = 2, .cols = 3, .stream = 11, .rate = 0.5f};
    /* elements 15 to 20: 0.1126 0.4029 0.8894 0.8960 0.8178 0.0431 */
    RUN(*state, dropout, .params = &p, .arrays = {ARRAY(x), ARRAY(s.words), ARRAY(y)});
    CHECK(y, 0, 0, 2, 2, 2, 0);
    /* rows 5 and 6: 0.6214 0.2800 */
    p.per_row = 1;
    RUN(*state, dropout, .params = &p, .arrays = {ARRAY(x), ARRAY(s.words), ARRAY(y)});
    CHECK(y, 2, 2, 2, 0, 0, 0);

    /* Elements from (2^31 - 1) * 64 on, so that the counter needs its second word:
     * 0.2522 0.5953 0.6682 0.3017 0.4467 0.4899 0.7938 0.3675 */
    float u[64], v[64];
    for (int i = 0; i < 64; i++)
        u[i] = 1;
    s.sample_base = 0x7fffffff;
    p = (gr_dropout_params){.rows = 1, .cols = 64, .stream = 11, .rate = 0.5f};
    RUN(*state, dropout, .params = &p, .arrays = {ARRAY(u), ARRAY(s.words), ARRAY(v)});
    float first[8];
    memcpy(first, v, sizeof(first));
    CHECK(first, 0, 2, 2, 0, 0, 0, 2, 0);
}

int reference_training_tests(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_cross_entropy),
        TEST(test_cross_entropy_soft),
        TEST(test_cross_entropy_label),
        TEST(test_adamw_first_step),
        TEST(test_adamw_later_step),
        TEST(test_sgd),
        TEST(test_ema),
        TEST(test_normalize),
        cmocka_unit_test(test_philox_known_answers),
        TEST(test_dropout),
        TEST(test_dropout_stream),
    };
    return cmocka_run_group_tests_name("reference: training", tests, NULL, NULL);
}
