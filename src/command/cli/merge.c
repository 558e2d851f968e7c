/* graft merge: an adapter folded into its backbone. */
#include "command/cli/commands.h"
#include "command/console/output.h"

typedef struct merge_options {
    cli_common common;
    const char *backbone, *adapter, *out;
    int type, names; /* graft_number_type, graft_tensor_names */
} merge_options;

static const graft_setting rows[] = {
    {"backbone", CLI_FIELD(merge_options, backbone), GRAFT_SETTING_TEXT, NULL, "FILE", 0, 0,
     "pretrained weights: .safetensors, its folder, or JAX .npz", .letter = 'b'},
    {"adapter", CLI_FIELD(merge_options, adapter), GRAFT_SETTING_TEXT, NULL, "FILE", 0, 0,
     "made by graft train, or a folder of Hugging Face peft", .letter = 'a'},
    {"out", CLI_FIELD(merge_options, out), GRAFT_SETTING_TEXT, NULL, "FILE|FOLDER", 0, 0,
     "the plain checkpoint, .safetensors; in a folder with config.json", .letter = 'o'},
    {"type", CLI_FIELD(merge_options, type), GRAFT_SETTING_CHOICE, "f32", "f32|f16|bf16", 0, 0,
     "type of its elements"},
    {"names", CLI_FIELD(merge_options, names), GRAFT_SETTING_CHOICE, NULL, "|timm|transformers", 0,
     0, "whose names its tensors have, and which library config.json is for",
     "as the backbone came"},
    {.key = NULL},
};

static graft_status run(cli *c, void *options)
{
    const merge_options *o = options;
    CLI_TRY(cli_need(c, "backbone", o->backbone));
    CLI_TRY(cli_need(c, "adapter", o->adapter));
    CLI_TRY(cli_need(c, "out", o->out));
    return graft_merge_as(c->log, o->backbone, o->adapter, o->out, (graft_number_type)o->type,
                          (graft_tensor_names)o->names);
}

const cli_command cli_command_merge = {
    .name = "merge",
    .summary = "Folds an adapter into its backbone and writes a plain checkpoint",
    .usage = "--backbone FILE --adapter FILE --out FILE|FOLDER",
    .options = (const cli_options[]){{.rows = rows}, {.rows = NULL}},
    .options_bytes = sizeof(merge_options),
    .run = run,
};
