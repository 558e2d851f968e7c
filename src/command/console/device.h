/* Opening the device that a subcommand runs on. */
#ifndef CLI_DEVICE_H
#define CLI_DEVICE_H

#include "command/console/command.h"

/* As graft_device_open; a device that was never tested is, first, and the outcome said. One that
 * failed is refused. */
graft_status cli_open_device(cli *c, const char *id, graft_device **device);

/* Runs the self-test behind a status line. */
graft_status cli_selftest(cli *c, graft_device *device, const graft_selftest_params *params,
                          graft_selftest_result *result);

#endif
