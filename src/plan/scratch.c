#include "plan/scratch.h"

#include "base/log.h"
#include "base/mem.h"

typedef struct block {
    gr_buffer *buffer;
    uint64_t bytes;
} block;

struct gr_scratch {
    graft_log *log;
    gr_device *device;
    block *blocks;
    size_t count;
};

graft_status gr_scratch_create(graft_log *log, gr_device *device, gr_scratch **out)
{
    gr_scratch *scratch = gr_alloc(NULL, sizeof(*scratch));
    if (!scratch)
        return gr_fail(log, GRAFT_ERR_MEMORY, "scratch: out of memory");
    scratch->log = log;
    scratch->device = device;
    *out = scratch;
    return GRAFT_OK;
}

void gr_scratch_destroy(gr_scratch *scratch)
{
    for (size_t i = 0; scratch && i < scratch->count; i++)
        gr_device_buffer_destroy(scratch->device, &scratch->blocks[i].buffer);
    gr_free(scratch);
}

bool gr_scratch_fits(const gr_scratch *scratch, const uint64_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (i >= scratch->count || scratch->blocks[i].bytes < bytes[i])
            return false;
    return true;
}

static graft_status grow_block(gr_scratch *scratch, block *b, uint64_t bytes)
{
    if (b->bytes >= bytes)
        return GRAFT_OK;
    gr_device_buffer_destroy(scratch->device, &b->buffer);
    b->bytes = 0;
    GR_TRY(gr_device_buffer_create(scratch->device, bytes, GR_MEMORY_DEVICE, &b->buffer));
    b->bytes = bytes;
    return GRAFT_OK;
}

graft_status gr_scratch_grow(gr_scratch *scratch, const uint64_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        block *b = i < scratch->count
                       ? &scratch->blocks[i]
                       : gr_push(scratch, (void **)&scratch->blocks, &scratch->count, sizeof(*b));
        if (!b)
            return gr_fail(scratch->log, GRAFT_ERR_MEMORY, "scratch: out of memory");
        GR_TRY(grow_block(scratch, b, bytes[i]));
    }
    return GRAFT_OK;
}

graft_status gr_scratch_borrow(const gr_scratch *scratch, const uint64_t *bytes, size_t count,
                               gr_buffer **blocks)
{
    if (!gr_scratch_fits(scratch, bytes, count))
        return gr_fail(scratch->log, GRAFT_ERR_ARGUMENT, "scratch: too small for the plan");
    for (size_t i = 0; i < count; i++)
        blocks[i] = scratch->blocks[i].buffer;
    return GRAFT_OK;
}
