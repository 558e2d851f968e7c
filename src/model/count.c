#include "model/count.h"

#include "build/build.h"
#include "model/backbone.h"
#include "peft/compose.h"

#include <string.h>

static void count_params(const gr_graph *graph, int64_t *without_head, int64_t *with_head)
{
    for (int i = 0; i < gr_graph_count(graph); i++) {
        const gr_value *v = gr_graph_at(graph, i);
        if (v->kind != GR_VALUE_PARAM)
            continue;
        *with_head += gr_shape_count(&v->shape);
        if (strncmp(v->name, "head.", 5) != 0)
            *without_head += gr_shape_count(&v->shape);
    }
}

graft_status gr_count_trainable(graft_log *log, const gr_model_config *config,
                                const struct gr_methods *methods, int64_t *count_without_head,
                                int64_t *count_with_head)
{
    gr_model_config one_class = *config;
    bool headless = config->classes == 0;
    if (headless)
        one_class.classes = 1;
    GR_TRY(gr_model_config_check(log, &one_class));
    GR_TRY(gr_methods_check(log, methods, &one_class));
    gr_graph *graph = gr_graph_create(log);
    if (!graph)
        return gr_fail(log, GRAFT_ERR_MEMORY, "counting parameters: out of memory");
    gr_build b = {.graph = graph, .config = &one_class, .methods = methods, .batch = 1};
    int64_t size = config->image_size, without_head = 0, with_head = 0;
    gr_model_logits(&b, gr_graph_input(graph, "images", GR_F32, GR_SHAPE(1, 3, size, size)));
    graft_status status = gr_graph_status(graph);
    if (status == GRAFT_OK)
        count_params(graph, &without_head, &with_head);
    gr_graph_destroy(graph);
    if (status == GRAFT_OK && count_without_head)
        *count_without_head = without_head;
    if (status == GRAFT_OK && count_with_head)
        *count_with_head = headless ? without_head : with_head;
    return status;
}
