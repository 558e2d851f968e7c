/* 8-bit pixels, as screens and cameras have them, resized and normalised to planes of floats. */
#include "ops/operators.h"
#include "ops/ops.h"
#include "plan/lower.h"

#include "shaders/resize_rgba8.gk.h"

/* The kernel places pixels of both grids in 32 bits. */
enum { MAX_SIDE = 16384 };

typedef struct resize_attrs {
    int64_t height, width;
    float scale[3], shift[3];
    bool swap;
} resize_attrs;

static bool infer(gr_value *y)
{
    const gr_value *x = y->input[0];
    const resize_attrs *a = y->attrs;
    if (x->dtype != GR_I32 || x->shape.rank != 3)
        return gr_op_mismatch(y, "expected pixels [B, H, W] (I32)");
    if (a->height < 1 || a->width < 1 || a->height > MAX_SIDE || a->width > MAX_SIDE ||
        x->shape.dim[1] > MAX_SIDE || x->shape.dim[2] > MAX_SIDE)
        return gr_op_mismatch(y, "expected heights and widths of 1 to 16384");
    for (int c = 0; c < 3; c++)
        if (!(a->scale[c] > 0.0f && a->scale[c] < 1e6f))
            return gr_op_mismatch(y, "expected deviations above 0");
    y->shape = GR_SHAPE(x->shape.dim[0], 3, a->height, a->width);
    return true;
}

static graft_status lower(gr_plan *plan, const gr_value *y)
{
    const resize_attrs *a = y->attrs;
    const gr_shape *from = &y->input[0]->shape;
    gr_resize_rgba8_params params = {
        .count = (uint32_t)gr_shape_count(&y->shape),
        .rows = (uint32_t)from->dim[1],
        .cols = (uint32_t)from->dim[2],
        .to_rows = (uint32_t)a->height,
        .to_cols = (uint32_t)a->width,
        .swap = a->swap,
        .scale0 = a->scale[0],
        .scale1 = a->scale[1],
        .scale2 = a->scale[2],
        .shift0 = a->shift[0],
        .shift1 = a->shift[1],
        .shift2 = a->shift[2],
    };
    gr_launch launch = gr_launch_of(plan, &gr_kernel_resize_rgba8, &params);
    launch.slot[0] = gr_lower_dense(plan, y->input[0], true).slot;
    launch.slot[1] = gr_lower_dense_result(plan, y).slot;
    gr_launch_flat(plan, &launch, params.count);
    gr_lower_dispatch(plan, &launch);
    return gr_lower_status(plan);
}

const gr_op gr_op_resize_rgba8 = {
    .name = "resize_rgba8",
    .attrs_bytes = sizeof(resize_attrs),
    .infer = infer,
    .lower = lower,
};

gr_value *gr_resize_rgba8(gr_value *pixels, int64_t height, int64_t width, const float mean[3],
                          const float deviation[3], bool bgra)
{
    if (!pixels)
        return NULL;
    resize_attrs attrs = {.height = height, .width = width, .swap = bgra};
    for (int c = 0; c < 3; c++) { /* (v / 255 - mean) / deviation */
        attrs.scale[c] = 1.0f / (255.0f * deviation[c]);
        attrs.shift[c] = -mean[c] / deviation[c];
    }
    return gr_graph_result(pixels->graph, &gr_op_resize_rgba8, &pixels, 1, &attrs);
}
