/* Tables of settings: sections of rows, and what is made of all of them. The rows are described in
 * include/graft/settings.h.
 *
 * Thread-safety: safe.
 */
#ifndef GR_SETTINGS_H
#define GR_SETTINGS_H

#include <graft/settings.h>

#include "base/log.h"

#include <jansson.h>

/* The name and the offset of a parameter, for a row. */
#define GR_SETTING(type, field) #field, offsetof(type, field)

/* A table: sections one after the other, each of rows that end with one without a key; NULL ends
 * the table. */
typedef const graft_setting *const gr_settings[];

/* Row `index`, counted through all sections; NULL past the last one. */
const graft_setting *gr_settings_at(gr_settings table, int index);

/* The row with a key, or NULL. */
const graft_setting *gr_settings_find(gr_settings table, const char *key);

/* Sets what rows have a default of; all else stays. */
void gr_settings_default(gr_settings table, void *params);

/* Whether every number is within its row's range, every choice one of its values, every text UTF-8,
 * in which files are kept, and there where it has a default. The first that is not is an error that
 * names its parameter. */
graft_status gr_settings_check(graft_log *log, gr_settings table, const void *params);

/* Adds the rows of a role to an object, each below its key; what is not set is left out. Out of
 * memory: see gr_json_set. */
void gr_settings_json(gr_settings table, graft_setting_role role, const void *params,
                      json_t **object);

/* Another spelling of a value of JSON's becomes the one that gr_settings_json() writes. */
void gr_setting_json_canonical(const graft_setting *setting, json_t **object);

#endif
