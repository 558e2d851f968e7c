/* Documents beside each other. */
#ifndef BENCH_COMPARE_H
#define BENCH_COMPARE_H

#include "command/console/command.h"

#include <jansson.h>

/* Reads a document of this or an older version. */
graft_status bench_read(cli *c, const char *path, json_t **out);

/* Prints the figures of all files, and how each but the first differs from the first. Fails when
 * one is worse beyond the spread. */
graft_status bench_compare(cli *c, const graft_text_list *files);

/* The devices of all files as one document, for a page; of several files each by its file and id. */
graft_status bench_merge(cli *c, const graft_text_list *files, json_t **out);

#endif
