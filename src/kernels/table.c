/* The rows, the best of each kernel first. Figures are in docs/matmul.md and docs/performance.md.
 */
#include "kernels/choose.h"

#include "shaders/conv2d.gk.h"
#include "shaders/conv2d_grad_w.gk.h"
#include "shaders/dft.gk.h"
#include "shaders/dft_wide.gk.h"
#include "shaders/layer_norm.gk.h"
#include "shaders/layer_norm_grad.gk.h"
#include "shaders/layer_norm_grad_wide.gk.h"
#include "shaders/layer_norm_wide.gk.h"
#include "shaders/matmul.gk.h"
#include "shaders/matmul_direct.gk.h"
#include "shaders/matmul_panel.gk.h"
#include "shaders/matmul_tile.gk.h"
#include "shaders/peak_fma.gk.h"
#include "shaders/peak_fma_wide.gk.h"
#include "shaders/permute.gk.h"
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

/* Needs and tunables of matmul_panel: register tiles of `rows` by two vectors of `lanes` floats,
 * and shared memory for the staged block of a, a panel of b and the sums. */
#define PANEL_NEEDS(lanes, rows, registers, depth, tiles, block_m)                                 \
    .vector_bits = 32 * (lanes), .vector_registers = (registers),                                  \
    .shared_bytes = 4 * ((block_m) * (rows) * ((depth) + 16) + (depth)*2 * (lanes) +               \
                         (tiles) * (rows)*2 * (lanes) + 2 * (lanes) * (lanes))
#define PANEL_TUNABLES(lanes, rows, registers, depth, tiles, block_m)                              \
    1, depth, tiles, block_m, lanes, rows
#define PANEL_16       16, 12, 32, 224, 170, 17
#define PANEL_16_SMALL 16, 12, 32, 64, 4, 2
#define PANEL_8        8, 6, 16, 256, 192, 16
#define PANEL_8_SMALL  8, 6, 16, 64, 16, 4
#define PANEL_4_TALL   4, 12, 32, 256, 192, 8
#define PANEL_4        4, 6, 16, 256, 384, 16
#define PANEL_4_SMALL  4, 6, 16, 64, 32, 4
#define PANEL(sizes)                                                                               \
    {PANEL_NEEDS(sizes)}, &gr_kernel_matmul_panel, 1,                                              \
    {                                                                                              \
        PANEL_TUNABLES(sizes)                                                                      \
    }

#define LANES   (1u << GR_CLASS_LANES)
#define DESKTOP (1u << GR_CLASS_DESKTOP)
#define INTEL   (1u << GR_CLASS_INTEL)
#define PHONE   (1u << GR_CLASS_PHONE)

/* Work-groups of one vector: their reductions have three levels, and barriers wait for nobody. */
#define GROUP8(kernel)                                                                             \
    {.classes = LANES}, &gr_kernel_##kernel, 1,                                                    \
    {                                                                                              \
        8                                                                                          \
    }

#define PORTABLE(kernel)                                                                           \
    {0}, &gr_kernel_##kernel, 1,                                                                   \
    {                                                                                              \
        0                                                                                          \
    }

/* Wide kernels have the bindings, parameters and tunables of the portable ones, and LANES behind
 * them: vectors as long as the device has them. */
const gr_variant gr_variants[] = {
    /* Below its size an own kernel has finished before a library has looked at its operands:
     * libraries pad and transpose large ones first, and ask for more than one dispatch. */
    {"matmul", "library", {.gemm_library = true, .problem = {64, 16e6}}, NULL, 1, {0}},
    {"matmul", "panel16", PANEL(PANEL_16)},
    {"matmul", "panel16small", PANEL(PANEL_16_SMALL)},
    {"matmul", "panel8", PANEL(PANEL_8)},
    {"matmul", "panel8small", PANEL(PANEL_8_SMALL)},
    {"matmul", "panel4tall", PANEL(PANEL_4_TALL)},
    {"matmul", "panel4", PANEL(PANEL_4)},
    {"matmul", "panel4small", PANEL(PANEL_4_SMALL)},
    /* A large register tile pays where it is filled, and compiles four times as long. */
    {"matmul",
     "direct16x8",
     {.classes = LANES, .problem = {8, 1e6}},
     &gr_kernel_matmul_direct,
     1,
     {8, 16, 8}},
    {"matmul", "direct4x4", {.classes = LANES}, &gr_kernel_matmul_direct, 1, {8, 4, 4}},
    {"matmul", "direct4x4wide", {.classes = PHONE}, &gr_kernel_matmul_direct, 1, {64, 4, 4}},
    /* The large tile halves what comes from memory, once there are enough of them for a GPU. */
    {"matmul",
     "tile8x8large",
     {.classes = DESKTOP, .workgroup = 256, .shared_bytes = 16896, .problem = {128, 4e9}},
     &gr_kernel_matmul_tile,
     1,
     {256, 128, 128, 8, 8}},
    {"matmul",
     "tile8x8",
     {.classes = DESKTOP, .workgroup = 64, .shared_bytes = 8704, .problem = {32, 1e6}},
     &gr_kernel_matmul_tile,
     1,
     {64, 64, 64, 8, 8}},
    {"matmul",
     "tile4x8",
     {.classes = INTEL, .workgroup = 128, .shared_bytes = 17408, .problem = {32, 1e6}},
     &gr_kernel_matmul_tile,
     1,
     {128, 64, 64, 16, 4}},
    {"matmul", "portable", PORTABLE(matmul)},

    /* Pieces of k that are summed afterwards, for small results with a long k. */
    {"matmul_split", "whole", {.vector_bits = 128}, NULL, 1, {0}},
    {"matmul_split", "whole_lanes", {.classes = LANES}, NULL, 1, {0}},
    {"matmul_split", "pieces", {0}, NULL, 128, {0}},

    /* Products of unfolded windows, where products are much the faster. */
    {"conv2d", "product", {.vector_bits = 128}, NULL, 1, {0}},
    {"conv2d", "portable", PORTABLE(conv2d)},
    {"conv2d_grad_w", "product", {.vector_bits = 128}, NULL, 1, {0}},
    {"conv2d_grad_w", "portable", PORTABLE(conv2d_grad_w)},

    /* CPUs divide slowly and move quickly: there a work-item takes the whole last axis, unless so
     * few work-items would be left that threads have nothing to do. */
    {"permute", "runs", {.vector_bits = 128}, &gr_kernel_permute, 1024, {0}},
    {"permute", "portable", PORTABLE(permute)},

    /* One work-item takes a vector or some, or a whole row. */
    {"dft", "lanes16", {.vector_bits = 512}, &gr_kernel_dft_wide, 16, {0, 0, 16}},
    {"dft", "lanes8", {.vector_bits = 256}, &gr_kernel_dft_wide, 8, {0, 0, 8}},
    {"dft", "lanes4", {.vector_bits = 128}, &gr_kernel_dft_wide, 4, {0, 0, 4}},
    {"dft", "portable", PORTABLE(dft)},
    {"layer_norm", "lanes16", {.vector_bits = 512}, &gr_kernel_layer_norm_wide, 1, {0, 0, 16}},
    {"layer_norm", "lanes8", {.vector_bits = 256}, &gr_kernel_layer_norm_wide, 1, {0, 0, 8}},
    {"layer_norm", "lanes4", {.vector_bits = 128}, &gr_kernel_layer_norm_wide, 1, {0, 0, 4}},
    {"layer_norm", "group8", GROUP8(layer_norm)},
    {"layer_norm", "portable", PORTABLE(layer_norm)},
    {"layer_norm_grad",
     "lanes16",
     {.vector_bits = 512},
     &gr_kernel_layer_norm_grad_wide,
     1,
     {0, 0, 16}},
    {"layer_norm_grad",
     "lanes8",
     {.vector_bits = 256},
     &gr_kernel_layer_norm_grad_wide,
     1,
     {0, 0, 8}},
    {"layer_norm_grad",
     "lanes4",
     {.vector_bits = 128},
     &gr_kernel_layer_norm_grad_wide,
     1,
     {0, 0, 4}},
    {"layer_norm_grad", "group8", GROUP8(layer_norm_grad)},
    {"layer_norm_grad", "portable", PORTABLE(layer_norm_grad)},
    {"peak_fma", "lanes16", {.vector_bits = 512}, &gr_kernel_peak_fma_wide, 16, {0, 0, 16}},
    {"peak_fma", "lanes8", {.vector_bits = 256}, &gr_kernel_peak_fma_wide, 8, {0, 0, 8}},
    {"peak_fma", "lanes4", {.vector_bits = 128}, &gr_kernel_peak_fma_wide, 4, {0, 0, 4}},
    {"peak_fma", "portable", PORTABLE(peak_fma)},
    {"reduce_rows", "lanes16", {.vector_bits = 512}, &gr_kernel_reduce_rows_wide, 64, {0, 16}},
    {"reduce_rows", "lanes8", {.vector_bits = 256}, &gr_kernel_reduce_rows_wide, 32, {0, 8}},
    {"reduce_rows", "lanes4", {.vector_bits = 128}, &gr_kernel_reduce_rows_wide, 16, {0, 4}},
    {"reduce_rows", "portable", PORTABLE(reduce_rows)},
    {"softmax", "lanes16", {.vector_bits = 512}, &gr_kernel_softmax_wide, 1, {0, 16}},
    {"softmax", "lanes8", {.vector_bits = 256}, &gr_kernel_softmax_wide, 1, {0, 8}},
    {"softmax", "lanes4", {.vector_bits = 128}, &gr_kernel_softmax_wide, 1, {0, 4}},
    {"softmax", "group8", GROUP8(softmax)},
    {"softmax", "portable", PORTABLE(softmax)},
    {"softmax_grad", "lanes16", {.vector_bits = 512}, &gr_kernel_softmax_grad_wide, 1, {0, 16}},
    {"softmax_grad", "lanes8", {.vector_bits = 256}, &gr_kernel_softmax_grad_wide, 1, {0, 8}},
    {"softmax_grad", "lanes4", {.vector_bits = 128}, &gr_kernel_softmax_grad_wide, 1, {0, 4}},
    {"softmax_grad", "group8", GROUP8(softmax_grad)},
    {"softmax_grad", "portable", PORTABLE(softmax_grad)},
    {"unary", "lanes16", {.vector_bits = 512}, &gr_kernel_unary_wide, 16, {0, 0, 16}},
    {"unary", "lanes8", {.vector_bits = 256}, &gr_kernel_unary_wide, 8, {0, 0, 8}},
    {"unary", "lanes4", {.vector_bits = 128}, &gr_kernel_unary_wide, 4, {0, 0, 4}},
    {"unary", "portable", PORTABLE(unary)},
    {"unary_grad", "lanes16", {.vector_bits = 512}, &gr_kernel_unary_grad_wide, 16, {0, 0, 16}},
    {"unary_grad", "lanes8", {.vector_bits = 256}, &gr_kernel_unary_grad_wide, 8, {0, 0, 8}},
    {"unary_grad", "lanes4", {.vector_bits = 128}, &gr_kernel_unary_grad_wide, 4, {0, 0, 4}},
    {"unary_grad", "portable", PORTABLE(unary_grad)},
};

const int gr_variant_count = sizeof(gr_variants) / sizeof(gr_variants[0]);
