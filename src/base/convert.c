#include "base/convert.h"

#include "base/f16.h"

#include <string.h>

/* The data of a file may have any alignment: hence memcpy. */
#define CASE(dtype, type, target)                                                                  \
    case dtype:                                                                                    \
        for (size_t i = 0; i < count; i++) {                                                       \
            type value;                                                                            \
            memcpy(&value, (const char *)in + i * sizeof(value), sizeof(value));                   \
            out[i] = (target)value;                                                                \
        }                                                                                          \
        break;

#define INTEGER_CASES(target)                                                                      \
    CASE(GR_I64, int64_t, target)                                                                  \
    CASE(GR_I32, int32_t, target)                                                                  \
    CASE(GR_I16, int16_t, target)                                                                  \
    CASE(GR_I8, int8_t, target)                                                                    \
    CASE(GR_U32, uint32_t, target)                                                                 \
    CASE(GR_U8, uint8_t, target)                                                                   \
    CASE(GR_BOOL, uint8_t, target)

void gr_to_f32(gr_dtype dtype, const void *in, size_t count, float *out)
{
    switch (dtype) {
        INTEGER_CASES(float)
        CASE(GR_F64, double, float)
    case GR_F32:
        if (count)
            memcpy(out, in, count * sizeof(float));
        break;
    case GR_F16:
        gr_f16_to_f32_array(in, out, count);
        break;
    case GR_BF16:
        gr_bf16_to_f32_array(in, out, count);
        break;
    case GR_DTYPE_COUNT:
        break;
    }
}

bool gr_to_i64(gr_dtype dtype, const void *in, size_t count, int64_t *out)
{
    switch (dtype) {
        INTEGER_CASES(int64_t)
    case GR_F64:
    case GR_F32:
    case GR_F16:
    case GR_BF16:
    case GR_DTYPE_COUNT:
        return false;
    }
    return true;
}
