#include "adapter/fingerprint.h"

#include "base/json.h"
#include "analyze/report.h"

#include "model/count.h"
#include "adapter/merge.h"
#include "weights/load.h"

#include <stdlib.h>
#include <string.h>

/* The last part of a path: "runs/lora/" -> "lora". */
static json_t *base_name(const char *path)
{
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/')
        end--;
    size_t begin = end;
    while (begin > 0 && path[begin - 1] != '/')
        begin--;
    return json_stringn(path + begin, end - begin);
}

/* Two runs of one name are told apart by their paths. */
static void name_runs(gr_report *r, json_t *runs)
{
    for (int i = 0; i < r->run_count; i++) {
        json_t *name = base_name(r->runs[i].path);
        bool twice = false;
        for (int k = 0; k < r->run_count; k++) {
            json_t *other = base_name(r->runs[k].path);
            twice |= k != i && json_equal(name, other);
            json_decref(other);
        }
        gr_report_set_in(r, json_array_get(runs, (size_t)i), "name",
                         twice ? json_string(r->runs[i].path) : json_incref(name));
        json_decref(name);
    }
}

/* Of the evaluations of a run: the last one's accuracy and the best; null without any. */
static void add_accuracy(gr_report *r, json_t *json, const json_t *evaluations)
{
    size_t i;
    const json_t *evaluation;
    double best = -1.0, last = -1.0;
    json_array_foreach(evaluations, i, evaluation)
    {
        last = json_number_value(json_object_get(evaluation, "accuracy"));
        best = last > best ? last : best;
    }
    gr_report_set_in(r, json, "accuracy", last < 0.0 ? json_null() : json_real(last));
    gr_report_set_in(r, json, "best_accuracy", best < 0.0 ? json_null() : json_real(best));
}

static graft_status add_adapter(gr_report *r, const gr_analyzed_run *run, json_t *json)
{
    if (!run->adapter) {
        gr_report_note(r, "runs",
                       "%s: no adapter.safetensors: the run has not ended, nor been stopped",
                       run->path);
        return GRAFT_OK;
    }
    char method[128];
    int64_t without_head, with_head;
    GR_TRY(gr_count_trainable(r->log, &run->info.config, run->info.methods, &without_head,
                              &with_head));
    gr_methods_name(run->info.methods, method, sizeof(method));
    gr_report_set_in(r, json, "method", json_string(method));
    gr_report_set_in(r, json, "trainable", json_integer(with_head));
    gr_report_set_in(r, json, "trainable_without_head", json_integer(without_head));
    return GRAFT_OK;
}

static graft_status describe_run(gr_report *r, const gr_analyzed_run *run)
{
    json_t *method = json_object_get(run->config, "method");
    json_t *json = json_pack("{s:s,s:O?,s:O,s:O}", "path", run->path, "method", method, "config",
                             run->config, "metrics", run->metrics);
    if (!json)
        return gr_fail(r->log, GRAFT_ERR_FORMAT, "%s: its path is not UTF-8; rename it", run->path);
    add_accuracy(r, json, json_object_get(run->metrics, "evaluations"));
    gr_report_add(r, "runs", json);
    return r->incomplete ? GRAFT_OK : add_adapter(r, run, json);
}

static graft_status open_runs(gr_report *r)
{
    const graft_analyze_params *p = r->params;
    for (int i = 0; i < p->run_count; i++) {
        r->run_count = i + 1;
        GR_TRY(gr_analyzed_run_open(r->log, p->runs[i], &r->runs[i]));
        GR_TRY(describe_run(r, &r->runs[i]));
    }
    name_runs(r, json_object_get(r->root, "runs"));
    return GRAFT_OK;
}

/* An adapter of another backbone is found before anything is computed. */
static graft_status open_backbone(gr_report *r)
{
    if (!r->params->backbone)
        return GRAFT_OK;
    GR_TRY(gr_backbone_load(r->log, r->params->backbone, &r->backbone));
    for (int i = 0; i < r->run_count; i++)
        if (r->runs[i].adapter) {
            GR_TRY(gr_merge_check(r->log, r->backbone, &r->runs[i].info));
            GR_TRY(gr_fingerprint_check(r->log, r->runs[i].adapter, r->backbone, NULL));
        }
    return GRAFT_OK;
}

static graft_status analyze(gr_report *r, char **json)
{
    const graft_analyze_params *p = r->params;
    if (p->run_count < 1)
        return gr_fail(r->log, GRAFT_ERR_ARGUMENT, "analyze: no run folder is given");
    if (p->data && !p->backbone)
        return gr_fail(r->log, GRAFT_ERR_ARGUMENT,
                       "`data`: the features need the weights, too; give `backbone`");
    r->root =
        json_pack("{s:[],s:[],s:[],s:[],s:[]}", "runs", "linears", "features", "filters", "notes");
    r->runs = calloc((size_t)p->run_count, sizeof(*r->runs));
    if (!r->root || !r->runs)
        return gr_fail(r->log, GRAFT_ERR_MEMORY, "analyze: out of memory");
    GR_TRY(open_runs(r));
    GR_TRY(open_backbone(r));
    GR_TRY(gr_report_weights(r));
    GR_TRY(gr_report_features(r));
    GR_TRY(gr_report_filters(r));
    if (r->incomplete)
        return gr_fail(r->log, GRAFT_ERR_MEMORY, "analyze: out of memory");
    *json = gr_json_text(r->root, JSON_COMPACT | JSON_REAL_PRECISION(9));
    return *json ? GRAFT_OK : gr_fail(r->log, GRAFT_ERR_MEMORY, "analyze: out of memory");
}

graft_status graft_analyze(graft_log *log, graft_device *device, const graft_analyze_params *params,
                           char **json)
{
    gr_report report = {.log = log, .device = device, .params = params};
    *json = NULL;
    graft_status status = analyze(&report, json);
    for (int i = 0; i < report.run_count; i++)
        gr_analyzed_run_release(&report.runs[i]);
    free(report.runs);
    gr_tensors_destroy(&report.backbone);
    json_decref(report.root);
    return status;
}
