#include "plan/tune.h"

#include "shaders/dft.gk.h"
#include "shaders/dft_wide.gk.h"
#include "shaders/layer_norm.gk.h"
#include "shaders/layer_norm_grad.gk.h"
#include "shaders/layer_norm_grad_wide.gk.h"
#include "shaders/layer_norm_wide.gk.h"
#include "shaders/reduce_rows.gk.h"
#include "shaders/reduce_rows_wide.gk.h"
#include "shaders/softmax.gk.h"
#include "shaders/softmax_grad.gk.h"
#include "shaders/softmax_grad_wide.gk.h"
#include "shaders/softmax_wide.gk.h"
#include "shaders/unary.gk.h"
#include "shaders/unary_grad.gk.h"
#include "shaders/unary_grad_wide.gk.h"
#include "shaders/unary_wide.gk.h"

/* Kernels that stand in for a portable one, with the same bindings, parameters and tunables, where
 * one work-item should use long vectors: it takes `width` elements where the other takes one. Row
 * kernels take a row whatever its length. */
static const struct {
    const gr_kernel *portable, *wide;
    uint32_t width;
} variants[] = {
    {&gr_kernel_dft, &gr_kernel_dft_wide, 16},
    {&gr_kernel_layer_norm, &gr_kernel_layer_norm_wide, 1},
    {&gr_kernel_layer_norm_grad, &gr_kernel_layer_norm_grad_wide, 1},
    {&gr_kernel_reduce_rows, &gr_kernel_reduce_rows_wide, 64},
    {&gr_kernel_softmax, &gr_kernel_softmax_wide, 1},
    {&gr_kernel_softmax_grad, &gr_kernel_softmax_grad_wide, 1},
    {&gr_kernel_unary, &gr_kernel_unary_wide, 16},
    {&gr_kernel_unary_grad, &gr_kernel_unary_grad_wide, 16},
};

const gr_kernel *gr_tune_kernel(const gr_caps *caps, const gr_kernel *kernel, uint32_t *width)
{
    *width = 1;
    for (size_t i = 0; caps->wide_vectors && i < sizeof(variants) / sizeof(variants[0]); i++)
        if (variants[i].portable == kernel) {
            *width = variants[i].width;
            return variants[i].wide;
        }
    return kernel;
}

void gr_tune_defaults(const gr_caps *caps, const gr_kernel *kernel, uint32_t *tunables)
{
    for (uint32_t i = 0; i < kernel->tunable_count; i++)
        tunables[i] = kernel->tunables[i].value;
    while (tunables[0] > caps->max_workgroup)
        tunables[0] /= 2;
}
