/* Files that commands write: there as a whole, or not at all. */
#ifndef CLI_WRITE_H
#define CLI_WRITE_H

#include "command/console/command.h"

#include <stdio.h>

/* Closes a stream; whether nothing of it was lost. */
bool cli_close_whole(FILE *file);

/* Replaces `path` by the text once all of it is written beside it, as path.part; a failure leaves
 * the old content. What is no regular file, such as /dev/stdout, is written to as it is. */
graft_status cli_write_file(cli *c, const char *path, const char *text);

#endif
