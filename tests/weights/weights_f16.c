/* 16-bit floats: all 65,536 values, and every rounding boundary between two of them. */
#include "support.h"

#include "base/f16.h"

#include <math.h>

static float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* The value by its definition, in double arithmetic. */
static double f16_value(unsigned half)
{
    int exponent = half >> 10 & 31, mantissa = half & 1023;
    double magnitude = exponent == 0    ? ldexp(mantissa, -24)
                       : exponent == 31 ? (mantissa ? NAN : INFINITY)
                                        : ldexp(1024 + mantissa, exponent - 25);
    return half & 0x8000 ? -magnitude : magnitude;
}

static void f16_decodes_all(void **state)
{
    for (unsigned half = 0; half < 65536; half++) {
        double expected = f16_value(half);
        float found = gr_f16_to_f32((uint16_t)half);
        if (isnan(expected) ? !isnan(found) : (double)found != expected)
            fail_msg("f16 %04x: expected %g, found %g", half, expected, (double)found);
        assert_int_equal(!!signbit(found), half >> 15);
    }
}

static void f16_round_trips_all(void **state)
{
    for (unsigned half = 0; half < 65536; half++) {
        uint16_t found = gr_f32_to_f16(gr_f16_to_f32((uint16_t)half));
        if (isnan(f16_value(half)))
            assert_true((found & 0x7c00) == 0x7c00 && (found & 0x3ff) && found >> 15 == half >> 15);
        else
            assert_int_equal(found, half);
    }
}

/* Between neighbours a and a + 1 lies a tie, exact in f32: it goes to the even one, and the f32
 * just below and above it go down and up. The last tie, 65520, lies before infinity. */
static void f16_rounds_at_every_tie(void **state)
{
    for (unsigned half = 0; half < 0x7c00; half++) {
        double next = half == 0x7bff ? 65536 : f16_value(half + 1);
        float tie = (float)((f16_value(half) + next) / 2);
        unsigned even = half & 1 ? half + 1 : half;
        for (unsigned sign = 0; sign <= 0x8000; sign += 0x8000) {
            float s = sign ? -1 : 1;
            assert_int_equal(gr_f32_to_f16(s * tie), sign | even);
            assert_int_equal(gr_f32_to_f16(s * nextafterf(tie, 0)), sign | half);
            assert_int_equal(gr_f32_to_f16(s * nextafterf(tie, INFINITY)), sign | (half + 1));
        }
    }
}

static void f16_handles_extremes(void **state)
{
    assert_int_equal(gr_f32_to_f16(3.4e38f), 0x7c00);
    assert_int_equal(gr_f32_to_f16(-INFINITY), 0xfc00);
    assert_int_equal(gr_f32_to_f16(float_of(1)), 0);
    assert_int_equal(gr_f32_to_f16(float_of(0x80000001)), 0x8000);
    /* A NaN whose payload lies in the bits that are cut off must not become infinity. */
    assert_int_equal(gr_f32_to_f16(float_of(0x7f800001)) & 0x7e00, 0x7e00);
}

static void bf16_round_trips_all(void **state)
{
    for (unsigned half = 0; half < 65536; half++) {
        float value = gr_bf16_to_f32((uint16_t)half);
        uint16_t found = gr_f32_to_bf16(value);
        if (isnan(value))
            assert_true((found & 0x7f80) == 0x7f80 && (found & 0x7f));
        else
            assert_int_equal(found, half);
    }
}

static void bf16_rounds_at_every_tie(void **state)
{
    for (uint32_t half = 0; half < 0x7f80; half++) {
        uint32_t tie = half << 16 | 0x8000;
        assert_int_equal(gr_f32_to_bf16(float_of(tie)), half + (half & 1));
        assert_int_equal(gr_f32_to_bf16(float_of(tie - 1)), half);
        assert_int_equal(gr_f32_to_bf16(float_of(tie + 1)), half + 1);
        assert_int_equal(gr_f32_to_bf16(float_of(tie | 0x80000000)), 0x8000 | (half + (half & 1)));
    }
    assert_int_equal(gr_f32_to_bf16(float_of(0x7f800001)) & 0x7fc0, 0x7fc0);
}

static void arrays_may_be_unaligned(void **state)
{
    const float values[] = {0, -1.5f, 65504, 6e-8f, 3.140625f};
    char bytes[1 + 2 * 5];
    float back[5];
    gr_f32_to_f16_array(values, bytes + 1, 5);
    gr_f16_to_f32_array(bytes + 1, back, 5);
    for (int i = 0; i < 5; i++)
        assert_true(back[i] == gr_f16_to_f32(gr_f32_to_f16(values[i])));
    assert_true(back[1] == values[1] && back[2] == values[2] && back[4] == values[4]);
    gr_f32_to_bf16_array(values, bytes + 1, 5);
    gr_bf16_to_f32_array(bytes + 1, back, 5);
    assert_true(back[1] == values[1] && back[4] == values[4] && back[2] == 65536);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(f16_decodes_all),         cmocka_unit_test(f16_round_trips_all),
        cmocka_unit_test(f16_rounds_at_every_tie), cmocka_unit_test(f16_handles_extremes),
        cmocka_unit_test(bf16_round_trips_all),    cmocka_unit_test(bf16_rounds_at_every_tie),
        cmocka_unit_test(arrays_may_be_unaligned),
    };
    return RUN_TESTS(tests);
}
