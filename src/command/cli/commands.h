/* Every subcommand of list.h, declared. */
#ifndef CLI_COMMANDS_H
#define CLI_COMMANDS_H

#include "command/console/command.h"

#define CLI_COMMAND(name) extern const cli_command cli_command_##name;
#include "command/cli/list.h"
#undef CLI_COMMAND

#endif
