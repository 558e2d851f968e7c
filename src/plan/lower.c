/* What operators call while they are lowered: storage, copies, dispatches. */
#include "plan/internal.h"

#include "base/mem.h"

#include "shaders/copy.gk.h"
#include "shaders/permute.gk.h"

#include <string.h>

const gr_caps *gr_lower_caps(const gr_plan *plan)
{
    return &plan->device->caps;
}

int gr_plan_new_slot(gr_plan *plan, uint64_t bytes)
{
    if (plan->status != GRAFT_OK && plan->slot_count)
        return 0;
    gr_slot *slot = gr_push(plan, (void **)&plan->slots, &plan->slot_count, sizeof(*slot));
    if (!slot) {
        gr_lower_fail(plan, GRAFT_ERR_MEMORY, "plan: out of memory");
        return 0;
    }
    slot->bytes = bytes;
    slot->first = slot->last = -1;
    return (int)plan->slot_count - 1;
}

static uint64_t value_bytes(const gr_shape *shape)
{
    return (uint64_t)gr_shape_count(shape) * sizeof(float);
}

gr_view gr_lower_scratch(gr_plan *plan, gr_shape shape)
{
    return gr_view_dense(gr_plan_new_slot(plan, value_bytes(&shape)), shape);
}

static gr_view view_of_source(gr_plan *plan, const gr_value *value)
{
    int slot = gr_plan_new_slot(plan, value_bytes(&value->shape));
    if (plan->status == GRAFT_OK) {
        plan->slots[slot].external = true;
        plan->slots[slot].source = value;
    }
    return gr_view_dense(slot, value->shape);
}

static gr_view dense_copy(gr_plan *plan, const gr_view *from)
{
    gr_view to = gr_lower_scratch(plan, from->shape);
    gr_lower_copy(plan, from, &to, false);
    return to;
}

static gr_view view_of_view(gr_plan *plan, const gr_value *value)
{
    gr_view x = gr_lower_view(plan, value->input[0]), out;
    if (value->op == &gr_op_permute)
        return gr_view_permute(&x, value->attr.permute.axis);
    if (value->op == &gr_op_slice)
        return gr_view_slice(&x, value->attr.slice.axis, value->attr.slice.start,
                             value->attr.slice.length);
    if (gr_view_reshape(&x, &value->shape, &out))
        return out;
    x = dense_copy(plan, &x);
    gr_view_reshape(&x, &value->shape, &out);
    return out;
}

gr_view gr_lower_view(gr_plan *plan, const gr_value *value)
{
    gr_value_state *state = &plan->values[value->id];
    if (!state->ready) {
        gr_view view = value->kind != GR_VALUE_RESULT ? view_of_source(plan, value)
                                                      : view_of_view(plan, value);
        state->view = view;
        state->ready = true;
    }
    return state->view;
}

gr_view gr_lower_dense(gr_plan *plan, const gr_value *value, bool aligned)
{
    gr_view view = gr_lower_view(plan, value);
    if (!gr_view_is_dense(&view) || (aligned && view.offset)) {
        view = dense_copy(plan, &view);
        plan->values[value->id].view = view; /* the next reader needs no copy */
    }
    return view;
}

gr_view gr_lower_result(gr_plan *plan, const gr_value *value)
{
    gr_value_state *state = &plan->values[value->id];
    if (!state->placed)
        state->view = gr_lower_scratch(plan, value->shape);
    state->ready = true;
    return state->view;
}

gr_view gr_lower_dense_result(gr_plan *plan, const gr_value *value)
{
    gr_value_state *state = &plan->values[value->id];
    if (!state->ready) {
        state->view = gr_lower_scratch(plan, value->shape);
        state->ready = true;
    }
    return state->view;
}

const gr_value *gr_lower_frozen_source(const gr_plan *plan, const gr_view *view)
{
    const gr_value *source = plan->slots[view->slot].source;
    return source && source->kind == GR_VALUE_FROZEN ? source : NULL;
}

/* More columns than this do not fit into a grid axis of 65535 small work-groups. */
static const uint64_t MOST_COLS = 1u << 20;

/* One long row as several: all views are dense. */
static void fold_row(gr_rows *views, int count)
{
    uint32_t rows, cols;
    gr_fold(views[0].cols, &rows, &cols);
    for (int i = 0; i < count; i++)
        views[i] = (gr_rows){rows, cols, views[i].offset, cols};
}

int gr_lower_split(const gr_view *const *views, int count, int first_axis, gr_rows *out)
{
    for (int axis = first_axis; axis <= views[0]->shape.rank; axis++) {
        bool fits = true;
        for (int i = 0; i < count && fits; i++)
            fits = gr_view_rows(views[i], axis, &out[i]);
        if (fits && out[0].rows == 1)
            fold_row(out, count);
        if (fits && out[0].cols <= MOST_COLS)
            return axis;
    }
    return -1;
}

static gr_step *new_step(gr_plan *plan, gr_command_kind kind)
{
    if (plan->status != GRAFT_OK)
        return NULL;
    gr_pack_job *job = plan->packing;
    gr_step *step = job ? gr_push(plan, (void **)&job->steps, &job->step_count, sizeof(*step))
                        : gr_push(plan, (void **)&plan->steps, &plan->step_count, sizeof(*step));
    if (!step) {
        gr_lower_fail(plan, GRAFT_ERR_MEMORY, "plan: out of memory");
        return NULL;
    }
    step->kind = kind;
    step->label = plan->label;
    return step;
}

void gr_lower_dispatch(gr_plan *plan, const gr_launch *launch)
{
    const gr_kernel *kernel = launch->kernel;
    const uint32_t *limit = plan->device->caps.max_groups;
    for (int i = 0; i < 3; i++)
        if (launch->grid[i] > limit[i]) {
            gr_lower_fail(plan, GRAFT_ERR_UNSUPPORTED, "%s: %u work-groups, the device takes %u",
                          kernel->name, launch->grid[i], limit[i]);
            return;
        }
    gr_step *step = new_step(plan, GR_COMMAND_DISPATCH);
    if (!step)
        return;
    step->launch = *launch;
    step->slot_count = (int)kernel->binding_count;
    step->written = kernel->written;
    memcpy(step->params, launch->params, kernel->params_bytes);
}

void gr_lower_fill_zero(gr_plan *plan, int slot)
{
    gr_step *step = new_step(plan, GR_COMMAND_FILL);
    if (!step)
        return;
    step->launch.slot[0] = slot;
    step->slot_count = 1;
    step->written = 1;
}

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

/* CPUs divide slowly and move quickly: there a work-item takes the whole axis, unless so few
 * work-items would be left that threads have nothing to do. */
static uint32_t permute_run(const gr_caps *caps, uint32_t length)
{
    return caps->wide_vectors && length <= 1024 ? length : 1;
}

static void copy_permuted(gr_plan *plan, gr_view from, gr_view to)
{
    int rank = gr_view_collapse(&from, &to);
    uint32_t d[GR_MAX_RANK], xs[GR_MAX_RANK] = {0}, ys[GR_MAX_RANK] = {0};
    int lead = GR_MAX_RANK - rank;
    for (int i = 0; i < GR_MAX_RANK; i++) {
        d[i] = i < lead ? 1 : (uint32_t)from.shape.dim[i - lead];
        xs[i] = i < lead ? 0 : (uint32_t)from.stride[i - lead];
        ys[i] = i < lead ? 0 : (uint32_t)to.stride[i - lead];
    }
    gr_permute_params params = {
        .count = (uint32_t)gr_shape_count(&from.shape),
        .run = permute_run(&plan->device->caps, d[5]),
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
    gr_launch launch = gr_launch_of(plan, &gr_kernel_permute, &params);
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
        gr_view dense = dense_copy(plan, from);
        gr_lower_split((const gr_view *[]){&dense, to}, 2, 0, rows);
        copy_rows(plan, &dense, to, rows, true);
    }
}

gr_launch gr_launch_of(gr_plan *plan, const gr_kernel *kernel, const void *params)
{
    const gr_caps *caps = &plan->device->caps;
    gr_launch launch = {.params = params, .grid = {1, 1, 1}};
    launch.kernel = gr_tune_kernel(caps, kernel, &launch.width);
    gr_tune_defaults(caps, launch.kernel, launch.tunable);
    return launch;
}

/* Spreads `rows` over the grid axes 1 and 2, see GRID_ROW of the dialect. */
static void spread_rows(gr_plan *plan, gr_launch *launch, uint32_t rows)
{
    uint32_t limit = plan->device->caps.max_groups[1];
    launch->grid[2] = (rows + limit - 1) / limit;
    launch->grid[1] = (rows + launch->grid[2] - 1) / launch->grid[2];
}

void gr_launch_elements(gr_plan *plan, gr_launch *launch, uint32_t rows, uint32_t cols)
{
    uint32_t items = (cols + launch->width - 1) / launch->width;
    launch->grid[0] = (items + launch->tunable[0] - 1) / launch->tunable[0];
    spread_rows(plan, launch, rows);
}

/* Spreads `groups` over the grid axes 0 and 1, see GROUP_INDEX of the dialect. */
static void spread_groups(gr_plan *plan, gr_launch *launch, uint64_t groups)
{
    uint64_t limit = plan->device->caps.max_groups[0];
    launch->grid[1] = (uint32_t)((groups + limit - 1) / limit);
    launch->grid[0] = (uint32_t)((groups + launch->grid[1] - 1) / launch->grid[1]);
}

void gr_launch_rows(gr_plan *plan, gr_launch *launch, uint32_t rows)
{
    spread_groups(plan, launch, rows);
}

void gr_launch_flat(gr_plan *plan, gr_launch *launch, uint64_t count)
{
    spread_groups(plan, launch, (count + launch->tunable[0] - 1) / launch->tunable[0]);
}

void gr_fold(uint64_t count, uint32_t *rows, uint32_t *cols)
{
    uint64_t divisor = 1;
    while (count / divisor > MOST_COLS || count % divisor)
        divisor++;
    *rows = (uint32_t)divisor;
    *cols = (uint32_t)(count / divisor);
}

/* The store's name of a packed form: value, part of it, and layout. */
static char *packed_name(gr_plan *plan, const gr_view *view, const char *layout)
{
    char shape[GR_SHAPE_TEXT];
    return gr_printf(plan, "%s|%lld%s|%s", plan->slots[view->slot].source->name,
                     (long long)view->offset, gr_shape_text(&view->shape, shape), layout);
}

int gr_lower_packed(gr_plan *plan, const gr_view *view, const char *layout, gr_shape shape,
                    gr_pack_fn pack, void *user)
{
    const gr_value *value = plan->slots[view->slot].source;
    char *name = packed_name(plan, view, layout);
    for (size_t i = 0; i < plan->slot_count; i++)
        if (name && plan->slots[i].packed && strcmp(plan->slots[i].packed, name) == 0)
            return (int)i;
    gr_pack_job *job = gr_push(plan, (void **)&plan->jobs, &plan->job_count, sizeof(*job));
    gr_view from = *view, to = gr_lower_scratch(plan, shape);
    from.slot = view_of_source(plan, value).slot;
    if (!name || !job || plan->status != GRAFT_OK) {
        gr_lower_fail(plan, GRAFT_ERR_MEMORY, "plan: out of memory");
        return to.slot;
    }
    plan->slots[to.slot].external = true;
    plan->slots[to.slot].packed = name;
    *job = (gr_pack_job){.value = value, .raw_slot = from.slot, .slot = to.slot};
    plan->packing = job;
    pack(plan, &from, &to, user);
    plan->packing = NULL;
    return to.slot;
}

gr_library *gr_lower_library(gr_plan *plan, const gr_library_desc *desc)
{
    gr_library *library = NULL;
    if (plan->status != GRAFT_OK ||
        gr_device_library_create(plan->device, desc, &library) != GRAFT_OK)
        return NULL;
    gr_library **place =
        gr_push(plan, (void **)&plan->libraries, &plan->library_count, sizeof(*place));
    if (!place) {
        gr_device_library_destroy(plan->device, &library);
        gr_lower_fail(plan, GRAFT_ERR_MEMORY, "plan: out of memory");
        return NULL;
    }
    return *place = library;
}

void gr_lower_library_run(gr_plan *plan, gr_library *library, const int *slots, int count)
{
    gr_step *step = new_step(plan, GR_COMMAND_LIBRARY);
    if (!step)
        return;
    step->library = library;
    step->slot_count = count;
    step->written = 1u << (count - 1);
    memcpy(step->launch.slot, slots, (size_t)count * sizeof(*slots));
}
