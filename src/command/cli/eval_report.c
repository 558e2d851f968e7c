#include "command/cli/eval_report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *eval_class_name(const eval_report *r, int index, char text[32])
{
    snprintf(text, 32, "class %d", index);
    return r->by_class[index].name ? r->by_class[index].name : text;
}

/* ---- Collecting -------------------------------------------------------------------------- */

/* The best classes of a row of logits, and what softmax makes of them. */
static void rank(eval_image *image, const float *logits, int count, double *log_of_label)
{
    double sum = 0.0;
    graft_top_classes(logits, count, EVAL_TOP, image->top);
    double peak = logits[image->top[0]];
    for (int c = 0; c < count; c++)
        sum += exp(logits[c] - peak);
    for (int r = 0; r < EVAL_TOP && image->top[r] >= 0; r++)
        image->probability[r] = (float)(exp(logits[image->top[r]] - peak) / sum);
    *log_of_label = logits[image->label] - peak - log(sum);
    image->of_label = (float)exp(*log_of_label);
}

/* What the network saw, each pixel the nearest one. */
static uint8_t *make_thumbnail(const graft_seen_image *seen)
{
    uint8_t *out = malloc(3 * EVAL_THUMBNAIL * EVAL_THUMBNAIL);
    for (int y = 0; out && y < EVAL_THUMBNAIL; y++)
        for (int x = 0; x < EVAL_THUMBNAIL; x++) {
            size_t from_y = (size_t)((2 * y + 1) * seen->size / (2 * EVAL_THUMBNAIL));
            size_t from_x = (size_t)((2 * x + 1) * seen->size / (2 * EVAL_THUMBNAIL));
            memcpy(out + 3 * (y * EVAL_THUMBNAIL + x),
                   seen->pixels + 3 * (from_y * (size_t)seen->size + from_x), 3);
        }
    return out;
}

/* Puts the latest image, a mistake, among the worst, the surest first; one that falls out loses its
 * pixels. False: out of memory. */
static bool add_mistake(eval_report *r, const graft_seen_image *seen)
{
    size_t latest = r->count - 1;
    int at = r->worst_count;
    while (at > 0 && r->images[r->worst[at - 1]].probability[0] < r->images[latest].probability[0])
        at--;
    if (at == EVAL_WORST)
        return true;
    if (r->worst_count == EVAL_WORST) {
        eval_image *out = &r->images[r->worst[EVAL_WORST - 1]];
        free(out->pixels);
        out->pixels = NULL;
        r->worst_count--;
    }
    memmove(r->worst + at + 1, r->worst + at, (size_t)(r->worst_count - at) * sizeof(*r->worst));
    r->worst[at] = latest;
    r->worst_count++;
    r->images[latest].pixels = make_thumbnail(seen);
    return r->images[latest].pixels != NULL;
}

static eval_image *add_image(eval_report *r, const char *name)
{
    if (r->count == r->capacity) {
        size_t capacity = r->capacity ? 2 * r->capacity : 256;
        eval_image *grown = realloc(r->images, capacity * sizeof(*grown));
        if (!grown)
            return NULL;
        r->images = grown;
        r->capacity = capacity;
    }
    eval_image *image = &r->images[r->count];
    *image = (eval_image){.name = strdup(name)};
    if (image->name)
        r->count++;
    return image->name ? image : NULL;
}

static bool collect(void *user, const graft_seen_image *seen, int64_t done, int64_t total)
{
    eval_report *r = user;
    double log_of_label;
    cli_console_images(r->c->console, done, total);
    if (seen->label < 0)
        return true;
    eval_image *image = add_image(r, seen->name);
    r->failed = !image;
    if (r->failed)
        return false;
    image->label = seen->label;
    rank(image, seen->values, seen->count, &log_of_label);
    r->loss -= log_of_label;
    r->confusion[(size_t)image->label * (size_t)r->classes + (size_t)image->top[0]]++;
    if (image->top[0] != image->label)
        r->failed = !add_mistake(r, seen);
    return !r->failed;
}

/* ---- What follows from it ---------------------------------------------------------------- */

static void score_classes(eval_report *r)
{
    int with_images = 0;
    for (size_t i = 0; i < r->count; i++) {
        const eval_image *image = &r->images[i];
        r->by_class[image->label].images++;
        r->by_class[image->top[0]].predicted++;
        r->by_class[image->label].correct += image->top[0] == image->label;
    }
    for (int c = 0; c < r->classes; c++) {
        eval_class *k = &r->by_class[c];
        k->precision = k->predicted ? (double)k->correct / (double)k->predicted : NAN;
        k->recall = k->images ? (double)k->correct / (double)k->images : NAN;
        k->f1 = k->images ? 2.0 * (double)k->correct / (double)(k->images + k->predicted) : NAN;
        with_images += k->images > 0;
        r->macro_f1 += k->images ? k->f1 : 0.0;
    }
    r->macro_f1 /= with_images ? with_images : 1;
}

/* Expected calibration error: |accuracy - confidence| of each bin, weighed by its images (arXiv
 * 1706.04599). */
static void score_images(eval_report *r)
{
    int64_t correct = 0, among = 0;
    for (size_t i = 0; i < r->count; i++) {
        const eval_image *image = &r->images[i];
        bool right = image->top[0] == image->label;
        int b = (int)(image->probability[0] * EVAL_BINS);
        eval_bin *bin = &r->bins[b < EVAL_BINS ? b : EVAL_BINS - 1];
        bin->images++;
        bin->confidence += image->probability[0];
        bin->accuracy += right;
        correct += right;
        for (int t = 0; t < r->top; t++)
            among += image->top[t] == image->label;
    }
    for (int b = 0; b < EVAL_BINS; b++) {
        eval_bin *bin = &r->bins[b];
        if (bin->images == 0)
            continue;
        r->calibration_error += fabs(bin->accuracy - bin->confidence) / (double)r->count;
        bin->accuracy /= (double)bin->images;
        bin->confidence /= (double)bin->images;
    }
    r->accuracy = (double)correct / (double)r->count;
    r->top_accuracy = (double)among / (double)r->count;
    r->loss /= (double)r->count;
}

static graft_status copy_names(eval_report *r, graft_model *model)
{
    for (int c = 0; c < r->classes; c++) {
        const char *name = graft_model_class_name(model, c);
        r->by_class[c].name = name ? strdup(name) : NULL;
        if (name && !r->by_class[c].name)
            return GRAFT_ERR_MEMORY;
    }
    return GRAFT_OK;
}

graft_status eval_report_collect(eval_report *r, graft_model *model)
{
    r->classes = graft_model_classes(model);
    r->top = r->classes < EVAL_TOP ? r->classes : EVAL_TOP;
    size_t classes = (size_t)r->classes;
    if (r->classes > EVAL_MOST_CLASSES)
        return cli_fail(r->c, GRAFT_ERR_UNSUPPORTED,
                        "report: has a confusion matrix, of up to %d classes; the model has %d",
                        EVAL_MOST_CLASSES, r->classes);
    r->by_class = calloc(classes, sizeof(*r->by_class));
    r->confusion = calloc(classes * classes, sizeof(*r->confusion));
    graft_status status = r->by_class && r->confusion ? copy_names(r, model) : GRAFT_ERR_MEMORY;
    if (status == GRAFT_OK)
        status = graft_model_visit(model, GRAFT_OUTPUT_LOGITS, r->data, r->split, collect, r);
    if (r->failed || status == GRAFT_ERR_MEMORY)
        return cli_fail(r->c, GRAFT_ERR_MEMORY, "report: out of memory");
    if (status != GRAFT_OK)
        return status;
    if (r->count == 0)
        return cli_fail(r->c, GRAFT_ERR_ARGUMENT, "%s: there is no image that counts", r->data);
    score_classes(r);
    score_images(r);
    if (!isfinite(r->loss))
        return cli_fail(r->c, GRAFT_ERR_NUMERIC,
                        "%s: the loss is %s: the model is broken; train it with a lower learning "
                        "rate",
                        r->data, isnan(r->loss) ? "NaN" : "infinite");
    return GRAFT_OK;
}

void eval_report_release(eval_report *r)
{
    for (size_t i = 0; i < r->count; i++) {
        free(r->images[i].name);
        free(r->images[i].pixels);
    }
    for (int c = 0; r->by_class && c < r->classes; c++)
        free((char *)r->by_class[c].name);
    free(r->images);
    free(r->by_class);
    free(r->confusion);
}
