#include "backends/opencl/opencl.h"

#include "base/log.h"
#include "base/mem.h"

static graft_status create_one(gr_opencl_device *device, const gr_pipeline_spec *spec,
                               gr_pipeline **out)
{
    gr_pipeline *pipeline = gr_alloc(NULL, sizeof(*pipeline));
    if (!pipeline)
        return gr_fail(device->base.log, GRAFT_ERR_MEMORY, "%s: no memory for a pipeline",
                       device->base.info.id);
    pipeline->spec = *spec;
    bool cached;
    graft_status status = gr_opencl_program_create(device, spec, &pipeline->program, &cached);
    if (status != GRAFT_OK) {
        gr_free(pipeline);
        return status;
    }
    if (!cached) {
        pipeline->next_unsaved = device->unsaved;
        device->unsaved = pipeline;
    }
    *out = pipeline;
    return GRAFT_OK;
}

/* One after the other: PoCL compiles under one lock, so threads would gain nothing there. */
graft_status gr_opencl_pipelines_create(gr_device *base, const gr_pipeline_spec *specs, int count,
                                        gr_pipeline **out)
{
    for (int i = 0; i < count; i++) {
        graft_status status = create_one(gr_opencl_device_of(base), &specs[i], &out[i]);
        if (status == GRAFT_OK)
            continue;
        while (i-- > 0) {
            gr_opencl_pipeline_destroy(base, out[i]);
            out[i] = NULL;
        }
        return status;
    }
    return GRAFT_OK;
}

void gr_opencl_pipeline_destroy(gr_device *base, gr_pipeline *pipeline)
{
    gr_opencl_device *device = gr_opencl_device_of(base);
    for (gr_pipeline **p = &device->unsaved; *p; p = &(*p)->next_unsaved) {
        if (*p == pipeline) {
            *p = pipeline->next_unsaved;
            break;
        }
    }
    device->cl.ReleaseProgram(pipeline->program);
    gr_free(pipeline);
}

void gr_opencl_save_programs(gr_opencl_device *device)
{
    gr_pipeline **link = &device->unsaved;
    while (*link) {
        gr_pipeline *pipeline = *link;
        if (!pipeline->submitted) {
            link = &pipeline->next_unsaved;
            continue;
        }
        gr_opencl_program_save(device, &pipeline->spec, pipeline->program);
        *link = pipeline->next_unsaved;
    }
}
