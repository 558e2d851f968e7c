#include "peft/compose.h"

#include "base/mem.h"
#include "ops/ops.h"
#include "peft/sites.h"

#include <stdio.h>
#include <string.h>

static const gr_method *const all_methods[] = {
#define METHOD_ENTRY(name) &gr_method_##name,
#define GR_METHOD          METHOD_ENTRY
#include "peft/list.h"
#undef GR_METHOD
#undef METHOD_ENTRY
};

int gr_method_count(void)
{
    return (int)(sizeof(all_methods) / sizeof(all_methods[0]));
}

const gr_method *gr_method_at(int index)
{
    return all_methods[index];
}

static int method_index(const char *name, size_t length)
{
    for (int i = 0; i < gr_method_count(); i++)
        if (strlen(all_methods[i]->name) == length &&
            strncmp(all_methods[i]->name, name, length) == 0)
            return i;
    return -1;
}

static graft_status unknown_method(graft_log *log, const char *name, int length)
{
    char names[256] = "";
    size_t used = 0;
    for (int i = 0; i < gr_method_count() && used < sizeof(names); i++)
        used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", i ? ", " : "",
                                 all_methods[i]->name);
    return gr_fail(log, GRAFT_ERR_ARGUMENT, "method '%.*s': unknown; the methods are %s", length,
                   name, names);
}

graft_status gr_methods_parse(graft_log *log, const char *list, gr_methods **out)
{
    bool chosen[sizeof(all_methods) / sizeof(all_methods[0])] = {false};
    for (const char *at = list;; at++) {
        size_t length = strcspn(at, "+");
        int index = method_index(at, length);
        if (index < 0)
            return unknown_method(log, at, (int)length);
        if (chosen[index])
            return gr_fail(log, GRAFT_ERR_ARGUMENT, "method '%.*s': named twice", (int)length, at);
        chosen[index] = true;
        at += length;
        if (!*at)
            break;
    }
    gr_methods *methods = gr_alloc(NULL, sizeof(*methods));
    graft_status status = methods ? GRAFT_OK : GRAFT_ERR_MEMORY;
    for (int i = 0; i < gr_method_count() && status == GRAFT_OK; i++) {
        if (!chosen[i])
            continue;
        if (methods->count == GR_MAX_METHODS) {
            status = gr_fail(log, GRAFT_ERR_ARGUMENT, "method '%s': at most %d methods together",
                             list, GR_MAX_METHODS);
            break;
        }
        methods->item[methods->count].method = all_methods[i];
        methods->item[methods->count].config = gr_alloc(methods, all_methods[i]->config_bytes + 1);
        if (!methods->item[methods->count].config)
            status = gr_fail(log, GRAFT_ERR_MEMORY, "methods: out of memory");
        else if (all_methods[i]->options)
            gr_settings_default((gr_settings){all_methods[i]->options, NULL},
                                methods->item[methods->count].config);
        methods->count++;
    }
    if (status != GRAFT_OK) {
        gr_free(methods);
        return status;
    }
    *out = methods;
    return GRAFT_OK;
}

void gr_methods_destroy(gr_methods *methods)
{
    gr_free(methods);
}

void gr_methods_name(const gr_methods *methods, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < methods->count && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%s", i ? "+" : "",
                                 methods->item[i].method->name);
}

/* Runs `code` for each method of the set that has the hook. */
#define FOR_EACH_HOOK(b, hook, code)                                                               \
    for (int i_ = 0; i_ < (b)->methods->count; i_++) {                                             \
        const gr_method *m = (b)->methods->item[i_].method;                                        \
        const void *config = (b)->methods->item[i_].config;                                        \
        if (m->hook)                                                                               \
            code;                                                                                  \
    }

bool gr_methods_train(const gr_methods *methods, const char *tensor)
{
    for (int i = 0; i < methods->count; i++) {
        const gr_method *m = methods->item[i].method;
        if (m->trains && m->trains(methods->item[i].config, tensor))
            return true;
    }
    return false;
}

bool gr_methods_keep(const gr_methods *methods, const char *tensor)
{
    for (int i = 0; i < methods->count; i++) {
        const gr_method *m = methods->item[i].method;
        if (m->keeps && m->keeps(tensor))
            return true;
    }
    return false;
}

bool gr_method_takes(const gr_method *method, const gr_model_config *model, gr_linear_target target)
{
    bool swin = model->family == GR_FAMILY_SWIN;
    bool fused = swin ? method->fused_qkv : method->fused_on_vit;
    return !(target & GR_TARGET_QKV) || (target == GR_TARGET_QKV) == fused;
}

bool gr_methods_change_weights(const gr_build *b, gr_linear_target target)
{
    for (int i = 0; i < b->methods->count; i++) {
        const gr_method *m = b->methods->item[i].method;
        if (m->weight && gr_method_takes(m, b->config, target))
            return true;
    }
    return false;
}

void gr_methods_weight(gr_linear_site *site, gr_build *b)
{
    gr_sites_note_linear(b, site);
    FOR_EACH_HOOK(b, weight, {
        if (gr_method_takes(m, b->config, site->target))
            m->weight(config, b, site);
    })
}

gr_value *gr_methods_scale_input(const gr_linear_site *site, gr_build *b, gr_value *x)
{
    FOR_EACH_HOOK(b, scale_input, x = m->scale_input(config, b, site, x))
    return x;
}

gr_value *gr_methods_add(const gr_linear_site *site, gr_build *b, gr_value *x, gr_value *y)
{
    FOR_EACH_HOOK(b, linear, {
        if (gr_method_takes(m, b->config, site->target))
            y = m->linear(config, b, site, x, y);
    })
    return y;
}

gr_value *gr_methods_linear(gr_linear_site *site, gr_build *b, gr_value *x)
{
    gr_methods_weight(site, b);
    gr_value *scaled = gr_methods_scale_input(site, b, x);
    gr_value *y = gr_methods_add(site, b, x, gr_linear(scaled, site->weight, site->bias));
    return gr_methods_output(b, GR_POINT_LINEAR, site->module, y);
}

gr_value *gr_methods_before_block(gr_build *b, int block, gr_value *x)
{
    FOR_EACH_HOOK(b, before_block, x = m->before_block(config, b, block, x))
    return x;
}

gr_value *gr_methods_output(gr_build *b, gr_point point, const char *module, gr_value *y)
{
    gr_sites_note_output(b, point, module, y);
    FOR_EACH_HOOK(b, output, y = m->output(config, b, point, module, y))
    return y;
}

gr_value *gr_methods_branch(gr_build *b, const gr_block *block, gr_sublayer sublayer, gr_value *x,
                            gr_value *y, gr_value *sum)
{
    FOR_EACH_HOOK(b, branch, {
        gr_value *beside = m->branch(config, b, block, sublayer, x, y);
        sum = beside ? gr_add(sum, beside) : sum;
    })
    return sum;
}

gr_value *gr_methods_addend(gr_build *b, const gr_block *block, gr_sublayer sublayer, gr_value *z)
{
    FOR_EACH_HOOK(b, addend, z = m->addend(config, b, block, sublayer, z))
    return z;
}

gr_value *gr_methods_scores(gr_build *b, int block, gr_value *scores)
{
    FOR_EACH_HOOK(b, scores, scores = m->scores(config, b, block, scores))
    return scores;
}

static const char *input_name(const gr_method *method, char text[64])
{
    snprintf(text, 64, "%s.input", method->name);
    return text;
}

gr_value *gr_methods_find_input(const gr_graph *graph, const gr_method *method)
{
    char text[64];
    return gr_graph_find(graph, input_name(method, text));
}

gr_value *gr_methods_input(gr_build *b, const gr_method *method, int64_t count)
{
    char text[64];
    gr_value *existing = gr_methods_find_input(b->graph, method);
    if (existing)
        return existing;
    const char *name = gr_build_name(b, "%s", input_name(method, text));
    return gr_graph_input(b->graph, name, GR_F32, GR_SHAPE(count));
}

bool gr_methods_have(const gr_methods *methods, const char *name)
{
    for (int i = 0; i < methods->count; i++)
        if (strcmp(methods->item[i].method->name, name) == 0)
            return true;
    return false;
}

static bool needs_blocks(const gr_method *m)
{
    return m->before_block || m->branch || m->addend || m->scores || m->draw;
}

graft_status gr_methods_check(graft_log *log, const gr_methods *methods,
                              const gr_model_config *model)
{
    for (int i = 0; i < methods->count; i++) {
        const gr_method *m = methods->item[i].method;
        if (model->family == GR_FAMILY_OWN && needs_blocks(m))
            return gr_fail(log, GRAFT_ERR_UNSUPPORTED,
                           "method '%s': acts on the blocks of a transformer, of which an "
                           "application's own graph tells nothing; choose one that acts on linears "
                           "and norms, such as lora or ssf",
                           m->name);
        if (m->check)
            GR_TRY(m->check(log, methods->item[i].config, model, methods));
    }
    return GRAFT_OK;
}
