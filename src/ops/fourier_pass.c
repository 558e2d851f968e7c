/* One axis at a time. Grids of vision transformers are small (14 x 14), and there a direct sum with
 * a table of twiddles is simple, exact to rounding and fast. For longer axes, such as the 197
 * tokens of a class token and a grid, a vendor library is a candidate. */
#include "ops/fourier_pass.h"

#include "shaders/dft.gk.h"
#include "shaders/fft_pair.gk.h"

#include <math.h>
#include <stdio.h>

gr_value *gr_fourier_twiddles(gr_graph *graph, int64_t n)
{
    char name[32];
    snprintf(name, sizeof(name), "twiddles.%lld", (long long)n);
    gr_value *found = gr_graph_find(graph, name);
    if (found)
        return found;
    float *table = gr_graph_memory(graph, (size_t)n * 2 * sizeof(*table));
    if (!table)
        return NULL;
    for (int64_t t = 0; t < n; t++) {
        double angle = 2.0 * 3.14159265358979323846 * (double)t / (double)n;
        table[2 * t] = (float)cos(angle);
        table[2 * t + 1] = (float)sin(angle);
    }
    return gr_graph_frozen(graph, name, GR_SHAPE(n, 2), GR_F32, table);
}

static bool takes_reals(const gr_fourier_pass *pass)
{
    return pass->mode == GR_FOURIER_REAL_TO_HALF || pass->mode == GR_FOURIER_HALF_TO_REAL_ADJOINT;
}

static bool gives_reals(const gr_fourier_pass *pass)
{
    return pass->mode == GR_FOURIER_HALF_TO_REAL || pass->mode == GR_FOURIER_REAL_TO_HALF_ADJOINT;
}

static void lower_direct(gr_plan *plan, const gr_fourier_pass *pass, const gr_view *x,
                         const gr_value *twiddle, const gr_view *y)
{
    int64_t bins = pass->n / 2 + 1;
    bool real_in = takes_reals(pass), real_out = gives_reals(pass);
    gr_dft_params params = {
        .outer = (uint32_t)pass->outer,
        .n = (uint32_t)pass->n,
        .bins = (uint32_t)bins,
        .inner = (uint32_t)pass->inner,
        .x_stride = (uint32_t)(pass->inner * (real_in ? pass->n : 2 * (real_out ? bins : pass->n))),
        .y_stride = (uint32_t)(pass->inner * (real_out ? pass->n : 2 * (real_in ? bins : pass->n))),
        .scale = pass->scale,
    };
    gr_launch launch = gr_launch_of(plan, &gr_kernel_dft, &params);
    launch.slot[0] = x->slot;
    launch.slot[1] = gr_lower_dense(plan, twiddle, true).slot;
    launch.slot[2] = y->slot;
    launch.tunable[1] = (uint32_t)pass->mode;
    int64_t results = real_in ? bins : pass->n, width = launch.width;
    int64_t padded = (pass->inner + width - 1) / width * width; /* no work-item takes two bins */
    gr_launch_elements(plan, &launch, params.outer, (uint32_t)(results * padded));
    gr_lower_dispatch(plan, &launch);
}

/* Between the spectra of pairs of real channels and their half spectra, see the kernel. */
static void lower_pair(gr_plan *plan, const gr_fourier_pass *pass, const gr_view *x,
                       const gr_view *y)
{
    bool merge = gives_reals(pass);
    gr_fft_pair_params params = {
        .outer = (uint32_t)pass->outer,
        .n = (uint32_t)pass->n,
        .bins = (uint32_t)(pass->n / 2 + 1),
        .pairs = (uint32_t)(pass->inner / 2),
        .scale = pass->scale,
    };
    gr_launch launch = gr_launch_of(plan, &gr_kernel_fft_pair, &params);
    launch.slot[0] = x->slot;
    launch.slot[1] = y->slot;
    launch.tunable[1] = merge;
    launch.tunable[2] =
        pass->mode == GR_FOURIER_HALF_TO_REAL || pass->mode == GR_FOURIER_HALF_TO_REAL_ADJOINT;
    gr_launch_elements(plan, &launch, params.outer,
                       (merge ? params.n : params.bins) * params.pairs);
    gr_lower_dispatch(plan, &launch);
}

/* From this length on a fast transform pays for its copy, and for the time to prepare it. */
enum { LIBRARY_LENGTH = 65 };

/* The library transforms complex values in place. Channels 2j and 2j+1 of real data, as they lie
 * in memory, are the real and imaginary part of one. */
static bool lower_fast(gr_plan *plan, const gr_fourier_pass *pass, const gr_view *x,
                       const gr_view *y)
{
    bool real_in = takes_reals(pass), real_out = gives_reals(pass), reals = real_in || real_out;
    if (pass->n < LIBRARY_LENGTH || (reals && pass->inner % 2))
        return false;
    gr_library_desc desc = {
        .kind = GR_LIBRARY_FFT,
        .fft = {.batch = (uint32_t)pass->outer,
                .length = (uint32_t)pass->n,
                .inner = (uint32_t)(reals ? pass->inner / 2 : pass->inner),
                .inverse = real_out || pass->mode == GR_FOURIER_COMPLEX_INVERSE},
    };
    gr_library *library = gr_lower_library(plan, &desc);
    if (!library)
        return false;
    gr_view data = real_in ? gr_lower_scratch(plan, x->shape) : *y;
    if (real_out)
        lower_pair(plan, pass, x, &data);
    else
        gr_lower_copy(plan, x, &data, false);
    gr_lower_library_run(plan, library, &data.slot, 1);
    if (real_in)
        lower_pair(plan, pass, &data, y);
    return true;
}

void gr_lower_fourier_pass(gr_plan *plan, const gr_fourier_pass *pass, const gr_view *x,
                           const gr_value *twiddle, const gr_view *y)
{
    if (!lower_fast(plan, pass, x, y))
        lower_direct(plan, pass, x, twiddle, y);
}
