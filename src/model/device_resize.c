#include "model/device_resize.h"

#include "base/log.h"
#include "base/mem.h"
#include "data/resample.h"
#include "plan/elementwise.h"

#include "shaders/resample_columns.gk.h"
#include "shaders/resample_rows.gk.h"

#include <string.h>

/* One of both passes. */
typedef struct pass {
    gr_buffer *taps; /* [size, stride]: first, count, weights */
    uint64_t bytes;
    uint32_t stride;
    gr_pipeline *pipeline;
    uint32_t workgroup;
} pass;

struct gr_device_resize {
    graft_log *log;
    gr_device *device;
    uint32_t width, height, size;
    pass rows, columns;
    gr_buffer *table;   /* [3, 256] */
    gr_buffer *between; /* words [at_once, height, size] */
    uint32_t at_once;   /* images between two barriers */
};

/* So many bytes lie between the passes, or one image. */
static const uint64_t most_between = (uint64_t)32 << 20;

/* The weights of places from .. from + size - 1 of a pass, as its kernel reads them. */
static graft_status create_taps(gr_device_resize *r, const gr_resample *weights, int from,
                                pass *out)
{
    size_t stride = 2 + (size_t)weights->max_taps, size = r->size;
    int32_t *taps = gr_alloc_array(NULL, size * stride, sizeof(*taps));
    if (!taps)
        return gr_fail(r->log, GRAFT_ERR_MEMORY, "images: out of memory");
    for (size_t i = 0; i < size; i++) {
        size_t place = (size_t)from + i;
        taps[i * stride] = weights->first[place];
        taps[i * stride + 1] = weights->taps[place];
        memcpy(&taps[i * stride + 2], &weights->weights[place * (size_t)weights->max_taps],
               (size_t)weights->taps[place] * sizeof(*taps));
    }
    out->stride = (uint32_t)stride;
    out->bytes = size * stride * sizeof(*taps);
    graft_status status =
        gr_device_buffer_create(r->device, out->bytes, GR_MEMORY_DEVICE, &out->taps);
    if (status == GRAFT_OK)
        status = gr_device_buffer_write(r->device, out->taps, 0, taps, out->bytes);
    gr_free(taps);
    return status;
}

static graft_status create_pass(gr_device_resize *r, const gr_kernel *kernel,
                                gr_interpolation interpolation, int inputs, int outputs, int from,
                                pass *out)
{
    gr_resample *weights = gr_resample_create(inputs, outputs, interpolation);
    if (!weights)
        return gr_fail(r->log, GRAFT_ERR_MEMORY, "images: out of memory");
    graft_status status = create_taps(r, weights, from, out);
    gr_free(weights);
    GR_TRY(status);
    return gr_elementwise_pipeline(r->device, kernel, &out->pipeline, &out->workgroup);
}

/* So many images go through at once: as many as the device binds and there is room for. */
static graft_status create_between(gr_device_resize *r, uint64_t most_images)
{
    uint64_t most = r->device->caps.max_binding_bytes, one = (uint64_t)r->height * r->size * 4;
    uint64_t image = (uint64_t)r->height * r->width * 4, slack = r->device->caps.offset_align;
    uint64_t wider = one > image ? one : image;
    if (wider + slack > most)
        return gr_fail(r->log, GRAFT_ERR_DEVICE_MEMORY,
                       "images: %u x %u pixels are more than the %llu bytes that %s reads at once",
                       r->width, r->height, (unsigned long long)most, r->device->info.id);
    uint64_t by_binding = (most - slack) / wider, by_room = most_between / one;
    uint64_t at_once = by_binding < by_room ? by_binding : by_room;
    at_once = at_once < most_images ? at_once : most_images;
    r->at_once = at_once ? (uint32_t)at_once : 1;
    return gr_device_buffer_create(r->device, r->at_once * one, GR_MEMORY_DEVICE, &r->between);
}

static graft_status create(gr_device_resize *r, const gr_preprocess *p, int most_images)
{
    float table[3 * 256];
    gr_preprocess_geometry to = gr_preprocess_geometry_of(p, (int)r->width, (int)r->height);
    if (to.width > GR_IMAGE_MAX_SIDE || to.height > GR_IMAGE_MAX_SIDE)
        return gr_fail(r->log, GRAFT_ERR_ARGUMENT,
                       "images: %u x %u pixels become %d x %d before the crop; the most is %d",
                       r->width, r->height, to.width, to.height, GR_IMAGE_MAX_SIDE);
    GR_TRY(create_between(r, (uint64_t)most_images));
    GR_TRY(create_pass(r, &gr_kernel_resample_rows, p->interpolation, (int)r->width, to.width, to.x,
                       &r->rows));
    GR_TRY(create_pass(r, &gr_kernel_resample_columns, p->interpolation, (int)r->height, to.height,
                       to.y, &r->columns));
    gr_normalize_table(&p->normalization, table);
    GR_TRY(gr_device_buffer_create(r->device, sizeof(table), GR_MEMORY_DEVICE, &r->table));
    return gr_device_buffer_write(r->device, r->table, 0, table, sizeof(table));
}

graft_status gr_device_resize_create(graft_log *log, gr_device *device, const gr_preprocess *p,
                                     int width, int height, int most_images, gr_device_resize **out)
{
    gr_device_resize *r = gr_alloc(NULL, sizeof(*r));
    *out = NULL;
    if (!r)
        return gr_fail(log, GRAFT_ERR_MEMORY, "images: out of memory");
    r->log = log;
    r->device = device;
    r->width = (uint32_t)width;
    r->height = (uint32_t)height;
    r->size = (uint32_t)p->size;
    graft_status status = create(r, p, most_images);
    if (status == GRAFT_OK)
        *out = r;
    else
        gr_device_resize_destroy(r);
    return status;
}

void gr_device_resize_destroy(gr_device_resize *r)
{
    if (!r)
        return;
    gr_device_buffer_destroy(r->device, &r->rows.taps);
    gr_device_buffer_destroy(r->device, &r->columns.taps);
    gr_device_buffer_destroy(r->device, &r->table);
    gr_device_buffer_destroy(r->device, &r->between);
    gr_free(r);
}

bool gr_device_resize_is_for(const gr_device_resize *r, int width, int height)
{
    return r && r->width == (uint32_t)width && r->height == (uint32_t)height;
}

/* A binding may begin at multiples of the device's alignment only: *rest words before `at`. */
static gr_binding bind(const gr_device_resize *r, gr_buffer *buffer, uint64_t at, uint64_t size,
                       uint32_t *rest)
{
    uint64_t before = at % r->device->caps.offset_align;
    *rest = (uint32_t)(before / 4);
    return (gr_binding){buffer, at - before, before + size};
}

static gr_command across(const gr_device_resize *r, const gr_region *from, bool bgra,
                         uint32_t first, uint32_t count)
{
    uint64_t image = (uint64_t)r->height * r->width * 4, made = (uint64_t)r->height * r->size;
    gr_resample_rows_params p = {.count = (uint32_t)(count * made),
                                 .from_cols = r->width,
                                 .to_cols = r->size,
                                 .stride = r->rows.stride,
                                 .swap = bgra};
    gr_command c = {.kind = GR_COMMAND_DISPATCH,
                    .barrier = true,
                    .label = "images",
                    .pipeline = r->rows.pipeline,
                    .binding_count = 3};
    c.binding[0] = bind(r, from->buffer, from->offset + first * image, count * image, &p.from);
    c.binding[1] = (gr_binding){r->rows.taps, 0, r->rows.bytes};
    c.binding[2] = (gr_binding){r->between, 0, count * made * 4};
    gr_elementwise_grid(p.count, r->rows.workgroup, &p.rows, &p.cols, c.grid);
    memcpy(c.params, &p, sizeof(p));
    return c;
}

static gr_command down(const gr_device_resize *r, const gr_region *to, uint32_t first,
                       uint32_t count)
{
    uint64_t area = (uint64_t)r->size * r->size, image = 3 * area * sizeof(float);
    gr_resample_columns_params p = {.count = (uint32_t)(count * area),
                                    .from_rows = r->height,
                                    .to_rows = r->size,
                                    .to_cols = r->size,
                                    .stride = r->columns.stride};
    gr_command c = {.kind = GR_COMMAND_DISPATCH,
                    .barrier = true,
                    .label = "images",
                    .pipeline = r->columns.pipeline,
                    .binding_count = 4};
    c.binding[0] = (gr_binding){r->between, 0, (uint64_t)count * r->height * r->size * 4};
    c.binding[1] = (gr_binding){r->columns.taps, 0, r->columns.bytes};
    c.binding[2] = (gr_binding){r->table, 0, 3 * 256 * sizeof(float)};
    c.binding[3] = bind(r, to->buffer, to->offset + first * image, count * image, &p.to);
    gr_elementwise_grid(p.count, r->columns.workgroup, &p.rows, &p.cols, c.grid);
    memcpy(c.params, &p, sizeof(p));
    return c;
}

graft_status gr_device_resize_record(gr_device_resize *r, const gr_region *from, bool bgra,
                                     int count, const gr_region *to, gr_list **out)
{
    uint32_t images = (uint32_t)count, parts = (images + r->at_once - 1) / r->at_once;
    gr_command *commands = gr_alloc_array(NULL, 2 * (size_t)parts, sizeof(*commands));
    *out = NULL;
    if (!commands)
        return gr_fail(r->log, GRAFT_ERR_MEMORY, "images: out of memory");
    for (uint32_t i = 0; i < parts; i++) {
        uint32_t first = i * r->at_once;
        uint32_t part = images - first < r->at_once ? images - first : r->at_once;
        commands[2 * i] = across(r, from, bgra, first, part);
        commands[2 * i + 1] = down(r, to, first, part);
    }
    graft_status status = gr_device_list_create(r->device, commands, 2 * (int)parts, false, out);
    gr_free(commands);
    return status;
}
