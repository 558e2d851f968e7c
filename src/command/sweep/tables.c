#include "command/sweep/tables.h"

#include "command/sweep/folder.h"

/* "91.25", with several runs "91.25 ± 0.31" */
static void mean_cell(cli_table *t, sweep_mean m, int decimals)
{
    if (m.count == 0)
        cli_table_cell(t, "-");
    else if (m.count == 1)
        cli_table_cell(t, "%.*f", decimals, m.mean);
    else
        cli_table_cell(t, "%.*f ± %.*f", decimals, m.mean, decimals, m.deviation);
}

static void shots_cell(cli_table *t, const sweep_run *run)
{
    long long shots = run->shots ? (long long)json_integer_value(run->shots) : 0;
    if (shots > 0)
        cli_table_cell(t, "%lld", shots);
    else
        cli_table_cell(t, "all");
}

static bool has_shots(const sweep_plan *p)
{
    return json_array_size(p->spec->shots) > 0;
}

/* The "evaluate" list of the first data set that has one: the columns of all. */
static const json_t *targets_of(const sweep_plan *p)
{
    for (int i = 0; i < p->spec->data_count; i++)
        if (p->spec->data[i].evaluate)
            return p->spec->data[i].evaluate;
    return NULL;
}

static void cell_headings(const sweep_plan *p, const sweep_item *only, cli_table *t)
{
    static const char *const names[] = {"lr",         "seeds",     "last",    "best",
                                        "best epoch", "trainable", "seconds", "peak memory"};
    const json_t *target;
    size_t i;
    if (!only)
        cli_table_cell(t, "data");
    cli_table_cell(t, "method");
    if (has_shots(p))
        cli_table_cell(t, "shots");
    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        cli_table_cell(t, "%s", names[i]);
    json_array_foreach(targets_of(p), i, target)
        cli_table_cell(t, "%s", sweep_target_text(target, "name"));
    t->columns = (int)t->count;
}

static void cell_row(const sweep_plan *p, const sweep_item *only, const sweep_cell *cell,
                     cli_table *t)
{
    const sweep_run *run = cell->first;
    const json_t *target;
    double rate = sweep_run_rate(run);
    char text[32];
    size_t i;
    if (!only)
        cli_table_cell(t, "%s", run->data->name);
    cli_table_cell(t, "%s", run->method->name);
    if (has_shots(p))
        shots_cell(t, run);
    if (rate > 0.0)
        cli_table_cell(t, "%g", rate);
    else
        cli_table_cell(t, "-");
    if (cell->done == cell->runs)
        cli_table_cell(t, "%d", cell->runs);
    else
        cli_table_cell(t, "%d of %d", cell->done, cell->runs);
    mean_cell(t, cell->last, 2);
    mean_cell(t, cell->best, 2);
    mean_cell(t, cell->best_epoch, 0);
    cli_table_cell(t, "%s", cell->trainable < 0 ? "-" : cli_grouped(cell->trainable, text));
    mean_cell(t, cell->seconds, 1);
    cli_table_cell(t, "%s",
                   cell->trainable < 0 ? "-" : cli_bytes((uint64_t)cell->peak_bytes, text));
    json_array_foreach(targets_of(p), i, target)
        mean_cell(t, sweep_cell_evaluation(p, cell, sweep_target_text(target, "name")), 2);
}

void sweep_cells_table(const sweep_summary *s, const sweep_item *only, cli_table *t)
{
    cell_headings(s->plan, only, t);
    for (int i = 0; i < s->cell_count; i++)
        if (!only || s->cells[i].first->data == only)
            cell_row(s->plan, only, &s->cells[i], t);
}

static bool has_groups(const sweep_spec *spec)
{
    for (int i = 0; i < spec->data_count; i++)
        if (spec->data[i].group)
            return true;
    return false;
}

/* Over the sets that have results; where they are not all, the cell says so. */
static void average_cell(cli_table *t, const sweep_average *a, bool known, double value)
{
    if (!known)
        cli_table_cell(t, "-");
    else if (a->sets == a->of)
        cli_table_cell(t, "%.2f", value);
    else
        cli_table_cell(t, "%.2f (%d of %d)", value, a->sets, a->of);
}

void sweep_averages_table(const sweep_summary *s, bool best, cli_table *t)
{
    const sweep_spec *spec = s->plan->spec;
    cli_table_cell(t, "%s", best ? "best epoch" : "last epoch");
    if (has_shots(s->plan))
        cli_table_cell(t, "shots");
    for (int i = 0; i < spec->data_count; i++)
        if (sweep_begins_group(spec, i))
            cli_table_cell(t, "%s", spec->data[i].group);
    cli_table_cell(t, "mean of %d sets", spec->data_count);
    if (has_groups(spec))
        cli_table_cell(t, "mean of groups");
    t->columns = (int)t->count;
    for (int k = 0; k < s->average_count; k++) {
        const sweep_average *a = &s->averages[k];
        cli_table_cell(t, "%s", a->first->first->method->name);
        if (has_shots(s->plan))
            shots_cell(t, a->first->first);
        for (int i = 0; i < spec->data_count; i++)
            if (sweep_begins_group(spec, i)) {
                sweep_mean m = sweep_group_mean(s, a, spec->data[i].group, best);
                m.count = m.count ? 1 : 0;
                mean_cell(t, m, 2);
            }
        average_cell(t, a, a->sets > 0, best ? a->best : a->last);
        if (has_groups(spec))
            average_cell(t, a, a->groups > 0, best ? a->group_best : a->group_last);
    }
}
