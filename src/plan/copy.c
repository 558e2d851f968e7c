/* Copies between views: by rows where both have them, else element by element. */
#include "plan/internal.h"

#include "shaders/copy.gk.h"
#include "shaders/permute.gk.h"

static void copy_rows(gr_plan *plan, const gr_view *from, const gr_view *to, const gr_rows *rows,
                      bool accumulate)
{
    gr_copy_params params = {
        .rows = rows[0].rows,
        .cols = rows[0].cols,
        .x_offset = rows[0].offset,
        .x_stride = rows[0].stride,
        .y_offset = rows[1].offset,
        .y_stride = rows[1].stride,
    };
    gr_launch launch = gr_launch_of(plan, &gr_kernel_copy, &params);
    launch.slot[0] = from->slot;
    launch.slot[1] = to->slot;
    launch.tunable[1] = accumulate;
    gr_launch_elements(plan, &launch, params.rows, params.cols);
    gr_lower_dispatch(plan, &launch);
}

static void copy_permuted(gr_plan *plan, gr_view from, gr_view to)
{
    int rank = gr_view_collapse(&from, &to);
    const gr_variant *variant = gr_lower_variant(plan, "permute", NULL, NULL);
    uint32_t d[GR_MAX_RANK], xs[GR_MAX_RANK] = {0}, ys[GR_MAX_RANK] = {0};
    int lead = GR_MAX_RANK - rank;
    for (int i = 0; i < GR_MAX_RANK; i++) {
        d[i] = i < lead ? 1 : (uint32_t)from.shape.dim[i - lead];
        xs[i] = i < lead ? 0 : (uint32_t)from.stride[i - lead];
        ys[i] = i < lead ? 0 : (uint32_t)to.stride[i - lead];
    }
    gr_permute_params params = {
        .count = (uint32_t)gr_shape_count(&from.shape),
        .run = d[5] <= variant->width ? d[5] : 1,
        .x_offset = (uint32_t)from.offset,
        .y_offset = (uint32_t)to.offset,
        .d1 = d[1],
        .d2 = d[2],
        .d3 = d[3],
        .d4 = d[4],
        .d5 = d[5],
        .xs0 = xs[0],
        .xs1 = xs[1],
        .xs2 = xs[2],
        .xs3 = xs[3],
        .xs4 = xs[4],
        .xs5 = xs[5],
        .ys0 = ys[0],
        .ys1 = ys[1],
        .ys2 = ys[2],
        .ys3 = ys[3],
        .ys4 = ys[4],
        .ys5 = ys[5],
    };
    gr_launch launch = gr_launch_variant(plan, variant, &params);
    launch.slot[0] = from.slot;
    launch.slot[1] = to.slot;
    gr_launch_flat(plan, &launch, params.count / params.run);
    gr_lower_dispatch(plan, &launch);
}

static bool same_place(const gr_view *a, const gr_view *b)
{
    if (a->slot != b->slot || a->offset != b->offset)
        return false;
    for (int i = 0; i < a->shape.rank; i++)
        if (a->shape.dim[i] != 1 && a->stride[i] != b->stride[i])
            return false;
    return true;
}

void gr_lower_copy(gr_plan *plan, const gr_view *from, const gr_view *to, bool accumulate)
{
    gr_rows rows[2];
    if (plan->status != GRAFT_OK || (!accumulate && same_place(from, to)))
        return;
    if (gr_lower_split((const gr_view *[]){from, to}, 2, 0, rows) >= 0 && rows[0].cols > 1) {
        copy_rows(plan, from, to, rows, accumulate);
    } else if (!accumulate) {
        copy_permuted(plan, *from, *to);
    } else {
        gr_view dense = gr_lower_scratch(plan, from->shape);
        copy_permuted(plan, *from, dense);
        if (gr_lower_split((const gr_view *[]){&dense, to}, 2, 0, rows) >= 0)
            copy_rows(plan, &dense, to, rows, true);
        else
            gr_lower_fail(plan, GRAFT_ERR_UNSUPPORTED, "a sum: its parts lie too unevenly");
    }
}
