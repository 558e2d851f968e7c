/* The Mersenne twister MT19937, for frozen tensors that other programs draw from it anew instead of
 * keeping them in files: the same seed must give the same numbers.
 *
 * Source: Matsumoto, Nishimura, "Mersenne twister", ACM TOMACS 8(1), 1998, with the initialisation
 * of 2002 (init_genrand). The gr_torch_ functions follow what torch makes of it on the CPU.
 * Random choices of graft's own come from philox.h.
 *
 * Thread-safety: one generator may be used by one thread at a time.
 */
#ifndef GR_BASE_MT19937_H
#define GR_BASE_MT19937_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct gr_mt19937 {
    uint32_t state[624];
    int next; /* the word of `state` to give out next */
} gr_mt19937;

void gr_mt19937_seed(gr_mt19937 *generator, uint32_t seed);
uint32_t gr_mt19937_next(gr_mt19937 *generator);

/* Tensor.uniform_(low, high) of a float tensor of `count` elements. */
void gr_torch_uniform(gr_mt19937 *generator, float low, float high, size_t count, float *out);

/* The first `count` numbers of torch.randperm(n), 1 <= count <= n; what is not drawn for them is
 * not drawn at all. Takes 4 n bytes meanwhile; false when there is no memory for that. */
bool gr_torch_randperm(gr_mt19937 *generator, int32_t n, int32_t count, int32_t *out);

#endif
