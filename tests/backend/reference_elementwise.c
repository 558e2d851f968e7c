#include "reference_support.h"

#include "shaders/affine.gk.h"
#include "shaders/binary.gk.h"
#include "shaders/copy.gk.h"
#include "shaders/gather.gk.h"
#include "shaders/outer_scale.gk.h"
#include "shaders/permute.gk.h"
#include "shaders/scatter.gk.h"
#include "shaders/unary.gk.h"
#include "shaders/unary_grad.gk.h"

enum { SCALE, GELU, QUICK_GELU, RELU, RECIPROCAL_ROOT }; /* FUNC of unary */
enum { ADD, MULTIPLY };                                  /* FUNC of binary */

/* Offsets and strides: only the elements of the view are read and written. */
static void test_unary_view(void **state)
{
    float x[] = {9, 1, -2, 9, 3, 4}, y[] = {7, 7, 7, 7, 7, 7, 7};
    gr_unary_params p = {.rows = 2, .cols = 2, .x_offset = 1, .x_stride = 3};
    p.y_offset = 1;
    p.y_stride = 4;
    p.alpha = 0.5f;
    RUN(*state, unary, .params = &p, .arrays = {ARRAY(x), ARRAY(y)});
    CHECK(y, 7, 0.5f, -1, 7, 7, 1.5f, 2);
}

static void test_unary_functions(void **state)
{
    float x[] = {0, 1, -1, 3, -3}, y[5];
    gr_unary_params p = {.rows = 1, .cols = 5, .x_stride = 5, .y_stride = 5, .alpha = 1};
    RUN(*state, unary, .params = &p, .tunables = {{"FUNC", GELU}}, .arrays = {ARRAY(x), ARRAY(y)});
    CHECK(y, 0, 0.841344746f, -0.158655254f, 2.995950306f, -0.004049694f);

    RUN(*state, unary, .params = &p, .tunables = {{"FUNC", RELU}}, .arrays = {ARRAY(x), ARRAY(y)});
    CHECK(y, 0, 1, 0, 3, 0);

    float u[] = {0, 1, -2}, v[3];
    p.cols = 3;
    RUN(*state, unary, .params = &p, .tunables = {{"FUNC", QUICK_GELU}},
        .arrays = {ARRAY(u), ARRAY(v)});
    CHECK(v, 0, 0.845795766f, -0.064341377f);

    float w[] = {0.75f, 0, 3.75f};
    p.alpha = 0.25f;
    RUN(*state, unary, .params = &p, .tunables = {{"FUNC", RECIPROCAL_ROOT}},
        .arrays = {ARRAY(w), ARRAY(v)});
    CHECK(v, 1, 2, 0.5f);
}

static void test_unary_grad(void **state)
{
    float x[] = {0, 1, -1, 3, -3}, dy[] = {2, 1, -1, 1, 1}, dx[5];
    gr_unary_grad_params p = {.rows = 1, .cols = 5, .alpha = 0.25f};
    RUN(*state, unary_grad, .params = &p, .arrays = {ARRAY(x), ARRAY(dy), ARRAY(dx)});
    CHECK(dx, 0.5f, 0.25f, -0.25f, 0.25f, 0.25f);

    RUN(*state, unary_grad, .params = &p, .tunables = {{"FUNC", GELU}},
        .arrays = {ARRAY(x), ARRAY(dy), ARRAY(dx)});
    CHECK(dx, 1, 1.083315471f, 0.083315471f, 1.011945647f, -0.011945647f);

    RUN(*state, unary_grad, .params = &p, .tunables = {{"FUNC", RELU}},
        .arrays = {ARRAY(x), ARRAY(dy), ARRAY(dx)});
    CHECK(dx, 0, 1, 0, 1, 0);

    float u[] = {0, 1, -2, 0}, du[] = {4, 1, 2, 0}, dv[4];
    p.rows = p.cols = 2;
    RUN(*state, unary_grad, .params = &p, .tunables = {{"FUNC", QUICK_GELU}},
        .arrays = {ARRAY(u), ARRAY(du), ARRAY(dv)});
    CHECK(dv, 2, 1.067779607f, -0.147630709f, 0);

    float w[] = {0.75f, 0, 3.75f, 0}, dw[] = {2, 1, 16, 0};
    RUN(*state, unary_grad, .params = &p, .tunables = {{"FUNC", RECIPROCAL_ROOT}},
        .arrays = {ARRAY(w), ARRAY(dw), ARRAY(dv)});
    CHECK(dv, -1, -4, -1, 0);
}

static void test_copy(void **state)
{
    float x[] = {1, 2, 3, 4, 5, 6}, y[] = {10, 20, 30, 40};
    gr_copy_params p = {.rows = 2, .cols = 2, .x_offset = 1, .x_stride = 3, .y_stride = 2};
    RUN(*state, copy, .params = &p, .arrays = {ARRAY(x), ARRAY(y)});
    CHECK(y, 2, 3, 5, 6);
    RUN(*state, copy, .params = &p, .tunables = {{"ACCUMULATE", 1}},
        .arrays = {ARRAY(x), ARRAY(y)});
    CHECK(y, 4, 6, 10, 12);
}

/* [2, 3] to [3, 2], between guards. */
static void test_permute(void **state)
{
    float x[] = {1, 2, 3, 4, 5, 6}, y[8] = {0};
    gr_permute_params p = {.count = 6, .y_offset = 1, .d1 = 1, .d2 = 1, .d3 = 1, .d4 = 2, .d5 = 3};
    p.xs4 = 3, p.xs5 = 1;
    p.ys4 = 1, p.ys5 = 2;
    RUN(*state, permute, .params = &p, .arrays = {ARRAY(x), ARRAY(y)});
    CHECK(y, 0, 1, 4, 2, 5, 3, 6, 0);
}

/* Six dimensions of size 2 in reverse order: the bits of the index change places. */
static void test_permute_six(void **state)
{
    float x[65], y[64], expected[64];
    for (int i = 0; i < 64; i++) {
        x[i + 1] = (float)i;
        int reversed = 0;
        for (int bit = 0; bit < 6; bit++)
            reversed |= (i >> bit & 1) << (5 - bit);
        expected[reversed] = (float)i;
    }
    gr_permute_params p = {.count = 64, .x_offset = 1, .d1 = 2, .d2 = 2, .d3 = 2, .d4 = 2, .d5 = 2};
    p.xs0 = 32, p.xs1 = 16, p.xs2 = 8, p.xs3 = 4, p.xs4 = 2, p.xs5 = 1;
    p.ys0 = 1, p.ys1 = 2, p.ys2 = 4, p.ys3 = 8, p.ys4 = 16, p.ys5 = 32;
    RUN(*state, permute, .params = &p, .arrays = {ARRAY(x), ARRAY(y)});
    check_floats(__FILE__, __LINE__, y, expected, 64);
}

static void test_binary(void **state)
{
    float a[] = {1, 2, 3, 4, 5, 6}, b[] = {9, 10, 20, 30}, y[6];
    gr_binary_params p = {.rows = 2, .cols = 3, .a_stride = 3, .y_stride = 3, .alpha = 2};
    p.b_offset = 1;
    p.b_rows = 1;
    p.b_stride = 3;
    p.b_step = 1;
    RUN(*state, binary, .params = &p, .arrays = {ARRAY(a), ARRAY(b), ARRAY(y)});
    CHECK(y, 21, 42, 63, 24, 45, 66);

    /* One number for each row. */
    p.b_rows = 2;
    p.b_stride = 1;
    p.b_step = 0;
    RUN(*state, binary, .params = &p, .tunables = {{"FUNC", MULTIPLY}},
        .arrays = {ARRAY(a), ARRAY(b), ARRAY(y)});
    CHECK(y, 20, 40, 60, 160, 200, 240);

    /* Two lines of b, repeated over four rows of a. */
    float c[] = {1, 2, 3, 4}, z[4];
    gr_binary_params q = {.rows = 4, .cols = 1, .a_offset = 1, .a_stride = 1, .y_stride = 1};
    q.b_rows = 2;
    q.b_stride = 3;
    q.b_step = 1;
    q.alpha = -1;
    RUN(*state, binary, .params = &q, .arrays = {ARRAY(a), ARRAY(c), ARRAY(z)});
    CHECK(z, 1, -1, 3, 1);
}

static void test_affine(void **state)
{
    float x[] = {1, 2, 3, 4}, scale[] = {0, 10, 100}, shift[] = {5, 6}, y[] = {0, 0, 0, 0, 0};
    gr_affine_params p = {.rows = 2, .cols = 2, .x_stride = 2, .scale_offset = 1};
    p.y_offset = 0;
    p.y_stride = 3;
    RUN(*state, affine, .params = &p, .arrays = {ARRAY(x), ARRAY(scale), ARRAY(shift), ARRAY(y)});
    CHECK(y, 15, 206, 0, 35, 406);
}

/* An index that the tensor does not have is passed over, and reads as 0. */
static void test_scatter_gather(void **state)
{
    float x[] = {1, 2, 3}, y[] = {7, 7, 7, 7}, z[3];
    int32_t index[] = {3, 4, 0};
    gr_scatter_params p = {.count = 3, .size = 4};
    RUN(*state, scatter, .params = &p, .arrays = {ARRAY(x), ARRAY(index), ARRAY(y)});
    CHECK(y, 3, 7, 7, 1);
    gr_gather_params q = {.count = 3, .size = 4};
    RUN(*state, gather, .params = &q, .arrays = {ARRAY(y), ARRAY(index), ARRAY(z)});
    CHECK(z, 1, 0, 3);
}

static void test_outer_scale(void **state)
{
    float w[] = {9, 1, 2, 9, 3, 4}, out[] = {1, 2}, in[] = {0, 10}, y[5] = {0};
    gr_outer_scale_params p = {.rows = 2, .cols = 2, .w_offset = 1, .w_stride = 3, .y_offset = 1};
    RUN(*state, outer_scale, .params = &p, .arrays = {ARRAY(w), ARRAY(out), ARRAY(in), ARRAY(y)});
    CHECK(y, 0, 1, 22, 3, 84);
}

int reference_elementwise_tests(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_scatter_gather), TEST(test_unary_view), TEST(test_unary_functions),
        TEST(test_unary_grad),     TEST(test_copy),       TEST(test_permute),
        TEST(test_permute_six),    TEST(test_binary),     TEST(test_affine),
        TEST(test_outer_scale),
    };
    return cmocka_run_group_tests_name("reference: elementwise", tests, NULL, NULL);
}
