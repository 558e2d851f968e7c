/* What each operator refuses, and with which words: always in one line that names the operator. */
#include "devices.h"
#include "graph/graph.h"
#include "ops/operators.h"
#include "ops/ops.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static gr_value *in(gr_graph *g, gr_shape shape)
{
    char name[32];
    snprintf(name, sizeof(name), "x%d", gr_graph_count(g));
    return gr_graph_input(g, name, GR_F32, shape);
}

static gr_value *labels(gr_graph *g, int64_t count)
{
    return gr_graph_input(g, "labels", GR_I32, GR_SHAPE(count));
}

#define IN(...) in(g, GR_SHAPE(__VA_ARGS__))
#define SCALAR  in(g, (gr_shape){0})

/* `expr` builds in graph `g`: it must be NULL, and the error must hold `text`. */
#define REFUSES(log, text, expr)                                                                   \
    do {                                                                                           \
        gr_graph *g = gr_graph_create(log);                                                        \
        gr_value *y = (expr);                                                                      \
        assert_null(y);                                                                            \
        assert_int_not_equal(gr_graph_status(g), GRAFT_OK);                                        \
        test_assert_error(log, text);                                                              \
        gr_graph_destroy(g);                                                                       \
    } while (0)

#define ACCEPTS(log, expr, ...)                                                                    \
    do {                                                                                           \
        gr_graph *g = gr_graph_create(log);                                                        \
        gr_value *y = (expr);                                                                      \
        gr_shape expected = __VA_ARGS__;                                                           \
        assert_non_null(y);                                                                        \
        assert_true(gr_shape_equal(&y->shape, &expected));                                         \
        gr_graph_destroy(g);                                                                       \
    } while (0)

static void matmul(void **state)
{
    REFUSES(*state, "matmul: operands need two axes", gr_matmul(IN(3), IN(3, 4), NULL, 1));
    REFUSES(*state, "matmul: inner axes differ", gr_matmul(IN(2, 3), IN(4, 5), NULL, 1));
    REFUSES(*state, "[2, 3]", gr_matmul(IN(2, 3), IN(4, 5), NULL, 1));
    REFUSES(*state, "matmul: leading axes differ", gr_matmul(IN(2, 2, 3), IN(3, 3, 5), NULL, 1));
    REFUSES(*state, "matmul: leading axes differ", gr_matmul(IN(2, 3), IN(2, 3, 5), NULL, 1));
    REFUSES(*state, "matmul: bias", gr_matmul(IN(2, 3), IN(3, 5), IN(3), 1));
    REFUSES(*state, "matmul: bias", gr_matmul(IN(2, 3), IN(3, 5), IN(1, 5), 1));
    REFUSES(*state, "matmul: operand 1 is missing", gr_matmul(IN(2, 3), NULL, NULL, 1));
    REFUSES(*state, "inner axes differ", gr_linear(IN(2, 3), IN(3, 2), NULL));
    REFUSES(*state, "transpose: needs", gr_linear(IN(2, 3), IN(3), NULL));
    ACCEPTS(*state, gr_matmul(IN(7, 2, 3), IN(3, 5), IN(5), 1), GR_SHAPE(7, 2, 5));
    ACCEPTS(*state, gr_matmul(IN(7, 2, 3), IN(7, 3, 5), NULL, 1), GR_SHAPE(7, 2, 5));
}

static void rows(void **state)
{
    REFUSES(*state, "softmax: needs a last axis", gr_softmax(SCALAR, 1));
    REFUSES(*state, "layer_norm: needs a last axis", gr_layer_norm(SCALAR, NULL, NULL, 1));
    REFUSES(*state, "layer_norm: gamma and beta", gr_layer_norm(IN(2, 3), IN(2), IN(3), 1));
    REFUSES(*state, "layer_norm: gamma and beta", gr_layer_norm(IN(2, 3), IN(3), IN(4), 1));
    REFUSES(*state, "layer_norm: gamma and beta", gr_layer_norm(IN(2, 3), IN(3), IN(1, 3), 1));
    REFUSES(*state, "layer_norm: operand 2 is missing", gr_layer_norm(IN(3), IN(3), NULL, 1));
    REFUSES(*state, "affine: scale and shift", gr_affine(IN(2, 3), IN(2), IN(3)));
    REFUSES(*state, "affine: scale and shift", gr_affine(IN(2, 3), IN(3), IN(1, 3)));
    REFUSES(*state, "affine: needs a last axis", gr_affine(SCALAR, IN(1), IN(1)));
    REFUSES(*state, "reduce: keeps more axes", gr_sum_leading(IN(2, 3), 3));
    REFUSES(*state, "reduce: keeps more axes", gr_sum_leading(IN(2, 3), -1));
    ACCEPTS(*state, gr_sum_leading(IN(2, 3), 0), (gr_shape){0});
}

static void elementwise(void **state)
{
    REFUSES(*state, "add: the second operand", gr_add(IN(2, 3), IN(2)));
    REFUSES(*state, "add: the second operand", gr_add(IN(3), IN(2, 3)));
    REFUSES(*state, "mul: the second operand", gr_mul(IN(2, 3), IN(1, 3)));
    REFUSES(*state, "mul: operand 1 is missing", gr_mul(IN(2, 3), NULL));
    REFUSES(*state, "outer_scale: expected", gr_outer_scale(IN(2, 3), IN(3), IN(2)));
    REFUSES(*state, "outer_scale: expected", gr_outer_scale(IN(1, 2, 3), IN(2), IN(3)));
    REFUSES(*state, "dropout: the rate", gr_dropout(IN(2), 1.0f, 0, false, IN(16)));
    REFUSES(*state, "dropout: the rate", gr_dropout(IN(2), -0.1f, 0, false, IN(16)));
    REFUSES(*state, "dropout: needs a leading axis", gr_dropout(SCALAR, 0.1f, 0, false, IN(16)));
    REFUSES(*state, "dropout: operand 1 is missing", gr_dropout(IN(2), 0.1f, 0, false, NULL));
    ACCEPTS(*state, gr_add(IN(2, 3), SCALAR), GR_SHAPE(2, 3));
}

static void conv2d(void **state)
{
    REFUSES(*state, "conv2d: expected x", gr_conv2d(IN(4, 4, 3), IN(2, 3, 3, 3), NULL, 1));
    REFUSES(*state, "conv2d: expected x", gr_conv2d(IN(1, 4, 4, 3), IN(2, 4, 3, 3), NULL, 1));
    REFUSES(*state, "conv2d: expected a square",
            gr_conv2d(IN(1, 4, 4, 3), IN(2, 3, 3, 1), NULL, 0));
    REFUSES(*state, "conv2d: expected a square",
            gr_conv2d(IN(1, 4, 4, 3), IN(2, 3, 1, 1), NULL, 1));
    REFUSES(*state, "conv2d: expected a square",
            gr_conv2d(IN(1, 4, 4, 3), IN(2, 3, 3, 3), NULL, -1));
    REFUSES(*state, "conv2d: bias", gr_conv2d(IN(1, 4, 4, 3), IN(2, 3, 3, 3), IN(3), 1));
    REFUSES(*state, "conv2d: the kernel is larger",
            gr_conv2d(IN(1, 2, 4, 3), IN(2, 3, 3, 3), NULL, 0));
    REFUSES(*state, "patches: image sides", gr_patches(IN(1, 3, 10, 8), 4));
    REFUSES(*state, "patches: image sides", gr_patches(IN(3, 8, 8), 4));
    REFUSES(*state, "patches: image sides", gr_patches(IN(1, 3, 8, 8), 0));
    ACCEPTS(*state, gr_patches(IN(2, 3, 8, 12), 4), GR_SHAPE(2, 6, 48));
}

static void fourier(void **state)
{
    REFUSES(*state, "rfft2: expected", gr_rfft2(IN(4, 4, 2)));
    REFUSES(*state, "real_dft2: expected", gr_real_dft2(IN(1, 4, 3)));
    REFUSES(*state, "irfft2: expected", gr_irfft2(IN(1, 4, 3, 2), 4));
    REFUSES(*state, "irfft2: expected", gr_irfft2(IN(1, 4, 3, 2, 3), 4));
    REFUSES(*state, "irfft2: expected", gr_irfft2(IN(1, 4, 3, 2, 2), 6));
    REFUSES(*state, "irfft2: expected", gr_irfft2(IN(1, 4, 1, 2, 2), 0));
    REFUSES(*state, "complex_mul: expected", gr_complex_mul(IN(3, 4, 2), IN(3, 2)));
    REFUSES(*state, "complex_mul: expected", gr_complex_mul(IN(3, 4, 3), IN(4, 3)));
    REFUSES(*state, "complex_mul: expected", gr_complex_mul(IN(2), SCALAR));
}

static void scatter(void **state)
{
    static const int32_t places[] = {5, 6};
    REFUSES(*state, "scatter: expected", gr_scatter(IN(2), labels(g, 3), GR_SHAPE(2, 3)));
    REFUSES(*state, "scatter: expected", gr_scatter(IN(2), IN(2), GR_SHAPE(2, 3)));
    REFUSES(*state, "scatter: expected", gr_scatter(IN(2), labels(g, 2), GR_SHAPE(2, 0)));
    REFUSES(
        *state, "scatter: places[1] is 6, expected 0 to 5",
        gr_scatter(IN(2), gr_graph_frozen_i32(g, "places", GR_SHAPE(2), places), GR_SHAPE(2, 3)));
    REFUSES(*state, "gather: expected", gr_gather(IN(2, 3), IN(2)));
    REFUSES(*state, "gather: places[0] is 5",
            gr_gather(IN(2, 2), gr_graph_frozen_i32(g, "places", GR_SHAPE(2), places)));
}

static void rotations(void **state)
{
    REFUSES(*state, "cayley: expected square", gr_cayley(IN(4)));
    REFUSES(*state, "cayley: expected square", gr_cayley(IN(3, 4, 5)));
    REFUSES(*state, "cayley: expected blocks", gr_cayley(IN(65, 65)));
    REFUSES(*state, "l2_normalize: needs", gr_l2_normalize(SCALAR));
    REFUSES(*state, "batch_norm: expected", gr_batch_norm(IN(2, 3, 4), 0.0f));
    REFUSES(*state, "batch_mean: expected", gr_batch_mean(IN(3)));
    REFUSES(*state, "batch_variance: one row", gr_batch_variance(IN(1, 3), IN(3)));
}

static void cross_entropy(void **state)
{
    REFUSES(*state, "cross_entropy: expected", gr_cross_entropy(IN(2, 3), IN(2), IN(16)));
    REFUSES(*state, "cross_entropy: expected", gr_cross_entropy(IN(2, 3), labels(g, 3), IN(16)));
    REFUSES(*state, "cross_entropy: expected", gr_cross_entropy(IN(6), labels(g, 6), IN(16)));
    REFUSES(*state, "operand 2 is missing", gr_cross_entropy(IN(2, 3), labels(g, 2), NULL));
    REFUSES(*state, "cross_entropy: expected targets",
            gr_soft_cross_entropy(IN(2, 3), IN(3, 2), IN(16)));
}

static void views(void **state)
{
    REFUSES(*state, "reshape: element counts differ", gr_reshape(IN(2, 3), GR_SHAPE(7)));
    REFUSES(*state, "reshape: element counts differ", gr_reshape(IN(2, 3), GR_SHAPE(-2, -3)));
    REFUSES(*state, "permute: not a permutation", gr_permute(IN(2, 3), (int[]){0, 0}));
    REFUSES(*state, "permute: not a permutation", gr_permute(IN(2, 3), (int[]){1, 2}));
    REFUSES(*state, "transpose: needs", gr_transpose(IN(2)));
    REFUSES(*state, "slice: range", gr_slice(IN(2, 3), 2, 0, 1));
    REFUSES(*state, "slice: range", gr_slice(IN(2, 3), 1, 2, 2));
    REFUSES(*state, "slice: range", gr_slice(IN(2, 3), 1, -1, 2));
    REFUSES(*state, "slice: range", gr_slice(IN(2, 3), 1, 1, 0));
    REFUSES(*state, "slice: range", gr_slice(IN(2, 3), 1, 1, INT64_MAX));
}

static void concat(void **state)
{
    int64_t overlap[] = {0, 1}, late[] = {0, 3};
    REFUSES(*state, "concat: no such axis", gr_concat((gr_value *[]){IN(2, 3)}, 1, 2));
    REFUSES(*state, "concat: shapes differ", gr_concat((gr_value *[]){IN(2, 3), IN(3, 3)}, 2, 1));
    REFUSES(*state, "concat: shapes differ", gr_concat((gr_value *[]){IN(2, 3), IN(2)}, 2, 1));
    REFUSES(*state, "concat: inputs overlap",
            gr_concat_at((gr_value *[]){IN(2), IN(2)}, overlap, 2, 0, 4));
    REFUSES(*state, "concat: inputs reach past",
            gr_concat_at((gr_value *[]){IN(2), IN(2)}, late, 2, 0, 4));
    REFUSES(*state, "concat: 9 inputs, at most 8",
            gr_concat((gr_value *[]){IN(1), IN(1), IN(1), IN(1), IN(1), IN(1), IN(1), IN(1), IN(1)},
                      9, 0));
}

static void named_values(void **state)
{
    static const float data[4] = {0};
    REFUSES(*state, "w: used twice",
            (gr_graph_param(g, "w", GR_SHAPE(4), GR_F32, data),
             gr_graph_frozen(g, "w", GR_SHAPE(4), GR_F32, data)));
    REFUSES(*state, "x0: empty or too large shape [2, 0]", IN(2, 0));
    REFUSES(*state, "x0: empty or too large", IN(INT64_MAX, 3));
}

/* The first error stays, whatever is built on it. */
static void errors_stick(void **state)
{
    gr_graph *g = gr_graph_create(*state);
    gr_value *bad = gr_matmul(IN(2, 3), IN(4, 5), NULL, 1);
    assert_null(gr_gelu(gr_add(bad, bad)));
    assert_null(gr_concat((gr_value *[]){bad, bad}, 2, 0));
    assert_null(gr_layer_norm(bad, NULL, NULL, 1e-5f));
    assert_null(IN(2));
    assert_int_equal(gr_graph_status(g), GRAFT_ERR_SHAPE);
    test_assert_error(*state, "matmul: inner axes differ");
    gr_graph_destroy(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matmul),  cmocka_unit_test(rows),          cmocka_unit_test(elementwise),
        cmocka_unit_test(scatter), cmocka_unit_test(rotations),     cmocka_unit_test(conv2d),
        cmocka_unit_test(fourier), cmocka_unit_test(cross_entropy), cmocka_unit_test(views),
        cmocka_unit_test(concat),  cmocka_unit_test(named_values),  cmocka_unit_test(errors_stick),
    };
    return cmocka_run_group_tests_name("shapes", tests, test_log_open, test_log_close);
}
