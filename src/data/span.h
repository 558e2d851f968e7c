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

/* Distinct spans, sorted by bytes. */
typedef struct gr_span_set {
    gr_span *spans; /* [count] */
    size_t count;
} gr_span_set;

/* Makes a set of any spans: sorts them and drops doubles. */
void gr_span_set_sort(gr_span_set *set);

/* The place of a span in the set, or `count`. */
size_t gr_span_set_find(const gr_span_set *set, gr_span span);

#endif
