/* Messages: where the library tells what it does and what went wrong.
 *
 * The library never prints. It hands every message to the callback of the graft_log that the
 * application passed in, and keeps the text of the latest error for graft_log_error().
 * A NULL graft_log is valid everywhere and drops all messages.
 */
#ifndef GRAFT_LOG_H
#define GRAFT_LOG_H

#include <graft/status.h>

typedef enum graft_log_level {
    GRAFT_LOG_NONE = 0,
    GRAFT_LOG_ERROR = 1,
    GRAFT_LOG_WARN = 2,
    GRAFT_LOG_INFO = 3,
    GRAFT_LOG_DEBUG = 4, /* each pipeline, plan and file */
    GRAFT_LOG_TRACE = 5, /* each dispatch */
} graft_log_level;

/* Thread-safety: safe. */
typedef struct graft_log graft_log;

typedef struct graft_log_params {
    /* Called with one line without the newline; may be NULL. Calls are serialised, but may come
     * from any thread of the library; they may not use the log that calls. */
    void (*callback)(void *user, graft_log_level level, const char *text);
    void *user;            /* borrowed for the life of the log */
    graft_log_level level; /* messages above it are dropped; errors are always kept */
} graft_log_params;

GRAFT_BEGIN_DECLS

/* Returns NULL when out of memory. The log must outlive every object created with it. */
GRAFT_API graft_log *graft_log_create(const graft_log_params *params);

/* Destroys the log and sets *log to NULL. NULL and a pointer to NULL are accepted. */
GRAFT_API void graft_log_destroy(graft_log **log);

/* Copies the text of the latest error into text[size], cut and NUL-terminated; "" when none. */
GRAFT_API void graft_log_error(graft_log *log, char *text, int size);

GRAFT_END_DECLS

#endif
