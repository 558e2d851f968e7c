#include "backends/opencl/opencl.h"

#include "base/log.h"
#include "base/mem.h"

/* One recorded command. A dispatch has a kernel object of its own, with its arguments set once. */
typedef struct step {
    gr_command command;
    cl_kernel kernel;
    cl_event event; /* of the last run, when profiled */
    cl_event start; /* a library's operation may be many commands: the event before the first */
} step;

struct gr_list {
    int count;
    bool profile;
    step *steps;
};

/* Arguments: for each binding its buffer and first element, then the params struct. */
static cl_int set_arguments(const gr_opencl_functions *cl, cl_kernel kernel,
                            const gr_command *command)
{
    const gr_kernel *k = command->pipeline->spec.kernel;
    cl_int code = CL_SUCCESS;
    cl_uint index = 0;
    for (uint32_t i = 0; i < k->binding_count && code == CL_SUCCESS; i++) {
        const gr_binding *binding = &command->binding[i];
        cl_ulong first = binding->offset / k->binding_bytes[i];
        code = cl->SetKernelArg(kernel, index++, sizeof(cl_mem), &binding->buffer->memory);
        if (code == CL_SUCCESS)
            code = cl->SetKernelArg(kernel, index++, sizeof(first), &first);
    }
    if (code == CL_SUCCESS)
        code = cl->SetKernelArg(kernel, index, k->params_bytes, command->params);
    return code;
}

static graft_status record(gr_opencl_device *device, const gr_command *command, step *s)
{
    s->command = *command;
    if (command->kind != GR_COMMAND_DISPATCH)
        return GRAFT_OK;
    const gr_pipeline *pipeline = command->pipeline;
    cl_int code;
    s->kernel = device->cl.CreateKernel(pipeline->program, pipeline->spec.kernel->name, &code);
    GR_OPENCL_TRY(device, pipeline->spec.kernel->name, code);
    GR_OPENCL_TRY(device, pipeline->spec.kernel->name,
                  set_arguments(&device->cl, s->kernel, command));
    return GRAFT_OK;
}

graft_status gr_opencl_list_create(gr_device *base, const gr_command *commands, int count,
                                   bool profile, gr_list **out)
{
    gr_list *list = gr_alloc(NULL, sizeof(*list));
    step *steps = list ? gr_alloc_array(list, (size_t)count, sizeof(*steps)) : NULL;
    if (!steps) {
        gr_free(list);
        return gr_fail(base->log, GRAFT_ERR_MEMORY, "%s: no memory for %d commands", base->info.id,
                       count);
    }
    *list = (gr_list){.count = count, .profile = profile, .steps = steps};
    for (int i = 0; i < count; i++) {
        graft_status status = record(gr_opencl_device_of(base), &commands[i], &steps[i]);
        if (status != GRAFT_OK) {
            gr_opencl_list_destroy(base, list);
            return status;
        }
    }
    *out = list;
    return GRAFT_OK;
}

static void drop_event(const gr_opencl_functions *cl, cl_event *event)
{
    if (*event)
        cl->ReleaseEvent(*event);
    *event = NULL;
}

static void drop_events(const gr_opencl_functions *cl, gr_list *list)
{
    for (int i = 0; i < list->count; i++) {
        drop_event(cl, &list->steps[i].event);
        drop_event(cl, &list->steps[i].start);
    }
}

void gr_opencl_list_destroy(gr_device *device, gr_list *list)
{
    const gr_opencl_functions *cl = &gr_opencl_device_of(device)->cl;
    drop_events(cl, list);
    for (int i = 0; i < list->count; i++)
        if (list->steps[i].kernel)
            cl->ReleaseKernel(list->steps[i].kernel);
    gr_free(list);
}

static cl_int dispatch(gr_opencl_device *device, const step *s, cl_event *event)
{
    const gr_command *c = &s->command;
    size_t local[3] = {c->pipeline->spec.tunables[0], 1, 1};
    size_t global[3] = {c->grid[0] * local[0], c->grid[1], c->grid[2]};
    c->pipeline->submitted = true;
    return device->cl.EnqueueNDRangeKernel(device->active, s->kernel, 3, NULL, global, local, 0,
                                           NULL, event);
}

/* A library has no events to offer for all that it queues: markers stand around it. */
static graft_status enqueue_library(gr_opencl_device *device, step *s, bool profile)
{
    gr_library *library = s->command.library;
    if (!profile)
        return library->enqueue(device, library, &s->command);
    GR_OPENCL_TRY(device, "cannot queue a marker",
                  device->cl.EnqueueMarkerWithWaitList(device->active, 0, NULL, &s->start));
    GR_TRY(library->enqueue(device, library, &s->command));
    GR_OPENCL_TRY(device, "cannot queue a marker",
                  device->cl.EnqueueMarkerWithWaitList(device->active, 0, NULL, &s->event));
    return GRAFT_OK;
}

static graft_status enqueue(gr_opencl_device *device, step *s, bool profile)
{
    const gr_command *c = &s->command;
    const gr_binding *b = c->binding;
    cl_event *event = profile ? &s->event : NULL;
    cl_int code = CL_SUCCESS;
    switch (c->kind) {
    case GR_COMMAND_DISPATCH:
        code = dispatch(device, s, event);
        break;
    case GR_COMMAND_COPY:
        code = device->cl.EnqueueCopyBuffer(device->active, b[0].buffer->memory,
                                            b[1].buffer->memory, (size_t)b[0].offset,
                                            (size_t)b[1].offset, (size_t)b[0].size, 0, NULL, event);
        break;
    case GR_COMMAND_FILL:
        code = device->cl.EnqueueFillBuffer(device->active, b[0].buffer->memory, &c->fill,
                                            sizeof(c->fill), (size_t)b[0].offset, (size_t)b[0].size,
                                            0, NULL, event);
        break;
    case GR_COMMAND_LIBRARY:
        return enqueue_library(device, s, profile);
    }
    GR_OPENCL_TRY(device, c->label ? c->label : "cannot queue a command", code);
    return GRAFT_OK;
}

/* rusticl 22.3 waits in clFinish only for what no clFlush has sent yet: the marker makes sure that
 * there is such a command, and in an in-order queue it ends last. */
static graft_status finish(gr_opencl_device *device)
{
    GR_OPENCL_TRY(device, "waiting failed",
                  device->cl.EnqueueMarkerWithWaitList(device->active, 0, NULL, NULL));
    GR_OPENCL_TRY(device, "waiting failed", device->cl.Finish(device->active));
    return GRAFT_OK;
}

/* Times are taken on a queue of their own, since they may slow down every command of it. */
static graft_status activate(gr_opencl_device *device, bool profile)
{
    if (profile && !device->profile_queue) {
        cl_int code;
        device->profile_queue = device->cl.CreateCommandQueue(device->context, device->id,
                                                              CL_QUEUE_PROFILING_ENABLE, &code);
        GR_OPENCL_TRY(device, "cannot create a profiling queue", code);
    }
    cl_command_queue queue = profile ? device->profile_queue : device->queue;
    if (queue != device->active)
        GR_TRY(finish(device));
    device->active = queue;
    return GRAFT_OK;
}

graft_status gr_opencl_submit(gr_device *base, gr_list *list)
{
    gr_opencl_device *device = gr_opencl_device_of(base);
    GR_TRY(activate(device, list->profile));
    drop_events(&device->cl, list);
    for (int i = 0; i < list->count; i++)
        GR_TRY(enqueue(device, &list->steps[i], list->profile));
    GR_OPENCL_TRY(device, "cannot flush", device->cl.Flush(device->active));
    return GRAFT_OK;
}

graft_status gr_opencl_wait(gr_device *base)
{
    gr_opencl_device *device = gr_opencl_device_of(base);
    GR_TRY(finish(device));
    gr_opencl_save_programs(device);
    return GRAFT_OK;
}

graft_status gr_opencl_list_times(gr_device *base, gr_list *list, double *ns)
{
    gr_opencl_device *device = gr_opencl_device_of(base);
    for (int i = 0; i < list->count; i++) {
        cl_event event = list->steps[i].event;
        if (!event)
            return gr_fail(base->log, GRAFT_ERR_ARGUMENT,
                           "%s: the list has no times: it was not profiled or never submitted",
                           base->info.id);
        cl_event first = list->steps[i].start;
        cl_ulong start = 0, end = 0;
        GR_OPENCL_TRY(device, "cannot wait for an event", device->cl.WaitForEvents(1, &event));
        GR_OPENCL_TRY(device, "cannot read a time",
                      device->cl.GetEventProfilingInfo(first ? first : event,
                                                       first ? CL_PROFILING_COMMAND_END
                                                             : CL_PROFILING_COMMAND_START,
                                                       sizeof(start), &start, NULL));
        GR_OPENCL_TRY(device, "cannot read a time",
                      device->cl.GetEventProfilingInfo(event, CL_PROFILING_COMMAND_END, sizeof(end),
                                                       &end, NULL));
        ns[i] = end > start ? (double)(end - start) : 0;
    }
    return GRAFT_OK;
}
