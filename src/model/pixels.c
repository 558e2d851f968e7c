#include "model/pixels.h"

#include "base/mem.h"
#include "plan/elementwise.h"

#include "shaders/normalize_images.gk.h"

#include <string.h>

enum { TABLE_BYTES = 3 * 256 * sizeof(float) };

static graft_status create_table(gr_normalizer *n, const gr_normalization *normalization)
{
    float table[3 * 256];
    gr_normalize_table(normalization, table);
    GR_TRY(gr_device_buffer_create(n->device, TABLE_BYTES, GR_MEMORY_DEVICE, &n->table));
    return gr_device_buffer_write(n->device, n->table, 0, table, sizeof(table));
}

graft_status gr_normalizer_create(gr_device *device, const gr_normalization *normalization,
                                  gr_normalizer *n)
{
    *n = (gr_normalizer){.device = device};
    GR_TRY(create_table(n, normalization));
    return gr_elementwise_pipeline(device, &gr_kernel_normalize_images, &n->pipeline,
                                   &n->workgroup);
}

void gr_normalizer_release(gr_normalizer *n)
{
    if (n->device)
        gr_device_buffer_destroy(n->device, &n->table);
    *n = (gr_normalizer){0};
}

uint64_t gr_normalizer_bytes(int count, int size)
{
    return ((uint64_t)count * 3u * (uint64_t)size * (uint64_t)size + 3) / 4 * 4;
}

gr_command gr_normalizer_command(const gr_normalizer *normalizer, const gr_region *pixels,
                                 int count, int size, const gr_region *images)
{
    uint32_t area = (uint32_t)(size * size);
    gr_normalize_images_params n = {.count = (uint32_t)count * 3u * area, .area = area};
    gr_command c = {
        .kind = GR_COMMAND_DISPATCH,
        .label = "images",
        .pipeline = normalizer->pipeline,
        .binding_count = 3,
        .binding = {{pixels->buffer, pixels->offset, pixels->size},
                    {normalizer->table, 0, TABLE_BYTES},
                    {images->buffer, images->offset, images->size}},
    };
    gr_elementwise_grid(n.count, normalizer->workgroup, &n.rows, &n.cols, c.grid);
    memcpy(c.params, &n, sizeof(n));
    return c;
}

/* What a partial batch leaves unwritten are bytes of some picture, or 0. */
static graft_status clear(graft_log *log, gr_device *device, gr_buffer *buffer, uint64_t bytes)
{
    void *zeros = gr_alloc(NULL, bytes);
    if (!zeros)
        return gr_fail(log, GRAFT_ERR_MEMORY, "images: out of memory");
    graft_status status = gr_device_buffer_write(device, buffer, 0, zeros, bytes);
    gr_free(zeros);
    return status;
}

graft_status gr_pixel_input_create(graft_log *log, gr_device *device,
                                   const gr_normalization *normalization, int count, int size,
                                   const gr_region *images, gr_pixel_input *in)
{
    uint64_t bytes = gr_normalizer_bytes(count, size);
    *in = (gr_pixel_input){.size = size};
    GR_TRY(gr_normalizer_create(device, normalization, &in->normalizer));
    GR_TRY(gr_device_buffer_create(device, bytes, GR_MEMORY_HOST, &in->pixels));
    GR_TRY(clear(log, device, in->pixels, bytes));
    gr_region pixels = {in->pixels, 0, bytes};
    gr_command c = gr_normalizer_command(&in->normalizer, &pixels, count, size, images);
    c.barrier = true;
    return gr_device_list_create(device, &c, 1, false, &in->list);
}

void gr_pixel_input_release(gr_pixel_input *in)
{
    gr_device *device = in->normalizer.device;
    if (device) {
        gr_device_list_destroy(device, &in->list);
        gr_device_buffer_destroy(device, &in->pixels);
    }
    gr_normalizer_release(&in->normalizer);
    *in = (gr_pixel_input){0};
}

graft_status gr_pixel_input_submit(gr_pixel_input *in, const uint8_t *pixels, int count)
{
    gr_device *device = in->normalizer.device;
    uint64_t bytes = (uint64_t)count * 3u * (uint64_t)in->size * (uint64_t)in->size;
    GR_TRY(gr_device_buffer_write_now(device, in->pixels, 0, pixels, bytes));
    return gr_device_submit(device, in->list);
}
