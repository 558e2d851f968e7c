/* From graft's tensors back to those of a layout. */
#include "weights/layout.h"

#include <string.h>

typedef struct restoration {
    graft_log *log;
    const gr_layout_match *match;
    gr_tensors *out;
} restoration;

/* [k, d] -> [k, 2 d] with zeros behind: what the mean of the patches is multiplied by. */
static graft_status add_widened(const restoration *r, const gr_tensor *t, const char *name)
{
    int64_t rows = t->shape.dim[0];
    size_t row_bytes = t->size_bytes / (size_t)rows;
    void *values;
    GR_TRY(gr_tensors_add_new(r->log, r->out, name, t->dtype, GR_SHAPE(rows, 2 * t->shape.dim[1]),
                              &values));
    for (int64_t i = 0; i < rows; i++)
        memcpy((char *)values + (size_t)(2 * i) * row_bytes,
               (const char *)t->data + (size_t)i * row_bytes, row_bytes);
    return GRAFT_OK;
}

/* The tensor, or a third of its rows, under the name that the rule gives it. */
static graft_status add(const restoration *r, const gr_name_rule *rule, const gr_tensor *t,
                        const char *name)
{
    gr_shape shape = t->shape;
    if (rule->axes == GR_AXES_CLASS_TOKEN && shape.rank == 2)
        return add_widened(r, t, name);
    if (rule->axes == GR_AXES_TOKENS)
        shape = rule->rank == 1 ? GR_SHAPE(shape.dim[2]) : GR_SHAPE(shape.dim[1], shape.dim[2]);
    if (!rule->third)
        return gr_tensors_add(r->log, r->out, name, t->dtype, shape, t->data);
    shape.dim[0] /= 3;
    const char *data = (const char *)t->data + t->size_bytes / 3 * (size_t)(rule->third - 1);
    return gr_tensors_add(r->log, r->out, name, t->dtype, shape, data);
}

static bool keeps_values(gr_axes axes)
{
    return axes == GR_AXES_SAME || axes == GR_AXES_TOKENS || axes == GR_AXES_CLASS_TOKEN;
}

/* Whether a rule of the layout says what becomes of a name, and says it when it is written. */
static bool writes(const restoration *r, const gr_name_rule *rule, const gr_tensor *t,
                   char name[GR_NAME_BYTES])
{
    gr_name_parts parts;
    return rule->to && keeps_values(rule->axes) && gr_pattern_match(rule->to, t->name, &parts) &&
           gr_layout_source_name(r->match, rule, &parts, name);
}

/* Of several rules the first counts, or the one that the layout is told by (fc_norm), or the three
 * of query, key and value. */
static graft_status restore(const restoration *r, const gr_tensor *t)
{
    const gr_layout *layout = r->match->layout;
    const gr_name_rule *chosen = NULL;
    char name[GR_NAME_BYTES];
    for (const gr_name_rule *rule = layout->rules; rule->from; rule++) {
        if (!writes(r, rule, t, name))
            continue;
        if (rule->third && (!chosen || chosen->third))
            GR_TRY(add(r, rule, t, name));
        if (!chosen || (layout->with && strcmp(rule->from, layout->with) == 0))
            chosen = rule;
    }
    if (!chosen)
        return gr_fail(r->log, GRAFT_ERR_UNSUPPORTED, "%s: a %s has no such tensor", t->name,
                       layout->name);
    return chosen->third || !writes(r, chosen, t, name) ? GRAFT_OK : add(r, chosen, t, name);
}

graft_status gr_layout_restore(graft_log *log, const gr_layout_match *match,
                               const gr_tensors *tensors, gr_tensors *out)
{
    restoration r = {log, match, out};
    for (size_t i = 0; i < gr_tensors_count(tensors); i++)
        GR_TRY(restore(&r, gr_tensors_at(tensors, i)));
    return GRAFT_OK;
}
