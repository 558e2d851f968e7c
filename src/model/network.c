#include "model/network.h"

#include "build/build.h"
#include "model/backbone.h"
#include "ops/ops.h"
#include "passes/passes.h"
#include "peft/compose.h"

#include <stdlib.h>
#include <string.h>

/* Inputs of training and evaluation have names of their own: their batches may differ. */
graft_status gr_network_build(graft_log *log, gr_build build, int batch, gr_answers answers,
                              gr_network *n)
{
    bool training = answers != GR_ANSWERS_NONE;
    int64_t size = build.config->image_size;
    *n = (gr_network){0};
    GR_TRY(gr_methods_check(log, build.methods, build.config));
    n->graph = gr_graph_create(log);
    if (!n->graph)
        return gr_fail(log, GRAFT_ERR_MEMORY, "network: out of memory");
    n->image = gr_graph_input(n->graph, training ? "train.images" : "eval.images", GR_F32,
                              GR_SHAPE(batch, 3, size, size));
    n->scalars = gr_graph_input(n->graph, "scalars", GR_F32, GR_SHAPE(16));
    build.graph = n->graph;
    build.batch = batch;
    build.training = training;
    build.scalars = n->scalars;
    n->logits = gr_graph_push_slices(n->graph, gr_model_logits(&build, n->image));
    if (answers == GR_ANSWERS_LABELS) {
        n->answers = gr_graph_input(n->graph, "train.labels", GR_I32, GR_SHAPE(batch));
        n->loss = gr_cross_entropy(n->logits, n->answers, n->scalars);
    } else if (answers == GR_ANSWERS_TARGETS) {
        n->answers = gr_graph_input(n->graph, "train.targets", GR_F32,
                                    GR_SHAPE(batch, build.config->classes));
        n->loss = gr_soft_cross_entropy(n->logits, n->answers, n->scalars);
    }
    return gr_graph_status(n->graph);
}

void gr_network_release(gr_network *n)
{
    gr_pixel_input_release(&n->pixels);
    gr_plan_destroy(n->plan);
    gr_graph_destroy(n->graph);
    *n = (gr_network){0};
}

static graft_status plan_logits(graft_log *log, gr_store *store, gr_scratch *scratch,
                                const gr_build *build, int batch, gr_network *n)
{
    GR_TRY(gr_network_build(log, *build, batch, GR_ANSWERS_NONE, n));
    gr_plan_params plan = {.store = store,
                           .scratch = scratch,
                           .outputs = &n->logits,
                           .output_count = 1,
                           .tentative = batch > 1};
    return gr_plan_create(log, &plan, &n->plan);
}

graft_status gr_network_plan(graft_log *log, gr_store *store, gr_scratch *scratch,
                             const gr_build *build, int *batch, gr_network *n)
{
    graft_status status;
    while ((status = plan_logits(log, store, scratch, build, *batch, n)) ==
               GRAFT_ERR_DEVICE_MEMORY &&
           *batch > 1) {
        gr_network_release(n);
        *batch = (*batch + 1) / 2;
    }
    return status;
}

graft_status gr_network_prepare(graft_log *log, gr_store *store, gr_network *n)
{
    GR_TRY(gr_plan_prepare(n->plan));
    return gr_network_clear_images(log, store, n);
}

graft_status gr_network_fit(graft_log *log, gr_store *store, const gr_build *build, int *batch,
                            gr_network *n)
{
    GR_TRY(gr_network_plan(log, store, NULL, build, batch, n));
    return gr_network_prepare(log, store, n);
}

graft_status gr_network_clear_images(graft_log *log, gr_store *store, const gr_network *n)
{
    gr_region region;
    GR_TRY(gr_store_value(store, n->image, &region));
    void *zeros = calloc(1, region.size);
    if (!zeros)
        return gr_fail(log, GRAFT_ERR_MEMORY, "network: out of memory");
    graft_status status = gr_store_write(store, &region, zeros);
    free(zeros);
    return status;
}

graft_status gr_network_write(gr_store *store, const gr_value *input, const void *data,
                              uint64_t bytes)
{
    gr_region region;
    GR_TRY(gr_store_value(store, input, &region));
    return gr_device_buffer_write(gr_store_device(store), region.buffer, region.offset, data,
                                  bytes);
}

graft_status gr_network_copy_images(gr_store *store, const gr_network *n, const gr_region *from,
                                    int rows, gr_list **list)
{
    gr_region to;
    uint64_t size =
        (uint64_t)rows * (uint64_t)gr_shape_span(&n->image->shape, 1, 4) * sizeof(float);
    GR_TRY(gr_store_value(store, n->image, &to));
    gr_command copy = {
        .kind = GR_COMMAND_COPY,
        .barrier = true,
        .label = "images",
        .binding_count = 2,
        .binding = {{from->buffer, from->offset, size}, {to.buffer, to.offset, size}}};
    GR_TRY(gr_device_list_create(gr_store_device(store), &copy, 1, false, list));
    return gr_device_submit(gr_store_device(store), *list);
}

/* Images come from the host, as floats or as bytes, or from the device where both are NULL. */
typedef struct image_source {
    const float *images;
    const uint8_t *pixels;
    gr_region from;
} image_source;

/* Queues the images from `first` on to where the network reads them. *copy: the caller's, to be
 * destroyed after a wait. */
static graft_status write_images(gr_store *store, gr_network *n, const image_source *source,
                                 int first, int rows, gr_list **copy)
{
    size_t floats = (size_t)gr_shape_span(&n->image->shape, 1, 4), bytes = floats * sizeof(float);
    gr_region from = source->from;
    if (source->pixels)
        return gr_pixel_input_submit(&n->pixels, source->pixels + (size_t)first * floats, rows);
    if (source->images)
        return gr_network_write(store, n->image, source->images + (size_t)first * floats,
                                (size_t)rows * bytes);
    from.offset += (uint64_t)first * bytes;
    return gr_network_copy_images(store, n, &from, rows, copy);
}

/* The logits of the images from `first` on, into all rows of `padded`. */
static graft_status run_batch(gr_store *store, gr_network *n, const image_source *source, int first,
                              int rows, float *padded)
{
    gr_list *copy = NULL;
    graft_status status = write_images(store, n, source, first, rows, &copy);
    if (status == GRAFT_OK)
        status = gr_plan_run(n->plan);
    if (status == GRAFT_OK)
        status = gr_plan_read(n->plan, n->logits, padded);
    gr_device_list_destroy(gr_store_device(store), &copy);
    return status;
}

static graft_status logits_of(graft_log *log, gr_store *store, gr_network *n,
                              const image_source *source, int count, float *logits)
{
    int batch = (int)n->image->shape.dim[0];
    size_t classes = (size_t)n->logits->shape.dim[1];
    float *padded = malloc((size_t)batch * classes * sizeof(*padded));
    if (!padded)
        return gr_fail(log, GRAFT_ERR_MEMORY, "network: out of memory");
    graft_status status = GRAFT_OK;
    for (int first = 0; first < count && status == GRAFT_OK; first += batch) {
        int rows = count - first < batch ? count - first : batch;
        status = run_batch(store, n, source, first, rows, padded);
        if (status == GRAFT_OK)
            memcpy(logits + (size_t)first * classes, padded,
                   (size_t)rows * classes * sizeof(float));
    }
    free(padded);
    return status;
}

graft_status gr_network_logits(graft_log *log, gr_store *store, gr_network *n, const float *images,
                               int count, float *logits)
{
    return logits_of(log, store, n, &(image_source){.images = images}, count, logits);
}

graft_status gr_network_logits_on_device(graft_log *log, gr_store *store, gr_network *n,
                                         const gr_region *from, int count, float *logits)
{
    return logits_of(log, store, n, &(image_source){.from = *from}, count, logits);
}

static graft_status take_pixels(graft_log *log, gr_store *store, gr_network *n,
                                const gr_normalization *normalization)
{
    gr_region images;
    if (n->pixels.list)
        return GRAFT_OK;
    GR_TRY(gr_store_value(store, n->image, &images));
    graft_status status = gr_pixel_input_create(log, gr_store_device(store), normalization,
                                                (int)n->image->shape.dim[0],
                                                (int)n->image->shape.dim[2], &images, &n->pixels);
    if (status != GRAFT_OK)
        gr_pixel_input_release(&n->pixels);
    return status;
}

graft_status gr_network_logits_of_pixels(graft_log *log, gr_store *store, gr_network *n,
                                         const gr_normalization *normalization,
                                         const uint8_t *pixels, int count, float *logits)
{
    GR_TRY(take_pixels(log, store, n, normalization));
    return logits_of(log, store, n, &(image_source){.pixels = pixels}, count, logits);
}
