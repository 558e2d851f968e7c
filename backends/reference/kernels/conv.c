#include "backends/reference/reference.h"

#include "shaders/conv2d.gk.h"
#include "shaders/conv2d_grad_w.gk.h"

/* Height or width after a convolution with stride 1; 0 when the window does not fit. */
static int64_t out_size(uint32_t size, uint32_t pad, uint32_t window)
{
    int64_t out = (int64_t)size + 2 * (int64_t)pad - window + 1;
    return out > 0 ? out : 0;
}

/* Element (y, x, channel) of an image of channels-last pixels; zero outside, where the padding is.
 */
static double pixel(gr_ref_call *call, uint32_t binding, uint64_t image, const int64_t size[2],
                    uint32_t channels, int64_t y, int64_t x, uint32_t channel)
{
    if (y < 0 || y >= size[0] || x < 0 || x >= size[1])
        return 0;
    return gr_ref_get(call, binding, image + (uint64_t)(y * size[1] + x) * channels + channel);
}

/* A weight of the window. The forward weights are [cout, cin, kh, kw]; a transposed convolution
 * reads those of the forward one, so the channels change places and the window is turned round. */
static double weight(gr_ref_call *call, const gr_conv2d_params *p, bool transposed, uint32_t co,
                     uint32_t ci, uint32_t i, uint32_t j)
{
    uint64_t plane = transposed ? gr_ref_at(0, ci, p->cout, co) : gr_ref_at(0, co, p->cin, ci);
    uint32_t row = transposed ? p->kh - 1 - i : i;
    uint32_t col = transposed ? p->kw - 1 - j : j;
    return gr_ref_get(call, 1, (plane * p->kh + row) * p->kw + col);
}

static double window_sum(gr_ref_call *call, const gr_conv2d_params *p, bool transposed,
                         uint64_t image, int64_t y, int64_t x, uint32_t co)
{
    const int64_t size[2] = {p->height, p->width};
    double sum = 0;
    for (uint32_t i = 0; i < p->kh; i++)
        for (uint32_t j = 0; j < p->kw; j++)
            for (uint32_t ci = 0; ci < p->cin; ci++)
                sum += pixel(call, 0, image, size, p->cin, y + i - p->pad, x + j - p->pad, ci) *
                       weight(call, p, transposed, co, ci, i, j);
    return sum;
}

void gr_ref_conv2d(gr_ref_call *call)
{
    enum { X, W, BIAS, Y };
    GR_REF_PARAMS(call, conv2d, p);
    bool has_bias = gr_ref_tunable(call, "HAS_BIAS");
    bool transposed = gr_ref_tunable(call, "TRANSPOSED");
    int64_t out_height = out_size(p.height, p.pad, p.kh);
    int64_t out_width = out_size(p.width, p.pad, p.kw);
    for (uint32_t b = 0; b < p.batch; b++) {
        uint64_t image = gr_ref_at(p.x_offset, b, p.x_stride, 0);
        uint64_t to = gr_ref_at(p.y_offset, b, p.y_stride, 0);
        for (int64_t y = 0; y < out_height; y++) {
            for (int64_t x = 0; x < out_width; x++) {
                for (uint32_t co = 0; co < p.cout; co++) {
                    double sum = window_sum(call, &p, transposed, image, y, x, co);
                    if (has_bias)
                        sum += gr_ref_get(call, BIAS, co);
                    gr_ref_put(call, Y, to++, sum);
                }
            }
        }
    }
}

/* dw[co, ci, i, j] = sum over b, y, x of dy[b, y, x, co] * x[b, y + i - pad, x + j - pad, ci] */
static double weight_gradient(gr_ref_call *call, const gr_conv2d_grad_w_params *p, uint32_t co,
                              uint32_t ci, uint32_t i, uint32_t j)
{
    enum { X, DY };
    const int64_t in[2] = {p->height, p->width};
    const int64_t out[2] = {out_size(p->height, p->pad, p->kh), out_size(p->width, p->pad, p->kw)};
    double sum = 0;
    for (uint32_t b = 0; b < p->batch; b++) {
        uint64_t x_image = gr_ref_at(p->x_offset, b, p->x_stride, 0);
        uint64_t dy_image = gr_ref_at(p->dy_offset, b, p->dy_stride, 0);
        for (int64_t y = 0; y < out[0]; y++)
            for (int64_t x = 0; x < out[1]; x++)
                sum += pixel(call, DY, dy_image, out, p->cout, y, x, co) *
                       pixel(call, X, x_image, in, p->cin, y + i - p->pad, x + j - p->pad, ci);
    }
    return sum;
}

void gr_ref_conv2d_grad_w(gr_ref_call *call)
{
    enum { DW = 2 };
    GR_REF_PARAMS(call, conv2d_grad_w, p);
    uint64_t to = 0;
    for (uint32_t co = 0; co < p.cout; co++)
        for (uint32_t ci = 0; ci < p.cin; ci++)
            for (uint32_t i = 0; i < p.kh; i++)
                for (uint32_t j = 0; j < p.kw; j++)
                    gr_ref_put(call, DW, to++, weight_gradient(call, &p, co, ci, i, j));
}
