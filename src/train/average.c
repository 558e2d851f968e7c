#include "train/average.h"

#include "base/mem.h"
#include "plan/elementwise.h"

#include "shaders/ema.gk.h"

#include <string.h>

struct gr_average {
    gr_device *device;
    gr_pipeline *pipeline;
    gr_list *update, *swap;
};

static gr_binding bind(const gr_params *params, size_t block, gr_param_plane plane)
{
    return (gr_binding){params->blocks[block].plane[plane], 0, params->blocks[block].bytes};
}

static gr_command copy(const gr_params *params, size_t block, gr_param_plane from,
                       gr_param_plane to)
{
    return (gr_command){
        .kind = GR_COMMAND_COPY,
        .label = "swap averages",
        .barrier = true,
        .binding_count = 2,
        .binding = {bind(params, block, from), bind(params, block, to)},
    };
}

static gr_command update(const gr_average *a, const gr_params *params, size_t block, double decay,
                         uint32_t workgroup)
{
    uint32_t count = (uint32_t)(params->blocks[block].bytes / sizeof(float));
    gr_ema_params p = {.count = count, .decay = (float)decay, .rest = (float)(1.0 - decay)};
    gr_command c = {
        .kind = GR_COMMAND_DISPATCH,
        .label = "average",
        .pipeline = a->pipeline,
        .binding_count = 2,
        .binding = {bind(params, block, GR_PLANE_VALUE), bind(params, block, GR_PLANE_AVERAGE)},
    };
    gr_elementwise_grid(count, workgroup, &p.rows, &p.cols, c.grid);
    memcpy(c.params, &p, sizeof(p));
    return c;
}

static graft_status record(gr_average *a, const gr_params *params, double decay, uint32_t workgroup)
{
    size_t blocks = params->block_count;
    gr_command *updates = gr_alloc_array(a, blocks, sizeof(*updates));
    gr_command *swaps = gr_alloc_array(a, 3 * blocks, sizeof(*swaps));
    if (!updates || !swaps)
        return gr_fail(a->device->log, GRAFT_ERR_MEMORY, "average: out of memory");
    for (size_t b = 0; b < blocks; b++) {
        updates[b] = update(a, params, b, decay, workgroup);
        swaps[3 * b] = copy(params, b, GR_PLANE_VALUE, GR_PLANE_GRADIENT);
        swaps[3 * b + 1] = copy(params, b, GR_PLANE_AVERAGE, GR_PLANE_VALUE);
        swaps[3 * b + 2] = copy(params, b, GR_PLANE_GRADIENT, GR_PLANE_AVERAGE);
    }
    GR_TRY(gr_device_list_create(a->device, updates, (int)blocks, false, &a->update));
    return gr_device_list_create(a->device, swaps, (int)(3 * blocks), false, &a->swap);
}

/* average = value, by the same commands that swap: once, before anything is averaged. */
static graft_status start(gr_average *a, const gr_params *params)
{
    gr_list *list = NULL;
    for (size_t b = 0; b < params->block_count; b++) {
        gr_command c = copy(params, b, GR_PLANE_VALUE, GR_PLANE_AVERAGE);
        graft_status status = gr_device_list_create(a->device, &c, 1, false, &list);
        if (status == GRAFT_OK)
            status = gr_device_submit(a->device, list);
        if (status == GRAFT_OK)
            status = gr_device_wait(a->device);
        gr_device_list_destroy(a->device, &list);
        GR_TRY(status);
    }
    return GRAFT_OK;
}

graft_status gr_average_create(graft_log *log, double decay, const gr_params *params,
                               gr_average **out)
{
    gr_average *a = gr_alloc(NULL, sizeof(*a));
    if (!a)
        return gr_fail(log, GRAFT_ERR_MEMORY, "average: out of memory");
    a->device = gr_store_device(params->store);
    uint32_t workgroup;
    graft_status status =
        gr_elementwise_pipeline(a->device, &gr_kernel_ema, &a->pipeline, &workgroup);
    if (status == GRAFT_OK)
        status = record(a, params, decay, workgroup);
    if (status == GRAFT_OK)
        status = start(a, params);
    if (status != GRAFT_OK) {
        gr_average_destroy(a);
        return status;
    }
    *out = a;
    return GRAFT_OK;
}

void gr_average_destroy(gr_average *a)
{
    if (!a)
        return;
    gr_device_list_destroy(a->device, &a->update);
    gr_device_list_destroy(a->device, &a->swap);
    gr_free(a);
}

graft_status gr_average_update(gr_average *a)
{
    return gr_device_submit(a->device, a->update);
}

graft_status gr_average_swap(gr_average *a)
{
    return gr_device_submit(a->device, a->swap);
}

bool gr_average_is_dropped(const gr_average *a)
{
    return gr_device_list_is_dropped(a->device, a->update) ||
           gr_device_list_is_dropped(a->device, a->swap);
}
