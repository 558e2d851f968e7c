/* Conversion of arrays of any element type to f32. */
#ifndef GR_BASE_CONVERT_H
#define GR_BASE_CONVERT_H

#include "base/shape.h"

/* `in` may have any alignment. Thread-safety: safe. */
void gr_to_f32(gr_dtype dtype, const void *in, size_t count, float *out);

#endif
