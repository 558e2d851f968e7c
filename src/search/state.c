/* A search as a file: every candidate with its accuracy. */
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "search/evolution.h"
#include "train/settings.h"

#include <stdlib.h>
#include <string.h>

static json_t *candidate_json(const gr_candidate *c, int blocks)
{
    json_t *json = json_object();
    gr_json_set(&json, "generation", json_integer(c->generation));
    gr_json_set(&json, "parameters", json_integer(c->params));
    gr_json_set(&json, "accuracy", c->accuracy < 0 ? json_null() : json_real(c->accuracy));
    for (int m = 0; m < GR_MODULES; m++) {
        json_t *widths = json_array();
        for (int i = 0; i < blocks; i++)
            gr_json_append(&widths, json_integer(c->subnet.width[m][i]));
        gr_json_set(&json, gr_module_name(m), widths);
    }
    return json;
}

graft_status gr_evolution_save(graft_log *log, const gr_evolution *e, const char *path,
                               const gr_search_identity *identity)
{
    json_t *candidates = json_array();
    for (size_t i = 0; i < e->count; i++)
        gr_json_append(&candidates, candidate_json(&e->items[i], e->params.blocks));
    json_t *root =
        json_pack("{s:s,s:s,s:i,s:o}", "settings", identity->training, "evolution",
                  identity->evolution, "generation", e->generation, "candidates", candidates);
    char *text = gr_json_text(root, JSON_COMPACT | JSON_REAL_PRECISION(17));
    json_decref(root);
    if (!text)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: out of memory", path);
    graft_status status = gr_file_write(log, path, text, strlen(text));
    free(text);
    return status;
}

static bool read_widths(const json_t *json, const gr_evolution *e, gr_subnet *subnet)
{
    for (int m = 0; m < GR_MODULES; m++) {
        const json_t *widths = json_object_get(json, gr_module_name(m));
        if (json_array_size(widths) != (size_t)e->params.blocks)
            return false;
        for (int i = 0; i < e->params.blocks; i++) {
            json_int_t width = json_integer_value(json_array_get(widths, (size_t)i));
            if (width < 0 || width > gr_int_list_largest(&e->params.space.widths))
                return false;
            subnet->width[m][i] = (int)width;
        }
    }
    return true;
}

static bool read_candidate(const json_t *json, gr_evolution *e)
{
    gr_candidate *c = gr_push(e, (void **)&e->items, &e->count, sizeof(*c));
    if (!c || !read_widths(json, e, &c->subnet))
        return false;
    const json_t *accuracy = json_object_get(json, "accuracy");
    c->generation = (int)json_integer_value(json_object_get(json, "generation"));
    c->accuracy = json_is_real(accuracy) ? json_real_value(accuracy) : -1.0;
    c->params = gr_subnet_params(&c->subnet, e->params.dim);
    return c->accuracy <= 1.0;
}

static graft_status read_state(graft_log *log, gr_evolution *e, const char *path,
                               const gr_search_identity *identity, const json_t *root)
{
    const char *training = json_string_value(json_object_get(root, "settings"));
    const char *evolution = json_string_value(json_object_get(root, "evolution"));
    const json_t *candidates = json_object_get(root, "candidates");
    if (!training || !gr_train_settings_same_identity(training, identity->training) || !evolution ||
        strcmp(evolution, identity->evolution) != 0)
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "%s: of a search with other settings; give those, or another `out`", path);
    for (size_t i = 0; i < json_array_size(candidates); i++)
        if (!read_candidate(json_array_get(candidates, i), e))
            return gr_fail(log, GRAFT_ERR_FORMAT,
                           "%s: candidate %zu is broken; remove the file to search anew", path, i);
    e->generation = (int)json_integer_value(json_object_get(root, "generation"));
    return GRAFT_OK;
}

graft_status gr_evolution_load(graft_log *log, gr_evolution *e, const char *path,
                               const gr_search_identity *identity)
{
    json_t *root;
    GR_TRY(gr_json_read(log, path, &root));
    graft_status status = read_state(log, e, path, identity, root);
    json_decref(root);
    return status;
}
