#include "base/convert.h"

#include "base/f16.h"

#include <string.h>

/* The data of a file may have any alignment: hence memcpy. */
#define CONVERT(type)                                                                              \
    for (size_t i = 0; i < count; i++) {                                                           \
        type value;                                                                                \
        memcpy(&value, (const char *)in + i * sizeof(value), sizeof(value));                       \
        out[i] = (float)value;                                                                     \
    }                                                                                              \
    break

void gr_to_f32(gr_dtype dtype, const void *in, size_t count, float *out)
{
    switch (dtype) {
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
    case GR_F64:
        CONVERT(double);
    case GR_I64:
        CONVERT(int64_t);
    case GR_I32:
        CONVERT(int32_t);
    case GR_I16:
        CONVERT(int16_t);
    case GR_I8:
        CONVERT(int8_t);
    case GR_U32:
        CONVERT(uint32_t);
    case GR_U8:
    case GR_BOOL:
        CONVERT(uint8_t);
    case GR_DTYPE_COUNT:
        break;
    }
}
