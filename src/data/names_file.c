#include "data/names_file.h"

#include "base/log.h"
#include "base/mem.h"
#include "data/text.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* "817 Oldsquaw"; false when it is no number and a name. */
static bool split_line(const char *line, int64_t *id, const char **name)
{
    char *end;
    errno = 0;
    *id = strtoll(line, &end, 10);
    bool number = isdigit((unsigned char)*line) && !errno && isblank((unsigned char)*end);
    *name = end + strspn(end, " \t");
    return number && **name;
}

/* A number and the line that it stands in. */
typedef struct numbered {
    int64_t id; /* first: it is searched for by its address */
    size_t line;
} numbered;

static int compare_ids(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* By number; NULL when one occurs twice, or without memory. */
static numbered *sort_lines(void *parent, const gr_names_file *n)
{
    numbered *sorted = gr_alloc_array(parent, n->count, sizeof(*sorted));
    for (size_t i = 0; sorted && i < n->count; i++)
        sorted[i] = (numbered){n->ids[i], i};
    if (sorted)
        qsort(sorted, n->count, sizeof(*sorted), compare_ids);
    for (size_t i = 1; sorted && i < n->count; i++)
        if (sorted[i].id == sorted[i - 1].id) {
            gr_free(sorted);
            return NULL;
        }
    return sorted;
}

graft_status gr_names_file_read(graft_log *log, void *parent, const char *path, gr_names_file *out)
{
    gr_text *text = NULL;
    *out = (gr_names_file){0};
    GR_TRY(gr_text_read(log, parent, path, &text));
    if (text->count == 0)
        return gr_fail(log, GRAFT_ERR_FORMAT, "%s: holds no names of classes", path);
    out->count = text->count;
    out->lines = gr_alloc_array(parent, text->count, sizeof(*out->lines));
    out->names = gr_alloc_array(parent, text->count, sizeof(*out->names));
    out->ids = gr_alloc_array(parent, text->count, sizeof(*out->ids));
    if (!out->lines || !out->names || !out->ids)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory", path);
    bool all = true;
    for (size_t i = 0; i < text->count; i++) {
        const char *tab = strchr(text->lines[i], '\t');
        all = all && split_line(text->lines[i], &out->ids[i], &out->names[i]);
        out->lines[i] = tab ? tab + 1 : text->lines[i];
    }
    if (!all)
        out->ids = NULL;
    return GRAFT_OK;
}

/* The line of a class; NULL: it has none. Without a JSON list the labels count from the first. */
static const numbered *line_of(const numbered *sorted, size_t count, const gr_image_list *list,
                               int label)
{
    int64_t id = list->ids ? list->ids[label] : sorted[0].id + label;
    return bsearch(&id, sorted, count, sizeof(*sorted), compare_ids);
}

/* Whether each class of the list has a number, and with plain labels each number a class. */
static bool ids_fit(const numbered *sorted, size_t count, const gr_image_list *list)
{
    if (!list->ids)
        return (sorted[0].id == 0 || sorted[0].id == 1) &&
               sorted[count - 1].id - sorted[0].id + 1 == (int64_t)count;
    for (int c = 0; c < list->classes; c++)
        if (!line_of(sorted, count, list, c))
            return false;
    return true;
}

const char **gr_names_file_match(void *parent, const gr_names_file *n, const gr_image_list *list,
                                 int *classes, bool *by_id)
{
    numbered *sorted = n->ids ? sort_lines(parent, n) : NULL;
    *by_id = sorted && ids_fit(sorted, n->count, list);
    *classes = *by_id && list->ids ? list->classes : (int)n->count;
    if (!*by_id)
        return n->lines;
    const char **names = gr_alloc_array(parent, (size_t)*classes, sizeof(*names));
    for (int c = 0; names && c < *classes; c++)
        names[c] = n->names[line_of(sorted, n->count, list, c)->line];
    return names;
}
