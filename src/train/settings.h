/* The settings of a run as JSON: config.json, and the identity of a run that may be resumed. */
#ifndef GR_SETTINGS_H
#define GR_SETTINGS_H

#include <graft/train.h>

/* Writes `path` (config.json), whose keys are the command line's long option names. `device` is the
 * id of the one that the run is on. */
graft_status gr_settings_write(graft_log *log, const char *path, const graft_train_params *params,
                               const char *device);

/* The settings are kept as JSON: a text that is not UTF-8 is an error that names the option. */
graft_status gr_settings_check(graft_log *log, const graft_train_params *params);

/* A text that is equal for two runs exactly when all settings that determine their result are:
 * paths are compared as written; where to stop, when to save, memory and threads do not count.
 * The caller frees it. NULL: out of memory. */
char *gr_settings_identity(const graft_train_params *params);

/* Whether two identities are of the same settings. One that an older graft wrote may lack settings:
 * they have their defaults, which change nothing. A text that is no identity equals none. */
bool gr_settings_same_identity(const char *a, const char *b);

#endif
