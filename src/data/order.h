/* Which image comes when, and which is mirrored: pure functions of the seed. */
#ifndef GR_DATA_ORDER_H
#define GR_DATA_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Fills order [count] with 0 .. count-1, or a shuffle of it (Fisher-Yates, Durstenfeld's form)
 * keyed by (seed, epoch). */
void gr_order_sequential(uint32_t *order, size_t count);
void gr_order_shuffled(uint32_t *order, size_t count, uint64_t seed, uint32_t epoch);

/* True for half of all (seed, epoch, index). */
bool gr_order_flip(uint64_t seed, uint32_t epoch, uint32_t index);

#endif
