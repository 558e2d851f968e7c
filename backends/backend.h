/* The contract between graft and a device API: ONE struct of function pointers.
 *
 * A backend knows devices, buffers, pipelines and recorded lists of commands. It knows nothing
 * of operators or networks: an operator reaches it as data (kernel, bindings, params, grid).
 *
 * Callers keep the rules stated here (src/device validates them once); backends may assert them.
 * All functions of one device are called from one thread at a time. Those that find, open and close
 * devices are called from one thread at a time in the whole process: several drivers, PoCL for one,
 * crash when two threads first meet them together.
 */
#ifndef GR_BACKEND_H
#define GR_BACKEND_H

#include "backends/kernel.h"

#include <graft/device.h>
#include <graft/log.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct gr_backend gr_backend;
typedef struct gr_device gr_device;
typedef struct gr_buffer gr_buffer;     /* private to the backend */
typedef struct gr_pipeline gr_pipeline; /* private to the backend */
typedef struct gr_list gr_list;         /* private to the backend */
typedef struct gr_library gr_library;   /* private to the backend */

/* Facts about a device. Sizes are in bytes; 0 or false means absent. */
/* What decides which form of a kernel suits a device, see backends/classes.h. */
typedef enum gr_device_class {
    GR_CLASS_UNKNOWN,
    GR_CLASS_LANES,   /* a CPU whose compiler makes work-items the lanes of its vectors (Vulkan) */
    GR_CLASS_DESKTOP, /* AMD, NVIDIA: 128 registers for a work-item, fast shared memory */
    GR_CLASS_INTEL,   /* half as many registers */
    GR_CLASS_PHONE,   /* Mali, Adreno and such: few registers, shared memory no faster than other */
} gr_device_class;

typedef struct gr_caps {
    gr_device_class device_class;
    uint32_t max_workgroup;     /* work-items in a work-group, first dimension */
    uint32_t max_groups[3];     /* work-groups in a dispatch */
    uint32_t shared_bytes;      /* shared (local) memory of a work-group */
    uint64_t max_binding_bytes; /* largest range that a kernel can see of one buffer; src/device
                                 * takes no more than 32-bit indices of floats reach */
    uint64_t max_buffer_bytes;  /* largest single allocation */
    uint64_t memory_bytes;      /* memory of the device; 0 when unknown */
    uint32_t offset_align;      /* alignment of binding offsets, a power of two */
    uint32_t vector_bits;       /* a CPU, where one work-item should use vectors (OpenCL C): bits of
                                 * its vector registers; else 0 */
    uint32_t vector_registers;  /* and how many of them there are */
    bool mapping;               /* the host may reach device buffers in place, not by copies */
    bool timestamps;            /* gr_backend.list_times works */
    bool executes;              /* false: commands are counted but not run (null) */
    bool gemm_library;          /* a library's GEMM is worth a try, if there is one */
    bool fft_library;           /* and a library's FFT; see library_create */
} gr_caps;

/* Every backend's device starts with this. The backend fills it in device_create. */
struct gr_device {
    const gr_backend *backend;
    graft_log *log; /* borrowed */
    graft_device_info info;
    gr_caps caps;
    char cache_dir[512];      /* "" : no on-disk cache */
    uint64_t allocated_bytes; /* live buffers; kept by src/device */
    uint64_t peak_bytes;
    const struct gr_variant *const *forced; /* NULL, or rows of src/kernels and NULL */
    const struct gr_variant *const *banned; /* the same: rows that gave wrong results here */
    struct gr_device_state *state;          /* private to src/device */
};

typedef enum gr_memory {
    GR_MEMORY_DEVICE, /* fastest for kernels; host access may go through a staging copy */
    GR_MEMORY_HOST,   /* written or read by the host every step */
} gr_memory;

typedef struct gr_pipeline_spec {
    const gr_kernel *kernel;
    uint32_t tunables[GR_MAX_TUNABLES]; /* a value for each tunable of the kernel */
} gr_pipeline_spec;

typedef struct gr_binding {
    gr_buffer *buffer;
    uint64_t offset; /* bytes; a multiple of caps.offset_align, of 4 for GR_COMMAND_COPY */
    uint64_t size;   /* bytes; at most caps.max_binding_bytes, a multiple of 4 */
} gr_binding;

typedef enum gr_command_kind {
    GR_COMMAND_DISPATCH,
    GR_COMMAND_COPY,    /* binding[0] to binding[1], sizes equal */
    GR_COMMAND_FILL,    /* binding[0] with the 32-bit pattern `fill` */
    GR_COMMAND_LIBRARY, /* a vendor library's operation on the bindings */
} gr_command_kind;

typedef struct gr_command {
    gr_command_kind kind;
    bool barrier;      /* wait for all earlier commands and see their writes */
    const char *label; /* for profiles and debuggers; static or outliving the list */
    double work;       /* multiply-adds, where they are many; what a list may be cut by */
    uint32_t binding_count;
    gr_binding binding[GR_MAX_BINDINGS];
    /* GR_COMMAND_DISPATCH */
    gr_pipeline *pipeline;
    uint32_t grid[3]; /* work-groups */
    uint32_t params[GR_MAX_PARAM_BYTES / 4];
    /* GR_COMMAND_FILL */
    uint32_t fill;
    /* GR_COMMAND_LIBRARY */
    gr_library *library;
} gr_command;

/* An operation of a vendor library (a GEMM, an FFT), see GR_COMMAND_LIBRARY. */
typedef enum gr_library_kind {
    GR_LIBRARY_GEMM,
    GR_LIBRARY_FFT,
} gr_library_kind;

typedef struct gr_gemm_desc {
    /* c[z] = alpha op(a[z]) op(b[z]) + beta c[z] for z < batch, row-major, where op(a) is m x k and
     * op(b) is k x n; bindings: a, b, c. A transposed operand lies in memory as k x m, n x k. */
    uint32_t m, n, k, batch;
    bool transpose_a, transpose_b;
    uint32_t lda, ldb, ldc;                /* elements from row to row */
    uint64_t offset_a, offset_b, offset_c; /* elements before the first one of a binding */
    uint64_t stride_a, stride_b, stride_c; /* elements from matrix to matrix */
    float alpha, beta;
} gr_gemm_desc;

typedef struct gr_fft_desc {
    /* In place, complex to complex, along `length` of [batch, length, inner] complex values, (re,
     * im) pairs; unnormalised; the inverse has e^(+i..). binding: data */
    uint32_t batch, length, inner;
    bool inverse;
} gr_fft_desc;

typedef struct gr_library_desc {
    gr_library_kind kind;
    union {
        gr_gemm_desc gemm;
        gr_fft_desc fft;
    };
} gr_library_desc;

#define GR_WHY_BYTES 256

struct gr_backend {
    const char *name; /* "opencl": the first half of a device id such as "opencl:0" */

    /* Writes up to `max` infos, returns how many devices there are. Where there are none, `why`
     * ("" before) tells in one line what is missing and what to install. */
    int (*enumerate)(graft_log *log, graft_device_info *infos, int max, char why[GR_WHY_BYTES]);

    /* Opens device `index` of enumerate(). The device allocates itself; device_destroy frees it,
     * after every buffer, pipeline and list of it has been destroyed. */
    graft_status (*device_create)(graft_log *log, int index, const char *cache_dir,
                                  gr_device **out);
    void (*device_destroy)(gr_device *device);

    /* Contents are undefined. size is a multiple of 4, at most caps.max_buffer_bytes. */
    graft_status (*buffer_create)(gr_device *device, uint64_t size, gr_memory memory,
                                  gr_buffer **out);
    void (*buffer_destroy)(gr_device *device, gr_buffer *buffer);

    /* Blocking; ordered after everything submitted before. */
    graft_status (*buffer_write)(gr_device *device, gr_buffer *buffer, uint64_t offset,
                                 const void *data, uint64_t size);
    graft_status (*buffer_read)(gr_device *device, gr_buffer *buffer, uint64_t offset, void *data,
                                uint64_t size);

    /* Optional, for GR_MEMORY_HOST. Blocks, but not for what was submitted before, of which nothing
     * touches the range; what is submitted from now on sees the bytes. NULL: buffer_write will do.
     */
    graft_status (*buffer_write_now)(gr_device *device, gr_buffer *buffer, uint64_t offset,
                                     const void *data, uint64_t size);

    /* Makes `count` pipelines at once, so that a backend may compile them side by side.
     * On failure nothing is created. Uses and fills the on-disk cache. */
    graft_status (*pipelines_create)(gr_device *device, const gr_pipeline_spec *specs, int count,
                                     gr_pipeline **out);
    void (*pipeline_destroy)(gr_device *device, gr_pipeline *pipeline);

    /* Records commands once for any number of submits. The list copies `commands`; buffers,
     * pipelines and libraries in them must outlive it. `profile` asks for list_times. */
    graft_status (*list_create)(gr_device *device, const gr_command *commands, int count,
                                bool profile, gr_list **out);
    void (*list_destroy)(gr_device *device, gr_list *list);

    /* Queues the list after everything submitted before; does not wait. */
    graft_status (*submit)(gr_device *device, gr_list *list);

    /* Waits for everything submitted. GRAFT_ERR_DEVICE when the device was lost. */
    graft_status (*wait)(gr_device *device);

    /* Optional. Nanoseconds of each command in the last finished run of a profiled list. */
    graft_status (*list_times)(gr_device *device, gr_list *list, double *ns);

    /* Optional. GRAFT_ERR_UNSUPPORTED when the library or this case is not there. A library is
     * for one command of one live list. Whether its results are right is src/device's concern. */
    graft_status (*library_create)(gr_device *device, const gr_library_desc *desc,
                                   gr_library **out);
    void (*library_destroy)(gr_device *device, gr_library *library);
};

extern const gr_backend gr_backend_reference;
extern const gr_backend gr_backend_null;
extern const gr_backend gr_backend_opencl; /* only when built with it */
extern const gr_backend gr_backend_vulkan; /* only when built with it */

#endif
