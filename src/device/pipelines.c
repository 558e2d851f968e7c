/* The compiled kernels of a device: each is made once, and kept until the device closes, since a
 * driver may take longer to compile a plan's kernels than to run it. */
#include "device/device.h"

#include "base/log.h"
#include "base/mem.h"
#include "device/state.h"

#include <string.h>

static graft_status check_spec(gr_device *device, const gr_pipeline_spec *spec)
{
    uint32_t workgroup = spec->tunables[0];
    if (workgroup == 0 || workgroup > device->caps.max_workgroup)
        return gr_fail(device->log, GRAFT_ERR_UNSUPPORTED,
                       "%s: kernel %s: a work-group of %u: the device allows 1 to %u",
                       device->info.id, spec->kernel->name, workgroup, device->caps.max_workgroup);
    return GRAFT_OK;
}

static bool same_spec(const gr_pipeline_spec *a, const gr_pipeline_spec *b)
{
    return a->kernel == b->kernel && memcmp(a->tunables, b->tunables, sizeof(a->tunables)) == 0;
}

static gr_pipeline *find(const gr_device_state *state, const gr_pipeline_spec *spec)
{
    for (size_t i = 0; i < state->counts[GR_OBJECT_PIPELINE]; i++)
        if (same_spec(&state->objects[GR_OBJECT_PIPELINE][i].spec, spec))
            return (gr_pipeline *)state->objects[GR_OBJECT_PIPELINE][i].handle;
    return NULL;
}

/* Those of `specs` that the device does not have yet, each once. */
static int missing_specs(const gr_device_state *state, const gr_pipeline_spec *specs, int count,
                         gr_pipeline_spec *missing)
{
    int found = 0;
    for (int i = 0; i < count; i++) {
        bool known = find(state, &specs[i]) != NULL;
        for (int j = 0; j < found && !known; j++)
            known = same_spec(&missing[j], &specs[i]);
        if (!known)
            missing[found++] = specs[i];
    }
    return found;
}

static graft_status no_memory(gr_device *device)
{
    return gr_fail(device->log, GRAFT_ERR_MEMORY, "%s: no memory for compiled kernels",
                   device->info.id);
}

/* scratch: room for `count` specs. made: room for as many pipelines. */
static graft_status make_missing(gr_device *device, const gr_pipeline_spec *specs, int count,
                                 gr_pipeline_spec *scratch, gr_pipeline **made)
{
    count = missing_specs(device->state, specs, count, scratch);
    if (!gr_object_reserve(device->state, GR_OBJECT_PIPELINE, (size_t)count))
        return no_memory(device);
    if (count)
        GR_TRY(device->backend->pipelines_create(device, scratch, count, made));
    for (int i = 0; i < count; i++)
        gr_object_add(device->state, GR_OBJECT_PIPELINE,
                      (gr_object){.handle = made[i], .spec = scratch[i]});
    return GRAFT_OK;
}

graft_status gr_device_pipelines(gr_device *device, const gr_pipeline_spec *specs, int count,
                                 gr_pipeline **out)
{
    for (int i = 0; i < count; i++)
        out[i] = NULL;
    for (int i = 0; i < count; i++)
        GR_TRY(check_spec(device, &specs[i]));
    gr_pipeline_spec *scratch = gr_alloc_array(NULL, (size_t)count + 1, sizeof(*scratch));
    if (!scratch)
        return no_memory(device);
    graft_status status = make_missing(device, specs, count, scratch, out);
    for (int i = 0; i < count; i++)
        out[i] = status == GRAFT_OK ? find(device->state, &specs[i]) : NULL;
    gr_free(scratch);
    return status;
}

void gr_device_drop_pipelines(gr_device *device)
{
    for (size_t i = 0; i < device->state->counts[GR_OBJECT_PIPELINE]; i++)
        device->backend->pipeline_destroy(
            device, (gr_pipeline *)device->state->objects[GR_OBJECT_PIPELINE][i].handle);
    device->state->counts[GR_OBJECT_PIPELINE] = 0;
}
