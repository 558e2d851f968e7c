/* FreqFit's learned filters: their size at each frequency, mean over channels. */
#include "analyze/report.h"
#include "base/json.h"
#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The text of FreqFit's option "variant"; NULL: the run has no FreqFit. */
static const char *variant_of(const gr_methods *methods, char text[GRAFT_SETTING_TEXT_SIZE])
{
    for (int i = 0; i < methods->count; i++) {
        const gr_method *m = methods->item[i].method;
        for (const graft_setting *o = m->options; o && o->key; o++)
            if (strcmp(m->name, "freqfit") == 0 && strcmp(o->key, "variant") == 0)
                return graft_setting_text(o, methods->item[i].config, text);
    }
    return NULL;
}

/* A filter [rows, cols, channels] of complex or real numbers, and the scale [channels] behind it.
 */
typedef struct filter {
    float *values, *scale;
    int64_t rows, cols, channels;
    int parts; /* 2: complex */
} filter;

/* The residual keeps the input: a frequency passes with the factor 1 + scale K. */
static void describe_place(const filter *f, int64_t place, double *magnitude, double *gain)
{
    double size = 0.0, factor = 0.0;
    for (int64_t c = 0; c < f->channels; c++) {
        const float *k = f->values + (place * f->channels + c) * f->parts;
        double re = k[0], im = f->parts == 2 ? k[1] : 0.0, scale = f->scale[c];
        size += hypot(re, im);
        factor += hypot(1.0 + scale * re, scale * im);
    }
    *magnitude = size / (double)f->channels;
    *gain = factor / (double)f->channels;
}

static json_t *describe(const filter *f)
{
    int64_t places = f->rows * f->cols;
    double *magnitude = malloc((size_t)places * sizeof(*magnitude));
    double *gain = malloc((size_t)places * sizeof(*gain));
    for (int64_t i = 0; i < places && magnitude && gain; i++)
        describe_place(f, i, &magnitude[i], &gain[i]);
    json_t *json = !magnitude || !gain ? NULL
                                       : json_pack("{s:I,s:I,s:o,s:o}", "rows", (json_int_t)f->rows,
                                                   "cols", (json_int_t)f->cols, "magnitude",
                                                   gr_json_numbers(magnitude, places), "gain",
                                                   gr_json_numbers(gain, places));
    free(magnitude);
    free(gain);
    return json;
}

/* Shapes: [g, g/2+1, D, 2], [g, g/2+1, D], [g, g, D], or for a sequence [n/2+1, D, 2]. */
static filter shape_of(const gr_tensor *t, bool sequence, bool complex)
{
    const int64_t *dim = t->shape.dim;
    return (filter){
        .rows = sequence ? 1 : dim[0],
        .cols = sequence ? dim[0] : dim[1],
        .channels = dim[sequence ? 1 : 2],
        .parts = complex ? 2 : 1,
    };
}

static graft_status read_filter(gr_report *r, const gr_analyzed_run *run, const char *variant,
                                const gr_tensor *t, int block, filter *f)
{
    bool sequence = strcmp(variant, "1d") == 0, complex = sequence || strcmp(variant, "2d") == 0;
    if (t->shape.rank != 3 + complex - sequence)
        return gr_fail(r->log, GRAFT_ERR_SHAPE,
                       "%s: has %d axes, expected %d; is the adapter whole?", t->name,
                       t->shape.rank, 3 + complex - sequence);
    if (complex && t->shape.dim[t->shape.rank - 1] != 2)
        return gr_fail(r->log, GRAFT_ERR_SHAPE,
                       "%s: has %lld numbers in each place, expected 2; is the adapter whole?",
                       t->name, (long long)t->shape.dim[t->shape.rank - 1]);
    *f = shape_of(t, sequence, complex);
    char name[64];
    const gr_tensor *scale;
    snprintf(name, sizeof(name), "freqfit.%d.ssf.scale", block);
    GR_TRY(gr_tensors_get_shaped(r->log, run->adapter, name, GR_SHAPE(f->channels), &scale));
    f->values = malloc((size_t)gr_tensor_count(t) * sizeof(float));
    f->scale = malloc((size_t)f->channels * sizeof(float));
    if (!f->values || !f->scale)
        return gr_fail(r->log, GRAFT_ERR_MEMORY, "%s: out of memory", t->name);
    gr_tensor_to_f32(t, f->values);
    gr_tensor_to_f32(scale, f->scale);
    return GRAFT_OK;
}

static graft_status add_filter(gr_report *r, int run, const char *variant, const gr_tensor *t,
                               int block)
{
    filter f = {0};
    graft_status status = read_filter(r, &r->runs[run], variant, t, block, &f);
    if (status == GRAFT_OK) {
        json_t *entry = describe(&f);
        gr_json_set(&entry, "run", json_integer(run));
        gr_json_set(&entry, "block", json_integer(block));
        gr_json_set(&entry, "variant", json_string(variant));
        gr_report_add(r, "filters", entry);
    }
    free(f.values);
    free(f.scale);
    return status;
}

graft_status gr_report_filters(gr_report *r)
{
    for (int i = 0; i < r->run_count; i++) {
        char text[GRAFT_SETTING_TEXT_SIZE], name[64];
        if (!r->runs[i].adapter)
            continue;
        const char *variant = variant_of(r->runs[i].info.methods, text);
        for (int block = 0; variant && block <= r->runs[i].info.config.depth; block++) {
            snprintf(name, sizeof(name), "freqfit.%d.filter", block);
            const gr_tensor *t = gr_tensors_find(r->runs[i].adapter, name);
            if (t)
                GR_TRY(add_filter(r, i, variant, t, block));
        }
    }
    return GRAFT_OK;
}
