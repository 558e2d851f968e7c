#include "base/philox.h"

#include <math.h>

enum { ROUNDS = 10 };

static uint32_t mul_hi_lo(uint32_t a, uint32_t b, uint32_t *lo)
{
    uint64_t product = (uint64_t)a * b;
    *lo = (uint32_t)product;
    return (uint32_t)(product >> 32);
}

void gr_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t x0 = counter[0], x1 = counter[1], x2 = counter[2], x3 = counter[3];
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < ROUNDS; round++) {
        uint32_t lo0, lo1;
        uint32_t hi0 = mul_hi_lo(0xD2511F53u, x0, &lo0);
        uint32_t hi1 = mul_hi_lo(0xCD9E8D57u, x2, &lo1);
        x0 = hi1 ^ x1 ^ k0;
        x1 = lo1;
        x2 = hi0 ^ x3 ^ k1;
        x3 = lo0;
        k0 += 0x9E3779B9u; /* golden ratio */
        k1 += 0xBB67AE85u; /* sqrt(3) - 1 */
    }
    out[0] = x0;
    out[1] = x1;
    out[2] = x2;
    out[3] = x3;
}

void gr_philox_seeded(uint64_t seed, const uint32_t counter[4], uint32_t out[4])
{
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    gr_philox(counter, key, out);
}

float gr_philox_uniform(uint32_t bits)
{
    return (float)(bits >> 8) * 0x1p-24f;
}

uint32_t gr_philox_below(uint32_t bits, uint32_t n)
{
    return (uint32_t)(((uint64_t)bits * n) >> 32);
}

void gr_philox_normal(uint32_t bits0, uint32_t bits1, float out[2])
{
    double u = ((bits0 >> 8) + 1) * 0x1p-24; /* (0, 1]: the logarithm stays finite */
    double angle = 2.0 * 3.14159265358979323846 * gr_philox_uniform(bits1);
    double radius = sqrt(-2.0 * log(u));
    out[0] = (float)(radius * cos(angle));
    out[1] = (float)(radius * sin(angle));
}
