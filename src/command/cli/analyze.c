/* graft analyze: what fine-tuning did, as a page of figures and as JSON. */
#include "command/cli/commands.h"
#include "command/cli/analyze.h"
#include "command/console/device.h"
#include "command/console/names.h"
#include "command/console/output.h"
#include "command/console/write.h"

#include <stdlib.h>
#include <string.h>

typedef struct analyze_options {
    cli_common common;
    const char *out, *json, *device;
    graft_analyze_params params;
} analyze_options;

#define FIELD(field) CLI_FIELD(analyze_options, field)

static const graft_setting rows[] = {
    {"out", FIELD(out), GRAFT_SETTING_TEXT, NULL, "FILE", 0, 0, "the page, HTML; needs gnuplot",
     "with --json none", .letter = 'o'},
    {"json", FIELD(json), GRAFT_SETTING_TEXT, NULL, "FILE", 0, 0,
     "the numbers, see docs/analysis.md", "none"},
    {"backbone", FIELD(params.backbone), GRAFT_SETTING_TEXT, NULL, "FILE", 0, 0,
     "weights that the runs were trained on: adds spectra of weights", "none", .letter = 'b'},
    {"data", FIELD(params.data), GRAFT_SETTING_TEXT, NULL, "DIR", 0, 0,
     "images, with --backbone: adds spectra of features", "none", .letter = 'd'},
    {"split", FIELD(params.split), GRAFT_SETTING_TEXT, NULL, "NAME", 0, 0, "of the images", "test"},
    {"images", FIELD(params.images), GRAFT_SETTING_INT, NULL, "N", 0, 1048576, "how many of them",
     "64"},
    CLI_DEVICE_OPTION(analyze_options),
    {"batch-size", FIELD(params.batch_size), GRAFT_SETTING_INT, NULL, "N", 0, 65536,
     "images at once", "16"},
    {"threads", FIELD(params.threads), GRAFT_SETTING_INT, NULL, "N", 0, 64,
     "threads that decode images", "as many as fit the machine", .letter = 'j'},
    {.key = NULL},
};

static graft_status write_page(cli *c, const char *path, const char *json)
{
    cli_page page;
    json_t *report = json_loads(json, 0, NULL);
    if (!report)
        return cli_fail(c, GRAFT_ERR_MEMORY, "out of memory");
    cli_page_begin(&page, c, "What fine-tuning did");
    cli_analyze_page(&page, report);
    json_decref(report);
    graft_status status = cli_page_end(&page);
    if (status == GRAFT_OK)
        status = cli_write_file(c, path, page.text);
    free(page.text);
    return status;
}

/* What the report notes, in terms of options. */
static graft_status name_options(cli *c, char **json)
{
    size_t size = strlen(*json) + 1024;
    char *named = malloc(size);
    if (!named)
        return cli_fail(c, GRAFT_ERR_MEMORY, "out of memory");
    cli_name_options(c->command, *json, named, size);
    free(*json);
    *json = named;
    return GRAFT_OK;
}

static graft_status analyze(cli *c, const analyze_options *o, char **json)
{
    graft_device *device = NULL;
    graft_analyze_params params = o->params;
    params.runs = o->common.operands.items;
    params.run_count = o->common.operands.count;
    if (params.data && params.backbone)
        CLI_TRY(cli_open_device(c, o->device, &device));
    graft_status status = graft_analyze(c->log, device, &params, json);
    graft_device_close(&device);
    return status == GRAFT_OK ? name_options(c, json) : status;
}

static graft_status run(cli *c, void *options)
{
    const analyze_options *o = options;
    char *json = NULL;
    if (!o->json)
        CLI_TRY(cli_need(c, "out", o->out));
    if (o->out && o->json && strcmp(o->out, o->json) == 0)
        return cli_fail(c, GRAFT_ERR_ARGUMENT, "--json %s: is the page of --out, too", o->json);
    if (o->out)
        CLI_TRY(cli_figures_possible(c));
    graft_status status = analyze(c, o, &json);
    if (status == GRAFT_OK && o->json)
        status = cli_write_file(c, o->json, json);
    if (status == GRAFT_OK && o->out)
        status = write_page(c, o->out, json);
    free(json);
    return status;
}

const cli_command cli_command_analyze = {
    .name = "analyze",
    .summary = "Draws what runs learned: spectra, filters, curves, as a page",
    .usage = "--out FILE [--backbone FILE [--data DIR]] RUN..",
    .options = (const cli_options[]){{.rows = rows}, {.rows = NULL}},
    .options_bytes = sizeof(analyze_options),
    .operand = "RUN",
    .min_operands = 1,
    .max_operands = 1024,
    .run = run,
};
