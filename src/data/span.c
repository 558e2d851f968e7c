#include "data/span.h"

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
