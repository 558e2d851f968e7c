/* Reading JSON that came from outside, and building what is written. */
#ifndef GR_BASE_JSON_H
#define GR_BASE_JSON_H

#include "base/log.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* Parses one JSON object, which need not end with a NUL; a key that occurs twice is an error.
 * `source` names the text in the message of GRAFT_ERR_FORMAT. The caller owns *root (json_decref),
 * which is NULL on failure. Thread-safety: safe. */
graft_status gr_json_parse(graft_log *log, const char *source, const char *text, size_t size_bytes,
                           json_t **root);

/* Whether a text may stand in JSON, which is UTF-8; NULL may. */
bool gr_is_utf8(const char *text);

/* The object in a file. */
graft_status gr_json_read(graft_log *log, const char *path, json_t **root);

/* Building. The value is taken. Where it is NULL, or there is no memory, *json is freed and NULL
 * from then on: a builder looks once, at its end, whether all of it is there. */
void gr_json_set(json_t **object, const char *key, json_t *value);
void gr_json_append(json_t **array, json_t *value);

/* The text of all of it, by jansson's flags; NULL stands for out of memory, as does the result. The
 * caller frees it by free(). */
char *gr_json_text(const json_t *json, size_t flags);

#endif
