/* The papers' protocols as sweeps: which data sets, in which groups, with how many seeds. */
#ifndef SWEEP_PRESET_H
#define SWEEP_PRESET_H

#include "command/console/command.h"

#include <jansson.h>

/* Whether there is a preset of this name. */
bool sweep_is_preset(const char *name);

/* When the sweep names a "preset", fills in what it does not say itself: "data" (folders below
 * "root", those of "tasks" when given), "seeds", "shots". */
graft_status sweep_expand_preset(cli *c, json_t *root);

#endif
