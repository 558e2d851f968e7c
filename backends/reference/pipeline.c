#include "backends/reference/reference.h"

#include "base/log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct gr_pipeline {
    const gr_kernel *kernel;
    gr_ref_function *run;
    uint32_t tunables[GR_MAX_TUNABLES];
};

static const struct {
    const char *name;
    gr_ref_function *run;
} functions[] = {
#define GR_REF_KERNEL(name) {#name, gr_ref_##name},
#include "backends/reference/kernel_list.h"
#undef GR_REF_KERNEL
};

static gr_ref_function *find_function(const char *name)
{
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
        if (strcmp(functions[i].name, name) == 0)
            return functions[i].run;
    return NULL;
}

static graft_status create(gr_device *device, const gr_pipeline_spec *spec, gr_pipeline **out)
{
    gr_ref_function *run = find_function(spec->kernel->name);
    if (!run)
        return gr_fail(device->log, GRAFT_ERR_UNSUPPORTED,
                       "kernel %s: the reference does not have it", spec->kernel->name);
    gr_pipeline *pipeline = calloc(1, sizeof(*pipeline));
    if (!pipeline)
        return gr_fail(device->log, GRAFT_ERR_MEMORY, "kernel %s: out of memory",
                       spec->kernel->name);
    pipeline->kernel = spec->kernel;
    pipeline->run = run;
    memcpy(pipeline->tunables, spec->tunables, sizeof(pipeline->tunables));
    *out = pipeline;
    return GRAFT_OK;
}

graft_status gr_ref_pipelines_create(gr_device *device, const gr_pipeline_spec *specs, int count,
                                     gr_pipeline **out)
{
    for (int i = 0; i < count; i++) {
        graft_status status = create(device, &specs[i], &out[i]);
        if (status == GRAFT_OK)
            continue;
        out[i] = NULL;
        while (i-- > 0) {
            free(out[i]);
            out[i] = NULL;
        }
        return status;
    }
    return GRAFT_OK;
}

void gr_ref_pipeline_destroy(gr_device *device, gr_pipeline *pipeline)
{
    free(pipeline);
}

const gr_kernel *gr_ref_pipeline_kernel(const gr_pipeline *pipeline)
{
    return pipeline->kernel;
}

graft_status gr_ref_pipeline_run(gr_device *device, const gr_command *command)
{
    const gr_pipeline *pipeline = command->pipeline;
    gr_ref_call call = {
        .kernel = pipeline->kernel,
        .tunables = pipeline->tunables,
        .grid = command->grid,
        .params = command->params,
    };
    for (uint32_t i = 0; i < command->binding_count; i++) {
        call.data[i] = command->binding[i].buffer->data + command->binding[i].offset / 4;
        call.count[i] = command->binding[i].size / 4;
    }
    pipeline->run(&call);
    if (call.fault[0])
        return gr_fail(device->log, GRAFT_ERR_ARGUMENT, "kernel %s (%s): %s", call.kernel->name,
                       command->label ? command->label : "no label", call.fault);
    return GRAFT_OK;
}

uint32_t gr_ref_tunable(gr_ref_call *call, const char *name)
{
    for (uint32_t i = 0; i < call->kernel->tunable_count; i++)
        if (strcmp(call->kernel->tunables[i].name, name) == 0)
            return call->tunables[i];
    gr_ref_fault(call, "it has no tunable %s", name);
    return 0;
}

void gr_ref_fault(gr_ref_call *call, const char *fmt, ...)
{
    if (call->fault[0])
        return;
    va_list args;
    va_start(args, fmt);
    vsnprintf(call->fault, sizeof(call->fault), fmt, args);
    va_end(args);
}

void gr_ref_fault_access(gr_ref_call *call, uint32_t binding, uint64_t index, const char *verb)
{
    const char *remark = index < call->count[binding] ? " and is read-only" : "";
    gr_ref_fault(call, "%s element %" PRIu64 " of binding %" PRIu32 ", which has %" PRIu64 "%s",
                 verb, index, binding, call->count[binding], remark);
}
