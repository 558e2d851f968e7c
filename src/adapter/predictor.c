/* What a graft_model says of images: of files, of pixels in memory. */
#include "adapter/evaluate.h"
#include "adapter/model.h"
#include "base/file.h"
#include "base/mem.h"
#include "data/check.h"
#include "data/image.h"
#include "data/pixels.h"
#include "data/relabel.h"
#include "data/source.h"

#include <stdlib.h>
#include <string.h>

graft_status graft_model_logits(graft_model *model, const float *images, int count, float *logits)
{
    return graft_model_run(model, GRAFT_OUTPUT_LOGITS, images, count, logits);
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

/* ---- Pixels in memory -------------------------------------------------------------------- */

/* Image i as input of the network, [3, S, S]. */
static graft_status read_pixels(graft_model *m, const graft_pixels *from, int i, float *out)
{
    gr_image image;
    GR_TRY(gr_image_from_pixels(m->log, from, i, &image));
    graft_status status =
        gr_preprocess_image(m->log, &m->active->info.input.preprocess, &image, out);
    gr_image_free(&image);
    return status;
}

graft_status graft_model_run_pixels(graft_model *m, graft_output output, const graft_pixels *images,
                                    int count, float *out)
{
    gr_attachment *a;
    float *pixels;
    GR_TRY(gr_model_active(m, &a));
    GR_TRY(gr_model_check_run(m, output, images, count, out));
    int batch = a->batch;
    size_t side = (size_t)a->info.input.preprocess.size, image = 3 * side * side;
    pixels = malloc((size_t)batch * image * sizeof(*pixels));
    if (!pixels)
        return gr_fail(m->log, GRAFT_ERR_MEMORY, "model: out of memory for a batch");
    bool features = output == GRAFT_OUTPUT_FEATURES;
    size_t width = (size_t)(features ? graft_model_features(m) : graft_model_classes(m));
    graft_status status = GRAFT_OK;
    for (int first = 0; first < count && status == GRAFT_OK; first += batch) {
        int n = count - first < batch ? count - first : batch;
        for (int i = 0; i < n && status == GRAFT_OK; i++)
            status = read_pixels(m, &images[first + i], first + i, pixels + (size_t)i * image);
        if (status == GRAFT_OK)
            status = graft_model_run(m, output, pixels, n, out + (size_t)first * width);
    }
    free(pixels);
    return status;
}

/* ---- Prediction -------------------------------------------------------------------------- */

/* Images on their way to the network. */
typedef struct prediction {
    graft_model *model;
    int k;
    graft_prediction *callback;
    void *user;
    const char **names; /* [batch] that wait */
    int batch, waiting;
    float *pixels, *logits;
    int *classes;         /* [k] */
    float *probabilities; /* [k] */
    graft_status failed;  /* of the first image that could not be read */
} prediction;

static graft_status create_prediction(void *room, prediction *p)
{
    const graft_model *m = p->model;
    const gr_attachment *a = m->active;
    size_t size = (size_t)a->info.input.preprocess.size, batch = (size_t)a->batch;
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
    const gr_input *input = &p->model->active->info.input;
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
    return p->waiting == p->batch ? flush(p) : GRAFT_OK;
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
    gr_attachment *a;
    GR_TRY(gr_model_active(m, &a));
    int all = graft_model_classes(m);
    prediction p = {.model = m, .callback = callback, .user = user, .batch = a->batch};
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
