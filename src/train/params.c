#include "train/params.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* Tensors start at multiples of this: enough for the binding offsets of every API. */
enum { ALIGN_BYTES = 256 };

bool gr_param_decays(const char *no_decay, const char *name, const gr_shape *shape)
{
    for (const char *at = no_decay; at && *at; at += *at == ',') {
        size_t length = strcspn(at, ",");
        if (length == 2 && strncmp(at, "1d", 2) == 0 && shape->rank <= 1)
            return false;
        for (const char *part = name; length && strlen(part) >= length; part++)
            if (strncmp(part, at, length) == 0)
                return false;
        at += length;
    }
    return true;
}

static uint64_t block_limit(const gr_params *params)
{
    const gr_caps *caps = &gr_store_device(params->store)->caps;
    uint64_t limit = caps->max_binding_bytes < caps->max_buffer_bytes ? caps->max_binding_bytes
                                                                      : caps->max_buffer_bytes;
    return limit < (128u << 20) ? limit : 128u << 20;
}

/* Appends a tensor to the last block, or to a new one when it is full. */
static bool append(gr_params *params, gr_param *item, const gr_value *value)
{
    uint64_t bytes = (uint64_t)gr_shape_count(&value->shape) * sizeof(float);
    uint64_t padded = (bytes + ALIGN_BYTES - 1) / ALIGN_BYTES * ALIGN_BYTES;
    if (!params->block_count ||
        params->blocks[params->block_count - 1].bytes + padded > block_limit(params)) {
        if (!gr_push(params, (void **)&params->blocks, &params->block_count,
                     sizeof(*params->blocks)))
            return false;
    }
    item->shape = value->shape;
    item->block = (int)params->block_count - 1;
    item->offset = params->blocks[item->block].bytes;
    item->bytes = bytes;
    params->blocks[item->block].bytes += padded;
    return (item->name = gr_strdup(params, value->name)) != NULL;
}

/* Widens the last range, or starts one. */
static bool add_range(gr_params *params, const gr_param *item)
{
    gr_param_range *last = params->range_count ? &params->ranges[params->range_count - 1] : NULL;
    if (!last || last->block != item->block || last->decay != item->decay) {
        last = gr_push(params, (void **)&params->ranges, &params->range_count, sizeof(*last));
        if (!last)
            return false;
        *last = (gr_param_range){item->block, item->offset / sizeof(float), 0, item->decay};
    }
    last->count = (item->offset + item->bytes) / sizeof(float) - last->first;
    return true;
}

/* Where in the order a tensor stands: decayed ones first, so that each block has at most two
 * ranges, and in the end what no update touches. */
enum { DECAYED, PLAIN, STATE, PLACES };

static int place_of(const gr_value *value, const char *no_decay)
{
    if (value->kind == GR_VALUE_STATE)
        return STATE;
    return gr_param_decays(no_decay, value->name, &value->shape) ? DECAYED : PLAIN;
}

static graft_status lay_out(graft_log *log, gr_params *params, gr_value *const *values,
                            size_t count, const char *no_decay)
{
    params->items = gr_alloc_array(params, count + 1, sizeof(*params->items));
    if (!params->items)
        return gr_fail(log, GRAFT_ERR_MEMORY, "parameters: out of memory");
    for (int place = 0; place < PLACES; place++)
        for (size_t i = 0; i < count; i++) {
            if (place_of(values[i], no_decay) != place)
                continue;
            gr_param *item = &params->items[params->count++];
            item->decay = place == DECAYED;
            item->state = place == STATE;
            if (!append(params, item, values[i]) || (!item->state && !add_range(params, item)))
                return gr_fail(log, GRAFT_ERR_MEMORY, "parameters: out of memory");
        }
    return GRAFT_OK;
}

static graft_status zero(gr_device *device, gr_buffer *buffer, uint64_t bytes)
{
    const uint64_t chunk = bytes < (1u << 20) ? bytes : 1u << 20;
    void *zeros = calloc(1, chunk);
    if (!zeros)
        return gr_fail(device->log, GRAFT_ERR_MEMORY, "parameters: out of memory");
    graft_status status = GRAFT_OK;
    for (uint64_t at = 0; at < bytes && status == GRAFT_OK; at += chunk)
        status = gr_device_buffer_write(device, buffer, at, zeros,
                                        bytes - at < chunk ? bytes - at : chunk);
    free(zeros);
    return status;
}

static graft_status create_buffers(gr_params *params)
{
    gr_device *device = gr_store_device(params->store);
    for (size_t b = 0; b < params->block_count; b++)
        for (int p = 0; p < GR_PLANE_COUNT; p++) {
            if (!(params->planes & GR_PLANE_BIT(p)))
                continue;
            gr_buffer **buffer = &params->blocks[b].plane[p];
            uint64_t bytes = params->blocks[b].bytes;
            GR_TRY(gr_device_buffer_create(device, bytes, GR_MEMORY_DEVICE, buffer));
            GR_TRY(zero(device, *buffer, bytes));
        }
    return GRAFT_OK;
}

static graft_status upload(gr_params *params, gr_value *const *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const gr_param *item = gr_params_find(params, values[i]->name);
        gr_region region = gr_params_region(params, item, GR_PLANE_VALUE);
        GR_TRY(gr_store_name(params->store, item->name, region));
        if (values[i]->source)
            GR_TRY(gr_store_upload(params->store, values[i], &region));
    }
    return GRAFT_OK;
}

graft_status gr_params_create(graft_log *log, gr_store *store, gr_value *const *values,
                              size_t count, const char *no_decay, unsigned planes, gr_params **out)
{
    gr_params *params = gr_alloc(NULL, sizeof(*params));
    if (!params)
        return gr_fail(log, GRAFT_ERR_MEMORY, "parameters: out of memory");
    params->store = store;
    params->planes = planes;
    graft_status status = lay_out(log, params, values, count, no_decay);
    if (status == GRAFT_OK)
        status = create_buffers(params);
    if (status == GRAFT_OK)
        status = upload(params, values, count);
    if (status != GRAFT_OK) {
        gr_params_destroy(params);
        return status;
    }
    *out = params;
    return GRAFT_OK;
}

void gr_params_destroy(gr_params *params)
{
    if (!params)
        return;
    gr_device *device = gr_store_device(params->store);
    for (size_t b = 0; b < params->block_count; b++)
        for (int p = 0; p < GR_PLANE_COUNT; p++)
            gr_device_buffer_destroy(device, &params->blocks[b].plane[p]);
    gr_free(params);
}

gr_region gr_params_region(const gr_params *params, const gr_param *param, gr_param_plane plane)
{
    return (gr_region){params->blocks[param->block].plane[plane], param->offset, param->bytes};
}

graft_status gr_params_read(const gr_params *params, const gr_param *param, gr_param_plane plane,
                            float *values)
{
    gr_region region = gr_params_region(params, param, plane);
    return gr_store_read(params->store, &region, values);
}

graft_status gr_params_write(const gr_params *params, const gr_param *param, gr_param_plane plane,
                             const float *values)
{
    gr_region region = gr_params_region(params, param, plane);
    return gr_store_write(params->store, &region, values);
}

/* Copies between a vector and the tensors that lie in block `b`, whose bytes are `block`. */
static void move_block(const gr_params *params, size_t b, char *block, float *values, bool to_block)
{
    for (size_t i = 0; i < params->count; i++) {
        const gr_param *p = &params->items[i];
        size_t bytes = (size_t)gr_shape_count(&p->shape) * sizeof(float);
        if (p->state)
            continue;
        if (p->block == (int)b && to_block)
            memcpy(block + p->offset, values, bytes);
        else if (p->block == (int)b)
            memcpy(values, block + p->offset, bytes);
        values += bytes / sizeof(float);
    }
}

/* Block by block. What lies between the tensors has no gradient. */
static graft_status move_gradients(graft_log *log, const gr_params *params, float *gradients,
                                   bool write)
{
    gr_device *device = gr_store_device(params->store);
    graft_status status = GRAFT_OK;
    for (size_t b = 0; b < params->block_count && status == GRAFT_OK; b++) {
        gr_buffer *buffer = params->blocks[b].plane[GR_PLANE_GRADIENT];
        uint64_t bytes = params->blocks[b].bytes;
        char *block = gr_alloc(NULL, bytes);
        if (!block)
            return gr_fail(log, GRAFT_ERR_MEMORY, "parameters: out of memory");
        if (!write)
            status = gr_device_buffer_read(device, buffer, 0, block, bytes);
        if (status == GRAFT_OK)
            move_block(params, b, block, gradients, write);
        if (status == GRAFT_OK && write)
            status = gr_device_buffer_write(device, buffer, 0, block, bytes);
        gr_free(block);
    }
    return status;
}

graft_status gr_params_read_gradients(graft_log *log, const gr_params *params, float *gradients)
{
    return move_gradients(log, params, gradients, false);
}

graft_status gr_params_write_gradients(graft_log *log, const gr_params *params,
                                       const float *gradients)
{
    return move_gradients(log, params, (float *)gradients, true);
}

const gr_param *gr_params_find(const gr_params *params, const char *name)
{
    for (size_t i = 0; i < params->count; i++)
        if (strcmp(params->items[i].name, name) == 0)
            return &params->items[i];
    return NULL;
}

int64_t gr_params_total(const gr_params *params, bool with_head)
{
    int64_t total = 0;
    for (size_t i = 0; i < params->count; i++)
        if (!params->items[i].state &&
            (with_head || strncmp(params->items[i].name, "head.", 5) != 0))
            total += gr_shape_count(&params->items[i].shape);
    return total;
}
