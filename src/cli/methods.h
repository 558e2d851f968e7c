/* What the listing of methods shares with its Markdown form. */
#ifndef CLI_METHODS_H
#define CLI_METHODS_H

#include "command.h"

#include <graft/methods.h>

/* Trainable parameters of a method, head left out. */
graft_status cli_count_method(cli *c, const char *model, const char *method, const cli_list *set,
                              int64_t *count);

/* Prints docs/methods.md. */
graft_status cli_print_methods_markdown(cli *c);

#endif
