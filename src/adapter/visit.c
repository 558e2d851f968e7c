/* What a graft_model says of the images of a data set: accuracy, or each image by itself. */
#include "adapter/evaluate.h"
#include "adapter/model.h"
#include "base/mem.h"
#include "data/check.h"
#include "data/relabel.h"

static graft_status logits_callback(void *model, const uint8_t *pixels, int count, float *logits)
{
    return gr_model_run_of_pixels(model, GRAFT_OUTPUT_LOGITS, pixels, count, logits);
}

/* The labels of the data, by the names of the model's classes. */
static graft_status match_classes(graft_model *m, gr_dataset *dataset)
{
    return gr_dataset_relabel(m->log, dataset, m->active->class_names, graft_model_classes(m));
}

/* Opens a split, without what cannot be read; `classified`: with labels of the model's classes. */
static graft_status open_data(graft_model *m, const char *data, const char *split, bool classified,
                              gr_dataset **dataset)
{
    gr_dataset_params params = {.split = split ? split : "test",
                                .classes = classified ? graft_model_classes(m) : 0,
                                .decode = m->active->info.input.decode};
    GR_TRY(gr_dataset_open(m->log, data, &params, dataset));
    GR_TRY(gr_dataset_check(m->log, dataset, m->input.bad_images, m->input.threads));
    gr_dataset_report(m->log, data, NULL, *dataset);
    graft_status status = classified ? match_classes(m, *dataset) : GRAFT_OK;
    if (status != GRAFT_OK)
        gr_dataset_close(dataset);
    return status;
}

graft_status graft_model_evaluate(graft_model *model, const char *data, const char *split,
                                  graft_eval_result *result)
{
    gr_dataset *dataset;
    gr_attachment *a;
    GR_TRY(gr_model_active(model, &a));
    GR_TRY(open_data(model, data, split, true, &dataset));
    gr_evaluation e = {
        .data = dataset,
        .preprocess = a->info.input.preprocess,
        .batch = a->batch,
        .classes = graft_model_classes(model),
        .threads = model->input.threads,
        .logits = logits_callback,
        .model = model,
    };
    gr_score score;
    graft_status status = gr_evaluate(model->log, &e, &score);
    if (status == GRAFT_OK)
        *result = (graft_eval_result){(double)score.correct / (double)score.images, score.loss,
                                      (int64_t)score.images};
    gr_dataset_close(&dataset);
    return status;
}

/* ---- Each image by itself ---------------------------------------------------------------- */

typedef struct visit {
    graft_model *model;
    graft_output output;
    const gr_dataset *data;
    gr_loader *loader;
    graft_visit *callback;
    void *user;
    int width; /* of a row of values */
    int size;  /* of an image */
    uint8_t *pixels;
    int32_t *labels;
    float *values;
    size_t done;
} visit;

static bool show(visit *v, int i)
{
    graft_seen_image image = {
        .name = gr_dataset_name(v->data, v->done),
        .label = v->labels[i],
        .values = v->values + (size_t)i * (size_t)v->width,
        .count = v->width,
        .pixels = v->pixels + (size_t)i * 3 * (size_t)v->size * (size_t)v->size,
        .size = v->size,
    };
    v->done++;
    return v->callback(v->user, &image, (int64_t)v->done, (int64_t)gr_dataset_count(v->data));
}

/* In the order of the data: image i of the split is the i-th that the loader brings. */
static graft_status visit_all(visit *v)
{
    bool softmax = v->output == GRAFT_OUTPUT_PROBABILITIES;
    for (;;) {
        int valid;
        GR_TRY(gr_loader_next_pixels(v->loader, v->pixels, v->labels, &valid));
        if (valid == 0)
            return GRAFT_OK;
        GR_TRY(gr_model_run_of_pixels(v->model, softmax ? GRAFT_OUTPUT_LOGITS : v->output,
                                      v->pixels, valid, v->values));
        for (int i = 0; i < valid; i++) {
            if (softmax)
                gr_softmax_row(v->values + (size_t)i * (size_t)v->width, v->width);
            if (!show(v, i))
                return GRAFT_ERR_INTERRUPTED;
        }
    }
}

static graft_status visit_data(visit *v, void *room)
{
    graft_model *m = v->model;
    const gr_attachment *a = m->active;
    gr_loader_params params = {.preprocess = a->info.input.preprocess,
                               .batch = a->batch,
                               .order = GR_ORDER_SEQUENTIAL,
                               .threads = m->input.threads};
    size_t batch = (size_t)a->batch;
    v->size = params.preprocess.size;
    v->pixels = gr_alloc(room, batch * 3 * (size_t)v->size * (size_t)v->size);
    v->labels = gr_alloc_array(room, batch, sizeof(*v->labels));
    v->values = gr_alloc_array(room, batch * (size_t)v->width, sizeof(*v->values));
    if (!v->pixels || !v->labels || !v->values)
        return gr_fail(m->log, GRAFT_ERR_MEMORY, "model: out of memory for a batch");
    GR_TRY(gr_loader_create(m->log, v->data, &params, &v->loader));
    return visit_all(v);
}

graft_status graft_model_visit(graft_model *model, graft_output output, const char *data,
                               const char *split, graft_visit *callback, void *user)
{
    gr_dataset *dataset;
    gr_attachment *a;
    bool features = output == GRAFT_OUTPUT_FEATURES;
    GR_TRY(gr_model_active(model, &a));
    GR_TRY(gr_model_check_run(model, output, data, 1, data));
    GR_TRY(open_data(model, data, split, !features, &dataset));
    visit v = {.model = model,
               .output = output,
               .data = dataset,
               .callback = callback,
               .user = user,
               .width = features ? graft_model_features(model) : graft_model_classes(model)};
    void *room = gr_alloc(NULL, 1);
    graft_status status = visit_data(&v, room);
    gr_loader_destroy(&v.loader);
    gr_free(room);
    gr_dataset_close(&dataset);
    return status;
}
