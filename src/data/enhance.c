#include "data/enhance.h"

#include "base/log.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CHANNELS = GR_IMAGE_CHANNELS };

static size_t pixels_of(const gr_image *image)
{
    return (size_t)image->width * (size_t)image->height;
}

/* plain + factor (value - plain) in single precision, cut to 0 .. 255 and towards zero. */
static uint8_t blend(uint8_t plain, uint8_t value, float factor)
{
    float blended = (float)plain + factor * (float)((int)value - (int)plain);
    return blended <= 0.0f ? 0 : blended >= 255.0f ? 255 : (uint8_t)blended;
}

/* Rec. 601 luma in 16 bits of fraction. */
static uint8_t gray_of(const uint8_t *pixel)
{
    return (uint8_t)((19595u * pixel[0] + 38470u * pixel[1] + 7471u * pixel[2] + 0x8000u) >> 16);
}

static void blend_with_level(gr_image *image, uint8_t level, double factor)
{
    uint8_t table[256];
    size_t count = pixels_of(image) * CHANNELS;
    for (int i = 0; i < 256; i++)
        table[i] = blend(level, (uint8_t)i, (float)factor);
    for (size_t i = 0; i < count; i++)
        image->pixels[i] = table[image->pixels[i]];
}

void gr_enhance_brightness(gr_image *image, double factor)
{
    blend_with_level(image, 0, factor);
}

void gr_enhance_contrast(gr_image *image, double factor)
{
    size_t count = pixels_of(image);
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += gray_of(image->pixels + CHANNELS * i);
    blend_with_level(image, (uint8_t)((double)sum / (double)count + 0.5), factor);
}

void gr_enhance_color(gr_image *image, double factor)
{
    size_t count = pixels_of(image);
    for (size_t i = 0; i < count; i++) {
        uint8_t *pixel = image->pixels + CHANNELS * i, gray = gray_of(pixel);
        for (int c = 0; c < CHANNELS; c++)
            pixel[c] = blend(gray, pixel[c], (float)factor);
    }
}

/* The sum of nine with the middle five times, over 13, rounded. */
static uint8_t smooth(const uint8_t *middle, size_t stride)
{
    const uint8_t *above = middle - stride, *below = middle + stride;
    int sum = 4 * middle[0];
    for (int x = -CHANNELS; x <= CHANNELS; x += CHANNELS)
        sum += above[x] + middle[x] + below[x];
    return (uint8_t)((sum + 6) / 13);
}

graft_status gr_enhance_sharpness(graft_log *log, gr_image *image, double factor)
{
    size_t stride = (size_t)image->width * CHANNELS, size_bytes = pixels_of(image) * CHANNELS;
    uint8_t *in = malloc(size_bytes);
    if (!in)
        return gr_fail(log, GRAFT_ERR_MEMORY, "sharpness: out of memory");
    memcpy(in, image->pixels, size_bytes);
    for (int y = 1; y < image->height - 1; y++)
        for (size_t i = CHANNELS; i + CHANNELS < stride; i++) {
            size_t at = (size_t)y * stride + i;
            image->pixels[at] = blend(smooth(in + at, stride), in[at], (float)factor);
        }
    free(in);
    return GRAFT_OK;
}

/* ---- Hue -------------------------------------------------------------------------------- */

typedef struct hsv {
    uint8_t hue, saturation, value;
} hsv;

static uint8_t clamp(int value)
{
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

static hsv to_hsv(const uint8_t *pixel)
{
    uint8_t r = pixel[0], g = pixel[1], b = pixel[2];
    uint8_t most = r > g ? (r > b ? r : b) : (g > b ? g : b);
    uint8_t least = r < g ? (r < b ? r : b) : (g < b ? g : b);
    if (most == least)
        return (hsv){.value = most};
    float range = (float)(most - least), sector;
    float red = (float)(most - r) / range, green = (float)(most - g) / range;
    float blue = (float)(most - b) / range;
    if (r == most)
        sector = blue - green;
    else if (g == most)
        sector = (float)(2.0 + (double)red - (double)blue);
    else
        sector = (float)(4.0 + (double)green - (double)red);
    double turn = fmod((double)sector / 6.0 + 1.0, 1.0);
    return (hsv){clamp((int)((double)(float)turn * 255.0)),
                 clamp((int)((double)(range / (float)most) * 255.0)), most};
}

static void to_rgb(hsv in, uint8_t *pixel)
{
    float turn = (float)in.hue * 6.0f / 255.0f, saturation = (float)in.saturation / 255.0f;
    int sector = (int)floorf(turn);
    float part = turn - (float)sector, v = (float)in.value;
    uint8_t p = clamp((int)lroundf(v * (1.0f - saturation)));
    uint8_t q = clamp((int)lroundf(v * (1.0f - saturation * part)));
    uint8_t t = clamp((int)lroundf(v * (1.0f - saturation * (1.0f - part))));
    const uint8_t sectors[6][3] = {{in.value, t, p}, {q, in.value, p}, {p, in.value, t},
                                   {p, q, in.value}, {t, p, in.value}, {in.value, p, q}};
    memcpy(pixel, in.saturation ? sectors[sector % 6] : (uint8_t[]){in.value, in.value, in.value},
           3);
}

void gr_enhance_hue(gr_image *image, uint8_t shift)
{
    size_t count = pixels_of(image);
    for (size_t i = 0; i < count; i++) {
        hsv color = to_hsv(image->pixels + CHANNELS * i);
        color.hue = (uint8_t)(color.hue + shift);
        to_rgb(color, image->pixels + CHANNELS * i);
    }
}
