/* graft merge: an adapter folded into its backbone. */
#include "command/cli/commands.h"
#include "command/console/output.h"

typedef struct merge_options {
    cli_common common;
    const char *backbone, *adapter, *out;
    int type; /* of types[] */
} merge_options;

static const char *const types[] = {NULL, "f32", "f16", "bf16"};

static const graft_setting rows[] = {
    {"backbone", CLI_FIELD(merge_options, backbone), GRAFT_SETTING_TEXT, NULL, "FILE", 0, 0,
     "pretrained weights: .safetensors, its folder, or JAX .npz", .letter = 'b'},
    {"adapter", CLI_FIELD(merge_options, adapter), GRAFT_SETTING_TEXT, NULL, "FILE", 0, 0,
     "made by graft train", .letter = 'a'},
    {"out", CLI_FIELD(merge_options, out), GRAFT_SETTING_TEXT, NULL, "FILE", 0, 0,
     "the plain checkpoint, .safetensors with timm's names", .letter = 'o'},
    {"type", CLI_FIELD(merge_options, type), GRAFT_SETTING_CHOICE, NULL, "|f32|f16|bf16", 0, 0,
     "type of its elements", "f32"},
    {.key = NULL},
};

static graft_status run(cli *c, void *options)
{
    const merge_options *o = options;
    CLI_TRY(cli_need(c, "backbone", o->backbone));
    CLI_TRY(cli_need(c, "adapter", o->adapter));
    CLI_TRY(cli_need(c, "out", o->out));
    return graft_merge(c->log, o->backbone, o->adapter, o->out, types[o->type]);
}

const cli_command cli_command_merge = {
    .name = "merge",
    .summary = "Folds an adapter into its backbone and writes a plain checkpoint",
    .usage = "--backbone FILE --adapter FILE --out FILE",
    .options = (const cli_options[]){{.rows = rows}, {.rows = NULL}},
    .options_bytes = sizeof(merge_options),
    .run = run,
};
