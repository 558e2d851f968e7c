#include "model/transfers.h"

#include "base/log.h"
#include "base/mem.h"
#include "model/device_resize.h"

#include <stdlib.h>
#include <string.h>

/* What a list is known by. */
typedef struct transfer {
    graft_device_images images; /* `buffer` is shared; that of answers as well */
    int first, rows;            /* 0: answers */
    gr_region other;            /* what the network has */
} transfer;

typedef struct recorded {
    transfer what;
    gr_list *list;
} recorded;

struct gr_transfers {
    graft_log *log;
    gr_device *device;
    gr_preprocess preprocess;
    int batch;
    gr_device_resize *resize; /* of the latest size; NULL: none yet */
    recorded *lists;
    size_t count;
};

/* More lists than that are begun anew, so that batches all over a large buffer do not add up. */
enum { MOST_LISTS = 64 };

graft_status gr_transfers_create(graft_log *log, gr_device *device, const gr_preprocess *preprocess,
                                 int batch, gr_transfers **out)
{
    gr_transfers *t = gr_alloc(NULL, sizeof(*t));
    *out = t;
    if (!t)
        return gr_fail(log, GRAFT_ERR_MEMORY, "images: out of memory");
    t->log = log;
    t->device = device;
    t->preprocess = *preprocess;
    t->batch = batch;
    return GRAFT_OK;
}

void gr_transfers_forget(gr_transfers *t)
{
    if (!t || t->count == 0)
        return;
    gr_device_wait(t->device); /* a lost device is no reason to keep anything */
    for (size_t i = 0; i < t->count; i++) {
        gr_device_list_destroy(t->device, &t->lists[i].list);
        graft_buffer_destroy(&t->lists[i].what.images.buffer);
    }
    t->count = 0;
}

void gr_transfers_destroy(gr_transfers *t)
{
    if (!t)
        return;
    gr_transfers_forget(t);
    gr_device_resize_destroy(t->resize);
    gr_free(t);
}

static uint64_t bytes_of(const gr_transfers *t, const graft_device_images *images, int count)
{
    uint64_t size = (uint64_t)t->preprocess.size;
    return (uint64_t)count * (images->width ? (uint64_t)images->width * (uint64_t)images->height * 4
                                            : 3 * size * size * sizeof(float));
}

graft_status gr_transfers_check(gr_transfers *t, const graft_device_images *images, int count)
{
    gr_region region;
    if (images->width < 0 || images->height < 0 || !images->width != !images->height ||
        images->width > GR_IMAGE_MAX_SIDE || images->height > GR_IMAGE_MAX_SIDE)
        return gr_fail(t->log, GRAFT_ERR_ARGUMENT,
                       "images: of %d x %d pixels; expected sides of 1 to %d, or 0 x 0 for floats",
                       images->width, images->height, GR_IMAGE_MAX_SIDE);
    return gr_buffer_region(t->log, images->buffer, t->device, "images", images->offset_bytes,
                            bytes_of(t, images, count), &region);
}

static bool same(const transfer *a, const transfer *b)
{
    const graft_device_images *x = &a->images, *y = &b->images;
    return x->buffer == y->buffer && x->offset_bytes == y->offset_bytes && x->width == y->width &&
           x->height == y->height && x->bgra == y->bgra && a->first == b->first &&
           a->rows == b->rows && a->other.buffer == b->other.buffer &&
           a->other.offset == b->other.offset && a->other.size == b->other.size;
}

static gr_list *find(const gr_transfers *t, const transfer *what)
{
    for (size_t i = 0; i < t->count; i++)
        if (same(&t->lists[i].what, what))
            return t->lists[i].list;
    return NULL;
}

static graft_status record_copy(gr_transfers *t, const gr_region *from, const gr_region *to,
                                gr_list **out)
{
    gr_command copy = {
        .kind = GR_COMMAND_COPY,
        .barrier = true,
        .label = "images",
        .binding_count = 2,
        .binding = {{from->buffer, from->offset, to->size}, {to->buffer, to->offset, to->size}}};
    return gr_device_list_create(t->device, &copy, 1, false, out);
}

/* The resize for images of that size: making one waits, as lists on another one are at work. */
static graft_status resize_for(gr_transfers *t, const graft_device_images *images)
{
    if (gr_device_resize_is_for(t->resize, images->width, images->height))
        return GRAFT_OK;
    gr_transfers_forget(t);
    gr_device_resize_destroy(t->resize);
    t->resize = NULL;
    return gr_device_resize_create(t->log, t->device, &t->preprocess, images->width, images->height,
                                   t->batch, &t->resize);
}

static graft_status record(gr_transfers *t, const transfer *what, gr_list **out)
{
    const graft_device_images *images = &what->images;
    gr_region own = {images->buffer->handle, images->buffer->offset + images->offset_bytes, 0};
    gr_region other = what->other;
    if (what->rows == 0)
        return record_copy(t, &other, &(gr_region){own.buffer, own.offset, other.size}, out);
    own.offset += bytes_of(t, images, what->first);
    own.size = bytes_of(t, images, what->rows);
    if (images->width)
        return gr_device_resize_record(t->resize, &own, images->bgra, what->rows, &other, out);
    other.size = own.size;
    return record_copy(t, &own, &other, out);
}

static graft_status submit(gr_transfers *t, const transfer *what)
{
    gr_list *list;
    if (what->rows && what->images.width)
        GR_TRY(resize_for(t, &what->images));
    list = find(t, what);
    if (list)
        return gr_device_submit(t->device, list);
    if (t->count == MOST_LISTS)
        gr_transfers_forget(t);
    GR_TRY(record(t, what, &list));
    recorded *place = gr_push(t, (void **)&t->lists, &t->count, sizeof(*place));
    if (!place) {
        gr_device_list_destroy(t->device, &list);
        return gr_fail(t->log, GRAFT_ERR_MEMORY, "images: out of memory");
    }
    *place = (recorded){*what, list};
    gr_buffer_share(what->images.buffer);
    return gr_device_submit(t->device, list);
}

graft_status gr_transfers_images(gr_transfers *t, const graft_device_images *images, int first,
                                 int rows, const gr_region *to)
{
    return submit(t, &(transfer){*images, first, rows, *to});
}

graft_status gr_transfers_answers(gr_transfers *t, const gr_region *from, graft_buffer *buffer,
                                  uint64_t offset_bytes)
{
    graft_device_images there = {.buffer = buffer, .offset_bytes = offset_bytes};
    return submit(t, &(transfer){.images = there, .other = *from});
}
