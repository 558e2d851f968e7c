/* The power spectrum of the patch tokens between blocks: what FreqFit filters. */
#include "analyze/power.h"

#include "analyze/report.h"
#include "base/json.h"
#include "data/loader.h"
#include "model/backbone.h"
#include "model/network.h"
#include "model/hidden_states.h"

#include <stdlib.h>

/* A model, with the power spectra of the stream at its blocks as its only results. */
typedef struct probe {
    graft_log *log;
    gr_network network; /* without logits */
    gr_store *store;
    gr_hidden_states *states;
    gr_value **power; /* two of each state: before and after; NULL: after is as before */
    double **sums;    /* of each power, over images */
    int count;
} probe;

static void release(probe *p)
{
    gr_network_release(&p->network);
    gr_store_destroy(p->store);
    gr_hidden_states_destroy(p->states);
    for (int i = 0; i < p->count && p->sums; i++)
        free(p->sums[i]);
    free(p->sums);
    free(p->power);
}

static graft_status build_power(probe *p)
{
    p->count = 2 * (int)p->states->count;
    p->power = calloc((size_t)p->count, sizeof(*p->power));
    p->sums = calloc((size_t)p->count, sizeof(*p->sums));
    if (!p->power || !p->sums)
        return gr_fail(p->log, GRAFT_ERR_MEMORY, "features: out of memory");
    for (int i = 0; i < p->count; i++) {
        const gr_hidden_state *state = &p->states->items[i / 2];
        if (i % 2 && state->after == state->before)
            continue;
        p->power[i] = gr_token_power(i % 2 ? state->after : state->before, state->grid);
        p->sums[i] = calloc((size_t)(state->grid * (state->grid / 2 + 1)), sizeof(double));
        if (!p->sums[i])
            return gr_fail(p->log, GRAFT_ERR_MEMORY, "features: out of memory");
    }
    return gr_graph_status(p->network.graph);
}

static graft_status build(probe *p, gr_build b)
{
    int64_t size = b.config->image_size;
    gr_network *n = &p->network;
    GR_TRY(gr_methods_check(p->log, b.methods, b.config));
    n->graph = gr_graph_create(p->log);
    p->states = gr_hidden_states_create();
    if (!n->graph || !p->states)
        return gr_fail(p->log, GRAFT_ERR_MEMORY, "features: out of memory");
    n->image = gr_graph_input(n->graph, "eval.images", GR_F32, GR_SHAPE(b.batch, 3, size, size));
    b.graph = n->graph;
    b.hidden_states = p->states;
    gr_model_logits(&b, n->image);
    GR_TRY(gr_graph_status(n->graph));
    return build_power(p);
}

static graft_status plan(probe *p, graft_device *device)
{
    gr_value **outputs = calloc((size_t)p->count, sizeof(*outputs));
    if (!outputs)
        return gr_fail(p->log, GRAFT_ERR_MEMORY, "features: out of memory");
    gr_plan_params params = {.outputs = outputs};
    for (int i = 0; i < p->count; i++)
        if (p->power[i])
            outputs[params.output_count++] = p->power[i];
    graft_status status = gr_store_create(p->log, gr_device_from_public(device), &p->store);
    params.store = p->store;
    if (status == GRAFT_OK)
        status = gr_plan_create(p->log, &params, &p->network.plan);
    if (status == GRAFT_OK)
        status = gr_plan_prepare(p->network.plan);
    free(outputs);
    return status;
}

/* Adds the spectra of the first `images` images of the batch. */
static graft_status add_up(probe *p, int images)
{
    for (int i = 0; i < p->count; i++) {
        if (!p->power[i])
            continue;
        int64_t all = gr_shape_count(&p->power[i]->shape), places = all / p->power[i]->shape.dim[0];
        float *values = malloc((size_t)all * sizeof(*values));
        if (!values)
            return gr_fail(p->log, GRAFT_ERR_MEMORY, "features: out of memory");
        graft_status status = gr_plan_read(p->network.plan, p->power[i], values);
        for (int64_t k = 0; k < images * places && status == GRAFT_OK; k++)
            p->sums[i][k % places] += values[k];
        free(values);
        GR_TRY(status);
    }
    return GRAFT_OK;
}

static graft_status run_batches(probe *p, gr_loader *loader, int wanted, int *images)
{
    int batch = (int)p->network.image->shape.dim[0], valid;
    size_t bytes = (size_t)gr_shape_count(&p->network.image->shape) * sizeof(float);
    float *pixels = malloc(bytes);
    int32_t *labels = malloc((size_t)batch * sizeof(*labels));
    graft_status status =
        pixels && labels ? GRAFT_OK : gr_fail(p->log, GRAFT_ERR_MEMORY, "features: out of memory");
    for (*images = 0; status == GRAFT_OK && *images < wanted; *images += valid) {
        status = gr_loader_next(loader, pixels, labels, &valid);
        valid = valid < wanted - *images ? valid : wanted - *images;
        if (status != GRAFT_OK || valid == 0)
            break;
        status = gr_network_write(p->store, p->network.image, pixels, bytes);
        if (status == GRAFT_OK)
            status = gr_plan_run(p->network.plan);
        if (status == GRAFT_OK)
            status = add_up(p, valid);
    }
    free(pixels);
    free(labels);
    return status;
}

/* The mean over images, by frequency. */
static json_t *spectrum_of(const probe *p, int i, int images)
{
    if (!p->power[i])
        return json_null();
    int64_t grid = p->states->items[i / 2].grid, places = grid * (grid / 2 + 1);
    double *mean = malloc((size_t)(grid / 2 + 1) * sizeof(*mean));
    if (!mean)
        return NULL;
    for (int64_t k = 0; k < places; k++)
        p->sums[i][k] /= images;
    gr_radial_mean(p->sums[i], grid, mean);
    json_t *json = gr_json_numbers(mean, grid / 2 + 1);
    free(mean);
    return json;
}

static json_t *describe(const probe *p, int images)
{
    json_t *blocks = json_array();
    for (int i = 0; i < p->count; i += 2)
        gr_json_append(&blocks, json_pack("{s:i,s:I,s:o,s:o}", "block", i / 2, "grid",
                                          (json_int_t)p->states->items[i / 2].grid, "before",
                                          spectrum_of(p, i, images), "after",
                                          spectrum_of(p, i + 1, images)));
    return blocks;
}

/* The images of one model: always the same ones, whatever the model is. */
static graft_status measure(gr_report *r, const gr_dataset *data, const gr_input *input, probe *p,
                            int *images)
{
    const graft_analyze_params *a = r->params;
    gr_loader_params params = {
        .preprocess = input->preprocess,
        .batch = (int)p->network.image->shape.dim[0],
        .order = GR_ORDER_SHUFFLED,
        .threads = a->threads,
    };
    gr_loader *loader;
    GR_TRY(gr_loader_create(r->log, data, &params, &loader));
    graft_status status = run_batches(p, loader, a->images ? a->images : 64, images);
    gr_loader_destroy(&loader);
    return status;
}

/* The model of a run, or the backbone alone on the same input: then `methods` change nothing. */
static graft_status analyze_model(gr_report *r, const gr_dataset *data, int run, bool tuned,
                                  const gr_methods *methods)
{
    const gr_analyzed_run *it = &r->runs[run];
    int images = 0, batch = r->params->batch_size ? r->params->batch_size : 16;
    probe p = {.log = r->log};
    gr_build b = {
        .config = &it->info.config,
        .methods = methods,
        .weights = r->backbone,
        .adapter = tuned ? it->adapter : NULL,
        .adapter_is_complete = tuned,
        .batch = batch,
    };
    graft_status status = build(&p, b);
    if (status == GRAFT_OK)
        status = plan(&p, r->device);
    if (status == GRAFT_OK)
        status = measure(r, data, &it->info.input, &p, &images);
    if (status == GRAFT_OK && images > 0)
        gr_report_add(r, "features",
                      json_pack("{s:o,s:i,s:o}", "run", tuned ? json_integer(run) : json_null(),
                                "images", images, "blocks", describe(&p, images)));
    release(&p);
    return status;
}

static graft_status analyze_all(gr_report *r, const gr_dataset *data)
{
    gr_methods *none;
    GR_TRY(gr_methods_parse(r->log, "linear", &none));
    graft_status status = GRAFT_OK;
    bool backbone_done = false;
    for (int i = 0; i < r->run_count && status == GRAFT_OK; i++) {
        if (!r->runs[i].adapter)
            continue;
        gr_log(r->log, GRAFT_LOG_INFO, "%s: spectra of the features", r->runs[i].path);
        if (!backbone_done)
            status = analyze_model(r, data, i, false, none);
        backbone_done = true;
        if (status == GRAFT_OK)
            status = analyze_model(r, data, i, true, r->runs[i].info.methods);
    }
    gr_methods_destroy(none);
    return status;
}

graft_status gr_report_features(gr_report *r)
{
    if (!r->backbone || !r->params->data || !r->device) {
        gr_report_note(r, "features", "needs weights and images: give `backbone` and `data`");
        return GRAFT_OK;
    }
    gr_dataset *data;
    gr_dataset_params params = {.split = r->params->split ? r->params->split : "test",
                                .decode = r->runs[0].info.input.decode};
    GR_TRY(gr_dataset_open(r->log, r->params->data, &params, &data));
    graft_status status = analyze_all(r, data);
    gr_dataset_close(&data);
    return status;
}
