/* Element types of tensors: sizes and conversions. */
#include "weights/tensors.h"

#include "base/convert.h"

#include <stdint.h>

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

graft_status gr_tensor_to_i64(graft_log *log, const gr_tensor *tensor, int64_t *out)
{
    if (gr_to_i64(tensor->dtype, tensor->data, (size_t)gr_tensor_count(tensor), out))
        return GRAFT_OK;
    return gr_fail(log, GRAFT_ERR_SHAPE, "tensor %s: expected integers, found %s", tensor->name,
                   gr_dtype_name(tensor->dtype));
}
