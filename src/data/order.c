#include "data/order.h"

#include "base/philox.h"

/* The last word of the counter keeps the streams of one seed apart. */
enum { STREAM_SHUFFLE = 0x73687566, STREAM_FLIP = 0x666c6970 };

void gr_order_sequential(uint32_t *order, size_t count)
{
    for (size_t i = 0; i < count; i++)
        order[i] = (uint32_t)i;
}

void gr_order_shuffled(uint32_t *order, size_t count, uint64_t seed, uint32_t epoch)
{
    gr_order_sequential(order, count);
    for (size_t i = count; i-- > 1;) {
        uint32_t bits[4];
        gr_philox_seeded(seed, (uint32_t[]){(uint32_t)i, 0, epoch, STREAM_SHUFFLE}, bits);
        uint32_t other = gr_philox_below(bits[0], (uint32_t)i + 1);
        uint32_t swap = order[i];
        order[i] = order[other];
        order[other] = swap;
    }
}

bool gr_order_flip(uint64_t seed, uint32_t epoch, uint32_t index)
{
    uint32_t bits[4];
    gr_philox_seeded(seed, (uint32_t[]){index, 0, epoch, STREAM_FLIP}, bits);
    return bits[0] >> 31;
}
