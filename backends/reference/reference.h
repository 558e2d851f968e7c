/* The reference backend: the meaning of every kernel as plain C on host memory.
 *
 * It is the judge of the other backends, so it is slow and obvious, sums in double, and is written
 * apart from shaders/. It ignores grid and work-group size, except where a kernel's meaning depends
 * on them, and it refuses any access outside a binding.
 */
#ifndef GR_REFERENCE_H
#define GR_REFERENCE_H

#include "backends/backend.h"

#include <math.h>
#include <string.h>

struct gr_buffer {
    uint64_t size;   /* bytes */
    uint32_t data[]; /* NaN until written */
};

/* One dispatch on its way through a kernel. */
typedef struct gr_ref_call {
    const gr_kernel *kernel;
    const uint32_t *tunables; /* read them with gr_ref_tunable() */
    const uint32_t *grid;
    const uint32_t *params; /* read them with GR_REF_PARAMS() */
    uint32_t *data[GR_MAX_BINDINGS];
    uint64_t count[GR_MAX_BINDINGS]; /* 32-bit elements of each binding */
    char fault[160];                 /* the first thing that was wrong; "" for none */
} gr_ref_call;

typedef void gr_ref_function(gr_ref_call *call);

/* The function of kernel softmax is gr_ref_softmax. Those of all portable kernels are declared. */
#define GR_REF_KERNEL(name) gr_ref_function gr_ref_##name;
#include "backends/reference/kernel_list.h"
#undef GR_REF_KERNEL

/* Declares `p`, the parameters of the call. */
#define GR_REF_PARAMS(call, kernel_name, p)                                                        \
    gr_##kernel_name##_params p;                                                                   \
    memcpy(&p, (call)->params, sizeof(p))

/* Words of the scalars buffer: what changes from step to step. Floats, then uints. */
enum {
    GR_REF_LR,
    GR_REF_BETA1,
    GR_REF_BETA2,
    GR_REF_EPS,
    GR_REF_BIAS1,      /* 1 - beta1^t */
    GR_REF_BIAS2_ROOT, /* sqrt(1 - beta2^t) */
    GR_REF_MOMENTUM,
    GR_REF_INV_COUNT,
    GR_REF_SEED_LO,
    GR_REF_SEED_HI,
    GR_REF_STEP,
    GR_REF_SAMPLE_BASE,
};

/* The value of a tunable; a name that the kernel lacks is a fault. */
uint32_t gr_ref_tunable(gr_ref_call *call, const char *name);

/* Notes why a call is wrong; the first reason stays. */
void gr_ref_fault(gr_ref_call *call, const char *fmt, ...) GRAFT_PRINTF(2, 3);

/* Notes an access outside a binding, or a write to one that is only read. */
void gr_ref_fault_access(gr_ref_call *call, uint32_t binding, uint64_t index, const char *verb);

/* Element (row, col) of a view; in 64 bits, so that a sum beyond 32 bits is out of range too. */
static inline uint64_t gr_ref_at(uint64_t offset, uint64_t row, uint64_t stride, uint64_t col)
{
    return offset + row * stride + col;
}

static inline uint32_t gr_ref_get_uint(gr_ref_call *call, uint32_t binding, uint64_t index)
{
    if (index < call->count[binding])
        return call->data[binding][index];
    gr_ref_fault_access(call, binding, index, "reads");
    return 0;
}

/* A float element; NaN when out of range. */
static inline double gr_ref_get(gr_ref_call *call, uint32_t binding, uint64_t index)
{
    float value = NAN;
    if (index < call->count[binding])
        memcpy(&value, &call->data[binding][index], sizeof(value));
    else
        gr_ref_fault_access(call, binding, index, "reads");
    return value;
}

/* Nothing happens when out of range or when the kernel may not write to the binding. */
static inline void gr_ref_put(gr_ref_call *call, uint32_t binding, uint64_t index, double value)
{
    float rounded = (float)value;
    if (index < call->count[binding] && (call->kernel->written >> binding & 1))
        memcpy(&call->data[binding][index], &rounded, sizeof(rounded));
    else
        gr_ref_fault_access(call, binding, index, "writes");
}

static inline void gr_ref_put_uint(gr_ref_call *call, uint32_t binding, uint64_t index,
                                   uint32_t value)
{
    if (index < call->count[binding] && (call->kernel->written >> binding & 1))
        call->data[binding][index] = value;
    else
        gr_ref_fault_access(call, binding, index, "writes");
}

/* Slots of the contract, one file for each group. */
graft_status gr_ref_buffer_create(gr_device *device, uint64_t size, gr_memory memory,
                                  gr_buffer **out);
void gr_ref_buffer_destroy(gr_device *device, gr_buffer *buffer);
graft_status gr_ref_buffer_write(gr_device *device, gr_buffer *buffer, uint64_t offset,
                                 const void *data, uint64_t size);
graft_status gr_ref_buffer_read(gr_device *device, gr_buffer *buffer, uint64_t offset, void *data,
                                uint64_t size);

graft_status gr_ref_pipelines_create(gr_device *device, const gr_pipeline_spec *specs, int count,
                                     gr_pipeline **out);
void gr_ref_pipeline_destroy(gr_device *device, gr_pipeline *pipeline);
const gr_kernel *gr_ref_pipeline_kernel(const gr_pipeline *pipeline);
/* Runs a dispatch whose bindings lie within their buffers. */
graft_status gr_ref_pipeline_run(gr_device *device, const gr_command *command);

graft_status gr_ref_list_create(gr_device *device, const gr_command *commands, int count,
                                bool profile, gr_list **out);
void gr_ref_list_destroy(gr_device *device, gr_list *list);
graft_status gr_ref_submit(gr_device *device, gr_list *list);
graft_status gr_ref_wait(gr_device *device);
graft_status gr_ref_list_times(gr_device *device, gr_list *list, double *ns);

#endif
