/* Philox4x32-10, the counter-based random generator behind every random choice of graft.
 *
 * Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
 * The numbers are a pure function of counter and key: no state, so any element of any stream can
 * be drawn in any order, by any thread, on any device.
 *
 * Thread-safety: safe.
 */
#ifndef GR_BASE_PHILOX_H
#define GR_BASE_PHILOX_H

#include <stdint.h>

void gr_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/* The same, keyed by a 64-bit seed (low word first). */
void gr_philox_seeded(uint64_t seed, const uint32_t counter[4], uint32_t out[4]);

/* Uniform in [0, 1): the upper 24 bits, each value a float exactly. */
float gr_philox_uniform(uint32_t bits);

/* Uniform in [0, n). The bias is below n / 2^32. */
uint32_t gr_philox_below(uint32_t bits, uint32_t n);

/* Two independent standard normal numbers of two random words (Box-Muller); finite for all. */
void gr_philox_normal(uint32_t bits0, uint32_t bits1, float out[2]);

#endif
