/* The settings of a run: the table, and what is kept of them as JSON: config.json, and the identity
 * of a run that may be resumed. */
#ifndef GR_TRAIN_SETTINGS_H
#define GR_TRAIN_SETTINGS_H

#include <graft/train.h>

/* Sections of the table that a search has, too: how images become input, and how tensors start and
 * are updated. */
extern const graft_setting gr_image_settings[], gr_update_settings[];

/* The first value that its row does not allow is an error that names the parameter. */
graft_status gr_train_settings_check(graft_log *log, const graft_train_params *params);

/* A text that is equal for two runs exactly when all settings that determine their result are:
 * paths are compared as written; where to stop, when to save, memory and threads do not count.
 * The caller frees it. NULL: out of memory. */
char *gr_train_settings_identity(const graft_train_params *params);

/* Whether two identities are of the same settings. One that an older graft wrote may lack settings:
 * they have their defaults, which change nothing. A text that is no identity equals none. */
bool gr_train_settings_same_identity(const char *a, const char *b);

#endif
