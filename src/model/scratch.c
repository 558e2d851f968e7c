/* A backbone that nobody has trained, for what needs a geometry and no knowledge. */
#include "model/backbone.h"
#include "peft/compose.h"
#include "weights/tensors.h"

/* Each tensor of the backbone and of its head, as a graph without values names them. */
static graft_status fill(graft_log *log, const gr_graph *graph, uint64_t seed, gr_tensors *tensors)
{
    for (int i = 0; i < gr_graph_count(graph); i++) {
        const gr_value *v = gr_graph_at(graph, i);
        void *data;
        if (v->kind != GR_VALUE_FROZEN && v->kind != GR_VALUE_PARAM)
            continue;
        GR_TRY(gr_tensors_add_new(log, tensors, v->name, GR_F32, v->shape, &data));
        gr_model_scratch_values(v->name, &v->shape, seed, data);
    }
    return GRAFT_OK;
}

static graft_status write_down(graft_log *log, const gr_model_config *config,
                               const gr_methods *methods, uint64_t seed, gr_tensors *tensors)
{
    gr_graph *graph = gr_graph_create(log);
    if (!graph)
        return gr_fail(log, GRAFT_ERR_MEMORY, "model: out of memory");
    int64_t size = config->image_size;
    gr_build build = {.graph = graph, .config = config, .methods = methods, .batch = 1};
    gr_model_logits(&build, gr_graph_input(graph, "images", GR_F32, GR_SHAPE(1, 3, size, size)));
    graft_status status = gr_graph_status(graph);
    if (status == GRAFT_OK)
        status = fill(log, graph, seed, tensors);
    gr_graph_destroy(graph);
    return status;
}

graft_status gr_model_from_scratch(graft_log *log, const char *name, int classes, uint64_t seed,
                                   gr_tensors **out)
{
    const gr_model_config *preset = gr_model_preset(name);
    char names[512];
    *out = NULL;
    if (!preset)
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "model '%s': unknown; the models are %s", name,
                       gr_model_preset_names(names, sizeof(names)));
    gr_model_config config = *preset;
    config.classes = classes;
    gr_methods *methods;
    GR_TRY(gr_methods_parse(log, "linear", &methods));
    gr_tensors *tensors = gr_tensors_create();
    graft_status status = tensors ? write_down(log, &config, methods, seed, tensors)
                                  : gr_fail(log, GRAFT_ERR_MEMORY, "model: out of memory");
    if (status == GRAFT_OK)
        status = gr_tensors_set_source(log, tensors, name);
    gr_methods_destroy(methods);
    if (status == GRAFT_OK)
        *out = tensors;
    else
        gr_tensors_destroy(&tensors);
    return status;
}
