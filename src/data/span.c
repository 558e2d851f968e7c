#include "data/span.h"

#include <stdlib.h>
#include <string.h>

gr_span gr_span_of(const char *text)
{
    return (gr_span){text, strlen(text)};
}

int gr_span_compare(gr_span a, gr_span b)
{
    size_t shorter = a.length < b.length ? a.length : b.length;
    int order = shorter ? memcmp(a.at, b.at, shorter) : 0;
    return order ? order : (a.length > b.length) - (a.length < b.length);
}

bool gr_span_is(gr_span a, const char *text)
{
    return gr_span_compare(a, gr_span_of(text)) == 0;
}

gr_span gr_take_component(const char **path)
{
    const char *at = *path + strspn(*path, "/");
    size_t length = strcspn(at, "/");
    *path = at + length + strspn(at + length, "/");
    return (gr_span){at, length};
}

static int compare(const void *a, const void *b)
{
    return gr_span_compare(*(const gr_span *)a, *(const gr_span *)b);
}

void gr_span_set_sort(gr_span_set *set)
{
    size_t count = 0;
    if (set->count)
        qsort(set->spans, set->count, sizeof(*set->spans), compare);
    for (size_t i = 0; i < set->count; i++)
        if (!i || gr_span_compare(set->spans[i], set->spans[count - 1]))
            set->spans[count++] = set->spans[i];
    set->count = count;
}

size_t gr_span_set_find(const gr_span_set *set, gr_span span)
{
    const gr_span *found =
        set->count ? bsearch(&span, set->spans, set->count, sizeof(span), compare) : NULL;
    return found ? (size_t)(found - set->spans) : set->count;
}
