#include "build/build.h"

#include "ops/ops.h"
#include "weights/tensors.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *gr_build_name(gr_build *b, const char *fmt, ...)
{
    char text[256];
    va_list args;
    va_start(args, fmt);
    int length = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    char *name = gr_graph_memory(b->graph, (size_t)length + 1);
    if (!name)
        return "";
    snprintf(name, (size_t)length + 1, "%s", text);
    return name;
}

bool gr_build_has_shape(gr_build *b, const gr_tensor *t, const gr_shape *shape)
{
    char found[GR_SHAPE_TEXT], expected[GR_SHAPE_TEXT];
    if (gr_shape_equal(&t->shape, shape))
        return true;
    gr_graph_fail(b->graph, GRAFT_ERR_SHAPE, "%s: expected shape %s, found %s", t->name,
                  gr_shape_text(shape, expected), gr_shape_text(&t->shape, found));
    return false;
}

/* gr_graph_param or gr_graph_state. */
typedef gr_value *add_function(gr_graph *graph, const char *name, gr_shape shape, gr_dtype dtype,
                               const void *source);

/* From the adapter, or else `start`. */
static gr_value *add_at(gr_build *b, const char *name, gr_shape shape, const float *start,
                        add_function *add)
{
    if (gr_graph_status(b->graph) != GRAFT_OK)
        return NULL;
    const gr_tensor *t = b->adapter ? gr_tensors_find(b->adapter, name) : NULL;
    if (t)
        return gr_build_has_shape(b, t, &shape) ? add(b->graph, name, shape, t->dtype, t->data)
                                                : NULL;
    if (b->adapter_is_complete)
        return gr_graph_fail(b->graph, GRAFT_ERR_NOT_FOUND, "%s: not in %s", name,
                             gr_tensors_source(b->adapter));
    return add(b->graph, name, shape, GR_F32, start);
}

/* From the adapter, or else drawn. */
static gr_value *add_new(gr_build *b, const char *name, gr_shape shape, gr_init init,
                         add_function *add)
{
    float *values = NULL;
    bool drawn = (b->weights || b->from_scratch) && !b->adapter_is_complete;
    if (drawn && gr_graph_status(b->graph) == GRAFT_OK && !gr_build_has(b, name)) {
        values = gr_graph_memory(b->graph, (size_t)gr_shape_count(&shape) * sizeof(*values));
        if (!values)
            return NULL;
        gr_init_values(init, &shape, b->seed, name, values);
    }
    return add_at(b, name, shape, values, add);
}

gr_value *gr_build_param_at(gr_build *b, const char *name, gr_shape shape, const float *start)
{
    return add_at(b, name, shape, start, gr_graph_param);
}

gr_value *gr_build_param(gr_build *b, const char *name, gr_shape shape, gr_init init)
{
    return add_new(b, name, shape, init, gr_graph_param);
}

gr_value *gr_build_state(gr_build *b, const char *name, gr_shape shape, gr_init init)
{
    return add_new(b, name, shape, init, gr_graph_state);
}

bool gr_build_has(const gr_build *b, const char *name)
{
    return b->adapter && gr_tensors_find(b->adapter, name);
}

gr_value *gr_build_adapter_tensor(gr_build *b, const char *name, gr_shape shape)
{
    const gr_tensor *t = b->adapter ? gr_tensors_find(b->adapter, name) : NULL;
    if (!t || !gr_build_has_shape(b, t, &shape))
        return NULL;
    return gr_graph_frozen(b->graph, name, shape, t->dtype, t->data);
}

gr_value *gr_build_dropout(gr_build *b, gr_value *x, float rate)
{
    uint32_t stream = b->next_stream++;
    return b->training ? gr_dropout(x, rate, stream, false, b->scalars) : x;
}

gr_value *gr_build_drop_path(gr_build *b, gr_value *x, int block)
{
    uint32_t stream = b->next_stream++;
    int last = b->config->depth - 1;
    float rate = last > 0 ? b->drop_path * (float)block / (float)last : b->drop_path;
    return b->training ? gr_dropout(x, rate, stream, !b->drop_elements, b->scalars) : x;
}
