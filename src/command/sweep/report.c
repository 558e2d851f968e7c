#include "command/sweep/report.h"

#include "command/sweep/tables.h"
#include "command/console/write.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void print_missing_targets(const sweep_item *data, FILE *file)
{
    const json_t *target;
    size_t i;
    json_array_foreach(data->evaluate, i, target)
    {
        if (sweep_target_missing(target))
            fprintf(file, "Missing: %s (%s), a test for %s.\n", sweep_target_text(target, "name"),
                    sweep_target_text(target, "data"), data->name);
    }
}

static void print_missing(const sweep_summary *s, FILE *file)
{
    const sweep_spec *spec = s->plan->spec;
    for (int i = 0; i < spec->data_count; i++)
        if (spec->data[i].missing)
            fprintf(file, "Missing: %s (%s).\n", spec->data[i].name,
                    json_string_value(json_object_get(spec->data[i].options, "data")));
    for (int i = 0; i < spec->data_count; i++)
        print_missing_targets(&spec->data[i], file);
    for (int i = 0; i < s->plan->count; i++) {
        const sweep_run *run = &s->plan->runs[i];
        char title[160];
        if (run->state == SWEEP_FAILED)
            fprintf(file, "Failed: %s: %s.\n", sweep_run_title(run, title), run->error);
    }
}

static void write_markdown(FILE *file, const cli_table *t)
{
    for (size_t i = 0; i < t->count; i++) {
        bool ends = (int)(i % (size_t)t->columns) == t->columns - 1;
        fprintf(file, "| %s %s", t->cells[i] ? t->cells[i] : "", ends ? "|\n" : "");
        for (int k = 0; ends && i + 1 == (size_t)t->columns && k < t->columns; k++)
            fprintf(file, "|%s%s", k == 0 ? "---" : "---:", k == t->columns - 1 ? "|\n" : "");
    }
    fprintf(file, "\n");
}

static graft_status print_text(cli *c, const sweep_summary *s)
{
    cli_table cells = {0};
    sweep_cells_table(s, NULL, &cells);
    CLI_TRY(cli_table_print(c, &cells));
    for (int best = 0; best < 2 && sweep_has_averages(s); best++) {
        cli_table averages = {0};
        printf("\n");
        sweep_averages_table(s, best, &averages);
        CLI_TRY(cli_table_print(c, &averages));
    }
    print_missing(s, stdout);
    return GRAFT_OK;
}

static void write_sets(FILE *file, const sweep_summary *s)
{
    const sweep_spec *spec = s->plan->spec;
    for (int i = 0; i < spec->data_count; i++) {
        cli_table cells = {0};
        if (spec->data[i].missing)
            continue;
        fprintf(file, "## %s\n\n", spec->data[i].name);
        sweep_cells_table(s, &spec->data[i], &cells);
        write_markdown(file, &cells);
        cli_table_release(&cells);
    }
}

static void write_averages(FILE *file, const sweep_summary *s)
{
    fprintf(file, "## Averages\n\n");
    for (int best = 0; best < 2; best++) {
        cli_table averages = {0};
        sweep_averages_table(s, best, &averages);
        write_markdown(file, &averages);
        cli_table_release(&averages);
    }
}

static void write_page(FILE *file, const sweep_summary *s)
{
    char path[4096];
    fprintf(file, "# Results of a sweep\n\nAccuracy in percent, mean ± deviation over seeds; "
                  "trainable parameters without the head.\n\n");
    write_sets(file, s);
    if (sweep_has_averages(s))
        write_averages(file, s);
    snprintf(path, sizeof(path), "%s/figures/parameters.svg", s->plan->spec->out);
    if (access(path, F_OK) == 0)
        fprintf(file, "![Accuracy over trainable parameters](figures/parameters.svg)\n\n");
    print_missing(s, file);
}

/* NULL: out of memory. */
static char *page_text(const sweep_summary *s)
{
    char *text = NULL;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    if (!file)
        return NULL;
    write_page(file, s);
    if (cli_close_whole(file))
        return text;
    free(text);
    return NULL;
}

static graft_status write_text(cli *c, const sweep_summary *s, const char *name, const char *text)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", s->plan->spec->out, name);
    return text ? cli_write_file(c, path, text) : cli_fail(c, GRAFT_ERR_MEMORY, "out of memory");
}

graft_status sweep_report_print(cli *c, const sweep_summary *s, bool json)
{
    return json ? cli_print_json(c, sweep_report_json(s)) : print_text(c, s);
}

graft_status sweep_report_write(cli *c, const sweep_summary *s)
{
    json_t *all = sweep_report_json(s);
    char *json = all ? json_dumps(all, JSON_INDENT(1) | JSON_REAL_PRECISION(10)) : NULL;
    char *page = page_text(s);
    graft_status status = write_text(c, s, "results.md", page);
    if (status == GRAFT_OK)
        status = write_text(c, s, "results.json", json);
    json_decref(all);
    free(json);
    free(page);
    return status;
}
