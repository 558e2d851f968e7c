/* The line that says how data was read. */
#include "base/log.h"
#include "base/mem.h"
#include "data/source.h"

#include <string.h>

static char *add_part(void *room, char *text, const gr_dataset *d, const char *what)
{
    if (!text || !d)
        return text;
    return gr_printf(room, "%s, %zu image%s%s (%s)", text, d->count, d->count == 1 ? "" : "s", what,
                     d->origin);
}

static bool is_used(const gr_dataset *d, const char *part)
{
    return d && d->part && (!strcmp(d->part, part) || !strcmp(d->part, "all"));
}

/* Splits that nothing is done with. */
static char *add_unused(void *room, char *text, const gr_dataset *train, const gr_dataset *test)
{
    const gr_dataset *d = train ? train : test;
    const char *before = "; not used: ";
    for (size_t i = 0; text && i < d->part_count; i++) {
        const gr_part *p = &d->parts[i];
        if (is_used(train, p->name) || is_used(test, p->name))
            continue;
        text = gr_printf(room, "%s%s%zu image%s of %s/", text, before, p->images,
                         p->images == 1 ? "" : "s", p->name);
        before = ", ";
    }
    return text;
}

/* Classes of the training images that have none: gaps in the labels of a list. */
static size_t empty_classes(void *room, const gr_dataset *d)
{
    bool *seen = gr_alloc_array(room, (size_t)d->classes + 1, sizeof(*seen));
    size_t empty = 0;
    for (size_t i = 0; seen && i < d->count; i++)
        seen[d->samples[i].label] = true;
    for (int c = 0; seen && c < d->classes; c++)
        empty += !seen[c];
    return empty;
}

static char *add_rest(void *room, char *text, const gr_dataset *d, size_t outside)
{
    char *left_out = gr_left_out_text(room, &d->left_out);
    if (text && outside)
        text = gr_printf(room, "%s; %zu of the images are outside of the folder", text, outside);
    if (text && d->note)
        text = gr_printf(room, "%s; %s", text, d->note);
    if (text && left_out && *left_out)
        text = gr_printf(room, "%s; left out: %s", text, left_out);
    return text;
}

void gr_dataset_report(graft_log *log, const char *data, const gr_dataset *train,
                       const gr_dataset *test)
{
    const gr_dataset *d = train ? train : test;
    void *room = gr_alloc(NULL, 1);
    if (!room)
        return;
    char *text = gr_printf(room, "%s: %d class%s", data, d->classes, d->classes == 1 ? "" : "es");
    size_t empty = train ? empty_classes(room, train) : 0;
    if (text && empty)
        text = gr_printf(room, "%s (%zu without images to train on)", text, empty);
    text = add_part(room, text, train, " to train on");
    text = add_part(room, text, test, train ? " to test on" : "");
    text = add_unused(room, text, train, test);
    text = add_rest(room, text, d, (train ? train->outside : 0) + (test ? test->outside : 0));
    if (text)
        gr_log(log, GRAFT_LOG_INFO, "%s", text);
    gr_free(room);
}
