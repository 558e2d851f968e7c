#include "train/head_rows.h"

#include "base/mem.h"
#include "model/layers.h"

#include <string.h>

typedef struct matching {
    graft_log *log;
    const gr_tensors *adapter;
    const gr_tensor *weight, *bias; /* bias NULL: none */
    int before, now;                /* classes */
    int *row;                       /* [now]: of the adapter's head; -1: a new class */
    int known;                      /* of them that the adapter names */
} matching;

static int find_name(const char *const *names, int count, const char *name)
{
    for (int i = 0; name && i < count; i++)
        if (names[i] && strcmp(names[i], name) == 0)
            return i;
    return -1;
}

/* Fills row[]; false: names are missing on one of the sides. */
static bool match_names(matching *m, const gr_class_names *now, const char *const *names)
{
    if (now->count < m->now || !now->name[0] || m->before < 1 || !names[0])
        return false;
    for (int c = 0; c < m->now; c++) {
        m->row[c] = find_name(names, m->before, now->name[c]);
        m->known += m->row[c] >= 0;
    }
    return true;
}

static bool is_in_order(const matching *m)
{
    for (int c = 0; c < m->now; c++)
        if (m->row[c] != c)
            return false;
    return m->before == m->now;
}

static graft_status without_names(const matching *m)
{
    if (m->before != m->now)
        return gr_fail(m->log, GRAFT_ERR_ARGUMENT,
                       "%s: a head of %d classes for data of %d, and no names to go by on both "
                       "sides; give data whose classes have names",
                       gr_tensors_source(m->adapter), m->before, m->now);
    gr_log(m->log, GRAFT_LOG_INFO, "%s: rows of the head are taken in order, classes have no names",
           gr_tensors_source(m->adapter));
    return GRAFT_OK;
}

/* A tensor of rows: fresh ones, then those that are known. */
static graft_status add_rows(const matching *m, gr_tensors *out, const gr_tensor *from,
                             gr_init init, uint64_t seed)
{
    gr_shape shape = from->shape;
    size_t width = (size_t)gr_tensor_count(from) / (size_t)m->before;
    void *values;
    shape.dim[0] = m->now;
    float *all = gr_alloc_array(NULL, (size_t)gr_tensor_count(from), sizeof(*all));
    if (!all)
        return gr_fail(m->log, GRAFT_ERR_MEMORY, "%s: out of memory", from->name);
    gr_tensor_to_f32(from, all);
    graft_status status = gr_tensors_add_new(m->log, out, from->name, GR_F32, shape, &values);
    if (status == GRAFT_OK)
        gr_init_values(init, &shape, seed, from->name, values);
    for (int c = 0; c < m->now && status == GRAFT_OK; c++)
        if (m->row[c] >= 0)
            memcpy((float *)values + (size_t)c * width, all + (size_t)m->row[c] * width,
                   width * sizeof(*all));
    gr_free(all);
    return status;
}

/* The adapter with another head; what it keeps is borrowed. */
static graft_status copy_with_rows(const matching *m, graft_head_init kind, uint64_t seed,
                                   gr_tensors *out)
{
    gr_init weight, bias;
    gr_head_start(kind, m->weight->shape.dim[1], m->now, &weight, &bias);
    GR_TRY(gr_tensors_set_source(m->log, out, gr_tensors_source(m->adapter)));
    for (size_t i = 0; i < gr_tensors_metadata_count(m->adapter); i++) {
        const char *key, *value;
        gr_tensors_metadata_at(m->adapter, i, &key, &value);
        GR_TRY(gr_tensors_set_metadata(m->log, out, key, value));
    }
    for (size_t i = 0; i < gr_tensors_count(m->adapter); i++) {
        const gr_tensor *t = gr_tensors_at(m->adapter, i);
        GR_TRY(t == m->weight || t == m->bias
                   ? add_rows(m, out, t, t == m->weight ? weight : bias, seed)
                   : gr_tensors_add(m->log, out, t->name, t->dtype, t->shape, t->data));
    }
    return GRAFT_OK;
}

static graft_status replace_head(const matching *m, const graft_train_params *p, gr_run_setup *s)
{
    gr_tensors *with = gr_tensors_create();
    graft_status status = with ? copy_with_rows(m, p->head_init, p->seed, with)
                               : gr_fail(m->log, GRAFT_ERR_MEMORY, "head: out of memory");
    if (status != GRAFT_OK) {
        gr_tensors_destroy(&with);
        return status;
    }
    gr_log(m->log, GRAFT_LOG_INFO, "%s: %d of %d classes are known by name%s",
           gr_tensors_source(m->adapter), m->known, m->now,
           m->known < m->now ? ", the others start afresh" : ", in another order");
    gr_tensors_borrow_from(with, &s->adapter);
    s->adapter = with;
    return GRAFT_OK;
}

static graft_status match(matching *m, void *room, const graft_train_params *p, gr_run_setup *s)
{
    const char **names;
    m->row = gr_alloc_array(room, (size_t)m->now, sizeof(*m->row));
    if (!m->row)
        return gr_fail(m->log, GRAFT_ERR_MEMORY, "head: out of memory");
    GR_TRY(gr_adapter_class_names(m->log, m->adapter, room, m->before, &names));
    if (!match_names(m, &s->classes, names))
        return without_names(m);
    return is_in_order(m) ? GRAFT_OK : replace_head(m, p, s);
}

graft_status gr_head_rows_match(graft_log *log, const graft_train_params *p, gr_run_setup *s)
{
    matching m = {.log = log, .adapter = s->adapter, .now = s->config.classes};
    m.weight = s->adapter ? gr_tensors_find(s->adapter, "head.weight") : NULL;
    if (!m.weight || m.weight->shape.rank != 2)
        return GRAFT_OK;
    m.bias = gr_tensors_find(s->adapter, "head.bias");
    m.before = (int)m.weight->shape.dim[0];
    if (m.bias && (m.bias->shape.rank != 1 || m.bias->shape.dim[0] != m.before))
        return GRAFT_OK; /* the builder names the tensor that does not fit */
    void *room = gr_alloc(NULL, 1);
    graft_status status =
        room ? match(&m, room, p, s) : gr_fail(log, GRAFT_ERR_MEMORY, "head: out of memory");
    gr_free(room);
    return status;
}
