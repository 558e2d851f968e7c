/* What operators dispatch while they are lowered: kernels over grids, fills, library operations. */
#include "plan/internal.h"

#include "base/mem.h"

#include <string.h>

/* More columns than this do not fit into a grid axis of 65535 small work-groups. */
static const uint64_t MAX_COLS = 1u << 20;

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
        if (fits && out[0].cols <= MAX_COLS)
            return axis;
    }
    return -1;
}

gr_launch gr_launch_variant(gr_plan *plan, const gr_variant *v, const void *params)
{
    gr_launch launch = {.kernel = v->runs, .params = params, .grid = {1, 1, 1}, .width = v->width};
    gr_variant_tunables(plan->device, v, v->runs, launch.tunable);
    return launch;
}

gr_launch gr_launch_of(gr_plan *plan, const gr_kernel *kernel, const void *params)
{
    const gr_variant *v = gr_lower_variant(plan, kernel->name, NULL, NULL);
    while (v && !v->runs)
        v = gr_lower_variant(plan, kernel->name, NULL, v);
    if (v)
        return gr_launch_variant(plan, v, params);
    gr_launch launch = {.kernel = kernel, .params = params, .grid = {1, 1, 1}, .width = 1};
    gr_variant_tunables(plan->device, NULL, kernel, launch.tunable);
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
    while (count / divisor > MAX_COLS || count % divisor)
        divisor++;
    *rows = (uint32_t)divisor;
    *cols = (uint32_t)(count / divisor);
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

bool gr_lower_fits(const gr_plan *plan, const gr_launch *launch)
{
    const uint32_t *limit = plan->device->caps.max_groups;
    return launch->grid[0] <= limit[0] && launch->grid[1] <= limit[1] &&
           launch->grid[2] <= limit[2];
}

void gr_lower_dispatch(gr_plan *plan, const gr_launch *launch)
{
    const gr_kernel *kernel = launch->kernel;
    const uint32_t *limit = plan->device->caps.max_groups;
    for (int i = 0; i < 3; i++)
        if (launch->grid[i] > limit[i]) {
            gr_lower_fail(plan, GRAFT_ERR_DEVICE_MEMORY,
                          "%s: %u work-groups, the device takes %u: use a smaller batch",
                          kernel->name, launch->grid[i], limit[i]);
            return;
        }
    gr_launch wide = *launch;
    for (uint32_t i = 0; i < kernel->binding_count; i++)
        wide.slot[i] = gr_plan_widened(plan, launch->slot[i]);
    gr_step *step = new_step(plan, GR_COMMAND_DISPATCH);
    if (!step)
        return;
    step->launch = wide;
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

gr_library *gr_lower_library(gr_plan *plan, const gr_library_desc *desc)
{
    gr_library *library = NULL;
    if (plan->status != GRAFT_OK ||
        gr_device_library_create(plan->device, desc, &library) != GRAFT_OK)
        return NULL;
    gr_library **entry =
        gr_push(plan, (void **)&plan->libraries, &plan->library_count, sizeof(*entry));
    if (!entry) {
        gr_device_library_destroy(plan->device, &library);
        gr_lower_fail(plan, GRAFT_ERR_MEMORY, "plan: out of memory");
        return NULL;
    }
    return *entry = library;
}

void gr_lower_library_run(gr_plan *plan, gr_library *library, const int *slots, int count)
{
    int wide[GR_MAX_BINDINGS];
    for (int i = 0; i < count; i++)
        wide[i] = gr_plan_widened(plan, slots[i]);
    gr_step *step = new_step(plan, GR_COMMAND_LIBRARY);
    if (!step)
        return;
    step->library = library;
    step->slot_count = count;
    step->written = 1u << (count - 1);
    memcpy(step->launch.slot, wide, (size_t)count * sizeof(*wide));
}
