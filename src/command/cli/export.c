/* graft export: a tuned model, or an adapter, in the form that other programs read. */
#include "command/cli/commands.h"
#include "command/console/output.h"

typedef struct export_options {
    cli_common common;
    const char *backbone, *adapter;
    const char *onnx, *peft; /* what is written */
    int weights;             /* 0: not told; else one more than a graft_number_type */
} export_options;

static const graft_setting rows[] = {
    {"backbone", CLI_FIELD(export_options, backbone), GRAFT_SETTING_TEXT, NULL, "FILE", 0, 0,
     "pretrained weights: .safetensors, its folder, or JAX .npz", .letter = 'b'},
    {"adapter", CLI_FIELD(export_options, adapter), GRAFT_SETTING_TEXT, NULL, "FILE", 0, 0,
     "made by graft train, or a folder of Hugging Face peft",
     "none, for --onnx: the backbone's own head", .letter = 'a'},
    {"onnx", CLI_FIELD(export_options, onnx), GRAFT_SETTING_TEXT, NULL, "FILE", 0, 0,
     "the whole model as ONNX, opset 17"},
    {"weights", CLI_FIELD(export_options, weights), GRAFT_SETTING_CHOICE, NULL, "|f32|f16", 0, 0,
     "type of the matrices in ONNX", "f32"},
    {"peft", CLI_FIELD(export_options, peft), GRAFT_SETTING_TEXT, NULL, "DIR", 0, 0,
     "the adapter for Hugging Face peft"},
    {.key = NULL},
};

static graft_status run(cli *c, void *options)
{
    const export_options *o = options;
    CLI_TRY(cli_need(c, "backbone", o->backbone));
    if (o->weights && !o->onnx)
        return cli_fail(c, GRAFT_ERR_ARGUMENT, "--weights: is of ONNX files; give --onnx as well");
    if (!o->onnx)
        CLI_TRY(cli_need(c, "adapter", o->adapter));
    if (!o->onnx == !o->peft)
        return cli_fail(c, GRAFT_ERR_ARGUMENT, "export: give one of --onnx and --peft");
    if (o->peft)
        return graft_export_peft(c->log, o->backbone, o->adapter, o->peft);
    graft_number_type weights = o->weights ? (graft_number_type)(o->weights - 1) : GRAFT_NUMBER_F32;
    return graft_export_onnx(c->log, o->backbone, o->adapter, o->onnx, weights);
}

const cli_command cli_command_export = {
    .name = "export",
    .summary = "Writes a tuned model or an adapter for other programs",
    .usage = "--backbone FILE [--adapter FILE] (--onnx FILE | --peft DIR)",
    .options = (const cli_options[]){{.rows = rows}, {.rows = NULL}},
    .options_bytes = sizeof(export_options),
    .run = run,
};
