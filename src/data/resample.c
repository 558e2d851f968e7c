#include "data/resample.h"

#include "base/mem.h"

#include <math.h>
#include <stdbool.h>

static double triangle(double x)
{
    x = fabs(x);
    return x < 1.0 ? 1.0 - x : 0.0;
}

double gr_cubic(double x)
{
    const double a = -0.5;
    x = fabs(x);
    if (x < 1.0)
        return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
    if (x < 2.0)
        return (((x - 5.0) * x + 8.0) * x - 4.0) * a;
    return 0.0;
}

typedef struct kernel {
    double (*weight)(double distance);
    double support; /* radius, in pixels of the coarser side */
    bool plain;     /* of the input: no antialiasing */
} kernel;

static kernel kernel_of(gr_interpolation interpolation)
{
    if (interpolation == GR_BICUBIC)
        return (kernel){gr_cubic, 2.0, false};
    return (kernel){triangle, 1.0, interpolation == GR_BILINEAR_PLAIN};
}

/* When shrinking, the kernel widens by the ratio: that is the antialiasing. */
static double widening_of(kernel k, double ratio)
{
    return k.plain || ratio < 1.0 ? 1.0 : ratio;
}

static int clamp_index(int value, int last)
{
    return value < 0 ? 0 : value > last ? last : value;
}

static int32_t to_fixed(double weight)
{
    double scaled = weight * (1 << GR_RESAMPLE_BITS);
    return (int32_t)(scaled < 0.0 ? scaled - 0.5 : scaled + 0.5);
}

/* The weights of output i. `scratch` holds max_taps doubles. */
static void weigh_output(gr_resample *pass, int i, int inputs, kernel k, double *scratch)
{
    double ratio = (double)inputs / pass->outputs;
    double widening = widening_of(k, ratio);
    double radius = k.support * widening;
    double centre = (i + 0.5) * ratio;
    int first = clamp_index((int)(centre - radius + 0.5), inputs);
    int taps = clamp_index((int)(centre + radius + 0.5), inputs) - first;
    double sum = 0.0;
    for (int t = 0; t < taps; t++) {
        scratch[t] = k.weight((t + first - centre + 0.5) * (1.0 / widening));
        sum += scratch[t];
    }
    int32_t *weights = pass->weights + (size_t)i * (size_t)pass->max_taps;
    for (int t = 0; t < taps; t++)
        weights[t] = to_fixed(sum != 0.0 ? scratch[t] / sum : scratch[t]);
    pass->first[i] = first;
    pass->taps[i] = taps;
}

gr_resample *gr_resample_create(int inputs, int outputs, gr_interpolation interpolation)
{
    kernel k = kernel_of(interpolation);
    gr_resample *pass = gr_alloc(NULL, sizeof(*pass));
    if (!pass)
        return NULL;
    double ratio = (double)inputs / outputs;
    pass->outputs = outputs;
    pass->max_taps = 2 * (int)ceil(k.support * widening_of(k, ratio)) + 1;
    size_t count = (size_t)outputs;
    size_t max_taps = (size_t)pass->max_taps;
    pass->first = gr_alloc_array(pass, count, sizeof(*pass->first));
    pass->taps = gr_alloc_array(pass, count, sizeof(*pass->taps));
    pass->weights = gr_alloc_array(pass, count * max_taps, sizeof(*pass->weights));
    double *scratch = gr_alloc_array(pass, max_taps, sizeof(*scratch));
    if (!pass->first || !pass->taps || !pass->weights || !scratch) {
        gr_free(pass);
        return NULL;
    }
    for (int i = 0; i < outputs; i++)
        weigh_output(pass, i, inputs, k, scratch);
    gr_free(scratch);
    return pass;
}

static uint8_t to_pixel(int32_t sum)
{
    int32_t value = sum >> GR_RESAMPLE_BITS;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

static const int32_t half = 1 << (GR_RESAMPLE_BITS - 1);

static void resample_row(const gr_resample *pass, const uint8_t *in, uint8_t *out)
{
    for (int i = 0; i < pass->outputs; i++, out += 3) {
        const int32_t *weights = pass->weights + (size_t)i * (size_t)pass->max_taps;
        const uint8_t *pixel = in + 3 * (size_t)pass->first[i];
        int32_t red = half, green = half, blue = half;
        for (int t = 0; t < pass->taps[i]; t++, pixel += 3) {
            red += weights[t] * pixel[0];
            green += weights[t] * pixel[1];
            blue += weights[t] * pixel[2];
        }
        out[0] = to_pixel(red);
        out[1] = to_pixel(green);
        out[2] = to_pixel(blue);
    }
}

void gr_resample_rows(const gr_resample *pass, const uint8_t *in, int inputs, int rows,
                      uint8_t *out)
{
    for (int y = 0; y < rows; y++)
        resample_row(pass, in + (size_t)y * (size_t)inputs * 3,
                     out + (size_t)y * (size_t)pass->outputs * 3);
}

/* A strip of columns at a time: the sums stay in registers or the first-level cache. */
enum { STRIP = 64 };

static void resample_strip(const uint8_t *in, size_t stride, const int32_t *weights, int taps,
                           size_t width, uint8_t *out)
{
    int32_t sums[STRIP];
    for (size_t x = 0; x < width; x++)
        sums[x] = half;
    for (int t = 0; t < taps; t++, in += stride)
        for (size_t x = 0; x < width; x++)
            sums[x] += weights[t] * in[x];
    for (size_t x = 0; x < width; x++)
        out[x] = to_pixel(sums[x]);
}

void gr_resample_columns(const gr_resample *pass, const uint8_t *in, size_t stride, uint8_t *out)
{
    for (int i = 0; i < pass->outputs; i++) {
        const int32_t *weights = pass->weights + (size_t)i * (size_t)pass->max_taps;
        const uint8_t *rows = in + (size_t)pass->first[i] * stride;
        for (size_t x = 0; x < stride; x += STRIP)
            resample_strip(rows + x, stride, weights, pass->taps[i],
                           stride - x < STRIP ? stride - x : STRIP, out + (size_t)i * stride + x);
    }
}
