#include "command/cli/model_options.h"

#include "command/console/device.h"

const graft_setting cli_model_device[] = {CLI_DEVICE_OPTION(cli_model_options), {.key = NULL}};

graft_status cli_open_model(cli *c, const cli_model_options *options, graft_device **device,
                            graft_model **model)
{
    *device = NULL;
    *model = NULL;
    CLI_TRY(cli_need(c, "backbone", options->params.backbone.path));
    CLI_TRY(cli_open_device(c, options->device, device));
    graft_status status = graft_model_open(c->log, *device, &options->params, model);
    if (status == GRAFT_OK && !options->params.adapter)
        status = graft_model_attach(*model, NULL); /* the backbone's own head */
    if (status != GRAFT_OK) {
        graft_model_close(model);
        graft_device_close(device);
    }
    return status;
}
