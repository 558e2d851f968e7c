#include "data/augment_jitter.h"

#include "data/enhance.h"

enum { STREAM_JITTER = 0x6a697474 };

bool gr_jitter_is_on(const graft_color_jitter *j)
{
    return j->brightness > 0.0 || j->contrast > 0.0 || j->saturation > 0.0 || j->hue > 0.0;
}

static double draw_factor(gr_random *r, double strength)
{
    return gr_random_uniform(r, strength < 1.0 ? 1.0 - strength : 0.0, 1.0 + strength);
}

gr_jitter_draw gr_jitter_draw_image(const graft_color_jitter *j, gr_random_key key)
{
    gr_random r = gr_random_stream(key, STREAM_JITTER);
    gr_jitter_draw draw;
    draw.change[GR_JITTER_BRIGHTNESS] = draw_factor(&r, j->brightness);
    draw.change[GR_JITTER_CONTRAST] = draw_factor(&r, j->contrast);
    draw.change[GR_JITTER_SATURATION] = draw_factor(&r, j->saturation);
    draw.change[GR_JITTER_HUE] = gr_random_uniform(&r, -j->hue, j->hue);
    draw.order[0] = GR_JITTER_BRIGHTNESS;
    for (int i = 0; i < GR_JITTER_KINDS; i++) { /* a shuffle, from the inside out */
        int place = gr_random_below(&r, i + 1);
        draw.order[i] = draw.order[place];
        draw.order[place] = (gr_jitter_kind)i;
    }
    return draw;
}

static void change(gr_image *image, gr_jitter_kind kind, double by)
{
    if (kind == GR_JITTER_BRIGHTNESS)
        gr_enhance_brightness(image, by);
    else if (kind == GR_JITTER_CONTRAST)
        gr_enhance_contrast(image, by);
    else if (kind == GR_JITTER_SATURATION)
        gr_enhance_color(image, by);
    else
        gr_enhance_hue(image, (uint8_t)(int)(by * 255.0));
}

void gr_jitter_image(const graft_color_jitter *j, gr_random_key key, gr_image *image)
{
    const double strength[GR_JITTER_KINDS] = {j->brightness, j->contrast, j->saturation, j->hue};
    gr_jitter_draw draw = gr_jitter_draw_image(j, key);
    for (int i = 0; i < GR_JITTER_KINDS; i++)
        if (strength[draw.order[i]] > 0.0)
            change(image, draw.order[i], draw.change[draw.order[i]]);
}
