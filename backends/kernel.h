/* What a kernel is: one file of shaders/, embedded by the build in both languages.
 *
 * The build turns shaders/softmax.gk into `const gr_kernel gr_kernel_softmax` and a C struct
 * `gr_softmax_params` with the layout that the kernel reads.
 */
#ifndef GR_KERNEL_H
#define GR_KERNEL_H

#include <stdint.h>

#define GR_MAX_BINDINGS    8
#define GR_MAX_TUNABLES    6
#define GR_MAX_PARAM_BYTES 128 /* the least that Vulkan promises for push constants */

typedef struct gr_tunable {
    const char *name;
    uint32_t value; /* default */
} gr_tunable;

typedef struct gr_kernel {
    const char *name;
    uint32_t binding_count;
    uint32_t written;                       /* bit i: binding i is written (and may be read) */
    uint8_t binding_bytes[GR_MAX_BINDINGS]; /* element size, the unit of OpenCL offsets */
    uint32_t params_bytes;
    uint32_t tunable_count;
    gr_tunable tunables[GR_MAX_TUNABLES]; /* tunable 0 is always WG, the work-group size */
    const char *opencl_source;            /* for clBuildProgram, behind gr_opencl_dialect */
    const uint32_t *spirv;                /* NULL: no Vulkan form */
    uint32_t spirv_words;
    uint64_t hash; /* of source and header: key of program caches */
} gr_kernel;

/* shaders/gk.h as OpenCL C. */
extern const char gr_opencl_dialect[];

#endif
