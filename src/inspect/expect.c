#include "inspect/expect.h"

#include "build/build.h"
#include "model/backbone.h"
#include "peft/compose.h"

#include <stdio.h>
#include <string.h>

static graft_status compare(const gr_value *wanted, const gr_tensors *weights,
                            gr_expect_problem *problem, void *user)
{
    char line[256], expected[GR_SHAPE_TEXT], found[GR_SHAPE_TEXT];
    const gr_tensor *t = gr_tensors_find(weights, wanted->name);
    if (t ? gr_shape_equal(&t->shape, &wanted->shape)
          : strstr(wanted->name, ".attn.qkv.bias") != NULL)
        return GRAFT_OK; /* some have no bias there */
    gr_shape_text(&wanted->shape, expected);
    if (t)
        snprintf(line, sizeof(line), "expected shape %s, found %s", expected,
                 gr_shape_text(&t->shape, found));
    else
        snprintf(line, sizeof(line), "missing, expected with shape %s", expected);
    return problem(user, wanted->name, line);
}

/* With every tensor trainable and none at hand, the builder makes a parameter of each. */
graft_status gr_expect_backbone(graft_log *log, const gr_model_config *config,
                                const gr_tensors *weights, gr_expect_problem *problem, void *user)
{
    gr_model_config geometry = *config;
    geometry.classes = config->classes ? config->classes : 1;
    gr_methods *full = NULL;
    gr_graph *graph = gr_graph_create(log);
    graft_status status = graph ? gr_methods_parse(log, "full", &full) : GRAFT_ERR_MEMORY;
    if (status == GRAFT_OK) {
        gr_build build = {.graph = graph, .config = &geometry, .methods = full, .batch = 1};
        int size = geometry.image_size;
        gr_model_logits(&build, gr_graph_input(graph, "image", GR_F32, GR_SHAPE(1, 3, size, size)));
        status = gr_graph_status(graph);
    }
    for (int i = 0; status == GRAFT_OK && i < gr_graph_count(graph); i++) {
        const gr_value *v = gr_graph_at(graph, i);
        bool head = strncmp(v->name, "head.", 5) == 0;
        if (v->kind == GR_VALUE_PARAM && (config->classes || !head))
            status = compare(v, weights, problem, user);
    }
    gr_methods_destroy(full);
    gr_graph_destroy(graph);
    return status;
}
