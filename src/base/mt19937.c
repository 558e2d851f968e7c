#include "base/mt19937.h"

#include <stdlib.h>

enum { WORDS = 624, AHEAD = 397 };

void gr_mt19937_seed(gr_mt19937 *generator, uint32_t seed)
{
    uint32_t *s = generator->state;
    s[0] = seed;
    for (uint32_t i = 1; i < WORDS; i++)
        s[i] = 1812433253u * (s[i - 1] ^ s[i - 1] >> 30) + i;
    generator->next = WORDS;
}

/* A word is made of the upper bit of its own, the lower bits of the next one, and a word ahead. */
static void renew(uint32_t *s)
{
    for (int i = 0; i < WORDS; i++) {
        uint32_t mixed = (s[i] & 0x80000000u) | (s[(i + 1) % WORDS] & 0x7fffffffu);
        s[i] = s[(i + AHEAD) % WORDS] ^ mixed >> 1 ^ (mixed & 1 ? 0x9908b0dfu : 0);
    }
}

uint32_t gr_mt19937_next(gr_mt19937 *generator)
{
    if (generator->next == WORDS) {
        renew(generator->state);
        generator->next = 0;
    }
    uint32_t y = generator->state[generator->next++];
    y ^= y >> 11;
    y ^= y << 7 & 0x9d2c5680u;
    y ^= y << 15 & 0xefc60000u;
    return y ^ y >> 18;
}

void gr_torch_uniform(gr_mt19937 *generator, float low, float high, size_t count, float *out)
{
    for (size_t i = 0; i < count; i++) {
        float unit = (float)(gr_mt19937_next(generator) & 0xffffffu) * 0x1p-24f;
        out[i] = unit * (high - low) + low;
    }
}

bool gr_torch_randperm(gr_mt19937 *generator, int32_t n, int32_t count, int32_t *out)
{
    int32_t *order = malloc((size_t)n * sizeof(*order));
    if (!order)
        return false;
    for (int32_t i = 0; i < n; i++)
        order[i] = i;
    for (int32_t k = 0; k < count; k++) {
        /* torch draws nothing for the last element, which has no other place left. */
        uint32_t rest = (uint32_t)(n - k);
        int32_t with = k + (int32_t)(rest > 1 ? gr_mt19937_next(generator) % rest : 0);
        out[k] = order[with];
        order[with] = order[k];
    }
    free(order);
    return true;
}
