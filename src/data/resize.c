#include "data/resize.h"

#include "base/log.h"
#include "base/mem.h"
#include "data/resample.h"

#include <stdlib.h>
#include <string.h>

static graft_status resample(graft_log *log, const gr_image *in, int width, int height,
                             gr_interpolation interpolation, gr_image *out)
{
    int inputs = width != in->width ? in->width : in->height;
    int outputs = width != in->width ? width : height;
    GR_TRY(gr_image_alloc(log, "resize", width, height, out));
    gr_resample *pass = gr_resample_create(inputs, outputs, interpolation);
    if (!pass) {
        gr_image_free(out);
        return gr_fail(log, GRAFT_ERR_MEMORY, "resize: no memory for %d weights", outputs);
    }
    if (width != in->width)
        gr_resample_rows(pass, in->pixels, in->width, in->height, out->pixels);
    else
        gr_resample_columns(pass, in->pixels, (size_t)in->width * GR_IMAGE_CHANNELS, out->pixels);
    gr_free(pass);
    return GRAFT_OK;
}

static graft_status copy(graft_log *log, const gr_image *in, gr_image *out)
{
    GR_TRY(gr_image_alloc(log, "resize", in->width, in->height, out));
    memcpy(out->pixels, in->pixels, (size_t)in->width * (size_t)in->height * GR_IMAGE_CHANNELS);
    return GRAFT_OK;
}

/* A pass that would not change the size is left out, as a pass of Pillow is. */
graft_status gr_resize(graft_log *log, const gr_image *in, int width, int height,
                       gr_interpolation interpolation, gr_image *out)
{
    *out = (gr_image){0};
    if (width == in->width && height == in->height)
        return copy(log, in, out);
    if (width == in->width || height == in->height)
        return resample(log, in, width, height, interpolation, out);
    gr_image wide;
    GR_TRY(resample(log, in, width, in->height, interpolation, &wide));
    graft_status status = resample(log, &wide, width, height, interpolation, out);
    gr_image_free(&wide);
    return status;
}

static int longer_side(int64_t size, int longer, int shorter)
{
    int64_t side = size * longer / shorter;
    return side > GR_IMAGE_MAX_SIDE ? GR_IMAGE_MAX_SIDE + 1 : (int)side; /* refused by alloc */
}

void gr_short_side_size(int width, int height, int size, int *to_width, int *to_height)
{
    *to_width = width <= height ? size : longer_side(size, width, height);
    *to_height = width <= height ? longer_side(size, height, width) : size;
}

graft_status gr_resize_short_side(graft_log *log, const gr_image *in, int size,
                                  gr_interpolation interpolation, gr_image *out)
{
    int width, height;
    gr_short_side_size(in->width, in->height, size, &width, &height);
    return gr_resize(log, in, width, height, interpolation, out);
}

/* Rows of the part may overlap the rows they come from: to <= from. */
static void copy_rows(const gr_image *in, gr_box box, uint8_t *to)
{
    size_t from_stride = (size_t)in->width * GR_IMAGE_CHANNELS;
    size_t to_stride = (size_t)box.width * GR_IMAGE_CHANNELS;
    const uint8_t *from =
        in->pixels + (size_t)box.y * from_stride + (size_t)box.x * GR_IMAGE_CHANNELS;
    for (int y = 0; y < box.height; y++)
        memmove(to + (size_t)y * to_stride, from + (size_t)y * from_stride, to_stride);
}

graft_status gr_crop(graft_log *log, const gr_image *in, gr_box box, gr_image *out)
{
    *out = (gr_image){0};
    if (box.x < 0 || box.y < 0 || box.width < 1 || box.height < 1 ||
        box.width > in->width - box.x || box.height > in->height - box.y)
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "crop: %d x %d at %d, %d does not fit in %d x %d",
                       box.width, box.height, box.x, box.y, in->width, in->height);
    GR_TRY(gr_image_alloc(log, "crop", box.width, box.height, out));
    copy_rows(in, box, out->pixels);
    return GRAFT_OK;
}

/* Half of the margin, ties to even. */
int gr_crop_centre_offset(int from, int to)
{
    int margin = from - to, half = margin / 2;
    return half + ((margin & 1) && (half & 1));
}

graft_status gr_crop_centre(graft_log *log, gr_image *image, int width, int height)
{
    if (width < 1 || height < 1 || width > image->width || height > image->height)
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "crop: %d x %d does not fit in %d x %d", width,
                       height, image->width, image->height);
    copy_rows(image,
              (gr_box){gr_crop_centre_offset(image->width, width),
                       gr_crop_centre_offset(image->height, height), width, height},
              image->pixels);
    image->width = width;
    image->height = height;
    return GRAFT_OK;
}

void gr_flip_horizontal(gr_image *image)
{
    for (int y = 0; y < image->height; y++) {
        uint8_t *left = image->pixels + (size_t)y * (size_t)image->width * GR_IMAGE_CHANNELS;
        uint8_t *right = left + (size_t)(image->width - 1) * GR_IMAGE_CHANNELS;
        for (; left < right; left += 3, right -= 3)
            for (int c = 0; c < 3; c++) {
                uint8_t swap = left[c];
                left[c] = right[c];
                right[c] = swap;
            }
    }
}
