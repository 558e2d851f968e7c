/* Element types of tensors: sizes and conversions. */
#include "weights/tensors.h"

#include "base/convert.h"

#include <stdint.h>
#include <string.h>

bool gr_tensor_bytes(gr_dtype dtype, const gr_shape *shape, size_t *size_bytes)
{
    int64_t count = gr_shape_count(shape);
    size_t element = gr_dtype_size(dtype);
    if (count < 0 || (uint64_t)count > SIZE_MAX / 2 / element)
        return false;
    *size_bytes = (size_t)count * element;
    return true;
}

int64_t gr_tensor_count(const gr_tensor *tensor)
{
    return gr_shape_count(&tensor->shape);
}

void gr_tensor_to_f32(const gr_tensor *tensor, float *out)
{
    gr_to_f32(tensor->dtype, tensor->data, (size_t)gr_tensor_count(tensor), out);
}

/* The data of a file may have any alignment: hence memcpy. */
#define CONVERT(type)                                                                              \
    for (size_t i = 0; i < count; i++) {                                                           \
        type value;                                                                                \
        memcpy(&value, (const char *)tensor->data + i * sizeof(value), sizeof(value));             \
        out[i] = value;                                                                            \
    }                                                                                              \
    break

graft_status gr_tensor_to_i64(graft_log *log, const gr_tensor *tensor, int64_t *out)
{
    size_t count = (size_t)gr_tensor_count(tensor);
    switch (tensor->dtype) {
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
    case GR_F64:
    case GR_F32:
    case GR_F16:
    case GR_BF16:
    case GR_DTYPE_COUNT:
        return gr_fail(log, GRAFT_ERR_SHAPE, "tensor %s: expected integers, found %s", tensor->name,
                       gr_dtype_name(tensor->dtype));
    }
    return GRAFT_OK;
}
