/* graft merge: an adapter folded into its backbone. */
#include "command/cli/commands.h"
#include "command/console/output.h"

typedef struct merge_options {
    cli_common common;
    const char *backbone, *adapter, *out, *type;
} merge_options;

static const cli_option table[] = {
    {"backbone", 'b', CLI_TEXT, offsetof(merge_options, backbone), "FILE", 0, 0,
     "pretrained weights: .safetensors, its folder, or JAX .npz"},
    {"adapter", 'a', CLI_TEXT, offsetof(merge_options, adapter), "FILE", 0, 0,
     "made by graft train"},
    {"out", 'o', CLI_TEXT, offsetof(merge_options, out), "FILE", 0, 0,
     "the plain checkpoint, .safetensors with timm's names"},
    {"type", 0, CLI_TEXT, offsetof(merge_options, type), "f32|f16|bf16", 0, 0,
     "type of its elements", "f32"},
    {.name = NULL},
};

static graft_status run(cli *c, void *options)
{
    const merge_options *o = options;
    CLI_TRY(cli_need(c, "backbone", o->backbone));
    CLI_TRY(cli_need(c, "adapter", o->adapter));
    CLI_TRY(cli_need(c, "out", o->out));
    return graft_merge(c->log, o->backbone, o->adapter, o->out, o->type);
}

const cli_command cli_command_merge = {
    .name = "merge",
    .summary = "Folds an adapter into its backbone and writes a plain checkpoint",
    .usage = "--backbone FILE --adapter FILE --out FILE",
    .options = table,
    .options_bytes = sizeof(merge_options),
    .run = run,
};
