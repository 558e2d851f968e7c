/* What is computed of an image before the first thing that training changes: it may be computed
 * once and kept. */
#include "passes/passes.h"

#include "base/mem.h"
#include "graph/op.h"

#include <stdio.h>

/* What a value is made of. */
typedef enum origin {
    OTHER,    /* of what changes: parameters, random numbers, labels */
    CONSTANT, /* of frozen tensors alone */
    FEATURE,  /* of the images and constants, row r of image r */
} origin;

typedef struct cut {
    gr_value *image;
    origin *origins; /* by id */
    bool *read;      /* by id: something else than a feature reads it */
    gr_value **order;
    int count;
} cut;

static void collect(cut *c, gr_value *v, bool *seen)
{
    if (seen[v->id])
        return;
    seen[v->id] = true;
    for (int i = 0; i < v->input_count; i++)
        collect(c, v->input[i], seen);
    c->order[c->count++] = v;
}

static origin origin_of_result(const cut *c, const gr_value *v)
{
    int64_t batch = c->image->shape.dim[0];
    bool feature = false;
    for (int i = 0; i < v->input_count; i++) {
        origin from = c->origins[v->input[i]->id];
        if (from == OTHER || (from == FEATURE && v->op->mixes_rows && v->op->mixes_rows(v, i)))
            return OTHER;
        feature |= from == FEATURE;
    }
    if (!feature)
        return CONSTANT;
    return v->shape.rank > 0 && v->shape.dim[0] % batch == 0 ? FEATURE : OTHER;
}

static origin origin_of(const cut *c, const gr_value *v)
{
    if (v == c->image)
        return FEATURE;
    if (v->kind == GR_VALUE_FROZEN)
        return CONSTANT;
    return v->kind == GR_VALUE_RESULT ? origin_of_result(c, v) : OTHER;
}

/* From the last value to the first: what is read, and has a row for each image. Returns how many
 * there are. */
static int find_last_features(cut *c, gr_feature *features, int max)
{
    int found = 0;
    for (int i = c->count; i-- > 0;) {
        gr_value *v = c->order[i];
        bool feature = c->origins[v->id] == FEATURE;
        if (feature && !c->read[v->id])
            continue;
        if (feature && v->shape.dim[0] == c->image->shape.dim[0]) {
            if (found < max)
                features[found].value = v;
            found++;
            continue;
        }
        c->origins[v->id] = feature ? OTHER : c->origins[v->id];
        for (int k = 0; k < v->input_count; k++)
            c->read[v->input[k]->id] = true;
    }
    return found;
}

static void read_input(cut *c, const gr_feature *feature)
{
    for (int i = 0; i < c->count; i++)
        for (int k = 0; k < c->order[i]->input_count; k++)
            if (c->order[i]->input[k] == feature->value && c->origins[c->order[i]->id] != FEATURE)
                c->order[i]->input[k] = feature->input;
}

static void replace(cut *c, gr_feature *features, int count)
{
    for (int i = 0; i < count; i++) {
        char name[96];
        snprintf(name, sizeof(name), "%s.feature %d", c->image->name, i);
        features[i].input = gr_graph_input(c->image->graph, name, GR_F32, features[i].value->shape);
        if (!features[i].input)
            return;
        read_input(c, &features[i]);
    }
}

int gr_graph_cut_features(gr_graph *graph, gr_value *image, gr_value *output, gr_feature *features,
                          int max)
{
    if (gr_graph_status(graph) != GRAFT_OK)
        return 0;
    size_t values = (size_t)gr_graph_count(graph);
    cut c = {.image = image};
    c.origins = gr_alloc_array(NULL, values, sizeof(*c.origins));
    c.read = gr_alloc_array(c.origins, values, sizeof(*c.read));
    c.order = gr_alloc_array(c.origins, values, sizeof(gr_value *));
    bool *seen = gr_alloc_array(c.origins, values, sizeof(*seen));
    if (!c.origins || !c.read || !c.order || !seen) {
        gr_free(c.origins);
        gr_graph_fail(graph, GRAFT_ERR_MEMORY, "features: out of memory");
        return 0;
    }
    collect(&c, output, seen);
    for (int i = 0; i < c.count; i++)
        c.origins[c.order[i]->id] = origin_of(&c, c.order[i]);
    int count = c.origins[output->id] == FEATURE ? 0 : find_last_features(&c, features, max);
    bool image_is_read = c.origins[image->id] == FEATURE && c.read[image->id];
    if (count > max || image_is_read)
        count = 0;
    replace(&c, features, count);
    gr_free(c.origins);
    return count;
}
