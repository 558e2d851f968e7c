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

/* For the rows of model_options.inc. */
#define MODEL(field) offsetof(cli_model_options, field)

/* Opens device and model; on failure both are NULL. */
graft_status cli_open_model(cli *c, const cli_model_options *options, graft_device **device,
                            graft_model **model);

#endif
