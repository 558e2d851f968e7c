/* Tensor shapes and element types, shared by files, graphs and plans. */
#ifndef GR_BASE_SHAPE_H
#define GR_BASE_SHAPE_H

#include <graft/graph.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GR_MAX_RANK GRAFT_MAX_RANK

typedef graft_shape gr_shape;

/* F(enumerator, bytes per element, safetensors name) */
#define GR_DTYPE_LIST(F)                                                                           \
    F(F64, 8, "F64")                                                                               \
    F(F32, 4, "F32")                                                                               \
    F(F16, 2, "F16")                                                                               \
    F(BF16, 2, "BF16")                                                                             \
    F(I64, 8, "I64")                                                                               \
    F(I32, 4, "I32")                                                                               \
    F(I16, 2, "I16")                                                                               \
    F(I8, 1, "I8")                                                                                 \
    F(U32, 4, "U32")                                                                               \
    F(U8, 1, "U8")                                                                                 \
    F(BOOL, 1, "BOOL")

typedef enum gr_dtype {
#define GR_DTYPE_ENUM(name, size, text) GR_##name,
    GR_DTYPE_LIST(GR_DTYPE_ENUM)
#undef GR_DTYPE_ENUM
        GR_DTYPE_COUNT
} gr_dtype;

size_t gr_dtype_size(gr_dtype dtype);
const char *gr_dtype_name(gr_dtype dtype);

#define GR_SHAPE(...)                                                                              \
    gr_shape_of((int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]){__VA_ARGS__})

gr_shape gr_shape_of(int rank, const int64_t *dims);
bool gr_shape_equal(const gr_shape *a, const gr_shape *b);

/* Number of elements; -1 when a dimension is negative or there are more than any memory holds. */
int64_t gr_shape_count(const gr_shape *shape);

/* Product of dimensions [first, last). */
int64_t gr_shape_span(const gr_shape *shape, int first, int last);

#define GR_SHAPE_TEXT 96

/* Writes "[8, 197, 768]" into text and returns it. */
const char *gr_shape_text(const gr_shape *shape, char text[GR_SHAPE_TEXT]);

#endif
