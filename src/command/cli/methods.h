/* What the listing of methods shares with its Markdown form. */
#ifndef CLI_METHODS_H
#define CLI_METHODS_H

#include "command/console/command.h"

#include <graft/methods.h>

/* Trainable parameters of a method, head left out. */
graft_status cli_count_method(cli *c, const char *model, const char *method,
                              const graft_text_list *set, int64_t *count);

/* The same for a table over all methods: -1, and no error, for one that does not fit the model. */
graft_status cli_count_fitting(cli *c, const char *model, const char *method, int64_t *count);

/* "294,912"; "-" for -1. */
const char *cli_count_text(int64_t count, char text[32]);

/* Prints docs/methods.md. */
graft_status cli_print_methods_markdown(cli *c);

#endif
