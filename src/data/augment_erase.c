#include "data/augment_erase.h"

#include "data/augment.h"

enum { STREAM_ERASE = 0x65726173, STREAM_NOISE = 0x6e6f6973 };

static const graft_range area = {0.02, 1.0 / 3.0}, aspect = {0.3, 1.0 / 0.3};

gr_box gr_erase_draw(double probability, gr_random_key key, int size)
{
    gr_random r = gr_random_stream(key, STREAM_ERASE);
    gr_box box = {0};
    if (!gr_random_chance(&r, probability) ||
        !gr_random_part(&r, area, aspect, size, size, size - 1, &box))
        return (gr_box){0};
    return box;
}

void gr_erase_image(double probability, gr_random_key key, int size, float *image)
{
    gr_random r = gr_random_stream(key, STREAM_NOISE);
    gr_box box = gr_erase_draw(probability, key, size);
    for (int c = 0; c < GR_IMAGE_CHANNELS; c++)
        for (int y = box.y; y < box.y + box.height; y++)
            gr_random_normals(&r,
                              image + ((size_t)c * (size_t)size + (size_t)y) * (size_t)size + box.x,
                              box.width);
}
