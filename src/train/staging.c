#include "train/staging.h"

#include "base/mem.h"

/* A micro-batch of a slot: one buffer with scalars, targets and pixels. */
typedef struct gr_staged {
    gr_buffer *buffer;
    gr_list *plain, *with_images;
} gr_staged;

struct gr_staging {
    graft_log *log;
    gr_device *device;
    gr_staging_params params;
    gr_staged *pieces; /* [slots, micros] */
    int micros;
    gr_normalizer normalizer;
};

static int count_micros(const gr_staging_params *p)
{
    return (p->batch + p->micro - 1) / p->micro;
}

static uint64_t align(const gr_staging_params *p, uint64_t bytes)
{
    uint64_t step = gr_store_device(p->store)->caps.offset_align;
    step = step < 4 ? 4 : step;
    return (bytes + step - 1) / step * step;
}

static uint64_t targets_at(const gr_staging_params *p)
{
    return align(p, sizeof(gr_scalars));
}

static uint64_t pixels_at(const gr_staging_params *p)
{
    return targets_at(p) + align(p, p->targets.size);
}

static uint64_t image_bytes(const gr_staging_params *p)
{
    return 3u * (uint64_t)p->image_size * (uint64_t)p->image_size;
}

static uint64_t pixel_bytes(const gr_staging_params *p)
{
    return p->normalization ? align(p, (uint64_t)p->micro * image_bytes(p)) : 0;
}

static uint64_t piece_bytes(const gr_staging_params *p)
{
    return pixels_at(p) + pixel_bytes(p);
}

uint64_t gr_staging_bytes(const gr_staging_params *p)
{
    return GR_STAGING_SLOTS * (uint64_t)count_micros(p) * piece_bytes(p);
}

static gr_binding bind(const gr_region *region)
{
    return (gr_binding){region->buffer, region->offset, region->size};
}

static gr_command copy(gr_buffer *from, uint64_t offset, const gr_region *to)
{
    return (gr_command){
        .kind = GR_COMMAND_COPY,
        .label = "batch",
        .binding_count = 2,
        .binding = {{from, offset, to->size}, bind(to)},
    };
}

static graft_status create_piece(gr_staging *s, gr_staged *piece)
{
    const gr_staging_params *p = &s->params;
    GR_TRY(gr_device_buffer_create(s->device, piece_bytes(p), GR_MEMORY_HOST, &piece->buffer));
    gr_command commands[3] = {copy(piece->buffer, 0, &p->scalars),
                              copy(piece->buffer, targets_at(p), &p->targets)};
    GR_TRY(gr_device_list_create(s->device, commands, 2, false, &piece->plain));
    if (!p->normalization)
        return GRAFT_OK;
    gr_region pixels = {piece->buffer, pixels_at(p), pixel_bytes(p)};
    commands[2] =
        gr_normalizer_command(&s->normalizer, &pixels, p->micro, p->image_size, &p->images);
    return gr_device_list_create(s->device, commands, 3, false, &piece->with_images);
}

/* Rows that a partial batch leaves unwritten are bytes of some picture, or 0. */
static graft_status clear(gr_staging *s, const gr_staged *piece)
{
    uint64_t bytes = piece_bytes(&s->params);
    void *zeros = gr_alloc(NULL, bytes);
    if (!zeros)
        return gr_fail(s->log, GRAFT_ERR_MEMORY, "staging: out of memory");
    graft_status status = gr_device_buffer_write(s->device, piece->buffer, 0, zeros, bytes);
    gr_free(zeros);
    return status;
}

graft_status gr_staging_create(graft_log *log, const gr_staging_params *params, gr_staging **out)
{
    gr_staging *s = gr_alloc(NULL, sizeof(*s));
    int micros = count_micros(params);
    if (!s ||
        !(s->pieces = gr_alloc_array(s, (size_t)(GR_STAGING_SLOTS * micros), sizeof(*s->pieces)))) {
        gr_free(s);
        return gr_fail(log, GRAFT_ERR_MEMORY, "staging: out of memory");
    }
    s->log = log;
    s->device = gr_store_device(params->store);
    s->params = *params;
    s->micros = micros;
    graft_status status = GRAFT_OK;
    if (params->normalization)
        status = gr_normalizer_create(s->device, params->normalization, &s->normalizer);
    for (int i = 0; i < GR_STAGING_SLOTS * micros && status == GRAFT_OK; i++) {
        status = create_piece(s, &s->pieces[i]);
        if (status == GRAFT_OK)
            status = clear(s, &s->pieces[i]);
    }
    if (status == GRAFT_OK)
        *out = s;
    else
        gr_staging_destroy(s);
    return status;
}

void gr_staging_destroy(gr_staging *s)
{
    if (!s)
        return;
    for (int i = 0; i < GR_STAGING_SLOTS * s->micros; i++) {
        gr_device_list_destroy(s->device, &s->pieces[i].plain);
        gr_device_list_destroy(s->device, &s->pieces[i].with_images);
        gr_device_buffer_destroy(s->device, &s->pieces[i].buffer);
    }
    gr_normalizer_release(&s->normalizer);
    gr_free(s);
}

static gr_staged *piece_of(gr_staging *s, int slot, int micro)
{
    return &s->pieces[slot * s->micros + micro];
}

graft_status gr_staging_write(gr_staging *s, int slot, int micro, const gr_scalars *scalars,
                              const void *targets, const uint8_t *pixels, int count)
{
    const gr_staging_params *p = &s->params;
    gr_buffer *to = piece_of(s, slot, micro)->buffer;
    GR_TRY(gr_device_buffer_write_now(s->device, to, 0, scalars, sizeof(*scalars)));
    GR_TRY(gr_device_buffer_write_now(s->device, to, targets_at(p), targets, p->targets.size));
    return pixels ? gr_device_buffer_write_now(s->device, to, pixels_at(p), pixels,
                                               (uint64_t)count * image_bytes(p))
                  : GRAFT_OK;
}

graft_status gr_staging_submit(gr_staging *s, int slot, int micro, bool images)
{
    const gr_staged *piece = piece_of(s, slot, micro);
    return gr_device_submit(s->device, images ? piece->with_images : piece->plain);
}
