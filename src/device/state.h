/* Private to src/device: what it remembers of an open device, above all what is alive on it. */
#ifndef GR_DEVICE_STATE_H
#define GR_DEVICE_STATE_H

#include "backends/backend.h"
#include "device/canary.h"
#include "device/verdict.h"
#include "kernels/choose.h"

typedef enum gr_object_kind {
    GR_OBJECT_BUFFER,
    GR_OBJECT_PIPELINE,
    GR_OBJECT_LIST,
    GR_OBJECT_LIBRARY,
    GR_OBJECT_KINDS
} gr_object_kind;

typedef struct gr_object {
    const void *handle;
    uint64_t size;           /* of a buffer, bytes */
    bool adopted;            /* of a buffer: its memory is an application's */
    gr_pipeline_spec spec;   /* of a pipeline */
    gr_library_kind library; /* of a library */
    bool profiled;           /* of a list, */
    int commands;            /* without its canary */
    gr_canary canary;
} gr_object;

/* What the check of a library's operation said. */
typedef struct gr_verdict {
    gr_library_desc desc;
    bool accepted;
} gr_verdict;

typedef struct gr_device_state {
    const gr_variant *forced[GR_MAX_FORCED + 1]; /* by GRAFT_KERNELS */
    const gr_variant *banned[GR_MAX_BANNED + 1]; /* by the self-test */
    gr_tested tested;
    gr_canary_page *canaries;
    bool no_canaries; /* by GRAFT_DISABLE */
    bool unchecked;   /* something with a canary was submitted since the last check, */
    bool dropped;     /* which found something missing; nothing was submitted since */
    gr_verdict *verdicts;
    size_t verdict_count;
    gr_object *objects[GR_OBJECT_KINDS];
    size_t counts[GR_OBJECT_KINDS];
    size_t capacities[GR_OBJECT_KINDS];
} gr_device_state;

/* Allocates the state of a device, for gr_free(). NULL: no memory. */
gr_device_state *gr_device_state_create(void);

/* Makes room for `count` objects more; false when out of memory. Reserving before an object is
 * made lets gr_object_add() always succeed. */
bool gr_object_reserve(gr_device_state *state, gr_object_kind kind, size_t count);
void gr_object_add(gr_device_state *state, gr_object_kind kind, gr_object object);

/* NULL when there is no such object. */
gr_object *gr_object_find(const gr_device_state *state, gr_object_kind kind, const void *handle);

void gr_object_forget(gr_device_state *state, gr_object_kind kind, const void *handle);

/* pipelines.c: destroys what gr_device_pipelines() has made. */
void gr_device_drop_pipelines(gr_device *device);

/* limits.c: applies GRAFT_LIMITS, GRAFT_ENABLE, GRAFT_DISABLE and GRAFT_KERNELS to the device. Its
 * state must be there. */
graft_status gr_device_apply_limits(gr_device *device);

/* probe.c: runs an operation of a library on known numbers. GRAFT_ERR_UNSUPPORTED when it does not
 * run or its result is wrong, GRAFT_ERR_MEMORY or _DEVICE_MEMORY when there was no room to tell. */
graft_status gr_library_check(gr_device *device, const gr_library_desc *desc, gr_library *library);

/* probe.c: the size of its largest operand. */
uint64_t gr_library_operand_bytes(const gr_library_desc *desc);

/* validate.c: checks commands against the contract. */
graft_status gr_validate_commands(const gr_device *device, const gr_command *commands, int count);

#endif
