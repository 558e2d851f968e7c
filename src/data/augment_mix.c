#include "data/augment_mix.h"

#include <math.h>

enum { STREAM_MIX = 0x6d697820, CHANNELS = GR_IMAGE_CHANNELS };

bool gr_mix_is_on(const graft_augment_params *mix)
{
    return mix->mixup > 0.0 || mix->cutmix > 0.0 || mix->label_smoothing > 0.0;
}

/* start .. end of a length around a centre, within 0 .. size. */
static void clip_span(int centre, int length, int size, int *start, int *extent)
{
    int first = centre - length / 2, end = centre + length / 2;
    first = first < 0 ? 0 : first;
    end = end > size ? size : end;
    *start = first;
    *extent = end - first;
}

/* A rectangle of the image's aspect around a uniform centre. What the image loses is counted after
 * clipping. */
static gr_mix_draw draw_rectangle(gr_random *r, double keep, int size)
{
    int side = (int)(size * sqrt(1.0 - keep));
    gr_mix_draw draw = {0};
    clip_span(gr_random_below(r, size), side, size, &draw.box.y, &draw.box.height);
    clip_span(gr_random_below(r, size), side, size, &draw.box.x, &draw.box.width);
    draw.keep = 1.0 - (double)draw.box.width * draw.box.height / ((double)size * size);
    return draw;
}

gr_mix_draw gr_mix_draw_batch(const graft_augment_params *mix, gr_random_key key, int size)
{
    gr_random r = gr_random_stream(key, STREAM_MIX);
    bool cut = gr_random_chance(&r, 0.5);
    if (mix->mixup <= 0.0 || mix->cutmix <= 0.0)
        cut = mix->cutmix > 0.0;
    if (cut)
        return draw_rectangle(&r, gr_random_beta(&r, mix->cutmix), size);
    return (gr_mix_draw){.keep = mix->mixup > 0.0 ? gr_random_beta(&r, mix->mixup) : 1.0};
}

static void blend(float *a, float *b, size_t count, float keep)
{
    float other = 1.0f - keep;
    for (size_t i = 0; i < count; i++) {
        float left = a[i], right = b[i];
        a[i] = left * keep + right * other;
        b[i] = right * keep + left * other;
    }
}

static void swap_rectangles(float *a, float *b, gr_box box, int size)
{
    for (int row = 0; row < CHANNELS * size; row++) {
        int y = row % size;
        if (y < box.y || y >= box.y + box.height)
            continue;
        for (int x = box.x; x < box.x + box.width; x++) {
            float swap = a[row * size + x];
            a[row * size + x] = b[row * size + x];
            b[row * size + x] = swap;
        }
    }
}

/* The one in the middle of an odd count would be mixed with itself: it stays. */
void gr_mix_images(gr_mix_draw draw, int count, int size, float *images)
{
    size_t image = (size_t)CHANNELS * (size_t)size * (size_t)size;
    if (draw.keep >= 1.0)
        return;
    for (int i = 0; i < count / 2; i++) {
        float *a = images + (size_t)i * image, *b = images + (size_t)(count - 1 - i) * image;
        if (draw.box.width > 0)
            swap_rectangles(a, b, draw.box, size);
        else
            blend(a, b, image, (float)draw.keep);
    }
}

void gr_mix_pixels(gr_mix_draw draw, int count, int size, uint8_t *pixels)
{
    size_t image = (size_t)CHANNELS * (size_t)size * (size_t)size;
    size_t first = CHANNELS * (size_t)draw.box.x, bytes = CHANNELS * (size_t)draw.box.width;
    for (int i = 0; i < count / 2 && draw.keep < 1.0; i++)
        for (int y = draw.box.y; y < draw.box.y + draw.box.height; y++) {
            size_t row = first + CHANNELS * (size_t)y * (size_t)size;
            uint8_t *a = pixels + (size_t)i * image + row;
            uint8_t *b = pixels + (size_t)(count - 1 - i) * image + row;
            for (size_t k = 0; k < bytes; k++) {
                uint8_t swap = a[k];
                a[k] = b[k];
                b[k] = swap;
            }
        }
}

void gr_mix_targets(const graft_augment_params *mix, gr_mix_draw draw, const int32_t *labels,
                    int count, int classes, float *targets)
{
    double shared = mix->label_smoothing / classes, own = 1.0 - mix->label_smoothing;
    for (int i = 0; i < count; i++) {
        float *row = targets + (size_t)i * (size_t)classes;
        for (int c = 0; c < classes; c++)
            row[c] = (float)shared;
        int32_t label = labels[i], other = labels[count - 1 - i];
        if (label == other) {
            row[label] = (float)(shared + own);
            continue;
        }
        row[label] = (float)(shared + own * draw.keep);
        row[other] = (float)(shared + own * (1.0 - draw.keep));
    }
}
