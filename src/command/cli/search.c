/* graft search: which modules a backbone needs for labelled images, and how wide. */
#include "command/cli/commands.h"
#include "command/console/device.h"
#include "command/console/output.h"
#include "command/console/progress.h"
#include "command/console/stop.h"

#include <stdio.h>

typedef struct search_options {
    cli_common common;
    graft_search_params params;
    const char *device;
} search_options;

static const graft_setting device_rows[] = {CLI_DEVICE_OPTION(search_options), {.key = NULL}};
static const graft_setting json_rows[] = {CLI_JSON_OPTION, {.key = NULL}};

/* The rows of the library's table from one to another. */
#define SETTINGS(first, end)                                                                       \
    {                                                                                              \
        .table = graft_search_setting, .offset = offsetof(search_options, params),                 \
        .from = (first), .to = (end)                                                               \
    }

static const cli_options options_of_search[] = {
    SETTINGS(NULL, "memory-budget"),
    {.rows = device_rows},
    SETTINGS("memory-budget", NULL),
    {.rows = json_rows},
    {.rows = NULL},
};

static void set_defaults(void *options)
{
    graft_search_defaults(&((search_options *)options)->params);
}

static bool show(void *user, const graft_search_progress *p)
{
    cli_progress *progress = user;
    char text[128];
    if (p->train) {
        cli_progress_phase(progress, p->phase == GRAFT_SEARCH_SUPERNET ? "supernet" : "subnet");
        return cli_progress_show(progress, p->train);
    }
    cli_progress_phase(progress, "search");
    snprintf(text, sizeof(text), "generation %d/%d  candidate %d/%d  best %.1f%%", p->generation,
             p->generations, p->candidate, p->candidates, 100.0 * p->best_accuracy);
    cli_progress_text(progress, text, p->seconds_left);
    return !*progress->stop;
}

/* "10,5,0" */
static const char *widths(const graft_int_list *list, char text[256])
{
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < list->count && used < 256; i++)
        used += (size_t)snprintf(text + used, 256 - used, "%s%d", i ? "," : "", list->at[i]);
    return text;
}

static graft_status print_json(cli *c, const search_options *o, const graft_search_result *r)
{
    const graft_train_result *t = &r->retrained;
    char lora[256], adapter[256], prompts[256];
    return cli_print_json(
        c,
        json_pack("{s:s,s:s,s:s,s:I,s:f,s:i,s:o,s:o,s:i,s:o}", "lora", widths(&r->lora, lora),
                  "adapter", widths(&r->adapter, adapter), "prompts", widths(&r->prompts, prompts),
                  "parameters", (json_int_t)r->params, "val_accuracy", r->val_accuracy,
                  "candidates", r->candidates, "accuracy", cli_accuracy_json(t->accuracy),
                  "best_accuracy", cli_accuracy_json(t->best_accuracy), "best_epoch", t->best_epoch,
                  "out", cli_json_text(o->params.train.out)));
}

static void accuracy_row(cli_table *t, const char *name, double accuracy)
{
    cli_table_cell(t, "%s", name);
    cli_accuracy_cell(t, accuracy);
}

static graft_status print_table(cli *c, const graft_search_result *r)
{
    cli_table t = {.columns = 2};
    char text[32], lora[256], adapter[256], prompts[256];
    const char *const rows[][2] = {{"", "found"},
                                   {"lora", widths(&r->lora, lora)},
                                   {"adapter", widths(&r->adapter, adapter)},
                                   {"prompts", widths(&r->prompts, prompts)},
                                   {"parameters", cli_grouped(r->params, text)}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (int k = 0; k < 2; k++)
            cli_table_cell(&t, "%s", rows[i][k]);
    cli_table_cell(&t, "candidates");
    cli_table_cell(&t, "%d", r->candidates);
    accuracy_row(&t, "in the supernet", r->val_accuracy);
    accuracy_row(&t, "retrained, last", r->retrained.accuracy);
    accuracy_row(&t, "retrained, best", r->retrained.best_accuracy);
    return cli_table_print(c, &t);
}

static graft_status run(cli *c, void *options)
{
    search_options *o = options;
    graft_device *device = NULL;
    graft_search_result result;
    cli_progress progress;
    CLI_TRY(cli_need(c, "backbone", o->params.train.backbone));
    CLI_TRY(cli_need(c, "data", o->params.train.data));
    CLI_TRY(cli_need(c, "out", o->params.train.out));
    o->params.progress = show;
    o->params.user = &progress;
    CLI_TRY(cli_open_device(c, o->device, &device));
    cli_progress_start(&progress, c->console, cli_stop_on_signals());
    graft_status status = graft_search(c->log, device, &o->params, &result);
    cli_progress_finish(&progress);
    graft_device_close(&device);
    if (status != GRAFT_OK)
        return status;
    return o->common.json ? print_json(c, o, &result) : print_table(c, &result);
}

const cli_command cli_command_search = {
    .name = "search",
    .summary = "Searches how wide LoRA, adapters and prompts should be in each block",
    .usage = "--backbone FILE --data DIR --out DIR [--limit N] [options]",
    .options = options_of_search,
    .options_bytes = sizeof(search_options),
    .defaults = set_defaults,
    .run = run,
};
