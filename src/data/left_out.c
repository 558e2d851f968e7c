#include "data/left_out.h"

#include "base/mem.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

void gr_left_out_format(gr_left_out *out, const char *path)
{
    char ending[sizeof(out->formats[0].ending)];
    const char *dot = strrchr(path, '.');
    snprintf(ending, sizeof(ending), "%s", dot ? dot : "");
    for (char *c = ending; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    size_t i = 0;
    while (i < out->format_count && strcmp(out->formats[i].ending, ending) != 0)
        i++;
    if (i == GR_LEFT_OUT_FORMATS) {
        out->others++;
        return;
    }
    if (i == out->format_count)
        memcpy(out->formats[out->format_count++].ending, ending, sizeof(ending));
    out->formats[i].count++;
}

void gr_left_out_unplaced(gr_left_out *out, const char *path)
{
    if (!out->unplaced++ || strcmp(path, out->example) < 0)
        snprintf(out->example, sizeof(out->example), "%s", path);
}

char *gr_left_out_text(void *parent, const gr_left_out *out)
{
    char *text = gr_strdup(parent, "");
    for (size_t i = 0; text && i < out->format_count; i++)
        text = gr_printf(parent, "%s%s%zu %s", text, *text ? ", " : "", out->formats[i].count,
                         out->formats[i].ending);
    if (text && out->unplaced)
        text = gr_printf(parent, "%s%s%zu image%s in no class folder (%s%s)", text,
                         *text ? ", " : "", out->unplaced, out->unplaced > 1 ? "s" : "",
                         out->example, out->unplaced > 1 ? ", .." : "");
    const struct {
        size_t count;
        const char *what;
    } rest[] = {
        {out->links, "broken link"},
        {out->special, "special file"},
        {out->hidden, "hidden file"},
        {out->others, "other file"},
    };
    for (size_t i = 0; text && i < sizeof(rest) / sizeof(rest[0]); i++)
        if (rest[i].count)
            text = gr_printf(parent, "%s%s%zu %s%s", text, *text ? ", " : "", rest[i].count,
                             rest[i].what, rest[i].count > 1 ? "s" : "");
    return text;
}
