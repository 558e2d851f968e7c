/* The options of subcommands that run a trained model. */
#ifndef CLI_MODEL_OPTIONS_H
#define CLI_MODEL_OPTIONS_H

#include "command/console/command.h"

/* Begins the options of such a subcommand. */
typedef struct cli_model_options {
    cli_common common;
    const char *device;
    graft_model_params params;
} cli_model_options;

/* --device, which stands among the rows of graft_model_params. */
extern const graft_setting cli_model_device[];

/* For the options of such a subcommand: the model, and how images become its input. */
#define CLI_MODEL_OPTIONS                                                                          \
    {.table = graft_model_setting,                                                                 \
     .offset = offsetof(cli_model_options, params),                                                \
     .to = "batch-size"},                                                                          \
        {.rows = cli_model_device},                                                                \
    {                                                                                              \
        .table = graft_model_setting, .offset = offsetof(cli_model_options, params),               \
        .from = "batch-size", .to = "bad-images"                                                   \
    }

/* Opens device and model; on failure both are NULL. */
graft_status cli_open_model(cli *c, const cli_model_options *options, graft_device **device,
                            graft_model **model);

#endif
