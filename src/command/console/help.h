/* Help texts, made from the option tables. */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include "command/console/command.h"

/* The overview of all subcommands. */
void cli_print_overview(void);

/* Usage and options of one subcommand; `options` holds the defaults. */
void cli_print_help(const cli_command *command, const void *options);

#endif
