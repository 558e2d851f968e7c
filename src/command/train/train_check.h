/* What graft train says of settings, for commands that have it run later. */
#ifndef CLI_TRAIN_CHECK_H
#define CLI_TRAIN_CHECK_H

#include "command/console/command.h"

#include <jansson.h>

/* The subcommand, whose options are the settings of a run. */
extern const cli_command cli_command_train;

/* Whether graft train takes an object of settings, whose keys are its long options, as far as no
 * file is needed. `title` begins the error. */
graft_status cli_train_check(cli *c, const char *title, const json_t *settings);

/* Whether a run of such settings in `folder` was made from the backbone and the images that are
 * there now (graft_train_check_resume). */
graft_status cli_train_check_resume(cli *c, const char *title, const json_t *settings,
                                    const char *folder, bool accept_changes);

#endif
