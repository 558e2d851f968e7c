#include "data/tone.h"

#include <stddef.h>

enum { LEVELS = 256, CHANNELS = GR_IMAGE_CHANNELS };

static size_t values_of(const gr_image *image)
{
    return (size_t)image->width * (size_t)image->height * CHANNELS;
}

static uint8_t clamp(int value)
{
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

static void look_up(gr_image *image, int channel, const uint8_t table[LEVELS])
{
    size_t count = values_of(image);
    for (size_t i = (size_t)channel; i < count; i += CHANNELS)
        image->pixels[i] = table[image->pixels[i]];
}

static void look_up_all(gr_image *image, const uint8_t table[LEVELS])
{
    for (int c = 0; c < CHANNELS; c++)
        look_up(image, c, table);
}

static void count_levels(const gr_image *image, int channel, int counts[LEVELS])
{
    size_t count = values_of(image);
    for (int i = 0; i < LEVELS; i++)
        counts[i] = 0;
    for (size_t i = (size_t)channel; i < count; i += CHANNELS)
        counts[image->pixels[i]]++;
}

/* The lowest and highest level that occurs. */
static void find_ends(const int counts[LEVELS], int *low, int *high)
{
    for (*low = 0; counts[*low] == 0;)
        ++*low;
    for (*high = LEVELS - 1; counts[*high] == 0;)
        --*high;
}

void gr_tone_autocontrast(gr_image *image)
{
    for (int c = 0; c < CHANNELS; c++) {
        int counts[LEVELS], low, high;
        uint8_t table[LEVELS];
        count_levels(image, c, counts);
        find_ends(counts, &low, &high);
        if (high <= low)
            continue;
        double scale = 255.0 / (high - low), offset = -low * scale;
        for (int i = 0; i < LEVELS; i++)
            table[i] = clamp((int)(i * scale + offset));
        look_up(image, c, table);
    }
}

/* Level i goes to the number of pixels below it, in units of a 255th of those below the highest
 * level. */
void gr_tone_equalize(gr_image *image)
{
    for (int c = 0; c < CHANNELS; c++) {
        int counts[LEVELS], low, high;
        uint8_t table[LEVELS];
        count_levels(image, c, counts);
        find_ends(counts, &low, &high);
        int step = (image->width * image->height - counts[high]) / 255;
        if (high <= low || step == 0)
            continue;
        int below = step / 2;
        for (int i = 0; i < LEVELS; i++) {
            table[i] = clamp(below / step);
            below += counts[i];
        }
        look_up(image, c, table);
    }
}

void gr_tone_invert(gr_image *image)
{
    gr_tone_solarize(image, 0);
}

void gr_tone_posterize(gr_image *image, int bits)
{
    uint8_t table[LEVELS];
    for (int i = 0; i < LEVELS; i++)
        table[i] = (uint8_t)(i & ~((1 << (8 - bits)) - 1));
    look_up_all(image, table);
}

void gr_tone_solarize(gr_image *image, int threshold)
{
    uint8_t table[LEVELS];
    for (int i = 0; i < LEVELS; i++)
        table[i] = (uint8_t)(i < threshold ? i : 255 - i);
    look_up_all(image, table);
}

void gr_tone_solarize_add(gr_image *image, int add)
{
    uint8_t table[LEVELS];
    for (int i = 0; i < LEVELS; i++)
        table[i] = i < 128 ? clamp(i + add) : (uint8_t)i;
    look_up_all(image, table);
}
