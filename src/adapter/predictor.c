/* graft_model: a backbone with an adapter, for evaluation and prediction. */
#include <graft/model.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "data/check.h"
#include "data/image.h"
#include "data/relabel.h"
#include "data/source.h"
#include "device/device.h"
#include "adapter/merge.h"
#include "adapter/file.h"
#include "adapter/fingerprint.h"
#include "adapter/evaluate.h"
#include "model/network.h"
#include "weights/load.h"

#include <stdlib.h>
#include <string.h>

struct graft_model {
    graft_log *log;
    gr_tensors *weights, *adapter;
    gr_adapter_info info;
    gr_store *store;
    gr_network network;
    int batch, threads;
    graft_bad_images bad_images;
    char class_name[128];
};

/* Without an adapter the backbone's own head classifies. */
static graft_status describe_backbone(graft_model *m)
{
    GR_TRY(gr_model_config_read(m->log, m->weights, &m->info.config));
    if (m->info.config.classes < 1)
        return gr_fail(m->log, GRAFT_ERR_ARGUMENT,
                       "%s: has no head.weight; give an adapter made by graft train",
                       gr_tensors_source(m->weights));
    GR_TRY(gr_methods_parse(m->log, "linear", &m->info.methods));
    int size = m->info.config.image_size;
    if (gr_tensors_metadata(m->weights, "graft.input")) /* merged by graft */
        return gr_adapter_input_read(m->log, m->weights, size, &m->info.input);
    return gr_input_resolve(m->log, &(graft_input_params){0}, size, &m->info.input);
}

static graft_status override_input(graft_model *m, const graft_input_params *p)
{
    gr_input *input = &m->info.input;
    if (p->image_size)
        m->info.config.image_size = p->image_size;
    GR_TRY(gr_model_config_check(m->log, &m->info.config));
    graft_input_params merged = gr_input_merge(p, &input->settings);
    return gr_input_resolve(m->log, &merged, m->info.config.image_size, input);
}

static graft_status load(graft_model *m, const graft_model_params *p)
{
    if (!p->backbone)
        return gr_fail(m->log, GRAFT_ERR_ARGUMENT, "`backbone`: is required");
    GR_TRY(gr_backbone_load(m->log, p->backbone, &m->weights));
    if (p->adapter) {
        GR_TRY(gr_tensors_load(m->log, p->adapter, &m->adapter));
        GR_TRY(gr_adapter_info_read(m->log, m->adapter, &m->info));
        GR_TRY(gr_merge_check(m->log, m->weights, &m->info));
        GR_TRY(gr_fingerprint_check(m->log, m->adapter, m->weights, &p->accept_changes));
    } else {
        GR_TRY(describe_backbone(m));
    }
    return override_input(m, &p->input);
}

static graft_status prepare(graft_model *m)
{
    gr_build build = {
        .config = &m->info.config,
        .methods = m->info.methods,
        .weights = m->weights,
        .adapter = m->adapter ? m->adapter : m->weights,
        .adapter_is_complete = true,
    };
    return gr_network_fit(m->log, m->store, &build, &m->batch, &m->network);
}

graft_status graft_model_open(graft_log *log, graft_device *device,
                              const graft_model_params *params, graft_model **out)
{
    graft_model *m = gr_alloc(NULL, sizeof(*m));
    *out = NULL;
    if (!m)
        return gr_fail(log, GRAFT_ERR_MEMORY, "model: out of memory");
    m->log = log;
    m->batch = params->batch_size > 0 ? params->batch_size : 32;
    m->threads = params->input.threads;
    m->bad_images = params->input.bad_images;
    graft_status status = gr_settings_check(log, gr_model_settings, params);
    if (status == GRAFT_OK)
        status = load(m, params);
    if (status == GRAFT_OK)
        status = gr_store_create(log, gr_device_from_public(device), &m->store);
    if (status == GRAFT_OK)
        status = prepare(m);
    if (status != GRAFT_OK) {
        graft_model_close(&m);
        return status;
    }
    *out = m;
    return GRAFT_OK;
}

void graft_model_close(graft_model **model)
{
    if (!model || !*model)
        return;
    graft_model *m = *model;
    gr_network_release(&m->network);
    gr_store_destroy(m->store);
    gr_adapter_info_release(&m->info);
    gr_tensors_destroy(&m->weights);
    gr_tensors_destroy(&m->adapter);
    gr_free(m);
    *model = NULL;
}

int graft_model_classes(const graft_model *model)
{
    return model->info.config.classes;
}

int graft_model_image_size(const graft_model *model)
{
    return model->info.config.image_size;
}

const char *graft_model_class_name(graft_model *model, int index)
{
    const gr_tensors *file = model->adapter ? model->adapter : model->weights;
    return gr_adapter_class_name(file, index, model->class_name);
}

graft_status graft_model_logits(graft_model *model, const float *images, int count, float *logits)
{
    return gr_network_logits(model->log, model->store, &model->network, images, count, logits);
}

static graft_status logits_callback(void *model, const float *images, int count, float *logits)
{
    return graft_model_logits(model, images, count, logits);
}

/* The labels of the data, by the names of the model's classes. */
static graft_status match_classes(graft_model *m, gr_dataset *dataset)
{
    const char **names;
    int count = graft_model_classes(m);
    void *room = gr_alloc(NULL, 1);
    const gr_tensors *file = m->adapter ? m->adapter : m->weights;
    graft_status status = gr_adapter_class_names(m->log, file, room, count, &names);
    if (status == GRAFT_OK)
        status = gr_dataset_relabel(m->log, dataset, names, count);
    gr_free(room);
    return status;
}

graft_status graft_model_evaluate(graft_model *model, const char *data, const char *split,
                                  graft_eval_result *result)
{
    gr_dataset *dataset;
    gr_dataset_params params = {.split = split ? split : "test",
                                .classes = graft_model_classes(model),
                                .decode = model->info.input.decode};
    GR_TRY(gr_dataset_open(model->log, data, &params, &dataset));
    GR_TRY(gr_dataset_check(model->log, &dataset, model->bad_images, model->threads));
    gr_dataset_report(model->log, data, NULL, dataset);
    gr_evaluation e = {
        .data = dataset,
        .preprocess = model->info.input.preprocess,
        .batch = model->batch,
        .classes = graft_model_classes(model),
        .threads = model->threads,
        .logits = logits_callback,
        .model = model,
    };
    gr_score score;
    graft_status status = match_classes(model, dataset);
    if (status == GRAFT_OK)
        status = gr_evaluate(model->log, &e, &score);
    if (status == GRAFT_OK)
        *result = (graft_eval_result){(double)score.correct / (double)score.images, score.loss,
                                      (int64_t)score.images};
    gr_dataset_close(&dataset);
    return status;
}

/* Indices of the k largest values, largest first; of equal ones the lower index. */
static void top_k(const float *values, int count, int k, int *indices)
{
    for (int rank = 0; rank < k; rank++) {
        int best = -1;
        for (int c = 0; c < count; c++) {
            bool taken = false;
            for (int r = 0; r < rank; r++)
                taken |= indices[r] == c;
            if (!taken && (best < 0 || values[c] > values[best]))
                best = c;
        }
        indices[rank] = best;
    }
}

/* ---- Prediction -------------------------------------------------------------------------- */

/* Images on their way to the network. */
typedef struct prediction {
    graft_model *model;
    int k;
    graft_prediction *callback;
    void *user;
    const char **names; /* [batch] that wait */
    int waiting;
    float *pixels, *logits;
    int *classes;         /* [k] */
    float *probabilities; /* [k] */
    graft_status failed;  /* of the first image that could not be read */
} prediction;

static graft_status create_prediction(void *room, prediction *p)
{
    const graft_model *m = p->model;
    size_t size = (size_t)m->info.input.preprocess.size, batch = (size_t)m->batch;
    p->names = gr_alloc_array(room, batch, sizeof(*p->names));
    p->pixels = gr_alloc_array(room, batch * 3 * size * size, sizeof(*p->pixels));
    p->logits = gr_alloc_array(room, batch * (size_t)graft_model_classes(m), sizeof(*p->logits));
    p->classes = gr_alloc_array(room, (size_t)p->k, sizeof(*p->classes));
    p->probabilities = gr_alloc_array(room, (size_t)p->k, sizeof(*p->probabilities));
    return p->names && p->pixels && p->logits && p->classes && p->probabilities
               ? GRAFT_OK
               : gr_fail(m->log, GRAFT_ERR_MEMORY, "predict: out of memory");
}

/* Classifies what waits. */
static graft_status flush(prediction *p)
{
    int all = graft_model_classes(p->model), count = p->waiting;
    p->waiting = 0;
    if (count == 0)
        return GRAFT_OK;
    GR_TRY(graft_model_logits(p->model, p->pixels, count, p->logits));
    for (int i = 0; i < count; i++) {
        float *row = p->logits + (size_t)i * (size_t)all;
        gr_softmax_row(row, all);
        top_k(row, all, p->k, p->classes);
        for (int r = 0; r < p->k; r++)
            p->probabilities[r] = row[p->classes[r]];
        p->callback(p->user, p->names[i], p->classes, p->probabilities, p->k);
    }
    return GRAFT_OK;
}

static graft_status read_image(const prediction *p, const char *name)
{
    const gr_input *input = &p->model->info.input;
    size_t size = (size_t)input->preprocess.size;
    gr_image image;
    GR_TRY(gr_image_load(p->model->log, name, name, &input->decode, &image));
    graft_status status = gr_preprocess_image(p->model->log, &input->preprocess, &image,
                                              p->pixels + (size_t)p->waiting * 3 * size * size);
    gr_image_free(&image);
    return status;
}

/* Tells of a file that cannot be read, after those before it; the log holds why. */
static graft_status tell_failure(prediction *p, const char *name, graft_status status)
{
    if (status == GRAFT_ERR_MEMORY)
        return status;
    GR_TRY(flush(p));
    p->callback(p->user, name, NULL, NULL, 0);
    if (p->failed == GRAFT_OK)
        p->failed = status;
    return GRAFT_OK;
}

static graft_status predict_file(prediction *p, const char *name)
{
    graft_status status = read_image(p, name);
    if (status != GRAFT_OK)
        return tell_failure(p, name, status);
    p->names[p->waiting++] = name;
    return p->waiting == p->model->batch ? flush(p) : GRAFT_OK;
}

static graft_status predict_folder(prediction *p, void *room, const char *name)
{
    const char **paths;
    size_t count;
    graft_status status = gr_image_folder_list(p->model->log, room, name, &paths, &count);
    if (status != GRAFT_OK)
        return tell_failure(p, name, status);
    for (size_t i = 0; i < count && status == GRAFT_OK; i++)
        status = predict_file(p, paths[i]);
    return status;
}

graft_status graft_model_predict(graft_model *m, const char *const *images, int count, int k,
                                 graft_prediction *callback, void *user)
{
    int all = graft_model_classes(m);
    prediction p = {.model = m, .callback = callback, .user = user};
    p.k = k < 1 ? 1 : k > all ? all : k;
    void *room = gr_alloc(NULL, 1);
    graft_status status = create_prediction(room, &p);
    for (int i = 0; i < count && status == GRAFT_OK; i++)
        status = gr_file_is_directory(images[i]) ? predict_folder(&p, room, images[i])
                                                 : predict_file(&p, images[i]);
    if (status == GRAFT_OK)
        status = flush(&p);
    gr_free(room);
    return status == GRAFT_OK ? p.failed : status;
}
