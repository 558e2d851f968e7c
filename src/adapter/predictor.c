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

void graft_top_classes(const float *values, int count, int k, int *classes)
{
    for (int rank = 0; rank < k; rank++) {
        int best = -1;
        for (int c = 0; c < count; c++) {
            bool taken = false;
            for (int r = 0; r < rank; r++)
                taken |= classes[r] == c;
            if (!taken && (best < 0 || values[c] > values[best]))
                best = c;
        }
        classes[rank] = best;
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

/* ---- Files ------------------------------------------------------------------------------- */

/* Images on their way to the network. */
typedef struct files {
    graft_model *model;
    graft_output output;
    graft_visit *callback;
    void *user;
    const char **names; /* [batch] that wait */
    int batch, waiting, width;
    float *pixels, *values;
    int64_t done;
    graft_status failed; /* of the first image that could not be read */
} files;

static graft_status create_files(void *room, files *f)
{
    size_t size = (size_t)f->model->active->info.input.preprocess.size, batch = (size_t)f->batch;
    f->names = gr_alloc_array(room, batch, sizeof(*f->names));
    f->pixels = gr_alloc_array(room, batch * 3 * size * size, sizeof(*f->pixels));
    f->values = gr_alloc_array(room, batch * (size_t)f->width, sizeof(*f->values));
    return f->names && f->pixels && f->values
               ? GRAFT_OK
               : gr_fail(f->model->log, GRAFT_ERR_MEMORY, "predict: out of memory");
}

static graft_status show(files *f, const char *name, const float *values)
{
    graft_seen_image image = {.name = name, .label = -1, .values = values, .count = f->width};
    f->done++;
    return f->callback(f->user, &image, f->done, 0) ? GRAFT_OK : GRAFT_ERR_INTERRUPTED;
}

/* Runs what waits. */
static graft_status flush(files *f)
{
    int count = f->waiting;
    f->waiting = 0;
    if (count == 0)
        return GRAFT_OK;
    GR_TRY(graft_model_run(f->model, f->output, f->pixels, count, f->values));
    for (int i = 0; i < count; i++)
        GR_TRY(show(f, f->names[i], f->values + (size_t)i * (size_t)f->width));
    return GRAFT_OK;
}

static graft_status read_image(const files *f, const char *name)
{
    const gr_input *input = &f->model->active->info.input;
    size_t size = (size_t)input->preprocess.size;
    gr_image image;
    GR_TRY(gr_image_load(f->model->log, name, name, &input->decode, &image));
    graft_status status = gr_preprocess_image(f->model->log, &input->preprocess, &image,
                                              f->pixels + (size_t)f->waiting * 3 * size * size);
    gr_image_free(&image);
    return status;
}

/* Tells of a file that cannot be read, after those before it; the log holds why. */
static graft_status tell_failure(files *f, const char *name, graft_status status)
{
    if (status == GRAFT_ERR_MEMORY)
        return status;
    GR_TRY(flush(f));
    GR_TRY(show(f, name, NULL));
    if (f->failed == GRAFT_OK)
        f->failed = status;
    return GRAFT_OK;
}

static graft_status visit_file(files *f, const char *name)
{
    graft_status status = read_image(f, name);
    if (status != GRAFT_OK)
        return tell_failure(f, name, status);
    f->names[f->waiting++] = name;
    return f->waiting == f->batch ? flush(f) : GRAFT_OK;
}

static graft_status visit_folder(files *f, void *room, const char *name)
{
    const char **paths;
    size_t count;
    graft_status status = gr_image_folder_list(f->model->log, room, name, &paths, &count);
    if (status != GRAFT_OK)
        return tell_failure(f, name, status);
    for (size_t i = 0; i < count && status == GRAFT_OK; i++)
        status = visit_file(f, paths[i]);
    return status;
}

graft_status graft_model_visit_files(graft_model *m, graft_output output, const char *const *images,
                                     int count, graft_visit *callback, void *user)
{
    gr_attachment *a;
    GR_TRY(gr_model_active(m, &a));
    GR_TRY(gr_model_check_run(m, output, images, count, images));
    files f = {.model = m, .output = output, .callback = callback, .user = user, .batch = a->batch};
    f.width = output == GRAFT_OUTPUT_FEATURES ? graft_model_features(m) : graft_model_classes(m);
    void *room = gr_alloc(NULL, 1);
    graft_status status = create_files(room, &f);
    for (int i = 0; i < count && status == GRAFT_OK; i++)
        status = gr_file_is_directory(images[i]) ? visit_folder(&f, room, images[i])
                                                 : visit_file(&f, images[i]);
    if (status == GRAFT_OK)
        status = flush(&f);
    gr_free(room);
    return status == GRAFT_OK ? f.failed : status;
}

/* ---- Prediction -------------------------------------------------------------------------- */

typedef struct prediction {
    int k;
    graft_prediction *callback;
    void *user;
    int *classes;         /* [k] */
    float *probabilities; /* [k] */
} prediction;

static bool predict(void *user, const graft_seen_image *image, int64_t done, int64_t total)
{
    prediction *p = user;
    if (!image->values) {
        p->callback(p->user, image->name, NULL, NULL, 0);
        return true;
    }
    graft_top_classes(image->values, image->count, p->k, p->classes);
    for (int r = 0; r < p->k; r++)
        p->probabilities[r] = image->values[p->classes[r]];
    p->callback(p->user, image->name, p->classes, p->probabilities, p->k);
    return true;
}

graft_status graft_model_predict(graft_model *m, const char *const *images, int count, int k,
                                 graft_prediction *callback, void *user)
{
    gr_attachment *a;
    GR_TRY(gr_model_active(m, &a));
    int all = graft_model_classes(m);
    prediction p = {.k = k < 1 ? 1 : k > all ? all : k, .callback = callback, .user = user};
    void *room = gr_alloc(NULL, 1);
    p.classes = gr_alloc_array(room, (size_t)p.k, sizeof(*p.classes));
    p.probabilities = gr_alloc_array(room, (size_t)p.k, sizeof(*p.probabilities));
    graft_status status =
        p.classes && p.probabilities
            ? graft_model_visit_files(m, GRAFT_OUTPUT_PROBABILITIES, images, count, predict, &p)
            : gr_fail(m->log, GRAFT_ERR_MEMORY, "predict: out of memory");
    gr_free(room);
    return status;
}
