#include "data/random.h"

#include "base/philox.h"

gr_random gr_random_stream(gr_random_key key, uint32_t stream)
{
    return (gr_random){.seed = key.seed, .counter = {key.index, 0, key.epoch, stream}};
}

uint32_t gr_random_bits(gr_random *r)
{
    if (r->left == 0) {
        gr_philox_seeded(r->seed, r->counter, r->words);
        r->counter[1]++;
        r->left = 4;
    }
    return r->words[4 - r->left--];
}

double gr_random_uniform(gr_random *r, double low, double high)
{
    return low + (high - low) * (gr_random_bits(r) * 0x1p-32);
}

int gr_random_below(gr_random *r, int n)
{
    return (int)gr_philox_below(gr_random_bits(r), (uint32_t)n);
}

bool gr_random_chance(gr_random *r, double probability)
{
    return gr_random_uniform(r, 0.0, 1.0) < probability;
}
