#include "base/shape.h"

#include <stdio.h>
#include <string.h>

/* Their bytes are counted in 64 bits, too. */
static const int64_t MAX_ELEMENTS = INT64_MAX / 8;

size_t gr_dtype_size(gr_dtype dtype)
{
    static const size_t sizes[] = {
#define DTYPE_SIZE(name, size, text) [GR_##name] = size,
        GR_DTYPE_LIST(DTYPE_SIZE)
#undef DTYPE_SIZE
    };
    return sizes[dtype];
}

const char *gr_dtype_name(gr_dtype dtype)
{
    static const char *const names[] = {
#define DTYPE_NAME(name, size, text) [GR_##name] = text,
        GR_DTYPE_LIST(DTYPE_NAME)
#undef DTYPE_NAME
    };
    return names[dtype];
}

gr_shape gr_shape_of(int rank, const int64_t *dims)
{
    gr_shape shape = {.rank = rank};
    memcpy(shape.dim, dims, (size_t)rank * sizeof(*dims));
    return shape;
}

bool gr_shape_equal(const gr_shape *a, const gr_shape *b)
{
    return a->rank == b->rank && memcmp(a->dim, b->dim, (size_t)a->rank * sizeof(a->dim[0])) == 0;
}

int64_t gr_shape_count(const gr_shape *shape)
{
    int64_t count = 1;
    for (int i = 0; i < shape->rank; i++) {
        int64_t d = shape->dim[i];
        if (d < 0 || (d && count > MAX_ELEMENTS / d))
            return -1;
        count *= d;
    }
    return count;
}

int64_t gr_shape_span(const gr_shape *shape, int first, int last)
{
    int64_t count = 1;
    for (int i = first; i < last; i++)
        count *= shape->dim[i];
    return count;
}

const char *gr_shape_text(const gr_shape *shape, char text[GR_SHAPE_TEXT])
{
    int used = snprintf(text, GR_SHAPE_TEXT, "[");
    for (int i = 0; i < shape->rank && used < GR_SHAPE_TEXT - 24; i++)
        used += snprintf(text + used, (size_t)(GR_SHAPE_TEXT - used), "%s%lld", i ? ", " : "",
                         (long long)shape->dim[i]);
    snprintf(text + used, (size_t)(GR_SHAPE_TEXT - used), "]");
    return text;
}
