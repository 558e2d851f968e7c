/* Conversion of arrays of any element type. */
#ifndef GR_BASE_CONVERT_H
#define GR_BASE_CONVERT_H

#include "base/shape.h"

/* `in` may have any alignment. Thread-safety: safe. */
void gr_to_f32(gr_dtype dtype, const void *in, size_t count, float *out);

/* Of integers and booleans; false, and nothing is written, for the types of real numbers. */
bool gr_to_i64(gr_dtype dtype, const void *in, size_t count, int64_t *out);

#endif
