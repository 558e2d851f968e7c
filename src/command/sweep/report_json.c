#include "command/sweep/report.h"

#include "command/console/output.h"
#include "command/sweep/folder.h"

static json_t *mean_json(sweep_mean m)
{
    return m.count ? json_pack("{s:f,s:f,s:i}", "mean", m.mean, "deviation", m.deviation, "runs",
                               m.count)
                   : json_null();
}

static json_t *runs_json(const sweep_plan *p, const sweep_cell *cell, bool candidates)
{
    static const char *const states[] = {"waiting", "running", "done", "failed"};
    json_t *array = json_array();
    for (int i = 0; i < p->count; i++) {
        const sweep_run *run = &p->runs[i];
        if (run->candidate != candidates || run->cell != cell->first->cell)
            continue;
        json_t *entry = json_pack("{s:s,s:O,s:s?,s:O?}", "state", states[run->state], "seed",
                                  run->seed, "folder", run->folder, "result", run->result);
        if (run->lr)
            cli_json_set(&entry, "lr", json_incref(run->lr));
        if (run->error[0])
            cli_json_set(&entry, "error", cli_json_text(run->error));
        cli_json_append(&array, entry);
    }
    return array;
}

static json_t *cell_json(const sweep_summary *s, const sweep_cell *cell)
{
    const sweep_run *run = cell->first;
    const json_t *target;
    size_t i;
    double rate = sweep_run_rate(run);
    json_t *lr = rate > 0.0 ? json_real(rate) : NULL;
    json_t *o = json_pack(
        "{s:s,s:s,s:O?,s:o?,s:o,s:o,s:o,s:o,s:I,s:f,s:o,s:o}", "data", run->data->name, "method",
        run->method->name, "shots", run->shots, "lr", lr, "last", mean_json(cell->last), "best",
        mean_json(cell->best), "best_epoch", mean_json(cell->best_epoch), "seconds",
        mean_json(cell->seconds), "trainable_without_head", (json_int_t)cell->trainable,
        "peak_device_bytes", cell->peak_bytes, "runs", runs_json(s->plan, cell, false),
        "candidates", runs_json(s->plan, cell, true));
    json_t *others = json_object();
    json_array_foreach(run->data->evaluate, i, target)
    {
        const char *name = sweep_target_text(target, "name");
        cli_json_set(&others, name, mean_json(sweep_cell_evaluation(s->plan, cell, name)));
    }
    cli_json_set(&o, "evaluate", others);
    return o;
}

static json_t *average_json(const sweep_summary *s, const sweep_average *a)
{
    const sweep_spec *spec = s->plan->spec;
    json_t *groups = json_object();
    for (int i = 0; i < spec->data_count; i++)
        if (sweep_begins_group(spec, i))
            cli_json_set(&groups, spec->data[i].group,
                         json_pack("{s:o,s:o}", "last",
                                   mean_json(sweep_group_mean(s, a, spec->data[i].group, false)),
                                   "best",
                                   mean_json(sweep_group_mean(s, a, spec->data[i].group, true))));
    json_t *o = json_pack("{s:s,s:O?,s:i,s:i,s:f,s:f,s:o}", "method", a->first->first->method->name,
                          "shots", a->first->first->shots, "sets", a->sets, "of", a->of, "last",
                          a->last, "best", a->best, "groups", groups);
    cli_json_set(&o, "mean_of_groups_last", a->groups ? json_real(a->group_last) : json_null());
    cli_json_set(&o, "mean_of_groups_best", a->groups ? json_real(a->group_best) : json_null());
    return o;
}

json_t *sweep_report_json(const sweep_summary *s)
{
    const sweep_spec *spec = s->plan->spec;
    json_t *cells = json_array(), *averages = json_array(), *missing = json_array();
    for (int i = 0; i < s->cell_count; i++)
        cli_json_append(&cells, cell_json(s, &s->cells[i]));
    for (int i = 0; i < s->average_count && sweep_has_averages(s); i++)
        cli_json_append(&averages, average_json(s, &s->averages[i]));
    for (int i = 0; i < spec->data_count; i++)
        if (spec->data[i].missing)
            cli_json_append(&missing, json_string(spec->data[i].name));
    return json_pack("{s:O,s:o,s:o,s:o}", "sweep", spec->root, "cells", cells, "averages", averages,
                     "missing", missing);
}
