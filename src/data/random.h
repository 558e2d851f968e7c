/* A stream of random numbers for one image or batch in one epoch: a pure function of seed, epoch,
 * index and the stream's own number, so that a resumed run draws what it would have drawn.
 *
 * Thread-safety: each stream by one thread.
 */
#ifndef GR_DATA_RANDOM_H
#define GR_DATA_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

typedef struct gr_random {
    uint64_t seed;
    uint32_t counter[4]; /* index, block, epoch, stream */
    uint32_t words[4];
    int left; /* of words */
} gr_random;

/* Which image, or which batch, of which pass over the data. */
typedef struct gr_random_key {
    uint64_t seed;
    uint32_t epoch, index;
} gr_random_key;

/* Each use has a stream of its own: switching one on changes no other. */
gr_random gr_random_stream(gr_random_key key, uint32_t stream);

uint32_t gr_random_bits(gr_random *r);

/* Uniform in [low, high), in steps of 2^-32. */
double gr_random_uniform(gr_random *r, double low, double high);

/* Uniform in 0 .. n - 1. */
int gr_random_below(gr_random *r, int n);

/* Standard normal. */
double gr_random_normal(gr_random *r);

/* Fills out [count] with standard normal numbers. */
void gr_random_normals(gr_random *r, float *out, int count);

/* Beta(alpha, alpha): from two gamma variables, after Marsaglia and Tsang, "A simple method for
 * generating gamma variables", 2000. alpha > 0. */
double gr_random_beta(gr_random *r, double alpha);

/* True with the given probability. */
bool gr_random_chance(gr_random *r, double probability);

#endif
