/* The spectrum of `graft bench --op rfft` in FFTW: real to complex along the 197 tokens of 8
 * images, for each of 768 channels: fftw THREADS. Plans are measured (FFTW_MEASURE), buffers are
 * reused. */
#include "bench/sample.h"

#include <fftw3.h>
#include <math.h>

enum { IMAGES = 8, TOKENS = 197, CHANNELS = 768, BINS = TOKENS / 2 + 1 };

typedef struct bench {
    fftwf_plan plan; /* of one image */
    float *x;
    fftwf_complex *y;
} bench;

static int once(void *user)
{
    const bench *b = user;
    for (int i = 0; i < IMAGES; i++)
        fftwf_execute_dft_r2c(b->plan, b->x + (size_t)i * TOKENS * CHANNELS,
                              b->y + (size_t)i * BINS * CHANNELS);
    return 0;
}

/* Some bins against the sum that they stand for. */
static int is_right(const bench *b)
{
    const double turn = 2.0 * acos(-1.0) / TOKENS;
    for (int k = 0; k < BINS; k += 7) {
        double re = 0.0, im = 0.0;
        for (int t = 0; t < TOKENS; t++) {
            re += b->x[(size_t)t * CHANNELS + 5] * cos(turn * k * t);
            im -= b->x[(size_t)t * CHANNELS + 5] * sin(turn * k * t);
        }
        const float *found = b->y[(size_t)k * CHANNELS + 5];
        if (fabs(found[0] - re) > 1e-3 || fabs(found[1] - im) > 1e-3)
            return 0;
    }
    return 1;
}

int main(int argc, char **argv)
{
    static const int n[] = {TOKENS};
    bench b = {.x = fftwf_alloc_real((size_t)IMAGES * TOKENS * CHANNELS),
               .y = fftwf_alloc_complex((size_t)IMAGES * BINS * CHANNELS)};
    if (argc != 2 || !b.x || !b.y)
        return 2;
    fftwf_init_threads();
    fftwf_plan_with_nthreads(atoi(argv[1]));
    b.plan = fftwf_plan_many_dft_r2c(1, n, CHANNELS, b.x, NULL, CHANNELS, 1, b.y, NULL, CHANNELS, 1,
                                     FFTW_MEASURE);
    for (size_t i = 0; i < (size_t)IMAGES * TOKENS * CHANNELS; i++)
        b.x[i] = (float)(i * 2654435761u % 4093) / 2046.0f - 1.0f;
    once(&b);
    if (!b.plan || !is_right(&b))
        return fprintf(stderr, "fftw: wrong result\n"), 1;
    printf("peer %s\nbytes %.0f\n", fftwf_version, 4.0 * IMAGES * CHANNELS * (TOKENS + 2.0 * BINS));
    return sample_serve(once, &b, 0.2);
}
