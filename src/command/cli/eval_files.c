/* The files of a report that other programs read. */
#include "command/console/output.h"
#include "command/cli/eval_report.h"
#include "command/console/write.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A field of a CSV file (RFC 4180). */
static void put_field(FILE *out, const char *text)
{
    if (!text[strcspn(text, ",\"\r\n")]) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

static void put_class(FILE *out, const eval_report *r, int index)
{
    char text[32];
    put_field(out, eval_class_name(r, index, text));
}

static void put_confusion(FILE *out, const eval_report *r)
{
    fputs("class", out);
    for (int p = 0; p < r->classes; p++) {
        fputc(',', out);
        put_class(out, r, p);
    }
    fputs("\r\n", out);
    for (int c = 0; c < r->classes; c++) {
        put_class(out, r, c);
        for (int p = 0; p < r->classes; p++)
            fprintf(out, ",%lld", (long long)r->confusion[c * r->classes + p]);
        fputs("\r\n", out);
    }
}

/* Empty where it is not known. */
static void put_number(FILE *out, double value)
{
    if (isnan(value))
        fputc(',', out);
    else
        fprintf(out, ",%.6f", value);
}

static void put_classes(FILE *out, const eval_report *r)
{
    fputs("class,images,predicted,correct,precision,recall,f1\r\n", out);
    for (int c = 0; c < r->classes; c++) {
        const eval_class *k = &r->by_class[c];
        put_class(out, r, c);
        fprintf(out, ",%lld,%lld,%lld", (long long)k->images, (long long)k->predicted,
                (long long)k->correct);
        put_number(out, k->precision);
        put_number(out, k->recall);
        put_number(out, k->f1);
        fputs("\r\n", out);
    }
}

static void put_predictions(FILE *out, const eval_report *r)
{
    fputs("image,label,predicted,probability,probability_of_label,correct\r\n", out);
    for (size_t i = 0; i < r->count; i++) {
        const eval_image *image = &r->images[i];
        put_field(out, image->name);
        fputc(',', out);
        put_class(out, r, image->label);
        fputc(',', out);
        put_class(out, r, image->top[0]);
        fprintf(out, ",%.6f,%.6f,%d\r\n", (double)image->probability[0], (double)image->of_label,
                image->top[0] == image->label);
    }
}

static graft_status write_csv(const eval_report *r, const char *folder, const char *name,
                              void (*put)(FILE *out, const eval_report *r))
{
    char path[4096], *text = NULL;
    size_t size;
    if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path))
        return cli_fail(r->c, GRAFT_ERR_ARGUMENT, "%s: path too long", folder);
    FILE *out = open_memstream(&text, &size);
    if (out)
        put(out, r);
    graft_status status = out && cli_close_whole(out)
                              ? cli_write_file(r->c, path, text)
                              : cli_fail(r->c, GRAFT_ERR_MEMORY, "%s: out of memory", path);
    free(text);
    return status;
}

static json_t *number(double value)
{
    return isnan(value) ? json_null() : json_real(value);
}

static json_t *class_json(const eval_report *r, int index)
{
    const eval_class *k = &r->by_class[index];
    return json_pack("{s:o,s:I,s:I,s:I,s:o,s:o,s:o}", "name",
                     k->name ? cli_json_text(k->name) : json_null(), "images",
                     (json_int_t)k->images, "predicted", (json_int_t)k->predicted, "correct",
                     (json_int_t)k->correct, "precision", number(k->precision), "recall",
                     number(k->recall), "f1", number(k->f1));
}

static json_t *image_json(const eval_image *image)
{
    json_t *top = json_array();
    for (int t = 0; t < EVAL_TOP && image->top[t] >= 0; t++)
        cli_json_append(&top, json_pack("{s:i,s:f}", "class", image->top[t], "probability",
                                        (double)image->probability[t]));
    return json_pack("{s:o,s:i,s:o}", "image", cli_json_text(image->name), "label", image->label,
                     "top", top);
}

/* NULL: out of memory. */
static json_t *all_json(const eval_report *r)
{
    json_t *classes = json_array(), *images = json_array();
    bool whole = classes && images;
    for (int c = 0; c < r->classes && whole; c++)
        whole = json_array_append_new(classes, class_json(r, c)) == 0;
    for (size_t i = 0; i < r->count && whole; i++)
        whole = json_array_append_new(images, image_json(&r->images[i])) == 0;
    if (!whole) {
        json_decref(classes);
        json_decref(images);
        return NULL;
    }
    return json_pack("{s:o,s:o,s:I,s:f,s:f,s:i,s:f,s:f,s:f,s:o,s:o}", "data",
                     cli_json_text(r->data), "split", cli_json_text(r->split), "images_count",
                     (json_int_t)r->count, "accuracy", r->accuracy, "top_accuracy", r->top_accuracy,
                     "top", r->top, "loss", r->loss, "macro_f1", r->macro_f1, "calibration_error",
                     r->calibration_error, "classes", classes, "images", images);
}

static graft_status write_text(const eval_report *r, const char *folder, const char *name,
                               const char *text)
{
    char path[4096];
    if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path))
        return cli_fail(r->c, GRAFT_ERR_ARGUMENT, "%s: path too long", folder);
    return text ? cli_write_file(r->c, path, text)
                : cli_fail(r->c, GRAFT_ERR_MEMORY, "%s: out of memory", path);
}

graft_status eval_report_write(eval_report *r, const char *folder)
{
    char *html = NULL;
    if (mkdir(folder, 0777) != 0 && errno != EEXIST)
        return cli_fail(r->c, GRAFT_ERR_IO, "%s: %s", folder, strerror(errno));
    CLI_TRY(write_csv(r, folder, "confusion.csv", put_confusion));
    CLI_TRY(write_csv(r, folder, "classes.csv", put_classes));
    CLI_TRY(write_csv(r, folder, "predictions.csv", put_predictions));
    json_t *root = all_json(r);
    char *text = root ? json_dumps(root, JSON_INDENT(1)) : NULL;
    json_decref(root);
    graft_status status = write_text(r, folder, "predictions.json", text);
    free(text);
    if (status == GRAFT_OK)
        status = eval_report_page(r, &html);
    if (status == GRAFT_OK)
        status = write_text(r, folder, "report.html", html);
    free(html);
    return status;
}
