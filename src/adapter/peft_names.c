#include "adapter/peft_names.h"

#include "base/log.h"
#include "base/mem.h"
#include "model/backbone.h"

#include <stdio.h>
#include <string.h>

/* The graph of the backbone without values, for its linears. */
static graft_status build(graft_log *log, const gr_model_config *config, gr_peft_modules *out)
{
    gr_methods *linear;
    out->graph = gr_graph_create(log);
    out->sites = gr_sites_create();
    if (!out->graph || !out->sites)
        return gr_fail(log, GRAFT_ERR_MEMORY, "peft: out of memory");
    GR_TRY(gr_methods_parse(log, "linear", &linear));
    gr_build b = {.graph = out->graph,
                  .config = config,
                  .methods = linear,
                  .sites = out->sites,
                  .headless = true,
                  .batch = 1};
    gr_model_logits(&b, gr_graph_input(out->graph, "images", GR_F32,
                                       GR_SHAPE(1, 3, config->image_size, config->image_size)));
    gr_methods_destroy(linear);
    return gr_graph_status(out->graph);
}

/* "x.weight" -> "x"; false for another name. */
static bool cut_weight(char *name)
{
    size_t length = strlen(name), end = strlen(".weight");
    if (length <= end || strcmp(name + length - end, ".weight") != 0)
        return false;
    name[length - end] = '\0';
    return true;
}

/* Its own linear, or one of which it is a third, but where q, k and v are `apart`. */
static void name_module(const gr_layout_match *match, gr_peft_has *has, const void *user,
                        bool apart, gr_peft_module *m)
{
    char tensor[GR_NAME_BYTES], name[GR_NAME_BYTES];
    int third = m->site.target & GR_TARGET_Q   ? 1
                : m->site.target & GR_TARGET_K ? 2
                : m->site.target & GR_TARGET_V ? 3
                                               : 0;
    const gr_name_rule *rule = NULL;
    snprintf(tensor, sizeof(tensor), "%s.weight", m->site.tensor);
    while (gr_layout_next_origin(match, tensor, name, &rule)) {
        if ((rule->third && rule->third != third) || rule->half || !cut_weight(name) ||
            (apart && third && !rule->third))
            continue;
        bool found = has(user, name);
        if (found || apart || !*m->peft_name || !rule->optional) {
            snprintf(m->peft_name, sizeof(m->peft_name), "%s", name);
            m->fused = third && !rule->third;
        }
        if (found)
            return;
    }
}

/* DINOv2's sees the class token and the mean of the patches. */
static void name_head(const gr_layout_match *match, gr_peft_modules *out)
{
    const gr_name_rule *rule;
    if (gr_layout_origin(match, "head.weight", out->head, &rule) && cut_weight(out->head))
        out->head_sees_mean = rule->axes == GR_AXES_CLASS_TOKEN;
    else
        out->head[0] = '\0';
}

graft_status gr_peft_modules_list(graft_log *log, const gr_model_config *config,
                                  const gr_layout *layout, gr_peft_has *has, const void *user,
                                  gr_peft_modules *out)
{
    const gr_layout_match match = {.layout = layout, .tower = ""};
    *out = (gr_peft_modules){0};
    GR_TRY(build(log, config, out));
    for (size_t i = 0; i < out->sites->count; i++) {
        const gr_site *s = &out->sites->items[i];
        char tensor[GR_NAME_BYTES];
        snprintf(tensor, sizeof(tensor), "%s.weight", s->tensor);
        gr_value *weight = gr_graph_find(out->graph, tensor);
        if (!s->target || s->target == GR_TARGET_QKV || s->target == GR_TARGET_REDUCTION || !weight)
            continue;
        gr_peft_module *m =
            gr_push(out->graph, (void **)&out->items, &out->count, sizeof(*out->items));
        if (!m)
            return gr_fail(log, GRAFT_ERR_MEMORY, "peft: out of memory");
        *m = (gr_peft_module){
            .site = {.module = s->module,
                     .tensor = s->tensor,
                     .row = s->row,
                     .target = s->target,
                     .weight = weight},
            .rows = s->rows,
            .in = weight->shape.dim[1],
        };
        name_module(&match, has, user, false, m);
        gr_peft_module *q = m - 2; /* of m == v */
        if (m->site.target != GR_TARGET_V || (q[0].fused && q[1].fused && q[2].fused))
            continue;
        for (int third = 0; third < 3; third++) /* some are adapted, and tell how all are named */
            name_module(&match, has, user, true, &q[third]);
    }
    name_head(&match, out);
    return GRAFT_OK;
}

void gr_peft_modules_release(gr_peft_modules *modules)
{
    gr_graph_destroy(modules->graph);
    gr_sites_destroy(modules->sites);
    *modules = (gr_peft_modules){0};
}
