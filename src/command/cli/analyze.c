/* graft analyze: what fine-tuning did, as a page of figures and as JSON. */
#include "command/cli/commands.h"
#include "command/cli/analyze.h"
#include "command/console/output.h"
#include "command/console/write.h"

#include <stdlib.h>
#include <string.h>

typedef struct analyze_options {
    cli_common common;
    const char *out, *json, *device;
    graft_analyze_params params;
} analyze_options;

#define FIELD(field) offsetof(analyze_options, field)

static const cli_option table[] = {
    {"out", 'o', CLI_TEXT, FIELD(out), "FILE", 0, 0, "the page, HTML; needs gnuplot",
     "with --json none"},
    {"json", 0, CLI_TEXT, FIELD(json), "FILE", 0, 0, "the numbers, see docs/analysis.md", "none"},
    {"backbone", 'b', CLI_TEXT, FIELD(params.backbone), "FILE", 0, 0,
     "weights that the runs were trained on: adds spectra of weights", "none"},
    {"data", 'd', CLI_TEXT, FIELD(params.data), "DIR", 0, 0,
     "images, with --backbone: adds spectra of features", "none"},
    {"split", 0, CLI_TEXT, FIELD(params.split), "NAME", 0, 0, "of the images", "test"},
    {"images", 0, CLI_INT, FIELD(params.images), "N", 0, 1048576, "how many of them", "64"},
    {"device", 0, CLI_TEXT, FIELD(device), "BACKEND:INDEX|auto", 0, 0, "see graft devices",
     "$GRAFT_DEVICE, else auto"},
    {"batch-size", 0, CLI_INT, FIELD(params.batch_size), "N", 0, 65536, "images at once", "16"},
    {"threads", 'j', CLI_INT, FIELD(params.threads), "N", 0, 64, "threads that decode images",
     "as many as fit the machine"},
    {.name = NULL},
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

static graft_status analyze(cli *c, const analyze_options *o, char **json)
{
    graft_device *device = NULL;
    graft_analyze_params params = o->params;
    params.runs = o->common.operands.items;
    params.run_count = o->common.operands.count;
    if (params.data && params.backbone)
        CLI_TRY(graft_device_open(c->log, o->device, NULL, &device));
    graft_status status = graft_analyze(c->log, device, &params, json);
    graft_device_close(&device);
    return status;
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
    .options = table,
    .options_bytes = sizeof(analyze_options),
    .operand = "RUN",
    .min_operands = 1,
    .max_operands = 1024,
    .run = run,
};
