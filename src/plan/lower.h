/* What an operator's `lower` works with: views of its inputs and result, and dispatches.
 *
 * Lowering names storage by slots. Where a slot lies in memory is decided afterwards, when the
 * life of every slot is known. Errors are sticky: after the first one all calls do nothing and
 * gr_lower_status() tells it.
 */
#ifndef GR_LOWER_H
#define GR_LOWER_H

#include "backends/backend.h"
#include "graph/op.h"
#include "kernels/choose.h"
#include "plan/view.h"

/* What the device runs for a kernel, see gr_variant_next(). */
const gr_variant *gr_lower_variant(const gr_plan *plan, const char *kernel,
                                   const gr_problem *problem, const gr_variant *after);

graft_status gr_lower_status(const gr_plan *plan);
graft_status gr_lower_fail(gr_plan *plan, graft_status status, const char *fmt, ...)
    GRAFT_PRINTF(3, 4);

/* How a value lies in storage: any strides. */
gr_view gr_lower_view(gr_plan *plan, const gr_value *value);

/* The same, copied first when it is not row-major without gaps; with `aligned` also offset 0. */
gr_view gr_lower_dense(gr_plan *plan, const gr_value *value, bool aligned);

/* Storage for the result of `value`; dense unless a consumer asked for it in place. */
gr_view gr_lower_result(gr_plan *plan, const gr_value *value);

/* Storage for the result that is dense with offset 0, for kernels that write nothing else. */
gr_view gr_lower_dense_result(gr_plan *plan, const gr_value *value);

/* Lets y take over the storage of its first input, when nothing else reads that: `out` is where it
 * lies, with any strides, and holds the input. False: y needs storage of its own. */
bool gr_lower_in_place(gr_plan *plan, const gr_value *y, gr_view *out);

/* Storage that lives from the next to the last dispatch that names it. */
gr_view gr_lower_scratch(gr_plan *plan, gr_shape shape);

/* Splits views of one shape at the same axis into rows x cols, the fewest rows whose columns fit
 * into a grid axis. Returns the axis, or -1 when they cannot be seen so (make them dense then).
 * first_axis bounds it from below. */
int gr_lower_split(const gr_view *const *views, int count, int first_axis, gr_rows *out);

/* to = from, or to += from; shapes equal, any strides. */
void gr_lower_copy(gr_plan *plan, const gr_view *from, const gr_view *to, bool accumulate);

/* to = 0 for a whole slot. */
void gr_lower_fill_zero(gr_plan *plan, int slot);

/* One dispatch. `params` points to the kernel's gr_<kernel>_params. */
typedef struct gr_launch {
    const gr_kernel *kernel;
    const void *params;
    int slot[GR_MAX_BINDINGS]; /* one for each binding of the kernel */
    uint32_t grid[3];
    uint32_t tunable[GR_MAX_TUNABLES]; /* [0] is WG */
    uint32_t width;                    /* elements of a row that one work-item takes */
    double work;                       /* multiply-adds of products, else 0 */
} gr_launch;

/* A launch of what the row says, which has a kernel. */
gr_launch gr_launch_variant(gr_plan *plan, const gr_variant *variant, const void *params);

/* A launch of the kernel, or of the first row for it that has one. */
gr_launch gr_launch_of(gr_plan *plan, const gr_kernel *kernel, const void *params);

/* Grids: one work-item per `width` elements of rows x cols; one work-group per row; one work-item
 * per element of a flat range. */
void gr_launch_elements(gr_plan *plan, gr_launch *launch, uint32_t rows, uint32_t cols);
void gr_launch_rows(gr_plan *plan, gr_launch *launch, uint32_t rows);
void gr_launch_flat(gr_plan *plan, gr_launch *launch, uint64_t count);

/* Whether the device takes so many work-groups; a dispatch of more is an error of the plan. */
bool gr_lower_fits(const gr_plan *plan, const gr_launch *launch);

void gr_lower_dispatch(gr_plan *plan, const gr_launch *launch);

/* Folds a dense range of `count` elements into rows x cols that a 2-D grid can cover. */
void gr_fold(uint64_t count, uint32_t *rows, uint32_t *cols);

/* A view of a frozen value prepared once, when the plan is made: returns the slot of `shape`
 * elements that `pack` fills (by dispatches of its own) from the row-major value. `layout` names
 * the form; plans of one store share it. */
typedef void (*gr_pack_fn)(gr_plan *plan, const gr_view *from, const gr_view *to, void *user);
int gr_lower_packed(gr_plan *plan, const gr_view *view, const char *layout, gr_shape shape,
                    gr_pack_fn pack, void *user);

/* The frozen value whose storage the view shows, or NULL: packing it ahead pays. NULL as well for
 * one that is kept in fewer bits. */
const gr_value *gr_lower_frozen_source(const gr_plan *plan, const gr_view *view);

/* A vendor library's operation, when the device has it for this case; NULL otherwise. The plan owns
 * it. Nothing is dispatched until gr_lower_library_run, which each operation takes once. */
gr_library *gr_lower_library(gr_plan *plan, const gr_library_desc *desc);

/* Dispatches it on the whole slots, the last of which is written. */
void gr_lower_library_run(gr_plan *plan, gr_library *library, const int *slots, int count);

#endif
