/* Numbers that are none: found where they come in, and named. */
#include "weights/tensors.h"

#include "base/hash.h"

#include <string.h>

/* The exponent's bits of a type, of which NaN and infinity have all; 0: not floating-point. */
static uint64_t exponent_of(gr_dtype dtype)
{
    switch (dtype) {
    case GR_F64:
        return 0x7ff0000000000000u;
    case GR_F32:
        return 0x7f800000u;
    case GR_F16:
        return 0x7c00u;
    case GR_BF16:
        return 0x7f80u;
    default:
        return 0;
    }
}

static uint64_t bits_at(const char *data, size_t size, int64_t i)
{
    uint64_t bits = 0;
    memcpy(&bits, data + (size_t)i * size, size); /* little-endian, as the files */
    return bits;
}

/* The first index whose exponent is all ones; -1: none. The common type without a branch for each
 * element. */
static int64_t find_bad(const gr_tensor *t)
{
    uint64_t mask = exponent_of(t->dtype);
    size_t size = gr_dtype_size(t->dtype);
    int64_t count = gr_tensor_count(t);
    for (int64_t start = 0; mask && start < count; start += 4096) {
        int64_t end = start + 4096 < count ? start + 4096 : count;
        int bad = 0;
        if (size == 4)
            for (int64_t i = start; i < end; i++) {
                uint32_t bits;
                memcpy(&bits, (const char *)t->data + i * 4, 4);
                bad |= (bits & 0x7f800000u) == 0x7f800000u;
            }
        for (int64_t i = start; i < end && (bad || size != 4); i++)
            if ((bits_at(t->data, size, i) & mask) == mask)
                return i;
    }
    return -1;
}

static graft_status check_finite(graft_log *log, const gr_tensors *tensors, const gr_tensor *t)
{
    char text[GR_SHAPE_TEXT];
    int64_t at = t->data ? find_bad(t) : -1;
    return at < 0 ? GRAFT_OK
                  : gr_fail(log, GRAFT_ERR_NUMERIC,
                            "%s: tensor %s: element %lld of %s is NaN or infinite; the file is of "
                            "no use",
                            gr_tensors_source(tensors), t->name, (long long)at,
                            gr_shape_text(&t->shape, text));
}

graft_status gr_tensors_check_finite(graft_log *log, const gr_tensors *tensors)
{
    for (size_t i = 0; i < gr_tensors_count(tensors); i++)
        GR_TRY(check_finite(log, tensors, gr_tensors_at(tensors, i)));
    return GRAFT_OK;
}

graft_status gr_tensors_check_and_hash(graft_log *log, gr_tensors *tensors)
{
    for (size_t i = 0; i < gr_tensors_count(tensors); i++) {
        const gr_tensor *t = gr_tensors_at(tensors, i);
        GR_TRY(check_finite(log, tensors, t));
        gr_tensors_set_hash(tensors, i, gr_tensor_hash(t));
    }
    return GRAFT_OK;
}

uint64_t gr_tensor_hash(const gr_tensor *t)
{
    if (t->hashed)
        return t->hash;
    uint64_t h = gr_hash_text(gr_hash_text(0, t->name), gr_dtype_name(t->dtype));
    h = gr_hash(h, t->shape.dim, (size_t)t->shape.rank * sizeof(t->shape.dim[0]));
    return t->data ? gr_hash(h, t->data, t->size_bytes) : h;
}
