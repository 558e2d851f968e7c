/* Spans of time for an application's profiler; without one they cost a comparison. */
#ifndef GR_BASE_SPAN_H
#define GR_BASE_SPAN_H

#include "base/system.h"

#include <graft/span.h>
#include <stddef.h>

typedef struct gr_spans {
    graft_span_callback *callback; /* NULL: nobody wants to know */
    void *user;                    /* borrowed */
} gr_spans;

static inline double gr_span_begin(const gr_spans *spans)
{
    return spans->callback ? gr_seconds() : 0.0;
}

/* Of the host, from gr_span_begin() until now. */
static inline void gr_span_end(const gr_spans *spans, const char *name, double start)
{
    if (!spans->callback)
        return;
    graft_span span = {GRAFT_SPAN_HOST, name, start, gr_seconds() - start, 0, 0.0, 0.0};
    spans->callback(spans->user, &span);
}

#endif
