/* From a layout's tensors to graft's. */
#include "weights/layout.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

typedef struct translation {
    graft_log *log;
    const gr_layout_match *match;
    gr_tensors *in, *out;
} translation;

/* in[a, b, c] -> out[c, b, a]. Sixteen rows of `in` at a time, so that every visit to `out` fills a
 * cache line. Inlined with a constant size, the copies become single moves. */
static inline void reverse_sized(const char *in, int64_t a, int64_t b, int64_t c, char *out,
                                 size_t size)
{
    enum { ROWS = 16 };
    for (int64_t start = 0; start < a; start += ROWS) {
        int64_t end = start + ROWS < a ? start + ROWS : a;
        for (int64_t j = 0; j < b; j++)
            for (int64_t k = 0; k < c; k++)
                for (int64_t i = start; i < end; i++)
                    memcpy(out + (size_t)((k * b + j) * a + i) * size,
                           in + (size_t)((i * b + j) * c + k) * size, size);
    }
}

static void reverse_axes(const char *in, int64_t a, int64_t b, int64_t c, char *out, size_t size)
{
    if (size == 4)
        reverse_sized(in, a, b, c, out, 4);
    else if (size == 2)
        reverse_sized(in, a, b, c, out, 2);
    else
        reverse_sized(in, a, b, c, out, size);
}

static bool moves_values(gr_axes axes)
{
    return axes == GR_AXES_LAST_OUT || axes == GR_AXES_FIRST_IN || axes == GR_AXES_PATCHES ||
           axes == GR_AXES_CLASS_TOKEN;
}

static gr_shape shape_after(const gr_shape *s, gr_axes axes)
{
    int last = s->rank - 1;
    switch (axes) {
    case GR_AXES_SAME:
        return *s;
    case GR_AXES_FLAT:
        return GR_SHAPE(gr_shape_count(s));
    case GR_AXES_TOKENS:
        return GR_SHAPE(1, gr_shape_span(s, 0, last), s->dim[last]);
    case GR_AXES_LAST_OUT:
        return GR_SHAPE(s->dim[last], gr_shape_span(s, 0, last));
    case GR_AXES_FIRST_IN:
        return GR_SHAPE(gr_shape_span(s, 1, s->rank), s->dim[0]);
    case GR_AXES_PATCHES:
        return GR_SHAPE(s->dim[3], s->dim[2], s->dim[0], s->dim[1]);
    case GR_AXES_CLASS_TOKEN:
        return s->rank == 2 ? GR_SHAPE(s->dim[0], s->dim[1] / 2) : *s;
    }
    return *s;
}

/* The first half of each row of t, or all of what has no rows. */
static void write_first_half(const gr_tensor *t, char *out)
{
    if (t->shape.rank != 2) {
        memcpy(out, t->data, t->size_bytes);
        return;
    }
    size_t size = gr_dtype_size(t->dtype), row = (size_t)t->shape.dim[1] * size;
    size_t kept = (size_t)(t->shape.dim[1] / 2) * size;
    for (size_t i = 0; i < (size_t)t->shape.dim[0]; i++)
        memcpy(out + i * kept, (const char *)t->data + i * row, kept);
}

/* Whether a head [k, 2 d] sees nothing of the second half. */
static bool ignores_patches(const gr_tensor *t)
{
    if (!t || t->shape.rank != 2 || t->shape.dim[0] < 1 || t->shape.dim[1] % 2 || !t->data)
        return false;
    size_t row_bytes = t->size_bytes / (size_t)t->shape.dim[0];
    const char *data = t->data;
    for (size_t i = 0; i < t->size_bytes; i++)
        if (data[i] && i % row_bytes >= row_bytes / 2)
            return false;
    return true;
}

/* The values of `t` in the order that `axes` asks for. */
static void write_values(const gr_tensor *t, gr_axes axes, char *out)
{
    const gr_shape *s = &t->shape;
    size_t size = gr_dtype_size(t->dtype);
    gr_shape shape = shape_after(s, axes);
    if (axes == GR_AXES_PATCHES)
        reverse_axes(t->data, s->dim[0] * s->dim[1], s->dim[2], s->dim[3], out, size);
    else if (axes == GR_AXES_CLASS_TOKEN)
        write_first_half(t, out);
    else if (moves_values(axes))
        reverse_axes(t->data, shape.dim[1], 1, shape.dim[0], out, size);
    else
        memcpy(out, t->data, t->size_bytes);
}

/* Empty tensors are refused: the size of the others bounds every product of their dimensions. */
static graft_status check_tensor(const translation *t, const gr_name_rule *rule,
                                 const gr_tensor *tensor)
{
    char text[GR_SHAPE_TEXT];
    if (rule->rank && (tensor->shape.rank != rule->rank || tensor->size_bytes == 0))
        return gr_fail(t->log, GRAFT_ERR_SHAPE,
                       "%s: tensor %s: expected %d dimensions, none of them zero, found %s",
                       gr_tensors_source(t->in), tensor->name, rule->rank,
                       gr_shape_text(&tensor->shape, text));
    return GRAFT_OK;
}

/* Two tensors of the file for one of graft's. */
static graft_status fail_twice(const translation *t, const gr_tensor *tensor, const char *name)
{
    const char *other = tensor->name;
    for (size_t i = 0; i < gr_tensors_count(t->in); i++) {
        char target[GR_NAME_BYTES];
        const gr_name_rule *rule;
        gr_name_parts parts;
        const char *found = gr_tensors_at(t->in, i)->name;
        if (found != tensor->name &&
            gr_layout_use(t->match, found, target, &rule, &parts) == GR_NAME_USED &&
            strcmp(target, name) == 0)
            other = found;
    }
    return gr_fail(t->log, GRAFT_ERR_FORMAT, "%s: has both %s and %s; a %s has one of them",
                   gr_tensors_source(t->in), other, tensor->name, t->match->layout->name);
}

static graft_status add_whole(const translation *t, const gr_name_rule *rule,
                              const gr_tensor *tensor, const char *name)
{
    gr_shape shape = shape_after(&tensor->shape, rule->axes);
    if (gr_tensors_find(t->out, name))
        return fail_twice(t, tensor, name);
    if (!moves_values(rule->axes))
        return gr_tensors_add(t->log, t->out, name, tensor->dtype, shape, tensor->data);
    void *values;
    GR_TRY(gr_tensors_add_new(t->log, t->out, name, tensor->dtype, shape, &values));
    write_values(tensor, rule->axes, values);
    gr_tensors_drop_data(t->in, tensor);
    return GRAFT_OK;
}

static bool is_bias(const gr_name_rule *rule)
{
    size_t length = strlen(rule->to), end = strlen(".bias");
    return length > end && strcmp(rule->to + length - end, ".bias") == 0;
}

/* The rule and the tensor of part `part`, from 1, of the same target as `rule`; NULL for a bias
 * that the file may be without. */
static graft_status find_part(const translation *t, const gr_name_rule *rule, int part,
                              const gr_name_parts *parts, const gr_name_rule **sibling,
                              const gr_tensor **tensor)
{
    char name[GR_NAME_BYTES];
    const char *missing = NULL;
    *tensor = NULL;
    for (const gr_name_rule *r = t->match->layout->rules; r->from; r++) {
        if (r->third + r->half != part || !rule->third != !r->third || strcmp(r->to, rule->to) != 0)
            continue;
        if (!gr_layout_source_name(t->match, r, parts, name))
            break;
        *sibling = r;
        *tensor = gr_tensors_find(t->in, name);
        if (*tensor)
            return check_tensor(t, r, *tensor);
        if (!r->optional || !is_bias(r))
            missing = r->from;
    }
    if (!missing)
        return GRAFT_OK;
    GR_TRY(gr_tensors_get(t->log, t->in, name, tensor));
    return gr_fail(t->log, GRAFT_ERR_NOT_FOUND, "%s: nothing goes with %s",
                   gr_tensors_source(t->in), rule->from);
}

/* Halves may have different numbers of rows. */
static bool fits(const gr_tensor *t, const gr_name_rule *rule, const gr_tensor *first,
                 const gr_shape *shape)
{
    gr_shape found = shape_after(&t->shape, rule->axes);
    if (rule->half && found.rank > 0 && found.rank == shape->rank && found.dim[0] > 0)
        found.dim[0] = shape->dim[0];
    return t->dtype == first->dtype && gr_shape_equal(&found, shape);
}

/* A kernel [width, heads, channels] of JAX tells the number of heads, which is that of all blocks.
 * What the file itself says goes before it. */
static graft_status note_heads(const translation *t, const gr_name_rule *rule,
                               const gr_tensor *kernel)
{
    char heads[24];
    if (rule->axes != GR_AXES_FIRST_IN || kernel->shape.rank != 3)
        return GRAFT_OK;
    snprintf(heads, sizeof(heads), "%lld", (long long)kernel->shape.dim[1]);
    const char *before = gr_tensors_metadata(t->out, "graft.heads");
    if (before && strcmp(before, heads) != 0)
        return gr_fail(t->log, GRAFT_ERR_UNSUPPORTED,
                       "%s: tensor %s: has %s heads, other blocks have %s; graft builds models of "
                       "one number",
                       gr_tensors_source(t->in), kernel->name, heads, before);
    return before ? GRAFT_OK
                  : gr_tensors_set_metadata_from(t->log, t->out, "graft.heads", heads, "kernels");
}

/* All parts have the type and the shape of the first that is there. */
static graft_status check_parts(const translation *t, const gr_name_rule *const rules[3],
                                const gr_tensor *const tensors[3], int count, int first)
{
    char text[GR_SHAPE_TEXT];
    gr_shape shape = shape_after(&tensors[first]->shape, rules[first]->axes);
    for (int i = 0; i < count; i++)
        if (tensors[i] && !fits(tensors[i], rules[i], tensors[first], &shape))
            return gr_fail(t->log, GRAFT_ERR_SHAPE, "%s: tensor %s: %s %s differs from that of %s",
                           gr_tensors_source(t->in), tensors[i]->name,
                           gr_dtype_name(tensors[i]->dtype),
                           gr_shape_text(&tensors[i]->shape, text), tensors[first]->name);
    if (shape.rank < 1 || gr_shape_count(&shape) == 0)
        return gr_fail(t->log, GRAFT_ERR_SHAPE, "%s: tensor %s: %s", gr_tensors_source(t->in),
                       tensors[first]->name, shape.rank < 1 ? "a scalar" : "empty");
    return GRAFT_OK;
}

/* Stacks query, key and value of a block, or two halves, once it meets the first of them. */
static graft_status add_parts(const translation *t, const gr_name_rule *rule,
                              const gr_name_parts *parts, const char *name)
{
    const gr_name_rule *rules[3];
    const gr_tensor *tensors[3];
    void *values;
    int count = rule->third ? 3 : 2, first = 0;
    if (gr_tensors_find(t->out, name))
        return GRAFT_OK;
    for (int i = 0; i < count; i++)
        GR_TRY(find_part(t, rule, i + 1, parts, &rules[i], &tensors[i]));
    while (first + 1 < count && !tensors[first])
        first++;
    if (!tensors[first])
        return gr_fail(t->log, GRAFT_ERR_NOT_FOUND, "%s: nothing goes with %s",
                       gr_tensors_source(t->in), rule->from);
    GR_TRY(check_parts(t, rules, tensors, count, first));
    GR_TRY(note_heads(t, rules[first], tensors[first]));
    gr_shape stacked = shape_after(&tensors[first]->shape, rules[first]->axes);
    size_t bytes = tensors[first]->size_bytes, at = 0; /* of a third */
    stacked.dim[0] = rule->third ? 3 * stacked.dim[0] : 0;
    for (int i = 0; i < count && !rule->third; i++)
        stacked.dim[0] += shape_after(&tensors[i]->shape, rules[i]->axes).dim[0];
    GR_TRY(gr_tensors_add_new(t->log, t->out, name, tensors[first]->dtype, stacked, &values));
    for (int i = 0; i < count; i++) {
        if (tensors[i]) {
            write_values(tensors[i], rules[i]->axes, (char *)values + at);
            at += tensors[i]->size_bytes;
            gr_tensors_drop_data(t->in, tensors[i]);
        } else {
            at += bytes;
        }
    }
    return GRAFT_OK;
}

static bool has_class_token_head(const translation *t)
{
    char name[GR_NAME_BYTES];
    const gr_name_rule *rule;
    return gr_layout_origin(t->match, "head.weight", name, &rule) &&
           ignores_patches(gr_tensors_find(t->in, name));
}

static graft_status add(const translation *t, const gr_tensor *tensor, size_t *ignored,
                        const char **example)
{
    const gr_name_rule *rule;
    gr_name_parts parts;
    char name[GR_NAME_BYTES];
    switch (gr_layout_use(t->match, tensor->name, name, &rule, &parts)) {
    case GR_NAME_USED:
        if (rule->axes == GR_AXES_CLASS_TOKEN && !has_class_token_head(t)) {
            *example = tensor->name;
            ++*ignored;
            break;
        }
        GR_TRY(check_tensor(t, rule, tensor));
        return rule->third || rule->half ? add_parts(t, rule, &parts, name)
                                         : add_whole(t, rule, tensor, name);
    case GR_NAME_DROPPED:
        break;
    case GR_NAME_IGNORED:
        *example = tensor->name;
        ++*ignored;
        break;
    case GR_NAME_FOREIGN:
        return gr_fail(t->log, GRAFT_ERR_UNSUPPORTED,
                       "%s: tensor %s: a %s has no such tensor; graft builds plain ones only",
                       gr_tensors_source(t->in), tensor->name, t->match->layout->name);
    }
    return GRAFT_OK;
}

/* The name of the last norm may tell that a head sees the mean. Where it does not, timm's "avg" is
 * that of normed tokens. */
static graft_status settle_pool(const translation *t)
{
    const char *from = gr_tensors_metadata_from(t->out, "graft.pool");
    bool mean = from && strcmp(gr_tensors_metadata(t->out, "graft.pool"), "avg") == 0;
    if (t->match->norms_mean && !from)
        return gr_tensors_set_metadata_from(t->log, t->out, "graft.pool", "avg", "names");
    if (t->match->norms_mean || !mean || t->match->layout->sidecars != GR_SIDECARS_TIMM)
        return GRAFT_OK;
    return gr_tensors_set_metadata_from(t->log, t->out, "graft.pool", "normed-avg", from);
}

static graft_status copy_metadata(const translation *t)
{
    GR_TRY(settle_pool(t));
    const gr_layout *layout = t->match->layout;
    const char *key, *value;
    for (int i = 0; i < GR_LAYOUT_METADATA && layout->metadata[i].key; i++)
        if (!gr_tensors_metadata(t->out, layout->metadata[i].key))
            GR_TRY(gr_tensors_set_metadata_from(t->log, t->out, layout->metadata[i].key,
                                                layout->metadata[i].value, "names"));
    if (layout->normalization)
        GR_TRY(gr_tensors_set_metadata_from(t->log, t->out, GR_LIKELY_NORMALIZATION,
                                            layout->normalization, "names"));
    GR_TRY(gr_tensors_set_metadata_from(t->log, t->out, GR_LAYOUT_KEY, layout->name, "names"));
    for (size_t i = 0; i < gr_tensors_metadata_count(t->in); i++) {
        gr_tensors_metadata_at(t->in, i, &key, &value);
        GR_TRY(gr_tensors_set_metadata(t->log, t->out, key, value));
    }
    return GRAFT_OK;
}

graft_status gr_layout_translate(graft_log *log, const gr_layout_match *match, gr_tensors *tensors,
                                 gr_tensors *out)
{
    translation t = {log, match, tensors, out};
    const char *example = NULL;
    size_t ignored = 0;
    if (match->layout->refusal)
        return gr_fail(log, GRAFT_ERR_UNSUPPORTED, "%s: a %s: it %s", gr_tensors_source(tensors),
                       match->layout->name, match->layout->refusal);
    for (size_t i = 0; i < gr_tensors_count(tensors); i++)
        GR_TRY(add(&t, gr_tensors_at(tensors, i), &ignored, &example));
    if (match->drops_head)
        gr_log(log, GRAFT_LOG_INFO,
               "%s: its head is left out: it sees what %s makes of the features, which is no part "
               "of graft's models",
               gr_tensors_source(tensors), match->layout->before_head);
    if (ignored)
        gr_log(log, GRAFT_LOG_INFO, "%s: %zu tensors are no part of a %s and ignored, such as %s",
               gr_tensors_source(tensors), ignored, match->layout->name, example);
    return copy_metadata(&t);
}
