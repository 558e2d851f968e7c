/* Operands as kernels read them that take four neighbours at once. */
#include "ops/gemm/quads.h"

#include "shaders/pack_quads.gk.h"

#include <stdio.h>

static bool is_shared(const gr_gemm *g, const gr_quads *x)
{
    return (g->outer == 1 || x->outer == 0) && (g->inner == 1 || x->inner == 0);
}

static bool in_fours(const gr_gemm *g, const gr_quads *x, int64_t step, int64_t steps)
{
    return x->offset % 4 == 0 && (steps == 1 || (step % 4 == 0 && step >= 0)) &&
           (g->outer == 1 || x->outer % 4 == 0) && (g->inner == 1 || x->inner % 4 == 0);
}

static gr_quads pack_layout(const gr_gemm *g, const gr_quads *x, gr_shape *shape)
{
    int64_t line = (g->k + 3) / 4 * 4, size = line * x->lines;
    bool shared = is_shared(g, x);
    *shape = GR_SHAPE(shared ? size : size * g->outer * g->inner);
    return (gr_quads){.lines = x->lines,
                      .line = line,
                      .k = 1,
                      .outer = shared ? 0 : size * g->inner,
                      .inner = shared ? 0 : size,
                      .along_k = true,
                      .padded = true};
}

typedef struct packing {
    const gr_gemm *gemm;
    gr_quads from;
} packing;

static void emit_pack(gr_plan *plan, const packing *job, int slot)
{
    const gr_gemm *g = job->gemm;
    const gr_quads *x = &job->from;
    uint32_t batch = is_shared(g, x) ? 1 : g->outer * g->inner;
    gr_pack_quads_params params = {
        .rows = x->lines * batch,
        .cols = (g->k + 3) / 4,
        .lines = x->lines,
        .k = g->k,
        .x_offset = (uint32_t)x->offset,
        .x_line = (uint32_t)x->line,
        .x_k = (uint32_t)x->k,
        .inner = g->inner,
        .x_outer = (uint32_t)x->outer,
        .x_inner = (uint32_t)x->inner,
    };
    gr_launch launch = gr_launch_of(plan, &gr_kernel_pack_quads, &params);
    launch.slot[0] = x->slot;
    launch.slot[1] = slot;
    gr_launch_elements(plan, &launch, params.rows, params.cols);
    gr_lower_dispatch(plan, &launch);
}

static void pack_frozen(gr_plan *plan, const gr_view *from, const gr_view *to, void *user)
{
    packing job = *(const packing *)user;
    job.from.slot = from->slot;
    emit_pack(plan, &job, to->slot);
}

static gr_quads packed(gr_plan *plan, const gr_gemm *g, const gr_quads *x, bool frozen)
{
    gr_shape shape;
    gr_quads to = pack_layout(g, x, &shape);
    packing job = {g, *x};
    if (frozen && is_shared(g, x)) {
        gr_view view = {.slot = x->slot,
                        .offset = x->offset,
                        .shape = GR_SHAPE(x->lines, g->k),
                        .stride = {x->line, x->k}};
        char layout[64];
        snprintf(layout, sizeof(layout), "quads, %lld %lld", (long long)x->line, (long long)x->k);
        to.slot = gr_lower_packed(plan, &view, layout, shape, pack_frozen, &job);
    } else {
        to.slot = gr_lower_scratch(plan, shape).slot;
        emit_pack(plan, &job, to.slot);
    }
    return to;
}

/* As it lies, if it can be read so: along k, or along its lines. */
static bool lies_in_quads(const gr_gemm *g, gr_quads *x)
{
    x->along_k = x->k == 1 && g->k % 4 == 0 && in_fours(g, x, x->line, x->lines);
    return x->along_k || (x->line == 1 && x->lines % 4 == 0 && in_fours(g, x, x->k, g->k));
}

void gr_gemm_quads(gr_plan *plan, const gr_gemm *g, gr_quads *a, gr_quads *b)
{
    *a = (gr_quads){g->a.slot, g->a.offset, g->m, g->a.row, g->a.col, g->a.outer, g->a.inner, 0, 0};
    *b = (gr_quads){g->b.slot, g->b.offset, g->n, g->b.col, g->b.row, g->b.outer, g->b.inner, 0, 0};
    bool a_lies = lies_in_quads(g, a), b_lies = lies_in_quads(g, b);
    /* One operand at least must have zeros where k ends within a quad: the smaller one. */
    if (g->k % 4 && a_lies && b_lies) {
        a_lies = g->m > g->n;
        b_lies = !a_lies;
    }
    if (!a_lies)
        *a = packed(plan, g, a, g->a_frozen != NULL);
    if (!b_lies)
        *b = packed(plan, g, b, g->b_frozen != NULL);
}
