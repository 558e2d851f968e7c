#include "data/subset.h"

#include "base/log.h"
#include "base/mem.h"
#include "data/order.h"
#include "data/source.h"

#include <stdio.h>
#include <string.h>

typedef struct subset {
    gr_dataset base;
    gr_dataset *whole;
    uint32_t *index; /* [count], in the whole */
} subset;

static graft_status subset_image(graft_log *log, const gr_dataset *dataset, size_t index,
                                 gr_image *out)
{
    const subset *s = (const subset *)dataset;
    return gr_dataset_image(log, s->whole, s->index[index], out);
}

static graft_status subset_head(graft_log *log, const gr_dataset *dataset, size_t index,
                                gr_image_head *out)
{
    const subset *s = (const subset *)dataset;
    return s->whole->source->head(log, s->whole, s->index[index], out);
}

static void subset_close(gr_dataset *dataset)
{
    gr_dataset_close(&((subset *)dataset)->whole);
}

static const gr_source source = {.image = subset_image, .head = subset_head, .close = subset_close};

graft_status gr_subset_keep(graft_log *log, gr_dataset **dataset, const bool *keep, const char *how)
{
    gr_dataset *whole = *dataset;
    subset *s = keep ? gr_alloc(NULL, sizeof(*s)) : NULL;
    if (s) {
        s->base = *whole;
        s->base.source = &source;
        s->base.count = 0;
        s->base.samples = gr_alloc_array(s, whole->count + 1, sizeof(*s->base.samples));
        s->index = gr_alloc_array(s, whole->count + 1, sizeof(*s->index));
        s->base.origin = gr_printf(s, "%s, %s", whole->origin, how);
    }
    if (!s || !s->base.samples || !s->index || !s->base.origin) {
        gr_free(s);
        gr_dataset_close(dataset);
        return gr_fail(log, GRAFT_ERR_MEMORY, "a part of a data set: no memory");
    }
    s->whole = whole;
    for (size_t i = 0; i < whole->count; i++)
        if (keep[i]) {
            s->index[s->base.count] = (uint32_t)i;
            s->base.samples[s->base.count++] = whole->samples[i];
        }
    *dataset = &s->base;
    return GRAFT_OK;
}

graft_status gr_subset_hold_out(graft_log *log, gr_dataset **dataset, bool keep_held_out)
{
    const gr_dataset *d = *dataset;
    void *room = gr_alloc(NULL, 1);
    bool *keep = gr_alloc_array(room, d->count + 1, sizeof(*keep));
    uint32_t *seen = gr_alloc_array(room, (size_t)d->classes + 1, sizeof(*seen));
    for (size_t i = 0; keep && seen && i < d->count; i++)
        keep[i] = (++seen[d->samples[i].label] % GR_HELD_OUT_EVERY == 0) == keep_held_out;
    graft_status status = gr_subset_keep(log, dataset, seen ? keep : NULL,
                                         keep_held_out ? "every fifth of each class"
                                                       : "without every fifth of each class");
    gr_free(room);
    return status;
}

/* Marks `shots` of the class's images; `members` and `order` have room for all. */
static void draw_class(const gr_dataset *d, int label, int shots, uint64_t seed, uint32_t *members,
                       uint32_t *order, bool *keep)
{
    size_t count = 0;
    for (size_t i = 0; i < d->count; i++)
        if (d->samples[i].label == label)
            members[count++] = (uint32_t)i;
    gr_order_shuffled(order, count, seed, (uint32_t)label);
    for (size_t i = 0; i < count && i < (size_t)shots; i++)
        keep[members[order[i]]] = true;
}

graft_status gr_subset_draw(graft_log *log, gr_dataset **dataset, int shots, uint64_t seed)
{
    const gr_dataset *d = *dataset;
    void *room = gr_alloc(NULL, 1);
    bool *keep = gr_alloc_array(room, d->count + 1, sizeof(*keep));
    uint32_t *members = gr_alloc_array(room, d->count + 1, sizeof(*members));
    uint32_t *order = gr_alloc_array(room, d->count + 1, sizeof(*order));
    bool fits = keep && members && order;
    for (int label = 0; fits && label < d->classes; label++)
        draw_class(d, label, shots, seed, members, order, keep);
    char how[64];
    snprintf(how, sizeof(how), "%d of each class by the seed", shots);
    graft_status status = gr_subset_keep(log, dataset, fits ? keep : NULL, how);
    gr_free(room);
    return status;
}
