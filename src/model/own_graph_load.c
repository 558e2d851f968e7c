/* What is found out about an application's graph by writing it once: whether it fits its tensors,
 * how wide it is, and where methods may act. */
#include "model/own_graph.h"

#include "build/config_json.h"
#include "model/backbone.h"
#include "peft/compose.h"
#include "peft/sites.h"
#include "weights/load.h"

#include <stdio.h>
#include <string.h>

/* One writing for a single image; the caller destroys *graph, which it holds also on failure. */
static graft_status write_once(graft_log *log, gr_build build, gr_graph **graph, gr_value **result)
{
    int64_t size = build.config->image_size;
    *graph = gr_graph_create(log);
    if (!*graph)
        return gr_fail(log, GRAFT_ERR_MEMORY, "backbone: out of memory");
    build.graph = *graph;
    build.batch = 1;
    *result = gr_model_logits(&build,
                              gr_graph_input(*graph, "images", GR_F32, GR_SHAPE(1, 3, size, size)));
    return gr_graph_status(*graph);
}

/* What is trained, and what is fed, is not the backbone's to say. */
static graft_status check_values(graft_log *log, const gr_graph *graph)
{
    for (int i = 1; i < gr_graph_count(graph); i++) { /* behind the image */
        const gr_value *v = gr_graph_at(graph, i);
        if (v->kind != GR_VALUE_FROZEN && v->kind != GR_VALUE_RESULT)
            return gr_fail(
                log, GRAFT_ERR_ARGUMENT,
                "%s: a parameter, state or input of the application's own in a backbone; "
                "take graft_build_weight() or a constant, and methods to train",
                v->name);
    }
    return GRAFT_OK;
}

static int widest_side(const gr_sites *sites, const gr_graph *graph)
{
    char name[160];
    int64_t widest = 1;
    for (size_t i = 0; i < sites->count; i++) {
        snprintf(name, sizeof(name), "%s.weight", sites->items[i].tensor);
        const gr_value *weight = sites->items[i].target ? gr_graph_find(graph, name) : NULL;
        int64_t in = weight ? weight->shape.dim[1] : 1, out = sites->items[i].rows;
        widest = in > widest ? in : widest;
        widest = weight && out > widest ? out : widest;
    }
    return (int)widest;
}

/* The geometry, by one writing of the graph without a method. */
static graft_status measure(graft_log *log, const gr_tensors *weights, gr_model_config *c)
{
    gr_methods *none = NULL;
    gr_graph *graph = NULL;
    gr_value *feature;
    gr_sites *sites = gr_sites_create();
    graft_status status = sites ? gr_methods_parse(log, "linear", &none)
                                : gr_fail(log, GRAFT_ERR_MEMORY, "backbone: out of memory");
    if (status == GRAFT_OK)
        status = write_once(
            log,
            (gr_build){
                .config = c, .methods = none, .weights = weights, .sites = sites, .headless = true},
            &graph, &feature);
    if (status == GRAFT_OK)
        status = check_values(log, graph);
    if (status == GRAFT_OK) {
        c->dim = (int)feature->shape.dim[1];
        c->hidden = widest_side(sites, graph);
    }
    gr_graph_destroy(graph);
    gr_methods_destroy(none);
    gr_sites_destroy(sites);
    return status;
}

static graft_status take_tensors(graft_log *log, const graft_backbone_graph *own, gr_tensors **out)
{
    *out = gr_tensors_create();
    if (!*out)
        return gr_fail(log, GRAFT_ERR_MEMORY, "backbone: out of memory");
    GR_TRY(gr_tensors_set_source(log, *out, "the application's tensors"));
    for (int i = 0; i < own->tensor_count; i++) {
        const graft_host_tensor *t = &own->tensors[i];
        if (!t->name || !t->data || graft_shape_count(t->shape) < 1)
            return gr_fail(log, GRAFT_ERR_ARGUMENT,
                           "`graph.tensors` %d: %s: needs a name, a shape and data", i,
                           t->name ? t->name : "NULL");
        GR_TRY(gr_tensors_add(log, *out, t->name, GR_F32, t->shape, t->data));
    }
    return GRAFT_OK;
}

static graft_status describe(graft_log *log, const graft_backbone_graph *own, gr_tensors *tensors)
{
    const gr_tensor *head = gr_tensors_find(tensors, "head.weight");
    gr_model_config c = {
        .family = GR_FAMILY_OWN,
        .image_size = own->image_size,
        .patch_size = 1,
        .dim = 1,
        .depth = 1,
        .heads = 1,
        .hidden = 1,
        .classes = head && head->shape.rank == 2 ? (int)head->shape.dim[0] : 0,
        .norm_eps = 1e-6f,
        .pool = GR_POOL_AVG,
        .graph = own,
    };
    if (own->image_size < 1)
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "`graph.image_size` %d: expected at least 1",
                       own->image_size);
    GR_TRY(gr_tensors_check_and_hash(log, tensors));
    GR_TRY(measure(log, tensors, &c));
    return gr_model_config_describe(log, tensors, &c);
}

graft_status gr_own_graph_load(graft_log *log, const graft_backbone_graph *own,
                               const graft_source *source, gr_tensors **out)
{
    *out = NULL;
    if ((own->tensors != NULL) == (source != NULL))
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "`graph`: its tensors are `graph.tensors` or those of `backbone`; give %s",
                       source ? "one of them" : "them");
    graft_status status =
        source ? gr_tensors_load_source(log, source, out) : take_tensors(log, own, out);
    if (status == GRAFT_OK)
        status = describe(log, own, *out);
    if (status != GRAFT_OK)
        gr_tensors_destroy(out);
    return status;
}

/* ---- Where methods act ------------------------------------------------------------------- */

static bool acts_nowhere(const gr_method *m)
{
    return !m->trains && !m->weight && !m->scale_input && !m->linear && !m->output;
}

/* "fc1, fc2": the targets that linears have. */
static const char *targets_text(const gr_sites *sites, char text[64])
{
    static const char *const names[] = {"q", "k", "v", "proj", "fc1", "fc2"};
    unsigned all = 0;
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < sites->count; i++)
        all |= sites->items[i].target;
    for (int i = 0; i < 6; i++)
        if (all >> i & 1)
            used += (size_t)snprintf(text + used, 64 - used, "%s%s", used ? ", " : "", names[i]);
    return used ? text : "none";
}

static graft_status check_method(graft_log *log, gr_build build, const gr_methods *methods, int i)
{
    gr_methods alone = {.count = 1};
    gr_graph *graph = NULL;
    gr_value *result;
    char text[64];
    int params = 0;
    alone.item[0] = methods->item[i];
    build.methods = &alone;
    build.sites = gr_sites_create();
    graft_status status = build.sites ? write_once(log, build, &graph, &result)
                                      : gr_fail(log, GRAFT_ERR_MEMORY, "backbone: out of memory");
    for (int k = 0; status == GRAFT_OK && k < gr_graph_count(graph); k++)
        params += gr_graph_at(graph, k)->kind == GR_VALUE_PARAM;
    if (status == GRAFT_OK && !params)
        status =
            gr_fail(log, GRAFT_ERR_ARGUMENT,
                    "method '%s': finds no place to act in the application's own graph, whose "
                    "linears have the targets: %s; choose its `targets` among them, or another "
                    "method",
                    methods->item[i].method->name, targets_text(build.sites, text));
    gr_graph_destroy(graph);
    gr_sites_destroy(build.sites);
    return status;
}

graft_status gr_own_graph_check_methods(graft_log *log, const gr_tensors *weights,
                                        const gr_model_config *config, const gr_methods *methods)
{
    const gr_build build = {.config = config, .weights = weights, .headless = true};
    GR_TRY(gr_methods_check(log, methods, config));
    for (int i = 0; i < methods->count; i++)
        if (!acts_nowhere(methods->item[i].method))
            GR_TRY(check_method(log, build, methods, i));
    return GRAFT_OK;
}
