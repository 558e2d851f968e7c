/* graft eval: accuracy of a model on a split of a data set. */
#include "command/cli/commands.h"
#include "command/cli/eval_report.h"
#include "command/cli/model_options.h"
#include "command/console/output.h"
#include "command/console/page.h"

typedef struct eval_options {
    cli_model_options model;
    const char *data, *split, *report;
} eval_options;

static const graft_setting rows[] = {
    {"data", CLI_FIELD(eval_options, data), GRAFT_SETTING_TEXT, NULL, "DIR", 0, 0,
     "labelled images: a folder, a .tar or dsprites:orientation", .letter = 'd'},
    {"split", CLI_FIELD(eval_options, split), GRAFT_SETTING_TEXT, "test", "NAME", 0, 0,
     "part of the data: test, val, train, all, or a list's name"},
    {"report", CLI_FIELD(eval_options, report), GRAFT_SETTING_TEXT, NULL, "DIR", 0, 0,
     "write a page with confusion, calibration and mistakes, and every prediction as CSV and JSON"},
    {.key = NULL},
};

static const graft_setting json_rows[] = {CLI_JSON_OPTION, {.key = NULL}};

static const cli_options options_of_eval[] = {
    CLI_MODEL_OPTIONS,
    {.rows = rows},
    {.table = graft_model_setting,
     .offset = offsetof(cli_model_options, params),
     .from = "bad-images"},
    {.rows = json_rows},
    {.rows = NULL},
};

static graft_status print_result(cli *c, const eval_options *o, const graft_eval_result *r)
{
    if (o->model.common.json)
        return cli_print_json(c, json_pack("{s:o,s:f,s:f,s:I}", "split", cli_json_text(o->split),
                                           "accuracy", r->accuracy, "loss", r->loss, "images",
                                           (json_int_t)r->images));
    char images[32];
    cli_table t = {.columns = 4};
    cli_table_cell(&t, "split");
    cli_table_cell(&t, "images");
    cli_table_cell(&t, "accuracy");
    cli_table_cell(&t, "loss");
    cli_table_cell(&t, "%s", o->split);
    cli_table_cell(&t, "%s", cli_grouped(r->images, images));
    cli_table_cell(&t, "%.2f%%", 100.0 * r->accuracy);
    cli_table_cell(&t, "%.4f", r->loss);
    return cli_table_print(c, &t);
}

/* The same figures, and where they come from. */
static graft_status report(cli *c, const eval_options *o, graft_model *model,
                           graft_eval_result *result)
{
    eval_report r = {.c = c, .data = o->data, .split = o->split};
    graft_status status = eval_report_collect(&r, model);
    if (status == GRAFT_OK)
        status = eval_report_write(&r, o->report);
    *result = (graft_eval_result){r.accuracy, r.loss, (int64_t)r.count};
    eval_report_release(&r);
    return status;
}

static graft_status run(cli *c, void *options)
{
    const eval_options *o = options;
    graft_device *device;
    graft_model *model;
    graft_eval_result result = {0};
    CLI_TRY(cli_need(c, "data", o->data));
    if (o->report)
        CLI_TRY(cli_figures_possible(c));
    CLI_TRY(cli_open_model(c, &o->model, &device, &model));
    graft_status status = o->report ? report(c, o, model, &result)
                                    : graft_model_evaluate(model, o->data, o->split, &result);
    graft_model_close(&model);
    graft_device_close(&device);
    return status == GRAFT_OK ? print_result(c, o, &result) : status;
}

const cli_command cli_command_eval = {
    .name = "eval",
    .summary = "Measures accuracy and loss on labelled images",
    .usage = "--backbone FILE [--adapter FILE] --data DIR [--split NAME] [options]",
    .options = options_of_eval,
    .options_bytes = sizeof(eval_options),
    .run = run,
};
