#include "plan/store.h"

#include "base/convert.h"
#include "base/mem.h"
#include "base/system.h"
#include "plan/precision.h"

#include <stdlib.h>
#include <string.h>

/* Small tensors share blocks of this size: drivers limit the number of allocations. A store on
 * another one holds less. */
static const uint64_t BLOCK_BYTES = 4u << 20, UPPER_BLOCK_BYTES = 256u << 10;

/* Values are converted and uploaded in pieces, so that no second copy of a weight is needed. */
enum { UPLOAD_ELEMENTS = 1 << 18 };

typedef struct entry {
    char *name;
    gr_region region;
} entry;

struct gr_store {
    graft_log *log;
    gr_device *device;
    gr_store *below; /* NULL: none */
    gr_store_shared *shared;
    void *user;
    graft_weights weights;
    uint64_t block_bytes;
    entry *entries;
    size_t count;
    gr_buffer **buffers; /* owned */
    size_t buffer_count;
    struct {
        gr_buffer *buffer;
        uint64_t size, used;
    } block[2];           /* by gr_memory: what small tensors are cut from */
    const gr_store *base; /* of a dry store; NULL otherwise */
    uint64_t dry_bytes, dry_peak;
};

graft_status gr_store_create(graft_log *log, gr_device *device, gr_store **out)
{
    gr_store *store = gr_alloc(NULL, sizeof(*store));
    if (!store)
        return gr_fail(log, GRAFT_ERR_MEMORY, "store: out of memory");
    store->log = log;
    store->device = device;
    store->block_bytes = BLOCK_BYTES;
    *out = store;
    return GRAFT_OK;
}

graft_status gr_store_create_on(gr_store *below, gr_store_shared *shared, void *user,
                                gr_store **out)
{
    GR_TRY(gr_store_create(below->log, below->device, out));
    (*out)->below = below;
    (*out)->shared = shared;
    (*out)->user = user;
    (*out)->weights = below->weights;
    (*out)->block_bytes = UPPER_BLOCK_BYTES;
    return GRAFT_OK;
}

void gr_store_set_weights(gr_store *store, graft_weights weights)
{
    store->weights = weights;
}

graft_weights gr_store_kept(gr_store *store, const gr_value *value)
{
    return gr_precision_of(gr_store_of(store, value)->weights, value);
}

static uint64_t bytes_of(const gr_store *store, const gr_value *value)
{
    graft_weights kept = gr_precision_of(store->weights, value);
    return kept == GRAFT_WEIGHTS_F32
               ? (uint64_t)gr_shape_count(&value->shape) * gr_dtype_size(value->dtype)
               : gr_precision_bytes(kept, value);
}

/* Inputs of another size than those below are kept apart, too. */
gr_store *gr_store_of(gr_store *store, const gr_value *value)
{
    bool input = value->kind == GR_VALUE_INPUT, frozen = value->kind == GR_VALUE_FROZEN;
    if (!store->below || !(input || frozen) || !store->shared(store->user, value))
        return store;
    gr_region there = gr_store_find(store->below, value->name);
    return frozen || !there.buffer || there.size == bytes_of(store->below, value) ? store->below
                                                                                  : store;
}

graft_status gr_store_create_dry(graft_log *log, const gr_store *base, gr_store **out)
{
    GR_TRY(gr_store_create(log, base->device, out));
    memcpy((*out)->block, base->block, sizeof(base->block));
    (*out)->base = base;
    (*out)->weights = base->weights;
    return GRAFT_OK;
}

bool gr_store_is_dry(const gr_store *store)
{
    return store->base != NULL;
}

uint64_t gr_store_dry_peak(const gr_store *store)
{
    return store->dry_peak;
}

void gr_store_destroy(gr_store *store)
{
    if (!store)
        return;
    for (size_t i = 0; i < store->buffer_count; i++)
        gr_store_buffer_destroy(store, &store->buffers[i]);
    gr_free(store);
}

gr_device *gr_store_device(const gr_store *store)
{
    return store->device;
}

gr_region gr_store_find(const gr_store *store, const char *name)
{
    for (size_t i = 0; i < store->count; i++)
        if (strcmp(store->entries[i].name, name) == 0)
            return store->entries[i].region;
    return store->base ? gr_store_find(store->base, name) : (gr_region){0};
}

graft_status gr_store_name(gr_store *store, const char *name, gr_region region)
{
    entry *e = gr_push(store, (void **)&store->entries, &store->count, sizeof(*e));
    if (!e || !(e->name = gr_strdup(store, name)))
        return gr_fail(store->log, GRAFT_ERR_MEMORY, "store: out of memory");
    e->region = region;
    return GRAFT_OK;
}

void gr_store_forget(gr_store *store, const char *name)
{
    for (size_t i = 0; i < store->count; i++)
        if (strcmp(store->entries[i].name, name) == 0) {
            store->entries[i] = store->entries[--store->count];
            return;
        }
}

/* Stands for a buffer of a dry store, behind its type. */
typedef struct dry_buffer {
    uint64_t bytes;
} dry_buffer;

graft_status gr_store_buffer_create(gr_store *store, uint64_t size_bytes, gr_memory memory,
                                    gr_buffer **out)
{
    if (!store->base)
        return gr_device_buffer_create(store->device, size_bytes, memory, out);
    dry_buffer *dry = gr_alloc(store, sizeof(*dry));
    if (!dry)
        return gr_fail(store->log, GRAFT_ERR_MEMORY, "store: out of memory");
    dry->bytes = size_bytes;
    store->dry_bytes += size_bytes;
    if (store->dry_bytes > store->dry_peak)
        store->dry_peak = store->dry_bytes;
    *out = (gr_buffer *)dry;
    return GRAFT_OK;
}

void gr_store_buffer_destroy(gr_store *store, gr_buffer **buffer)
{
    if (!store->base) {
        gr_device_buffer_destroy(store->device, buffer);
    } else if (*buffer) {
        dry_buffer *dry = (dry_buffer *)*buffer;
        store->dry_bytes -= dry->bytes;
        gr_free(dry);
        *buffer = NULL;
    }
}

static graft_status own_buffer(gr_store *store, uint64_t size, gr_memory memory, gr_buffer **out)
{
    GR_TRY(gr_store_buffer_create(store, size, memory, out));
    gr_buffer **owned =
        gr_push(store, (void **)&store->buffers, &store->buffer_count, sizeof(*owned));
    if (!owned) {
        gr_store_buffer_destroy(store, out);
        return gr_fail(store->log, GRAFT_ERR_MEMORY, "store: out of memory");
    }
    *owned = *out;
    return GRAFT_OK;
}

/* Small tensors come from a shared block. */
static bool is_small(const gr_store *store, uint64_t size)
{
    return size <= store->block_bytes / 4;
}

static uint64_t aligned(const gr_store *store, uint64_t size)
{
    uint64_t align = store->device->caps.offset_align;
    return (size + align - 1) / align * align;
}

static graft_status cut_from_block(gr_store *store, uint64_t size, gr_memory memory, gr_region *out)
{
    if (!store->block[memory].buffer ||
        store->block[memory].used + size > store->block[memory].size) {
        GR_TRY(own_buffer(store, store->block_bytes, memory, &store->block[memory].buffer));
        store->block[memory].size = store->block_bytes;
        store->block[memory].used = 0;
    }
    *out = (gr_region){store->block[memory].buffer, store->block[memory].used, size};
    store->block[memory].used += aligned(store, size);
    return GRAFT_OK;
}

graft_status gr_store_allocate(gr_store *store, const char *name, uint64_t size_bytes,
                               gr_memory memory, gr_region *out)
{
    const gr_caps *caps = &store->device->caps;
    if (size_bytes > caps->max_binding_bytes || size_bytes > caps->max_buffer_bytes)
        return gr_fail(store->log, GRAFT_ERR_DEVICE_MEMORY,
                       "%s: %llu MiB, but %s binds at most %llu MiB at once", name,
                       (unsigned long long)(size_bytes >> 20), store->device->info.id,
                       (unsigned long long)(caps->max_binding_bytes >> 20));
    gr_region region = {.size = size_bytes};
    if (is_small(store, size_bytes))
        GR_TRY(cut_from_block(store, size_bytes, memory, &region));
    else
        GR_TRY(own_buffer(store, size_bytes, memory, &region.buffer));
    GR_TRY(gr_store_name(store, name, region));
    *out = region;
    return GRAFT_OK;
}

static graft_status upload(gr_store *store, const gr_value *value, const gr_region *region)
{
    int64_t count = gr_shape_count(&value->shape);
    graft_weights kept = gr_precision_of(store->weights, value);
    if (store->base)
        return GRAFT_OK;
    if (kept != GRAFT_WEIGHTS_F32)
        return gr_precision_upload(store->log, store->device, kept, value, region);
    if (value->source_dtype == value->dtype) /* F32, or integers to stay so */
        return gr_device_buffer_write(store->device, region->buffer, region->offset, value->source,
                                      (uint64_t)count * gr_dtype_size(value->dtype));
    float *chunk = malloc(UPLOAD_ELEMENTS * sizeof(float));
    if (!chunk)
        return gr_fail(store->log, GRAFT_ERR_MEMORY, "%s: out of memory", value->name);
    graft_status status = GRAFT_OK;
    for (int64_t at = 0; at < count && status == GRAFT_OK; at += UPLOAD_ELEMENTS) {
        int64_t n = count - at < UPLOAD_ELEMENTS ? count - at : UPLOAD_ELEMENTS;
        const char *from = (const char *)value->source + at * gr_dtype_size(value->source_dtype);
        gr_to_f32(value->source_dtype, from, (size_t)n, chunk);
        status = gr_device_buffer_write(store->device, region->buffer,
                                        region->offset + (uint64_t)at * sizeof(float), chunk,
                                        (uint64_t)n * sizeof(float));
    }
    free(chunk);
    return status;
}

/* What is on the device need not be in the host's memory beside it. */
graft_status gr_store_upload(gr_store *store, const gr_value *value, const gr_region *region)
{
    graft_status status = upload(store, value, region);
    if (value->source_is_mapped && !store->base)
        gr_release_mapped(value->source, (size_t)gr_shape_count(&value->shape) *
                                             (size_t)gr_dtype_size(value->source_dtype));
    return status;
}

graft_status gr_store_value(gr_store *store, const gr_value *value, gr_region *out)
{
    store = gr_store_of(store, value);
    *out = gr_store_find(store, value->name);
    uint64_t size = bytes_of(store, value);
    if (out->buffer && out->size != size)
        return gr_fail(store->log, GRAFT_ERR_SHAPE, "%s: %llu bytes on the device, expected %llu",
                       value->name, (unsigned long long)out->size, (unsigned long long)size);
    if (out->buffer)
        return GRAFT_OK;
    gr_memory memory = value->kind == GR_VALUE_INPUT ? GR_MEMORY_HOST : GR_MEMORY_DEVICE;
    GR_TRY(gr_store_allocate(store, value->name, size, memory, out));
    graft_status status = value->source ? gr_store_upload(store, value, out) : GRAFT_OK;
    if (status != GRAFT_OK)
        gr_store_forget(store, value->name);
    return status;
}

graft_status gr_store_write(gr_store *store, const gr_region *region, const void *data)
{
    return gr_device_buffer_write(store->device, region->buffer, region->offset, data,
                                  region->size);
}

graft_status gr_store_read(gr_store *store, const gr_region *region, void *data)
{
    return gr_device_buffer_read(store->device, region->buffer, region->offset, data, region->size);
}
