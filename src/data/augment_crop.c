#include "data/augment.h"

#include <limits.h>
#include <math.h>

enum { STREAM_CROP = 0x63726f70, ATTEMPTS = 10 };

/* The whole image, or its middle where it is too long for the ratios. */
static gr_box central_box(const graft_augment_params *a, int width, int height)
{
    gr_box box = {.width = width, .height = height};
    double aspect = (double)width / height;
    if (aspect < a->crop_ratio.min)
        box.height = (int)nearbyint(width / a->crop_ratio.min);
    else if (aspect > a->crop_ratio.max)
        box.width = (int)nearbyint(height * a->crop_ratio.max);
    box.width = box.width < 1 ? 1 : box.width > width ? width : box.width;
    box.height = box.height < 1 ? 1 : box.height > height ? height : box.height;
    box.x = (width - box.width) / 2;
    box.y = (height - box.height) / 2;
    return box;
}

gr_box gr_crop_random(gr_random_key key, int size, int width, int height)
{
    gr_random r = gr_random_stream(key, STREAM_CROP);
    gr_box box = {.width = size, .height = size};
    box.y = gr_random_below(&r, height - size + 1);
    box.x = gr_random_below(&r, width - size + 1);
    return box;
}

bool gr_random_part(gr_random *r, graft_range scale, graft_range ratio, int width, int height,
                    int longest, gr_box *box)
{
    int most_width = longest < width ? longest : width;
    int most_height = longest < height ? longest : height;
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        double area = gr_random_uniform(r, scale.min, scale.max) * width * height;
        double aspect = exp(gr_random_uniform(r, log(ratio.min), log(ratio.max)));
        double w = nearbyint(sqrt(area * aspect)), h = nearbyint(sqrt(area / aspect));
        if (w < 1 || h < 1 || w > most_width || h > most_height)
            continue;
        *box = (gr_box){.width = (int)w, .height = (int)h};
        box->y = gr_random_below(r, height - box->height + 1);
        box->x = gr_random_below(r, width - box->width + 1);
        return true;
    }
    return false;
}

gr_box gr_crop_random_resized(const graft_augment_params *a, gr_random_key key, int width,
                              int height)
{
    gr_random r = gr_random_stream(key, STREAM_CROP);
    gr_box box;
    if (gr_random_part(&r, a->crop_scale, a->crop_ratio, width, height, INT_MAX, &box))
        return box;
    return central_box(a, width, height);
}
