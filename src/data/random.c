#include "data/random.h"

#include "base/philox.h"

#include <math.h>

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

void gr_random_normals(gr_random *r, float *out, int count)
{
    for (int i = 0; i < count; i += 2) {
        float pair[2];
        uint32_t bits = gr_random_bits(r);
        gr_philox_normal(bits, gr_random_bits(r), pair);
        out[i] = pair[0];
        if (i + 1 < count)
            out[i + 1] = pair[1];
    }
}

double gr_random_normal(gr_random *r)
{
    float number;
    gr_random_normals(r, &number, 1);
    return number;
}

/* The logarithm of a gamma variable of shape alpha: of small shapes the variable itself would
 * underflow. */
static double log_gamma_variable(gr_random *r, double alpha)
{
    /* shape alpha < 1 from alpha + 1 by a factor u^(1 / alpha), u in (0, 1] */
    double boost = alpha < 1.0 ? log(1.0 - gr_random_uniform(r, 0.0, 1.0)) / alpha : 0.0;
    double d = (alpha < 1.0 ? alpha + 1.0 : alpha) - 1.0 / 3.0;
    for (;;) {
        double x = gr_random_normal(r), v = 1.0 + x / sqrt(9.0 * d);
        double u = 1.0 - gr_random_uniform(r, 0.0, 1.0);
        if (v <= 0.0)
            continue;
        v = v * v * v;
        if (log(u) < 0.5 * x * x + d - d * v + d * log(v))
            return log(d * v) + boost;
    }
}

double gr_random_beta(gr_random *r, double alpha)
{
    double a = log_gamma_variable(r, alpha), b = log_gamma_variable(r, alpha);
    return 1.0 / (1.0 + exp(b - a));
}

bool gr_random_chance(gr_random *r, double probability)
{
    return gr_random_uniform(r, 0.0, 1.0) < probability;
}
