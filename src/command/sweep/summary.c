#include "command/sweep/summary.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void add(sweep_mean *m, double value)
{
    double old = m->mean;
    m->count++;
    m->mean += (value - old) / m->count;
    m->deviation += (value - old) * (value - m->mean); /* the sum of squares until finish() */
}

static void finish(sweep_mean *m)
{
    m->deviation = m->count > 1 ? sqrt(m->deviation / (m->count - 1)) : 0.0;
}

static double number(const sweep_run *run, const char *key)
{
    return json_number_value(json_object_get(run->result, key));
}

static void add_run(sweep_cell *cell, const sweep_run *run)
{
    cell->runs++;
    cell->failed += run->state == SWEEP_FAILED;
    cell->done += run->state == SWEEP_DONE;
    if (!cell->first || (run->lr && !cell->first->lr))
        cell->first = run;
    if (run->state != SWEEP_DONE)
        return;
    double peak = number(run, "peak_device_bytes");
    if (json_is_number(json_object_get(run->result, "accuracy"))) { /* not without a test */
        add(&cell->last, 100.0 * number(run, "accuracy"));
        add(&cell->best, 100.0 * number(run, "best_accuracy"));
        add(&cell->best_epoch, number(run, "best_epoch"));
    }
    add(&cell->seconds, number(run, "seconds"));
    cell->trainable = (int64_t)number(run, "trainable_without_head");
    cell->peak_bytes = peak > cell->peak_bytes ? peak : cell->peak_bytes;
}

static void make_cells(sweep_summary *s)
{
    const sweep_plan *plan = s->plan;
    for (int i = 0; i < s->cell_count; i++)
        s->cells[i].trainable = -1;
    for (int i = 0; i < plan->count; i++)
        if (!plan->runs[i].candidate)
            add_run(&s->cells[plan->runs[i].cell], &plan->runs[i]);
    for (int i = 0; i < s->cell_count; i++) {
        sweep_cell *cell = &s->cells[i];
        finish(&cell->last);
        finish(&cell->best);
        finish(&cell->best_epoch);
        finish(&cell->seconds);
    }
}

static bool same_line(const sweep_cell *a, const sweep_cell *b)
{
    return a->first->method == b->first->method && a->first->shots == b->first->shots;
}

static bool in_group(const sweep_item *data, const char *group)
{
    return !group || (data->group && strcmp(data->group, group) == 0);
}

/* Over the cells of a group, or all when NULL. */
static sweep_mean mean_of(const sweep_summary *s, const sweep_cell *line, const char *group,
                          bool best)
{
    sweep_mean m = {0};
    for (int i = 0; i < s->cell_count; i++) {
        const sweep_cell *cell = &s->cells[i];
        if (cell->last.count > 0 && same_line(cell, line) && in_group(cell->first->data, group))
            add(&m, best ? cell->best.mean : cell->last.mean);
    }
    finish(&m);
    return m;
}

sweep_mean sweep_group_mean(const sweep_summary *s, const sweep_average *average, const char *group,
                            bool best)
{
    return mean_of(s, average->first, group, best);
}

bool sweep_begins_group(const sweep_spec *spec, int index)
{
    const char *group = spec->data[index].group;
    for (int i = 0; i < index && group; i++)
        if (spec->data[i].group && strcmp(spec->data[i].group, group) == 0)
            return false;
    return group != NULL;
}

bool sweep_has_averages(const sweep_summary *s)
{
    return s->plan->spec->data_count > 1;
}

static void average_groups(const sweep_summary *s, sweep_average *a)
{
    const sweep_spec *spec = s->plan->spec;
    for (int i = 0; i < spec->data_count; i++) {
        const char *group = spec->data[i].group;
        if (!group) {
            a->groups = 0;
            return;
        }
        if (!sweep_begins_group(spec, i))
            continue;
        sweep_mean last = mean_of(s, a->first, group, false);
        sweep_mean best = mean_of(s, a->first, group, true);
        if (last.count == 0) {
            a->groups = 0;
            return;
        }
        a->groups++;
        a->group_last += (last.mean - a->group_last) / a->groups;
        a->group_best += (best.mean - a->group_best) / a->groups;
    }
}

static void make_averages(sweep_summary *s)
{
    for (int i = 0; i < s->cell_count; i++) {
        const sweep_cell *cell = &s->cells[i];
        bool known = false;
        for (int k = 0; k < s->average_count; k++)
            known |= same_line(s->averages[k].first, cell);
        if (known)
            continue;
        sweep_mean last = mean_of(s, cell, NULL, false), best = mean_of(s, cell, NULL, true);
        sweep_average *a = &s->averages[s->average_count++];
        *a = (sweep_average){
            .first = cell,
            .sets = last.count,
            .of = s->plan->spec->data_count,
            .last = last.mean,
            .best = best.mean,
        };
        average_groups(s, a);
    }
}

graft_status sweep_summary_create(cli *c, const sweep_plan *plan, sweep_summary *s)
{
    size_t cells = (size_t)plan->cells + 1;
    *s = (sweep_summary){
        .plan = plan,
        .cells = calloc(cells, sizeof(*s->cells)),
        .cell_count = plan->cells,
        .averages = calloc(cells, sizeof(*s->averages)),
    };
    if (!s->cells || !s->averages)
        return cli_fail(c, GRAFT_ERR_MEMORY, "out of memory");
    make_cells(s);
    make_averages(s);
    return GRAFT_OK;
}

void sweep_summary_release(sweep_summary *s)
{
    free(s->cells);
    free(s->averages);
    *s = (sweep_summary){0};
}

sweep_mean sweep_cell_evaluation(const sweep_plan *plan, const sweep_cell *cell, const char *name)
{
    sweep_mean m = {0};
    for (int i = 0; i < plan->count; i++) {
        const sweep_run *run = &plan->runs[i];
        const json_t *all = json_object_get(run->result, "evaluate");
        const json_t *found = json_object_get(all, name);
        if (found && !run->candidate && run->cell == cell->first->cell)
            add(&m, 100.0 * json_number_value(json_object_get(found, "accuracy")));
    }
    finish(&m);
    return m;
}
