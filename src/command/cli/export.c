/* graft export: a tuned model, or an adapter, in the form that other programs read. */
#include "command/cli/commands.h"
#include "command/console/output.h"

typedef struct export_options {
    cli_common common;
    const char *backbone, *adapter;
    const char *onnx, *peft; /* what is written */
} export_options;

static const graft_setting rows[] = {
    {"backbone", CLI_FIELD(export_options, backbone), GRAFT_SETTING_TEXT, NULL, "FILE", 0, 0,
     "pretrained weights: .safetensors, its folder, or JAX .npz", .letter = 'b'},
    {"adapter", CLI_FIELD(export_options, adapter), GRAFT_SETTING_TEXT, NULL, "FILE", 0, 0,
     "made by graft train", .letter = 'a'},
    {"onnx", CLI_FIELD(export_options, onnx), GRAFT_SETTING_TEXT, NULL, "FILE", 0, 0,
     "the whole model as ONNX, opset 17"},
    {"peft", CLI_FIELD(export_options, peft), GRAFT_SETTING_TEXT, NULL, "DIR", 0, 0,
     "the adapter for Hugging Face peft"},
    {.key = NULL},
};

static graft_status run(cli *c, void *options)
{
    const export_options *o = options;
    CLI_TRY(cli_need(c, "backbone", o->backbone));
    CLI_TRY(cli_need(c, "adapter", o->adapter));
    if (!o->onnx == !o->peft)
        return cli_fail(c, GRAFT_ERR_ARGUMENT, "export: give one of --onnx and --peft");
    return cli_fail(c, GRAFT_ERR_UNSUPPORTED, "--%s: not built yet", o->onnx ? "onnx" : "peft");
}

const cli_command cli_command_export = {
    .name = "export",
    .summary = "Writes a tuned model or an adapter for other programs",
    .usage = "--backbone FILE --adapter FILE (--onnx FILE | --peft DIR)",
    .options = (const cli_options[]){{.rows = rows}, {.rows = NULL}},
    .options_bytes = sizeof(export_options),
    .run = run,
};
