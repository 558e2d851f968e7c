/* Pieces of a path, compared without copying them. */
#ifndef GR_DATA_SPAN_H
#define GR_DATA_SPAN_H

#include <stdbool.h>
#include <stddef.h>

/* Borrows the text; not NUL-terminated. */
typedef struct gr_span {
    const char *at;
    size_t length;
} gr_span;

gr_span gr_span_of(const char *text);

/* By bytes, as strcmp(). */
int gr_span_compare(gr_span a, gr_span b);
bool gr_span_is(gr_span a, const char *text);

/* Cuts the first component off *path; empty when there is none. */
gr_span gr_take_component(const char **path);

#endif
