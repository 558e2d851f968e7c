#include "plan/precision.h"

#include "base/convert.h"
#include "base/f16.h"
#include "base/mem.h"

#include <math.h>
#include <string.h>

/* Smaller ones would save little. */
enum { LEAST_ELEMENTS = 4096 };

/* Converted and written so many at a time, in whole rows: no second copy of a weight is needed. */
enum { PIECE_ELEMENTS = 1 << 18 };

static int64_t row_length(const gr_value *v)
{
    return gr_shape_span(&v->shape, 1, v->shape.rank);
}

static bool ends_in(const char *name, const char *end)
{
    size_t length = strlen(name), tail = strlen(end);
    return length >= tail && strcmp(name + length - tail, end) == 0;
}

graft_weights gr_precision_of(graft_weights setting, const gr_value *v)
{
    bool matrix = v->kind == GR_VALUE_FROZEN && v->dtype == GR_F32 && v->source &&
                  v->shape.rank >= 2 && ends_in(v->name, ".weight") &&
                  gr_shape_count(&v->shape) >= LEAST_ELEMENTS && row_length(v) % 4 == 0;
    return matrix ? setting : GRAFT_WEIGHTS_F32;
}

/* Of the scales before the numbers. */
static uint64_t scale_bytes(graft_weights kept, const gr_value *v)
{
    return kept == GRAFT_WEIGHTS_INT8 ? (uint64_t)v->shape.dim[0] * sizeof(float) : 0;
}

static uint64_t element_bytes(graft_weights kept)
{
    return kept == GRAFT_WEIGHTS_INT8 ? 1 : 2;
}

uint64_t gr_precision_bytes(graft_weights kept, const gr_value *v)
{
    return scale_bytes(kept, v) + (uint64_t)gr_shape_count(&v->shape) * element_bytes(kept);
}

/* A row as bytes; a row of zeros has scale 0. */
static float quantize_row(const float *row, int64_t length, int8_t *out)
{
    float most = 0.0f;
    for (int64_t i = 0; i < length; i++)
        most = fmaxf(most, fabsf(row[i]));
    float scale = most / 127.0f, inverse = most > 0.0f ? 127.0f / most : 0.0f;
    for (int64_t i = 0; i < length; i++)
        out[i] = (int8_t)lrintf(row[i] * inverse);
    return scale;
}

static bool fits_half(const float *values, int64_t count)
{
    const float MOST = 65504.0f;
    for (int64_t i = 0; i < count; i++)
        if (fabsf(values[i]) > MOST)
            return false;
    return true;
}

typedef struct piece {
    float *values;
    char *narrow;
    float *scales; /* [rows] of the piece */
    int64_t rows;
} piece;

static graft_status narrow(graft_log *log, graft_weights kept, const gr_value *v, const piece *p,
                           int64_t rows)
{
    int64_t length = row_length(v), count = rows * length;
    switch (kept) {
    case GRAFT_WEIGHTS_F16:
        if (!fits_half(p->values, count))
            return gr_fail(log, GRAFT_ERR_NUMERIC,
                           "%s: has numbers above 65504, too large for f16; give `weights` bf16",
                           v->name);
        gr_f32_to_f16_array(p->values, p->narrow, (size_t)count);
        break;
    case GRAFT_WEIGHTS_BF16:
        gr_f32_to_bf16_array(p->values, p->narrow, (size_t)count);
        break;
    case GRAFT_WEIGHTS_INT8:
        for (int64_t r = 0; r < rows; r++)
            p->scales[r] =
                quantize_row(p->values + r * length, length, (int8_t *)p->narrow + r * length);
        break;
    case GRAFT_WEIGHTS_F32:
        break;
    }
    return GRAFT_OK;
}

static graft_status upload_piece(graft_log *log, gr_device *device, graft_weights kept,
                                 const gr_value *v, const gr_region *region, const piece *p,
                                 int64_t first)
{
    int64_t length = row_length(v), left = v->shape.dim[0] - first;
    int64_t rows = left < p->rows ? left : p->rows;
    const char *from =
        (const char *)v->source + first * length * (int64_t)gr_dtype_size(v->source_dtype);
    gr_to_f32(v->source_dtype, from, (size_t)(rows * length), p->values);
    GR_TRY(narrow(log, kept, v, p, rows));
    uint64_t bytes = element_bytes(kept);
    uint64_t at = scale_bytes(kept, v) + (uint64_t)(first * length) * bytes;
    GR_TRY(gr_device_buffer_write(device, region->buffer, region->offset + at, p->narrow,
                                  (uint64_t)(rows * length) * bytes));
    if (kept != GRAFT_WEIGHTS_INT8)
        return GRAFT_OK;
    return gr_device_buffer_write(device, region->buffer,
                                  region->offset + (uint64_t)first * sizeof(float), p->scales,
                                  (uint64_t)rows * sizeof(float));
}

graft_status gr_precision_upload(graft_log *log, gr_device *device, graft_weights kept,
                                 const gr_value *v, const gr_region *region)
{
    int64_t length = row_length(v), rows = PIECE_ELEMENTS / length;
    void *memory = gr_alloc(NULL, 1);
    piece p = {.rows = rows > 0 ? rows : 1};
    size_t count = (size_t)(p.rows * length);
    p.values = gr_alloc_array(memory, count, sizeof(*p.values));
    p.narrow = gr_alloc_array(memory, count, element_bytes(kept));
    p.scales = gr_alloc_array(memory, (size_t)p.rows, sizeof(*p.scales));
    graft_status status = memory && p.values && p.narrow && p.scales
                              ? GRAFT_OK
                              : gr_fail(log, GRAFT_ERR_MEMORY, "%s: out of memory", v->name);
    for (int64_t first = 0; first < v->shape.dim[0] && status == GRAFT_OK; first += p.rows)
        status = upload_piece(log, device, kept, v, region, &p, first);
    gr_free(memory);
    return status;
}
