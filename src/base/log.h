/* Internal side of include/graft/log.h: emitting messages and errors. */
#ifndef GR_BASE_LOG_H
#define GR_BASE_LOG_H

#include <graft/log.h>
#include <stdbool.h>

bool gr_log_enabled(const graft_log *log, graft_log_level level);

void gr_log(graft_log *log, graft_log_level level, const char *fmt, ...) GRAFT_PRINTF(3, 4);

/* Records and reports an error; returns `status`, so that a caller can write
 *     return gr_fail(log, GRAFT_ERR_SHAPE, "%s: expected %d rows, found %d", ...);
 * The text names the culprit first and the remedy last, in one line. */
graft_status gr_fail(graft_log *log, graft_status status, const char *fmt, ...) GRAFT_PRINTF(3, 4);

#define GR_TRY(expr)                                                                               \
    do {                                                                                           \
        graft_status gr_try_status_ = (expr);                                                      \
        if (gr_try_status_ != GRAFT_OK)                                                            \
            return gr_try_status_;                                                                 \
    } while (0)

#endif
