#include "base/log.h"

#include "base/system.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct graft_log {
    graft_log_params params;
    gr_mutex mutex;
    char error[1024];
};

const char *graft_status_text(graft_status status)
{
    switch (status) {
#define STATUS_CASE(name, value, text)                                                             \
    case GRAFT_##name:                                                                             \
        return text;
        GRAFT_STATUS_LIST(STATUS_CASE)
#undef STATUS_CASE
    }
    return "unknown status";
}

graft_log *graft_log_create(const graft_log_params *params)
{
    graft_log *log = calloc(1, sizeof(*log));
    if (!log)
        return NULL;
    if (params)
        log->params = *params;
    gr_mutex_init(&log->mutex);
    return log;
}

void graft_log_destroy(graft_log **log)
{
    if (!log || !*log)
        return;
    free(*log);
    *log = NULL;
}

void graft_log_error(graft_log *log, char *text, int size)
{
    if (!text || size <= 0)
        return;
    text[0] = '\0';
    if (!log)
        return;
    gr_mutex_lock(&log->mutex);
    snprintf(text, (size_t)size, "%s", log->error);
    gr_mutex_unlock(&log->mutex);
}

bool gr_log_enabled(const graft_log *log, graft_log_level level)
{
    return log && log->params.callback && level <= log->params.level;
}

/* Names in messages may come from hostile files: no newlines, no terminal escapes. */
static void strip_control_characters(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = '?';
}

static void emit(graft_log *log, graft_log_level level, char *text)
{
    strip_control_characters(text);
    gr_mutex_lock(&log->mutex);
    if (level == GRAFT_LOG_ERROR)
        snprintf(log->error, sizeof(log->error), "%s", text);
    if (gr_log_enabled(log, level))
        log->params.callback(log->params.user, level, text);
    gr_mutex_unlock(&log->mutex);
}

void gr_log(graft_log *log, graft_log_level level, const char *fmt, ...)
{
    if (!gr_log_enabled(log, level))
        return;
    char text[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    emit(log, level, text);
}

graft_status gr_fail(graft_log *log, graft_status status, const char *fmt, ...)
{
    if (!log)
        return status;
    char text[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    emit(log, GRAFT_LOG_ERROR, text);
    return status;
}
