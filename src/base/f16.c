#include "base/f16.h"

#include <string.h>

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

static float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* x / 2^shift, ties to even. A carry out of the mantissa correctly raises the exponent. */
static uint32_t shift_rounding(uint32_t x, int shift)
{
    uint32_t odd = (x >> shift) & 1;
    return (x + (1u << (shift - 1)) - 1 + odd) >> shift;
}

float gr_f16_to_f32(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16;
    uint32_t exponent = (half >> 10) & 0x1f, mantissa = half & 0x3ff;
    if (exponent == 0x1f)
        return float_of(sign | 0x7f800000 | mantissa << 13);
    if (exponent == 0) /* zero or subnormal: mantissa * 2^-24, a normal f32 */
        return float_of(sign | bits_of((float)mantissa * 0x1p-24f));
    return float_of(sign | (exponent + 127 - 15) << 23 | mantissa << 13);
}

uint16_t gr_f32_to_f16(float value)
{
    uint32_t bits = bits_of(value), sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
    uint32_t half;
    if (magnitude > 0x7f800000) { /* NaN: made quiet, so that its mantissa cannot become zero */
        half = 0x7e00 | (magnitude >> 13 & 0x3ff);
    } else if (magnitude >= 0x47800000) { /* 2^16 and above */
        half = 0x7c00;
    } else if (magnitude >= 0x38800000) { /* 2^-14 and above: normal; 65520 rounds to infinity */
        half = shift_rounding(magnitude - ((127 - 15) << 23), 13);
    } else { /* subnormal, in units of 2^-24; below 2^-25 is zero */
        int exponent = (int)(magnitude >> 23);
        half =
            exponent < 102 ? 0 : shift_rounding((magnitude & 0x7fffff) | 0x800000, 126 - exponent);
    }
    return (uint16_t)(sign | half);
}

float gr_bf16_to_f32(uint16_t half)
{
    return float_of((uint32_t)half << 16);
}

uint16_t gr_f32_to_bf16(float value)
{
    uint32_t bits = bits_of(value);
    if ((bits & 0x7fffffff) > 0x7f800000)
        return (uint16_t)(bits >> 16 | 0x0040);
    uint32_t odd = bits >> 16 & 1;
    return (uint16_t)((bits + 0x7fff + odd) >> 16);
}

#define ARRAY_TO_F32(type)                                                                         \
    void gr_##type##_to_f32_array(const void *in, float *out, size_t count)                        \
    {                                                                                              \
        for (size_t i = 0; i < count; i++) {                                                       \
            uint16_t half;                                                                         \
            memcpy(&half, (const char *)in + 2 * i, 2);                                            \
            out[i] = gr_##type##_to_f32(half);                                                     \
        }                                                                                          \
    }
#define ARRAY_FROM_F32(type)                                                                       \
    void gr_f32_to_##type##_array(const float *in, void *out, size_t count)                        \
    {                                                                                              \
        for (size_t i = 0; i < count; i++) {                                                       \
            uint16_t half = gr_f32_to_##type(in[i]);                                               \
            memcpy((char *)out + 2 * i, &half, 2);                                                 \
        }                                                                                          \
    }

ARRAY_TO_F32(f16)
ARRAY_TO_F32(bf16)
ARRAY_FROM_F32(f16)
ARRAY_FROM_F32(bf16)
