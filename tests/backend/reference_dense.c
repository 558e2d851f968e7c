#include "reference_support.h"

#include "shaders/cayley.gk.h"
#include "shaders/l2_normalize.gk.h"
#include "shaders/l2_normalize_grad.gk.h"
#include "shaders/layer_norm.gk.h"
#include "shaders/layer_norm_grad.gk.h"
#include "shaders/matmul.gk.h"
#include "shaders/reduce_rows.gk.h"
#include "shaders/softmax.gk.h"
#include "shaders/softmax_grad.gk.h"

static void test_matmul(void **state)
{
    float a[] = {1, 2, 3, 4, 5, 6}, b[] = {1, 0, 2, 1, 0, 3}, bias[] = {0, 100, 200}, c[4];
    gr_matmul_params p = {.m = 2, .n = 2, .k = 3, .inner = 1, .alpha = 1};
    p.a_row = 3, p.a_col = 1;
    p.b_row = 2, p.b_col = 1;
    p.c_row = 2, p.c_col = 1;
    RUN(*state, matmul, .params = &p, .arrays = {ARRAY(a), ARRAY(b), ARRAY(bias), ARRAY(c)});
    CHECK(c, 5, 11, 14, 23);

    p.alpha = 2;
    p.bias_offset = 1;
    RUN(*state, matmul, .params = &p, .tunables = {{"HAS_BIAS", 1}},
        .arrays = {ARRAY(a), ARRAY(b), ARRAY(bias), ARRAY(c)});
    CHECK(c, 110, 222, 128, 246);
}

/* a' b' with every operand stored the other way round. */
static void test_matmul_transposed(void **state)
{
    float a[] = {9, 1, 4, 2, 5, 3, 6}, b[] = {1, 2, 0, 0, 1, 3}, bias[] = {0},
          c[] = {7, 7, 7, 7, 7};
    gr_matmul_params p = {.m = 2, .n = 2, .k = 3, .inner = 1, .alpha = 1};
    p.a_offset = 1, p.a_row = 1, p.a_col = 2;
    p.b_row = 1, p.b_col = 3;
    p.c_offset = 1, p.c_row = 1, p.c_col = 2;
    RUN(*state, matmul, .params = &p, .arrays = {ARRAY(a), ARRAY(b), ARRAY(bias), ARRAY(c)});
    CHECK(c, 7, 5, 14, 11, 23);
}

/* Four products of single numbers: the steps of the outer and inner batch are separate. */
static void test_matmul_batch(void **state)
{
    float a[] = {1, 2, 0, 3, 4}, b[] = {9, 10, 1000, 100, 10000}, bias[] = {0}, c[4];
    gr_matmul_params p = {.m = 1, .n = 1, .k = 1, .inner = 2, .alpha = 1};
    p.a_outer = 3, p.a_inner = 1;
    p.b_offset = 1, p.b_outer = 1, p.b_inner = 2;
    p.c_outer = 1, p.c_inner = 2;
    RUN(*state, matmul, .params = &p, .grid = {1, 1, 4},
        .arrays = {ARRAY(a), ARRAY(b), ARRAY(bias), ARRAY(c)});
    CHECK(c, 10, 3000, 200, 40000);
    p.b_outer = 0; /* one b for both */
    RUN(*state, matmul, .params = &p, .grid = {1, 1, 4},
        .arrays = {ARRAY(a), ARRAY(b), ARRAY(bias), ARRAY(c)});
    CHECK(c, 10, 30, 200, 400);
}

static void test_softmax(void **state)
{
    float log2 = 0.6931471806f, log3 = 1.0986122887f;
    float x[] = {5, 5, 5, 0, log2, log3, 1000, 1000 + log3, -1000}, y[9];
    gr_softmax_params p = {.rows = 3, .cols = 3, .scale = 1};
    RUN(*state, softmax, .params = &p, .arrays = {ARRAY(x), ARRAY(y)});
    const float third = 1.0f / 3, sixth = 1.0f / 6;
    float u[] = {y[0], y[1], y[2], y[3], y[4], y[5], y[8]};
    CHECK(u, third, third, third, sixth, 2 * sixth, 3 * sixth, 0);
    assert_true(y[6] > 0.2499f && y[6] < 0.2501f); /* 1000 + log 3 is a rounded number */
    assert_true(y[7] > 0.7499f && y[7] < 0.7501f);

    float v[] = {0, 2 * log3}, z[2];
    gr_softmax_params q = {.rows = 1, .cols = 2, .scale = 0.5f};
    RUN(*state, softmax, .params = &q, .arrays = {ARRAY(v), ARRAY(z)});
    CHECK(z, 0.25f, 0.75f);
    v[0] = v[1] = -4000; /* exp() of these alone is 0 */
    RUN(*state, softmax, .params = &q, .arrays = {ARRAY(v), ARRAY(z)});
    CHECK(z, 0.5f, 0.5f);
}

static void test_softmax_grad(void **state)
{
    float y[] = {0.5f, 0.5f, 0.25f, 0.75f}, dy[] = {1, 0, 4, 8}, dx[4];
    gr_softmax_grad_params p = {.rows = 2, .cols = 2, .scale = 2};
    RUN(*state, softmax_grad, .params = &p, .arrays = {ARRAY(y), ARRAY(dy), ARRAY(dx)});
    CHECK(dx, 0.5f, -0.5f, -1.5f, 1.5f);
}

/* The second row is shorter than `least`. */
static void test_l2_normalize(void **state)
{
    float x[] = {3, 4, 0.3f, 0}, y[4], dy[] = {1, 0, 2, 3}, dx[4];
    gr_l2_normalize_params p = {.rows = 2, .cols = 2, .least = 0.5f};
    RUN(*state, l2_normalize, .params = &p, .arrays = {ARRAY(x), ARRAY(y)});
    CHECK(y, 0.6f, 0.8f, 0.6f, 0);
    gr_l2_normalize_grad_params q = {.rows = 2, .cols = 2, .least = 0.5f};
    RUN(*state, l2_normalize_grad, .params = &q, .arrays = {ARRAY(x), ARRAY(dy), ARRAY(dx)});
    CHECK(dx, 0.128f, -0.096f, 4, 6);
}

/* In the plane, S = ((0, t), (-t, 0)) turns by twice the angle whose tangent is -t. */
static void test_cayley(void **state)
{
    float x[] = {5, 1, 0, 5, 0, 0, 0, 0}, y[8];
    gr_cayley_params p = {.blocks = 2};
    RUN(*state, cayley, .params = &p, .tunables = {{"BLOCK", 2}}, .arrays = {ARRAY(x), ARRAY(y)});
    CHECK(y, 0.6f, -0.8f, 0.8f, 0.6f, 1, 0, 0, 1);
}

static void test_layer_norm(void **state)
{
    float x[] = {9, 1, 2, 3, 4, 9, 6, 4, 6, 4}, gamma[] = {1, 2, 3, 4}, beta[] = {10, 20, 30, 40};
    float y[8];
    gr_layer_norm_params p = {.rows = 2, .cols = 4, .x_offset = 1, .x_stride = 5};
    RUN(*state, layer_norm, .params = &p, .tunables = {{"AFFINE", 0}},
        .arrays = {ARRAY(x), ARRAY(gamma), ARRAY(beta), ARRAY(y)});
    /* 1.5 / sqrt(1.25) and 0.5 / sqrt(1.25) */
    CHECK(y, -1.3416407865f, -0.4472135955f, 0.4472135955f, 1.3416407865f, 1, -1, 1, -1);

    p.eps = 3;
    p.rows = 1;
    p.x_offset = 6;
    RUN(*state, layer_norm, .params = &p,
        .arrays = {ARRAY(x), ARRAY(gamma), ARRAY(beta), ARRAY(y)});
    CHECK(y, 10.5f, 19, 31.5f, 38, 1, -1, 1, -1);
}

/* The statistics are taken about the mean: a large offset of the row costs nothing. */
static void test_layer_norm_offset(void **state)
{
    float x[] = {4194303, 4194305}, none[] = {0, 0}, y[2];
    gr_layer_norm_params p = {.rows = 1, .cols = 2, .x_stride = 2};
    RUN(*state, layer_norm, .params = &p, .tunables = {{"AFFINE", 0}},
        .arrays = {ARRAY(x), ARRAY(none), ARRAY(none), ARRAY(y)});
    CHECK(y, -1, 1);
}

/* With x = +-1 and eps = 3 the normalised x is +-1/2 and everything is a binary fraction. */
static void test_layer_norm_grad(void **state)
{
    float x[] = {1, -1, 1, -1}, gamma[] = {2, 2, 2, 2}, dy[] = {1, 0, 0, 0}, dx[4];
    gr_layer_norm_grad_params p = {.rows = 1, .cols = 4, .x_stride = 4, .eps = 3};
    RUN(*state, layer_norm_grad, .params = &p,
        .arrays = {ARRAY(x), ARRAY(gamma), ARRAY(dy), ARRAY(dx)});
    CHECK(dx, 0.6875f, -0.1875f, -0.3125f, -0.1875f);
    RUN(*state, layer_norm_grad, .params = &p, .tunables = {{"AFFINE", 0}},
        .arrays = {ARRAY(x), ARRAY(gamma), ARRAY(dy), ARRAY(dx)});
    CHECK(dx, 0.34375f, -0.09375f, -0.15625f, -0.09375f);

    /* A shift of the row changes nothing, so a constant gradient gives none. */
    float even[] = {5, 5, 5, 5};
    RUN(*state, layer_norm_grad, .params = &p,
        .arrays = {ARRAY(x), ARRAY(gamma), ARRAY(even), ARRAY(dx)});
    CHECK(dx, 0, 0, 0, 0);
}

static void test_reduce_rows(void **state)
{
    float x[] = {9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, y[] = {0, 0, 0, 0, 0, 0};
    gr_reduce_rows_params p = {.rows = 5, .cols = 2, .x_offset = 1, .x_stride = 2, .chunk = 2};
    RUN(*state, reduce_rows, .params = &p, .grid = {1, 3, 1}, .arrays = {ARRAY(x), ARRAY(y)});
    CHECK(y, 4, 6, 12, 14, 9, 10);
}

int reference_dense_tests(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_matmul),          TEST(test_matmul_transposed), TEST(test_matmul_batch),
        TEST(test_softmax),         TEST(test_softmax_grad),      TEST(test_l2_normalize),
        TEST(test_cayley),          TEST(test_layer_norm),        TEST(test_layer_norm_offset),
        TEST(test_layer_norm_grad), TEST(test_reduce_rows),
    };
    return cmocka_run_group_tests_name("reference: dense", tests, NULL, NULL);
}
