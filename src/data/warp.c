#include "data/warp.h"

#include "base/log.h"

#include <math.h>
#include <string.h>

enum { CHANNELS = GR_IMAGE_CHANNELS };

/* A row or column index moved onto the image. */
static int clip(int i, int count)
{
    return i < 0 ? 0 : i >= count ? count - 1 : i;
}

static double linear(const double v[4], double t)
{
    return v[0] + (v[1] - v[0]) * t;
}

/* Keys' cubic with a = -1 through v[1] (t = 0) and v[2] (t = 1). */
static double cubic(const double v[4], double t)
{
    double slope = v[2] - v[0];
    double square = 2.0 * (v[0] - v[1]) + v[2] - v[3];
    double cube = -v[0] + v[1] - v[2] + v[3];
    return v[1] + t * (slope + t * (square + t * cube));
}

static uint8_t to_pixel(double value)
{
    return value <= 0.0 ? 0 : value >= 255.0 ? 255 : (uint8_t)value;
}

/* The image at (x, y), which is on it. */
static void sample(const gr_image *in, gr_interpolation how, double x, double y, uint8_t *out)
{
    int taps = how == GR_BICUBIC ? 4 : 2, before = taps / 2 - 1;
    double (*mix)(const double[4], double) = how == GR_BICUBIC ? cubic : linear;
    double left = floor(x - 0.5), top = floor(y - 0.5), column[4], row[4];
    for (int c = 0; c < CHANNELS; c++) {
        for (int j = 0; j < taps; j++) {
            size_t from = (size_t)clip((int)top - before + j, in->height) * (size_t)in->width;
            for (int i = 0; i < taps; i++) {
                size_t at = from + (size_t)clip((int)left - before + i, in->width);
                row[i] = in->pixels[at * CHANNELS + (size_t)c];
            }
            column[j] = mix(row, x - 0.5 - left);
        }
        out[c] = to_pixel(mix(column, y - 0.5 - top));
    }
}

graft_status gr_warp_image(graft_log *log, const gr_warp *warp, gr_image *image)
{
    const double *m = warp->m;
    gr_image out;
    GR_TRY(gr_image_alloc(log, "warp", image->width, image->height, &out));
    uint8_t *to = out.pixels;
    for (int row = 0; row < out.height; row++)
        for (int column = 0; column < out.width; column++, to += CHANNELS) {
            double x = m[0] * (column + 0.5) + m[1] * (row + 0.5) + m[2];
            double y = m[3] * (column + 0.5) + m[4] * (row + 0.5) + m[5];
            if (x >= 0.0 && x < image->width && y >= 0.0 && y < image->height)
                sample(image, warp->interpolation, x, y, to);
            else
                memcpy(to, warp->fill, CHANNELS);
        }
    gr_image_free(image);
    *image = out;
    return GRAFT_OK;
}

/* To 15 decimals: a quarter turn is exact, and ties between pixels fall as in Pillow. */
static double round_15(double value)
{
    return nearbyint(value * 1e15) / 1e15;
}

void gr_warp_rotation(double degrees, int width, int height, double m[6])
{
    double angle = -degrees * (3.14159265358979323846 / 180.0);
    double c = round_15(cos(angle)), s = round_15(sin(angle));
    double x = width / 2.0, y = height / 2.0;
    m[0] = c, m[1] = s, m[2] = c * -x + s * -y + x;
    m[3] = -s, m[4] = c, m[5] = -s * -x + c * -y + y;
}
