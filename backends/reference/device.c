#include "backends/reference/reference.h"

#include "base/log.h"
#include "base/system.h"

#include <stdio.h>
#include <stdlib.h>

static void describe(graft_device_info *info)
{
    *info = (graft_device_info){.type = GRAFT_DEVICE_CPU, .memory_bytes = gr_physical_memory()};
    snprintf(info->id, sizeof(info->id), "reference:0");
    snprintf(info->name, sizeof(info->name), "reference (plain C, double accumulation)");
    snprintf(info->driver, sizeof(info->driver), "graft");
}

static int enumerate(graft_log *log, graft_device_info *infos, int max, char why[GR_WHY_BYTES])
{
    if (infos && max > 0)
        describe(&infos[0]);
    return 1;
}

static graft_status device_create(graft_log *log, int index, const char *cache_dir, gr_device **out)
{
    *out = NULL;
    if (index != 0)
        return gr_fail(log, GRAFT_ERR_NO_DEVICE, "reference:%d: there is only reference:0", index);
    gr_device *device = calloc(1, sizeof(*device));
    if (!device)
        return gr_fail(log, GRAFT_ERR_MEMORY, "reference:0: out of memory");
    device->backend = &gr_backend_reference;
    device->log = log;
    describe(&device->info);
    device->caps = (gr_caps){
        .max_workgroup = 1024,
        .max_groups = {INT32_MAX, INT32_MAX, INT32_MAX},
        .shared_bytes = 1u << 20,
        .max_binding_bytes = 1ull << 40,
        .max_buffer_bytes = 1ull << 40,
        .memory_bytes = device->info.memory_bytes,
        .offset_align = 4,
        .timestamps = true,
        .executes = true,
    };
    *out = device;
    return GRAFT_OK;
}

static void device_destroy(gr_device *device)
{
    free(device);
}

const gr_backend gr_backend_reference = {
    .name = "reference",
    .enumerate = enumerate,
    .device_create = device_create,
    .device_destroy = device_destroy,
    .buffer_create = gr_ref_buffer_create,
    .buffer_destroy = gr_ref_buffer_destroy,
    .buffer_write = gr_ref_buffer_write,
    .buffer_read = gr_ref_buffer_read,
    .pipelines_create = gr_ref_pipelines_create,
    .pipeline_destroy = gr_ref_pipeline_destroy,
    .list_create = gr_ref_list_create,
    .list_destroy = gr_ref_list_destroy,
    .submit = gr_ref_submit,
    .wait = gr_ref_wait,
    .list_times = gr_ref_list_times,
};
