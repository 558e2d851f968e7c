#include "model/own_graph.h"

#include "compute/scalars.h"
#include "model/backbone.h"
#include "model/layers.h"
#include "ops/ops.h"
#include "peft/compose.h"

#include <string.h>

gr_value *gr_own_graph_logits(gr_build *b, gr_value *image)
{
    const graft_backbone_graph *own = b->config->graph;
    char text[GR_SHAPE_TEXT];
    if (!own)
        return gr_graph_fail(b->graph, GRAFT_ERR_UNSUPPORTED,
                             "backbone: is the graph of an application, which alone can write it; "
                             "open it there, with graft_model_params.graph");
    if (!image)
        return NULL;
    gr_value *feature = own->write(own->user, b, image);
    if (gr_graph_status(b->graph) != GRAFT_OK)
        return NULL;
    if (!feature || feature->graph != b->graph)
        return gr_graph_fail(b->graph, GRAFT_ERR_ARGUMENT,
                             "backbone: its function `write` returned no value of this graph");
    if (feature->shape.rank != 2 || feature->shape.dim[0] != image->shape.dim[0] ||
        feature->dtype != GR_F32)
        return gr_graph_fail(b->graph, GRAFT_ERR_SHAPE,
                             "backbone: its function `write` returned %s; expected features [%lld, "
                             "D]",
                             gr_shape_text(&feature->shape, text), (long long)image->shape.dim[0]);
    return gr_build_head(b, feature);
}

/* ---- What the application writes it with ------------------------------------------------- */

enum { MOST_BYTES = 120 }; /* of a name: methods append to it */

static bool is_sound(graft_build *b, const char *name)
{
    if (!b || gr_graph_status(b->graph) != GRAFT_OK)
        return false;
    if (!name || !name[0] || strlen(name) > MOST_BYTES)
        gr_graph_fail(b->graph, GRAFT_ERR_ARGUMENT, "%.20s..: a name of 1 to %d bytes is needed",
                      name ? name : "NULL", MOST_BYTES);
    else if (strncmp(name, "head.", 5) == 0 || strcmp(name, "head") == 0 ||
             strncmp(name, GR_COMPUTE_OWN, strlen(GR_COMPUTE_OWN)) == 0)
        gr_graph_fail(b->graph, GRAFT_ERR_ARGUMENT,
                      "%s: names that begin with \"head.\" or \"" GR_COMPUTE_OWN
                      "\" are the library's own",
                      name);
    return gr_graph_status(b->graph) == GRAFT_OK;
}

/* Of channels, which are last. */
static bool has_channels(graft_build *b, const char *module, const gr_value *x)
{
    if (!is_sound(b, module) || !x)
        return false;
    if (x->graph != b->graph || x->dtype != GR_F32 || x->shape.rank < 1)
        gr_graph_fail(b->graph, GRAFT_ERR_SHAPE,
                      "%s: expected numbers of this graph with channels as their last axis",
                      module);
    return gr_graph_status(b->graph) == GRAFT_OK;
}

/* A weight that the graph has already may be of another shape. */
static gr_value *same_shape(graft_build *b, const char *name, graft_shape shape, gr_value *value)
{
    char here[GR_SHAPE_TEXT], there[GR_SHAPE_TEXT];
    if (!value || gr_shape_equal(&value->shape, &shape))
        return value;
    return gr_graph_fail(b->graph, GRAFT_ERR_SHAPE, "%s: expected shape %s, but is of %s", name,
                         gr_shape_text(&shape, here), gr_shape_text(&value->shape, there));
}

static bool is_shape(graft_build *b, const char *name, const graft_shape *shape)
{
    if (!is_sound(b, name))
        return false;
    if (graft_shape_count(*shape) < 1)
        gr_graph_fail(b->graph, GRAFT_ERR_SHAPE, "%s: no tensor has such a shape", name);
    return gr_graph_status(b->graph) == GRAFT_OK;
}

graft_value *graft_build_weight(graft_build *b, const char *name, graft_shape shape)
{
    return is_shape(b, name, &shape) ? same_shape(b, name, shape, gr_build_weight(b, name, shape))
                                     : NULL;
}

graft_value *graft_build_optional(graft_build *b, const char *name, graft_shape shape)
{
    return is_shape(b, name, &shape) ? same_shape(b, name, shape, gr_build_optional(b, name, shape))
                                     : NULL;
}

graft_value *graft_build_linear(graft_build *b, const char *module, graft_target target,
                                graft_value *x, int64_t out)
{
    if (!has_channels(b, module, x))
        return NULL;
    if (out < 1 || target < 0 || target > GRAFT_TARGET_FC2 || target & (target - 1))
        return gr_graph_fail(b->graph, GRAFT_ERR_ARGUMENT,
                             "%s: %lld outputs as target %d; expected at least 1, see graft_target",
                             module, (long long)out, (int)target);
    int64_t in = x->shape.dim[x->shape.rank - 1];
    module = gr_build_name(b, "%s", module);
    gr_linear_site site = gr_build_linear(b, module, (gr_linear_target)target, out, in);
    if (!same_shape(b, site.weight ? site.weight->name : module, GR_SHAPE(out, in), site.weight))
        return NULL;
    if (target)
        return gr_methods_linear(&site, b, x);
    return gr_methods_output(b, GR_POINT_LINEAR, module, gr_linear(x, site.weight, site.bias));
}

bool graft_build_qkv(graft_build *b, const char *module, graft_value *x, graft_value *parts[3])
{
    for (int i = 0; i < 3; i++)
        parts[i] = NULL;
    if (!has_channels(b, module, x))
        return false;
    gr_build_qkv(b, gr_build_name(b, "%s", module), x, parts);
    return parts[0] && parts[1] && parts[2];
}

graft_value *graft_build_norm(graft_build *b, const char *module, graft_value *x, float eps)
{
    if (!has_channels(b, module, x))
        return NULL;
    module = gr_build_name(b, "%s", module);
    gr_shape shape = GR_SHAPE(x->shape.dim[x->shape.rank - 1]);
    gr_value *gamma = gr_build_weight(b, gr_build_name(b, "%s.weight", module), shape);
    gr_value *beta = gr_build_weight(b, gr_build_name(b, "%s.bias", module), shape);
    return gr_methods_output(b, GR_POINT_NORM, module, gr_layer_norm(x, gamma, beta, eps));
}

graft_value *graft_build_output(graft_build *b, const char *module, graft_value *y)
{
    return has_channels(b, module, y)
               ? gr_methods_output(b, GR_POINT_LINEAR, gr_build_name(b, "%s", module), y)
               : NULL;
}

graft_value *graft_build_dropout(graft_build *b, graft_value *x, float rate)
{
    if (!b || !x || gr_graph_status(b->graph) != GRAFT_OK)
        return NULL;
    if (!(rate >= 0.0f && rate < 1.0f))
        return gr_graph_fail(b->graph, GRAFT_ERR_ARGUMENT,
                             "dropout: rate %g; expected 0 to below 1", (double)rate);
    return gr_build_dropout(b, x, rate);
}

graft_graph *graft_build_graph(graft_build *b)
{
    return b ? b->graph : NULL;
}
