#include "data/list_read.h"

#include "base/log.h"
#include "base/mem.h"
#include "data/text.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct place {
    graft_log *log;
    const char *path; /* of the list */
    size_t number;    /* of the line */
} place;

static graft_status parse_label(const place *at, const char *text, int limit, int32_t *label)
{
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (end == text || *end)
        return gr_fail(at->log, GRAFT_ERR_FORMAT,
                       "%s:%zu: label '%.40s' is not a number; expected \"path label\"", at->path,
                       at->number, text);
    if (errno || value < 0 || value >= limit)
        return gr_fail(at->log, GRAFT_ERR_FORMAT, "%s:%zu: label %.40s; expected 0 to %d", at->path,
                       at->number, text, limit - 1);
    *label = (int32_t)value;
    return GRAFT_OK;
}

/* Cuts the line in two; the path stays in `line`. */
static graft_status parse_line(const place *at, char *line, int limit, int32_t *label)
{
    char *blank = strrchr(line, ' ');
    char *tab = strrchr(line, '\t');
    char *cut = !blank || (tab && tab > blank) ? tab : blank;
    if (!cut || cut == line)
        return gr_fail(at->log, GRAFT_ERR_FORMAT,
                       "%s:%zu: '%.80s' has no label; expected \"path label\"", at->path,
                       at->number, line);
    *cut = '\0';
    GR_TRY(parse_label(at, cut + 1, limit, label));
    while (cut > line && isblank((unsigned char)cut[-1]))
        *--cut = '\0';
    return GRAFT_OK;
}

graft_status gr_list_read_text(graft_log *log, void *parent, const char *path, int limit,
                               gr_image_list *out)
{
    gr_text *text = NULL;
    place at = {.log = log, .path = path};
    *out = (gr_image_list){0};
    GR_TRY(gr_text_read(log, parent, path, &text));
    out->samples = gr_alloc_array(parent, text->count + 1, sizeof(*out->samples));
    out->lines = gr_alloc_array(parent, text->count + 1, sizeof(*out->lines));
    if (!out->samples || !out->lines)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory", path);
    for (size_t i = 0; i < text->count; i++) {
        int32_t label = 0;
        at.number = i + 1;
        if (!*text->lines[i])
            continue;
        GR_TRY(parse_line(&at, text->lines[i], limit, &label));
        out->lines[out->count] = (uint32_t)(i + 1);
        out->samples[out->count++] = (gr_sample){text->lines[i], label};
        out->classes = label >= out->classes ? label + 1 : out->classes;
    }
    return GRAFT_OK;
}
