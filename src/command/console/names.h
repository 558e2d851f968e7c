/* The library names parameters, `input.image_size`; a user of the command knows options. */
#ifndef CLI_NAMES_H
#define CLI_NAMES_H

#include "command/console/command.h"

/* Copies a text of the library, cut to fit, with each name in backquotes that is one of the
 * subcommand's options (NULL: none), or of graft train, as the option: "--image-size". */
void cli_name_options(const cli_command *command, const char *text, char *out, size_t size);

#endif
