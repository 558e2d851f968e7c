#include "train/optimizer.h"

#include "base/mem.h"
#include "compute/update.h"
#include "plan/elementwise.h"

#include "shaders/adamw.gk.h"
#include "shaders/sgd.gk.h"

#include <string.h>

struct gr_optimizer {
    gr_optimizer_params params;
    gr_device *device;
    gr_pipeline *pipeline;
    gr_list *zero, *update;
};

/* adamw and sgd share their parameters. */
_Static_assert(sizeof(gr_adamw_params) == sizeof(gr_sgd_params), "one layout for both updates");

unsigned gr_optimizer_planes(graft_optimizer kind)
{
    unsigned planes = GR_PLANE_BIT(GR_PLANE_VALUE) | GR_PLANE_BIT(GR_PLANE_GRADIENT) |
                      GR_PLANE_BIT(GR_PLANE_MOMENT1);
    return kind == GRAFT_OPTIMIZER_ADAMW ? planes | GR_PLANE_BIT(GR_PLANE_MOMENT2) : planes;
}

static gr_binding bind(const gr_region *region)
{
    return (gr_binding){region->buffer, region->offset, region->size};
}

static gr_command update_command(const gr_optimizer *o, const gr_params *params,
                                 const gr_param_range *range, const gr_region *scalars,
                                 uint32_t workgroup)
{
    gr_adamw_params p = {
        .count = (uint32_t)range->count,
        .offset = (uint32_t)range->first,
        .weight_decay = range->decay ? o->params.weight_decay : 0.0f,
    };
    gr_command c = {
        .kind = GR_COMMAND_DISPATCH,
        .label = "update",
        .pipeline = o->pipeline,
    };
    gr_elementwise_grid(p.count, workgroup, &p.rows, &p.cols, c.grid);
    memcpy(c.params, &p, sizeof(p));
    unsigned used = gr_optimizer_planes(o->params.kind);
    for (int plane = 0; plane < GR_PLANE_COUNT; plane++)
        if (used & GR_PLANE_BIT(plane))
            c.binding[c.binding_count++] = (gr_binding){params->blocks[range->block].plane[plane],
                                                        0, params->blocks[range->block].bytes};
    c.binding[c.binding_count++] = bind(scalars);
    return c;
}

static graft_status record_update(gr_optimizer *o, const gr_params *params,
                                  const gr_region *scalars, uint32_t workgroup)
{
    gr_command *commands = gr_alloc_array(o, params->range_count, sizeof(*commands));
    if (!commands)
        return gr_fail(o->device->log, GRAFT_ERR_MEMORY, "optimizer: out of memory");
    for (size_t i = 0; i < params->range_count; i++) {
        commands[i] = update_command(o, params, &params->ranges[i], scalars, workgroup);
        commands[i].barrier = i > 0 && params->ranges[i].block == params->ranges[i - 1].block;
    }
    graft_status status =
        gr_device_list_create(o->device, commands, (int)params->range_count, false, &o->update);
    gr_free(commands);
    return status;
}

static graft_status record_zero(gr_optimizer *o, const gr_params *params)
{
    gr_command *commands = gr_alloc_array(o, params->block_count, sizeof(*commands));
    if (!commands)
        return gr_fail(o->device->log, GRAFT_ERR_MEMORY, "optimizer: out of memory");
    for (size_t i = 0; i < params->block_count; i++)
        commands[i] = (gr_command){
            .kind = GR_COMMAND_FILL,
            .label = "zero gradients",
            .binding_count = 1,
            .binding = {{params->blocks[i].plane[GR_PLANE_GRADIENT], 0, params->blocks[i].bytes}},
        };
    graft_status status =
        gr_device_list_create(o->device, commands, (int)params->block_count, false, &o->zero);
    gr_free(commands);
    return status;
}

graft_status gr_optimizer_create(graft_log *log, const gr_optimizer_params *optimizer,
                                 const gr_params *params, gr_region scalars, gr_optimizer **out)
{
    gr_optimizer *o = gr_alloc(NULL, sizeof(*o));
    if (!o)
        return gr_fail(log, GRAFT_ERR_MEMORY, "optimizer: out of memory");
    o->params = *optimizer;
    o->device = gr_store_device(params->store);
    const gr_kernel *kernel =
        optimizer->kind == GRAFT_OPTIMIZER_ADAMW ? &gr_kernel_adamw : &gr_kernel_sgd;
    uint32_t workgroup;
    graft_status status = gr_elementwise_pipeline(o->device, kernel, &o->pipeline, &workgroup);
    if (status == GRAFT_OK)
        status = record_update(o, params, &scalars, workgroup);
    if (status == GRAFT_OK)
        status = record_zero(o, params);
    if (status != GRAFT_OK) {
        gr_optimizer_destroy(o);
        return status;
    }
    *out = o;
    return GRAFT_OK;
}

void gr_optimizer_destroy(gr_optimizer *o)
{
    if (!o)
        return;
    gr_device_list_destroy(o->device, &o->zero);
    gr_device_list_destroy(o->device, &o->update);
    gr_free(o);
}

void gr_optimizer_scalars(const gr_optimizer *o, uint64_t t, float lr, gr_scalars *out)
{
    const graft_optimizer_params params = {
        .beta1 = o->params.beta1,
        .beta2 = o->params.beta2,
        .eps = o->params.eps,
        .momentum = o->params.momentum,
    };
    gr_update_scalars(&params, t, lr, out);
}

graft_status gr_optimizer_zero_gradients(gr_optimizer *o)
{
    return gr_device_submit(o->device, o->zero);
}

graft_status gr_optimizer_update(gr_optimizer *o)
{
    return gr_device_submit(o->device, o->update);
}

bool gr_optimizer_is_dropped(const gr_optimizer *o)
{
    return gr_device_list_is_dropped(o->device, o->update);
}
