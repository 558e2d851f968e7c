/* Graphs for applications: what src/graph and src/passes have, behind checks of what comes in. */
#include "graph/graph.h"

#include "base/log.h"
#include "compute/scalars.h"
#include "passes/passes.h"

#include <string.h>

graft_graph *graft_graph_create(graft_log *log)
{
    return gr_graph_create(log);
}

void graft_graph_destroy(graft_graph **graph)
{
    if (!graph)
        return;
    gr_graph_destroy(*graph);
    *graph = NULL;
}

graft_status graft_graph_status(const graft_graph *graph)
{
    return gr_graph_status(graph);
}

graft_shape graft_shape_of(int rank, const int64_t *dims)
{
    graft_shape shape = {.rank = -1};
    if (rank < 0 || rank > GRAFT_MAX_RANK || (rank && !dims))
        return shape;
    return gr_shape_of(rank, dims);
}

static bool has_rank(const graft_shape *shape)
{
    return shape->rank >= 0 && shape->rank <= GRAFT_MAX_RANK;
}

int64_t graft_shape_count(graft_shape shape)
{
    int64_t count = has_rank(&shape) ? gr_shape_count(&shape) : -1;
    return count > 0 ? count : -1;
}

/* What all named values need. */
static bool is_sound(graft_graph *graph, const char *name, const graft_shape *shape)
{
    if (!graph)
        return false;
    if (!name || !name[0])
        gr_graph_fail(graph, GRAFT_ERR_ARGUMENT, "graph: a value needs a name");
    else if (strncmp(name, GR_COMPUTE_OWN, strlen(GR_COMPUTE_OWN)) == 0)
        gr_graph_fail(graph, GRAFT_ERR_ARGUMENT,
                      "%s: names that begin with \"" GR_COMPUTE_OWN "\" are the library's own",
                      name);
    else if (!has_rank(shape))
        gr_graph_fail(graph, GRAFT_ERR_SHAPE, "%s: %d axes; expected 0 to %d", name, shape->rank,
                      GRAFT_MAX_RANK);
    return gr_graph_status(graph) == GRAFT_OK;
}

static bool element_of(graft_graph *graph, const char *name, graft_dtype dtype, gr_dtype *out)
{
    if (dtype != GRAFT_F32 && dtype != GRAFT_I32)
        gr_graph_fail(graph, GRAFT_ERR_ARGUMENT, "%s: no element type %d, see graft_dtype", name,
                      (int)dtype);
    *out = dtype == GRAFT_I32 ? GR_I32 : GR_F32;
    return gr_graph_status(graph) == GRAFT_OK;
}

/* A copy of `data` that lives as long as the graph; zeros for NULL. */
static void *keep(graft_graph *graph, const graft_shape *shape, const void *data)
{
    int64_t count = gr_shape_count(shape);
    size_t bytes = count > 0 ? (size_t)count * sizeof(float) : 0;
    void *copy = bytes ? gr_graph_memory(graph, bytes) : NULL;
    if (copy && data)
        memcpy(copy, data, bytes);
    return copy;
}

graft_value *graft_input(graft_graph *graph, const char *name, graft_dtype dtype, graft_shape shape)
{
    gr_dtype element;
    if (!is_sound(graph, name, &shape) || !element_of(graph, name, dtype, &element))
        return NULL;
    return gr_graph_input(graph, name, element, shape);
}

graft_value *graft_constant(graft_graph *graph, const char *name, graft_dtype dtype,
                            graft_shape shape, const void *data)
{
    gr_dtype element;
    if (!is_sound(graph, name, &shape) || !element_of(graph, name, dtype, &element))
        return NULL;
    if (!data)
        return gr_graph_fail(graph, GRAFT_ERR_ARGUMENT, "%s: a constant needs data", name);
    const void *copy = keep(graph, &shape, data);
    return element == GR_I32 ? gr_graph_frozen_i32(graph, name, shape, copy)
                             : gr_graph_frozen(graph, name, shape, GR_F32, copy);
}

graft_value *graft_parameter(graft_graph *graph, const char *name, graft_shape shape,
                             const float *start)
{
    if (!is_sound(graph, name, &shape))
        return NULL;
    return gr_graph_param(graph, name, shape, GR_F32, keep(graph, &shape, start));
}

graft_value *graft_state(graft_graph *graph, const char *name, graft_shape shape,
                         const float *start)
{
    if (!is_sound(graph, name, &shape))
        return NULL;
    return gr_graph_state(graph, name, shape, GR_F32, keep(graph, &shape, start));
}

graft_shape graft_value_shape(const graft_value *value)
{
    return value ? value->shape : (graft_shape){.rank = -1};
}

graft_dtype graft_value_dtype(const graft_value *value)
{
    return value && value->dtype == GR_I32 ? GRAFT_I32 : GRAFT_F32;
}

const char *graft_value_name(const graft_value *value)
{
    return value ? value->name : "";
}

graft_status graft_gradients(graft_value *loss, graft_value *const *params, int count,
                             graft_value **gradients)
{
    if (!loss)
        return GRAFT_ERR_ARGUMENT;
    graft_graph *graph = loss->graph;
    if (count < 0 || (count && (!params || !gradients)))
        return gr_fail(gr_graph_log(graph), GRAFT_ERR_ARGUMENT, "gradients: no parameters given");
    for (int i = 0; i < count; i++)
        if (!params[i] || params[i]->graph != graph || params[i]->kind != GR_VALUE_PARAM)
            return gr_fail(gr_graph_log(graph), GRAFT_ERR_ARGUMENT,
                           "gradients: %s is no parameter of the loss's graph",
                           params[i] ? params[i]->name : "NULL");
    return gr_graph_gradients(graph, loss, params, count, gradients);
}
