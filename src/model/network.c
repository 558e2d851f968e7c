#include "model/network.h"

#include "build/build.h"
#include "model/backbone.h"
#include "ops/ops.h"
#include "passes/passes.h"
#include "peft/compose.h"

#include <stdlib.h>
#include <string.h>

/* Inputs of training and evaluation have names of their own: their batches may differ. */
graft_status gr_network_build(graft_log *log, gr_build build, int batch, gr_target_kind targets,
                              gr_network *n)
{
    bool training = targets != GR_TARGETS_NONE;
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
    gr_value *logits = gr_model_logits(&build, n->image);
    n->logits =
        gr_graph_push_slices(n->graph, build.probabilities ? gr_softmax(logits, 1.0f) : logits);
    if (targets == GR_TARGETS_LABELS) {
        n->targets = gr_graph_input(n->graph, "train.labels", GR_I32, GR_SHAPE(batch));
        n->loss = gr_cross_entropy(n->logits, n->targets, n->scalars);
    } else if (targets == GR_TARGETS_SOFT) {
        n->targets = gr_graph_input(n->graph, "train.targets", GR_F32,
                                    GR_SHAPE(batch, build.config->classes));
        n->loss = gr_soft_cross_entropy(n->logits, n->targets, n->scalars);
    }
    if (build.cut_features)
        n->cut_count = gr_graph_cut_features(n->graph, n->image, n->loss ? n->loss : n->logits,
                                             n->cut, GR_FEATURES_MAX);
    return gr_graph_status(n->graph);
}

void gr_network_release(gr_network *n)
{
    gr_features_destroy(n->features);
    gr_pixel_input_release(&n->pixels);
    gr_plan_destroy(n->plan);
    gr_graph_destroy(n->graph);
    *n = (gr_network){0};
}

static graft_status plan_logits(graft_log *log, gr_store *store, gr_scratch *scratch,
                                const gr_build *build, int batch, gr_network *n)
{
    GR_TRY(gr_network_build(log, *build, batch, GR_TARGETS_NONE, n));
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

/* Images come from the host, as floats or as bytes, or from the device where both are NULL. */
typedef struct image_source {
    const uint32_t *numbers; /* of images whose features may be kept; or NULL */
    const float *images;
    const uint8_t *pixels;
    gr_transfers *transfers;
    const graft_device_images *on_device;
} image_source;

/* Queues the images from `first` on to where the network reads them. */
static graft_status write_images(gr_store *store, gr_network *n, const image_source *source,
                                 int first, int rows)
{
    size_t floats = (size_t)gr_shape_span(&n->image->shape, 1, 4);
    gr_region to;
    if (source->pixels)
        return gr_pixel_input_submit(&n->pixels, source->pixels + (size_t)first * floats, rows);
    if (source->images)
        return gr_network_write(store, n->image, source->images + (size_t)first * floats,
                                (size_t)rows * floats * sizeof(float));
    GR_TRY(gr_store_value(store, n->image, &to));
    return gr_transfers_images(source->transfers, source->on_device, first, rows, &to);
}

/* Queues a run on the images from `first` on; *result: where the logits will lie. */
static graft_status run_batch(gr_store *store, gr_network *n, const image_source *source, int first,
                              int rows, gr_region *result)
{
    const uint32_t *numbers = source->numbers ? source->numbers + first : NULL;
    if (!gr_features_have(n->features, numbers, rows))
        GR_TRY(write_images(store, n, source, first, rows));
    GR_TRY(gr_features_supply(n->features, numbers, rows));
    GR_TRY(gr_plan_run(n->plan));
    *result = gr_plan_output(n->plan, n->logits);
    return GRAFT_OK;
}

static int rows_of(const gr_network *n, int count, int first)
{
    int batch = (int)n->image->shape.dim[0];
    return count - first < batch ? count - first : batch;
}

static graft_status batch_logits(gr_store *store, gr_network *n, const image_source *source,
                                 int first, int rows, float *logits)
{
    gr_region from;
    GR_TRY(run_batch(store, n, source, first, rows, &from));
    return gr_device_buffer_read(gr_store_device(store), from.buffer, from.offset, logits,
                                 (size_t)rows * (size_t)n->logits->shape.dim[1] * sizeof(*logits));
}

/* A forward pass changes nothing that it reads: one that the driver dropped is done again. */
static graft_status logits_of(gr_store *store, gr_network *n, const image_source *source, int count,
                              float *logits)
{
    size_t classes = (size_t)n->logits->shape.dim[1];
    for (int first = 0, rows; first < count; first += rows) {
        float *to = logits + (size_t)first * classes;
        rows = rows_of(n, count, first);
        graft_status status = batch_logits(store, n, source, first, rows, to);
        if (status != GRAFT_OK && gr_device_has_dropped(gr_store_device(store))) {
            GR_TRY(gr_plan_cut(n->plan, GR_PLAN_SMALL_LIST));
            status = batch_logits(store, n, source, first, rows, to);
        }
        GR_TRY(status);
    }
    return GRAFT_OK;
}

graft_status gr_network_logits(gr_store *store, gr_network *n, const float *images, int count,
                               float *logits)
{
    return logits_of(store, n, &(image_source){.images = images}, count, logits);
}

graft_status gr_network_logits_on_device(gr_store *store, gr_network *n, gr_transfers *transfers,
                                         const graft_device_images *images, int count,
                                         float *logits)
{
    GR_TRY(gr_transfers_check(transfers, images, count));
    image_source source = {.transfers = transfers, .on_device = images};
    return logits_of(store, n, &source, count, logits);
}

graft_status gr_network_run_on_device(graft_log *log, gr_store *store, gr_network *n,
                                      gr_transfers *transfers, const graft_device_images *images,
                                      int count, graft_buffer *out, uint64_t offset_bytes)
{
    image_source source = {.transfers = transfers, .on_device = images};
    uint64_t row = (uint64_t)n->logits->shape.dim[1] * sizeof(float);
    gr_region place;
    GR_TRY(gr_transfers_check(transfers, images, count));
    GR_TRY(gr_buffer_region(log, out, gr_store_device(store), "out", offset_bytes,
                            (uint64_t)count * row, &place));
    for (int first = 0, rows; first < count; first += rows) {
        gr_region from;
        rows = rows_of(n, count, first);
        GR_TRY(run_batch(store, n, &source, first, rows, &from));
        from.size = (uint64_t)rows * row;
        GR_TRY(gr_transfers_answers(transfers, &from, out, offset_bytes + (uint64_t)first * row));
    }
    return GRAFT_OK;
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
                                         const uint8_t *pixels, const uint32_t *numbers, int count,
                                         float *logits)
{
    GR_TRY(take_pixels(log, store, n, normalization));
    image_source source = {.pixels = pixels, .numbers = numbers};
    return logits_of(store, n, &source, count, logits);
}
