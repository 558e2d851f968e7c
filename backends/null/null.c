#include "backends/null/null.h"

#include "base/log.h"
#include "base/mem.h"

#include <graft/version.h>

#include <stdio.h>
#include <string.h>

typedef struct null_device {
    gr_device base;
    gr_null_stats stats;
    int operations_left; /* before the planned failure */
    graft_status failure;
} null_device;

struct gr_buffer {
    uint64_t size;
};

struct gr_pipeline {
    const gr_kernel *kernel;
};

/* What one submit adds to the statistics. */
struct gr_list {
    uint64_t dispatches, copies, fills, barriers;
};

static null_device *null_device_of(const gr_device *device)
{
    return (null_device *)device;
}

const gr_null_stats *gr_null_stats_of(const gr_device *device)
{
    return &null_device_of(device)->stats;
}

void gr_null_fail_after(gr_device *device, int count, graft_status status)
{
    null_device_of(device)->operations_left = count;
    null_device_of(device)->failure = status;
}

static graft_status planned_failure(null_device *device, const char *operation)
{
    if (device->failure == GRAFT_OK || device->operations_left-- > 0)
        return GRAFT_OK;
    device->operations_left = 0;
    return gr_fail(device->base.log, device->failure, "null:0: planned failure of %s", operation);
}

/* Memory for an object, NULL with *status when it cannot be had. */
static void *create(null_device *device, size_t size, const char *operation, graft_status *status)
{
    *status = planned_failure(device, operation);
    void *object = *status == GRAFT_OK ? gr_alloc(NULL, size) : NULL;
    if (*status == GRAFT_OK && !object)
        *status = gr_fail(device->base.log, GRAFT_ERR_MEMORY, "null:0: no memory");
    return object;
}

static int null_enumerate(graft_log *log, graft_device_info *infos, int max, char why[GR_WHY_BYTES])
{
    if (max > 0) {
        infos[0] = (graft_device_info){
            .id = "null:0", .name = "null device", .type = GRAFT_DEVICE_VIRTUAL};
        snprintf(infos[0].driver, sizeof(infos[0].driver), "graft %s", graft_version_text());
    }
    return 1;
}

static graft_status null_device_create(graft_log *log, int index, const char *cache_dir,
                                       gr_device **out)
{
    if (index != 0)
        return gr_fail(log, GRAFT_ERR_NO_DEVICE, "null:%d: no such device, there is 1", index);
    null_device *device = gr_alloc(NULL, sizeof(*device));
    if (!device)
        return gr_fail(log, GRAFT_ERR_MEMORY, "null:0: no memory for the device");
    gr_device *base = &device->base;
    base->backend = &gr_backend_null;
    base->log = log;
    null_enumerate(log, &base->info, 1, NULL);
    /* A large desktop GPU; GRAFT_LIMITS makes it smaller. */
    base->caps = (gr_caps){
        .max_workgroup = 1024,
        .max_groups = {INT32_MAX, 65535, 65535},
        .shared_bytes = 48 << 10,
        .max_binding_bytes = (uint64_t)4 << 30,
        .max_buffer_bytes = (uint64_t)4 << 30,
        .offset_align = 64,
    };
    *out = base;
    return GRAFT_OK;
}

static void null_device_destroy(gr_device *device)
{
    gr_free(device);
}

static graft_status null_buffer_create(gr_device *base, uint64_t size, gr_memory memory,
                                       gr_buffer **out)
{
    graft_status status;
    gr_buffer *buffer = create(null_device_of(base), sizeof(*buffer), "buffer_create", &status);
    GR_TRY(status);
    buffer->size = size;
    null_device_of(base)->stats.live_buffers++;
    *out = buffer;
    return GRAFT_OK;
}

static void null_buffer_destroy(gr_device *base, gr_buffer *buffer)
{
    null_device_of(base)->stats.live_buffers--;
    gr_free(buffer);
}

static graft_status null_buffer_write(gr_device *base, gr_buffer *buffer, uint64_t offset,
                                      const void *data, uint64_t size)
{
    GR_TRY(planned_failure(null_device_of(base), "buffer_write"));
    null_device_of(base)->stats.bytes_written += size;
    return GRAFT_OK;
}

static graft_status null_buffer_read(gr_device *base, gr_buffer *buffer, uint64_t offset,
                                     void *data, uint64_t size)
{
    GR_TRY(planned_failure(null_device_of(base), "buffer_read"));
    null_device_of(base)->stats.bytes_read += size;
    memset(data, 0, (size_t)size);
    return GRAFT_OK;
}

static void null_pipeline_destroy(gr_device *base, gr_pipeline *pipeline)
{
    null_device_of(base)->stats.live_pipelines--;
    gr_free(pipeline);
}

static graft_status null_pipelines_create(gr_device *base, const gr_pipeline_spec *specs, int count,
                                          gr_pipeline **out)
{
    null_device *device = null_device_of(base);
    for (int i = 0; i < count; i++) {
        graft_status status;
        out[i] = create(device, sizeof(*out[i]), "pipelines_create", &status);
        if (status != GRAFT_OK) {
            while (i-- > 0)
                null_pipeline_destroy(base, out[i]);
            return status;
        }
        out[i]->kernel = specs[i].kernel;
        device->stats.live_pipelines++;
    }
    return GRAFT_OK;
}

static graft_status null_list_create(gr_device *base, const gr_command *commands, int count,
                                     bool profile, gr_list **out)
{
    graft_status status;
    gr_list *list = create(null_device_of(base), sizeof(*list), "list_create", &status);
    GR_TRY(status);
    for (int i = 0; i < count; i++) {
        list->dispatches += commands[i].kind == GR_COMMAND_DISPATCH;
        list->copies += commands[i].kind == GR_COMMAND_COPY;
        list->fills += commands[i].kind == GR_COMMAND_FILL;
        list->barriers += commands[i].barrier;
    }
    null_device_of(base)->stats.live_lists++;
    *out = list;
    return GRAFT_OK;
}

static void null_list_destroy(gr_device *base, gr_list *list)
{
    null_device_of(base)->stats.live_lists--;
    gr_free(list);
}

static graft_status null_submit(gr_device *base, gr_list *list)
{
    gr_null_stats *stats = &null_device_of(base)->stats;
    GR_TRY(planned_failure(null_device_of(base), "submit"));
    stats->submits++;
    stats->dispatches += list->dispatches;
    stats->copies += list->copies;
    stats->fills += list->fills;
    stats->barriers += list->barriers;
    return GRAFT_OK;
}

static graft_status null_wait(gr_device *base)
{
    GR_TRY(planned_failure(null_device_of(base), "wait"));
    null_device_of(base)->stats.waits++;
    return GRAFT_OK;
}

const gr_backend gr_backend_null = {
    .name = "null",
    .enumerate = null_enumerate,
    .device_create = null_device_create,
    .device_destroy = null_device_destroy,
    .buffer_create = null_buffer_create,
    .buffer_destroy = null_buffer_destroy,
    .buffer_write = null_buffer_write,
    .buffer_read = null_buffer_read,
    .pipelines_create = null_pipelines_create,
    .pipeline_destroy = null_pipeline_destroy,
    .list_create = null_list_create,
    .list_destroy = null_list_destroy,
    .submit = null_submit,
    .wait = null_wait,
};
