/* Singular values of the linears that methods tuned: of the backbone's W and of each run's W'. */
#include "analyze/report.h"
#include "analyze/singular.h"
#include "base/mem.h"
#include "adapter/merge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One linear of one run, and its place in the list of all linears. */
typedef struct linear {
    const gr_site *site;
    size_t place;
    int64_t rows, cols;
    float *frozen;      /* [rows, cols], owned */
    const float *tuned; /* of the merged tensors */
} linear;

static double distance(const float *a, const float *b, int64_t count)
{
    double sum = 0.0;
    for (int64_t i = 0; i < count; i++) {
        double d = (double)a[i] - (b ? (double)b[i] : 0.0);
        sum += d * d;
    }
    return sqrt(sum);
}

/* {"values", "norm", "effective_rank"} of a matrix. */
static graft_status describe(gr_report *r, const linear *l, const float *matrix, json_t **out)
{
    int64_t count = l->rows < l->cols ? l->rows : l->cols;
    double *values = malloc((size_t)count * sizeof(*values));
    if (!values)
        return gr_fail(r->log, GRAFT_ERR_MEMORY, "%s: out of memory", l->site->module);
    graft_status status =
        gr_singular_values(r->log, l->site->module, matrix, l->rows, l->cols, values);
    if (status == GRAFT_OK)
        *out = json_pack("{s:o,s:f,s:f}", "values", gr_json_numbers(values, count), "norm",
                         distance(matrix, NULL, l->rows * l->cols), "effective_rank",
                         gr_effective_rank(values, count));
    free(values);
    return status;
}

/* The entry of the linear in `linears`, whose unused places are null. */
static graft_status entry_of(gr_report *r, json_t *linears, const linear *l, json_t **out)
{
    while (json_array_size(linears) <= l->place)
        if (json_array_append_new(linears, json_null()) != 0)
            return gr_fail(r->log, GRAFT_ERR_MEMORY, "%s: out of memory", l->site->module);
    *out = json_array_get(linears, l->place);
    if (!json_is_null(*out))
        return GRAFT_OK;
    GR_TRY(describe(r, l, l->frozen, out));
    gr_report_set_in(r, *out, "module", json_string(l->site->module));
    gr_report_set_in(r, *out, "rows", json_integer(l->rows));
    gr_report_set_in(r, *out, "cols", json_integer(l->cols));
    gr_report_set_in(r, *out, "tuned", json_array());
    return json_array_set_new(linears, l->place, *out) == 0
               ? GRAFT_OK
               : gr_fail(r->log, GRAFT_ERR_MEMORY, "%s: out of memory", l->site->module);
}

static graft_status compare(gr_report *r, int run, json_t *linears, const linear *l)
{
    int64_t count = l->rows * l->cols;
    double norm = distance(l->frozen, NULL, count), change = distance(l->tuned, l->frozen, count);
    json_t *entry, *tuned;
    if (change == 0.0)
        return GRAFT_OK;
    GR_TRY(entry_of(r, linears, l, &entry));
    GR_TRY(describe(r, l, l->tuned, &tuned));
    gr_report_set_in(r, tuned, "run", json_integer(run));
    gr_report_set_in(r, tuned, "change", json_real(norm > 0.0 ? change / norm : 1.0));
    gr_report_add_in(r, json_object_get(entry, "tuned"), tuned);
    return GRAFT_OK;
}

/* Rows of a tensor of the backbone. */
static graft_status read_frozen(gr_report *r, const gr_site *site, gr_shape shape, float **out)
{
    char *name = gr_printf(NULL, "%s.weight", site->tensor);
    const gr_tensor *t = NULL;
    graft_status status = GRAFT_ERR_MEMORY;
    if (name)
        status = gr_tensors_get_shaped(r->log, r->backbone, name, shape, &t);
    gr_free(name);
    GR_TRY(status);
    int64_t cols = shape.dim[1];
    *out = malloc((size_t)gr_tensor_count(t) * sizeof(**out));
    if (!*out)
        return gr_fail(r->log, GRAFT_ERR_MEMORY, "%s: out of memory", site->module);
    gr_tensor_to_f32(t, *out);
    memmove(*out, *out + site->row * cols, (size_t)(site->rows * cols) * sizeof(**out));
    return GRAFT_OK;
}

static graft_status analyze_site(gr_report *r, int run, const gr_merged *merged, json_t *linears,
                                 const gr_site *site, size_t place)
{
    char *name = gr_printf(NULL, "%s.weight", site->tensor);
    const gr_tensor *t = name ? gr_tensors_find(merged->tensors, name) : NULL;
    gr_free(name);
    if (!t || t->shape.rank != 2)
        return gr_fail(r->log, GRAFT_ERR_NOT_FOUND, "%s: no matrix of that name", site->tensor);
    linear l = {.site = site, .place = place, .rows = site->rows, .cols = t->shape.dim[1]};
    GR_TRY(read_frozen(r, site, t->shape, &l.frozen));
    l.tuned = (const float *)t->data + site->row * l.cols;
    graft_status status = compare(r, run, linears, &l);
    free(l.frozen);
    return status;
}

/* q, k and v apart, whichever way the method sees them. */
static graft_status analyze_run(gr_report *r, int run, json_t *linears)
{
    gr_analyzed_run *it = &r->runs[run];
    gr_merged merged;
    gr_log(r->log, GRAFT_LOG_INFO, "%s: singular values of the tuned weights", it->path);
    GR_TRY(gr_merge(r->log, r->backbone, it->adapter, &it->info, &merged));
    graft_status status = GRAFT_OK;
    size_t place = 0;
    for (size_t i = 0; i < merged.sites->count && status == GRAFT_OK; i++) {
        const gr_site *site = &merged.sites->items[i];
        if (site->target && site->target != GR_TARGET_QKV)
            status = analyze_site(r, run, &merged, linears, site, place++);
    }
    gr_merged_release(&merged);
    return status;
}

static void note_unfoldable(gr_report *r, const gr_analyzed_run *run)
{
    for (int i = 0; i < run->info.methods->count; i++) {
        const gr_method *m = run->info.methods->item[i].method;
        if (m->not_foldable)
            gr_report_note(r, "linears", "%s: %s is not in the tuned weights: %s", run->path,
                           m->name, m->not_foldable);
    }
}

/* Leaves out the linears that no run tuned. */
static void take_tuned(gr_report *r, json_t *linears)
{
    size_t i;
    json_t *entry, *out = json_object_get(r->root, "linears");
    json_array_foreach(linears, i, entry) if (!json_is_null(entry)) json_array_append(out, entry);
}

graft_status gr_report_weights(gr_report *r)
{
    if (!r->backbone || !gr_singular_available()) {
        gr_report_note(r, "linears", "%s",
                       r->backbone ? "they " GR_SINGULAR_MISSING
                                   : "needs the weights: give `backbone`");
        return GRAFT_OK;
    }
    json_t *linears = json_array();
    graft_status status = GRAFT_OK;
    for (int i = 0; i < r->run_count && status == GRAFT_OK; i++) {
        if (!r->runs[i].adapter)
            continue;
        note_unfoldable(r, &r->runs[i]);
        status = analyze_run(r, i, linears);
    }
    take_tuned(r, linears);
    json_decref(linears);
    return status;
}
