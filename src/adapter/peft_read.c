/* An adapter in a folder of Hugging Face peft, as one of graft. */
#include "adapter/file.h"
#include "adapter/fingerprint.h"
#include "adapter/peft_reader.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "build/config_json.h"
#include "weights/safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

graft_status gr_peft_memory(graft_log *log)
{
    return gr_fail(log, GRAFT_ERR_MEMORY, "peft: out of memory");
}

bool gr_peft_is_folder(const char *path)
{
    if (!path || !gr_file_is_directory(path))
        return false;
    char *config = gr_path_join(NULL, path, GR_PEFT_CONFIG);
    bool found = config && gr_file_exists(config);
    gr_free(config);
    return found;
}

const char *gr_peft_reader_method(const gr_peft_reader *r)
{
    return r->methods->item[0].method->name;
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), n = strlen(end);
    return n <= length && strcmp(text + length - n, end) == 0;
}

/* NULL, and a tensor of another file, are accepted. */
void gr_peft_mark_used(gr_peft_reader *r, const gr_tensor *t)
{
    for (size_t i = 0; i < gr_tensors_count(r->file); i++)
        r->used[i] = r->used[i] || gr_tensors_at(r->file, i) == t;
}

/* How many leading tensors the layout knows, with the longest text that can stand before. */
static size_t count_known(gr_peft_reader *r, const char *lead)
{
    size_t found = 0;
    r->above[0] = '\0';
    for (size_t i = 0; i < r->modules.count && !*r->above; i++) {
        char end[2 * GR_NAME_BYTES];
        snprintf(end, sizeof(end), ".%s.%s", r->modules.items[i].peft_name, lead);
        for (size_t k = 0; k < gr_tensors_count(r->file) && !*r->above; k++) {
            const char *name = gr_tensors_at(r->file, k)->name;
            if (ends_with(name, end))
                snprintf(r->above, sizeof(r->above), "%.*s", (int)(strlen(name) - strlen(end) + 1),
                         name);
        }
    }
    for (size_t i = 0; i < r->modules.count && *r->above;
         i += gr_peft_module_parts(&r->modules.items[i])) {
        char name[4 * GR_NAME_BYTES];
        snprintf(name, sizeof(name), "%s%s.%s", r->above, r->modules.items[i].peft_name, lead);
        found += gr_tensors_find(r->file, name) != NULL;
    }
    return found;
}

/* Whether the file has tensors of a module, whatever stands before its name. */
static bool has_module(const void *user, const char *module)
{
    const gr_tensors *file = user;
    size_t length = strlen(module);
    for (size_t i = 0; i < gr_tensors_count(file); i++) {
        const char *at = strstr(gr_tensors_at(file, i)->name, module);
        if (at && at[length] == '.' && (at == gr_tensors_at(file, i)->name || at[-1] == '.'))
            return true;
    }
    return false;
}

/* How many of the leading tensors have names of this layout, which stay at hand. */
static size_t try_names(gr_peft_reader *r, int layout, const char *lead)
{
    gr_peft_modules_release(&r->modules);
    if (gr_peft_modules_list(NULL, &r->geometry, gr_layout_at(layout), has_module, r->file,
                             &r->modules) != GRAFT_OK)
        return 0;
    return count_known(r, lead);
}

/* A leading tensor of no module. */
static const char *first_unknown(const gr_peft_reader *r, const char *lead)
{
    for (size_t k = 0; k < gr_tensors_count(r->file); k++) {
        const char *name = gr_tensors_at(r->file, k)->name;
        bool known = !ends_with(name, lead);
        for (size_t i = 0; i < r->modules.count && !known; i++) {
            char own[4 * GR_NAME_BYTES];
            snprintf(own, sizeof(own), "%s%s.%s", r->above, r->modules.items[i].peft_name, lead);
            known = strcmp(own, name) == 0;
        }
        if (!known)
            return name;
    }
    return "";
}

static bool has_head(const gr_peft_reader *r)
{
    char name[2 * GR_NAME_BYTES];
    snprintf(name, sizeof(name), GR_PEFT_PREFIX "%s.weight", r->modules.head);
    const gr_tensor *head = gr_tensors_find(r->file, name);
    return head && head->shape.rank == 2 &&
           (!r->modules.head_sees_mean || head->shape.dim[1] == 2 * r->geometry.dim);
}

/* The library whose names all adapted modules have: whatever the backbone's file calls them. */
static graft_status find_names(gr_peft_reader *r)
{
    const char *lead = gr_peft_lead(gr_peft_reader_method(r));
    size_t wanted = 0, most = 0;
    for (size_t k = 0; k < gr_tensors_count(r->file); k++)
        wanted += ends_with(gr_tensors_at(r->file, k)->name, lead);
    if (wanted == 0)
        return gr_fail(r->log, GRAFT_ERR_FORMAT, "%s: no tensor .%s, which a %s has",
                       gr_tensors_source(r->file), lead, gr_peft_reader_method(r));
    int found = 0; /* several codes may share the names of their blocks: the head tells */
    for (int i = 0; gr_layout_at(i); i++) {
        size_t known = try_names(r, i, lead);
        if (known == wanted && has_head(r))
            return GRAFT_OK;
        found = known > most ? i : found;
        most = known > most ? known : most;
    }
    if (try_names(r, found, lead) == wanted)
        return GRAFT_OK;
    return gr_fail(r->log, GRAFT_ERR_UNSUPPORTED,
                   "%s: tensor %s: among the target_modules are others than q, k, v, proj, fc1 and "
                   "fc2 of the %d blocks of %s; merge it with peft, model.merge_and_unload(), and "
                   "save the model",
                   gr_tensors_source(r->file), first_unknown(r, lead), r->geometry.depth,
                   gr_tensors_source(r->backbone));
}

static graft_status read_projections(gr_peft_reader *r)
{
    static const char *const names[] = {"vera_A", "vera_B"};
    for (int i = 0; i < 2; i++) {
        char name[40];
        void *values;
        snprintf(name, sizeof(name), "base_model.%s", names[i]);
        const gr_tensor *t = gr_tensors_find(r->file, name);
        if (!t)
            continue;
        gr_peft_mark_used(r, t);
        GR_TRY(gr_tensors_add_new(r->log, r->result, names[i], GR_F32, t->shape, &values));
        gr_tensor_to_f32(t, values);
    }
    return GRAFT_OK;
}

static graft_status check_all_used(const gr_peft_reader *r)
{
    for (size_t i = 0; i < gr_tensors_count(r->file); i++)
        if (!r->used[i])
            return gr_fail(r->log, GRAFT_ERR_UNSUPPORTED,
                           "%s: tensor %s: graft adapts the linears of blocks and trains the head, "
                           "not this; merge it with peft, model.merge_and_unload(), and save the "
                           "model",
                           gr_tensors_source(r->file), gr_tensors_at(r->file, i)->name);
    return GRAFT_OK;
}

static graft_status open_files(gr_peft_reader *r)
{
    r->source = gr_path_join(NULL, r->path, GR_PEFT_CONFIG);
    char *weights = r->source ? gr_path_join(r->source, r->path, GR_PEFT_WEIGHTS) : NULL;
    r->file = gr_tensors_create(), r->result = gr_tensors_create();
    if (!weights || !r->file || !r->result)
        return gr_peft_memory(r->log);
    GR_TRY(gr_json_read(r->log, r->source, &r->config));
    GR_TRY(gr_peft_config_check(r->log, r->source, r->config));
    if (!gr_file_exists(weights))
        return gr_fail(r->log, GRAFT_ERR_NOT_FOUND,
                       "%s: no " GR_PEFT_WEIGHTS "; save the adapter with "
                       "save_pretrained(.., safe_serialization=True)",
                       r->path);
    GR_TRY(gr_tensors_set_source(r->log, r->file, weights));
    GR_TRY(gr_safetensors_read(r->log, weights, r->file));
    GR_TRY(gr_tensors_check_finite(r->log, r->file));
    r->used = gr_alloc_array(r->source, gr_tensors_count(r->file) + 1, sizeof(*r->used));
    return r->used ? gr_tensors_set_source(r->log, r->result, r->path) : gr_peft_memory(r->log);
}

/* What graft wrote beside the tensors, or else what the backbone is. */
static graft_status describe(gr_peft_reader *r)
{
    gr_input input;
    const gr_tensor *head = gr_tensors_find(r->result, "head.weight");
    gr_model_config config = r->geometry;
    bool own = gr_tensors_metadata(r->file, "graft.model") != NULL;
    const gr_tensors *teller = own ? r->file : r->backbone;
    if (own)
        GR_TRY(gr_model_config_described(r->log, r->file, &config));
    config.classes = (int)head->shape.dim[0];
    if (gr_tensors_metadata(teller, "graft.input"))
        GR_TRY(gr_adapter_input_read(r->log, teller, config.image_size, &input));
    else
        GR_TRY(gr_input_resolve(r->log, &(graft_input_params){0}, config.image_size, &input));
    GR_TRY(
        gr_adapter_describe(r->log, r->result, &config, r->methods, &input, &(gr_class_names){0}));
    const char *classes = gr_tensors_metadata(teller, "graft.classes");
    bool fits = own || r->geometry.classes == config.classes;
    if (classes && fits)
        GR_TRY(gr_tensors_set_metadata(r->log, r->result, "graft.classes", classes));
    const char *made_from = gr_tensors_metadata(r->file, GR_FINGERPRINT_KEY);
    return made_from ? gr_tensors_set_metadata(r->log, r->result, GR_FINGERPRINT_KEY, made_from)
                     : GRAFT_OK;
}

static graft_status read_all(gr_peft_reader *r)
{
    GR_TRY(gr_model_config_read(r->log, r->backbone, &r->geometry));
    if (r->geometry.family == GR_FAMILY_OWN)
        return gr_fail(
            r->log, GRAFT_ERR_UNSUPPORTED,
            "%s: names modules of timm's or transformers' models, and the backbone is an "
            "application's own graph; give an adapter that graft wrote",
            r->path);
    gr_model_config complete = r->geometry;
    complete.classes = complete.classes ? complete.classes : 1; /* its own head does not matter */
    GR_TRY(gr_model_config_check(r->log, &complete));
    if (complete.distilled)
        return gr_fail(
            r->log, GRAFT_ERR_UNSUPPORTED,
            "%s: distilled DeiT: its two heads are one to graft, and none for an adapter "
            "of peft; merge it with peft, model.merge_and_unload(), and save the model",
            gr_tensors_source(r->backbone));
    GR_TRY(open_files(r));
    bool dora = json_is_true(json_object_get(r->config, "use_dora"));
    const char *type = json_string_value(json_object_get(r->config, "peft_type"));
    GR_TRY(gr_methods_parse(r->log, gr_peft_method(type, dora), &r->methods));
    GR_TRY(find_names(r));
    GR_TRY(gr_peft_read_modules(r));
    GR_TRY(read_projections(r));
    GR_TRY(gr_peft_read_head(r));
    GR_TRY(check_all_used(r));
    return describe(r);
}

graft_status gr_peft_read(graft_log *log, const char *path, const gr_tensors *backbone,
                          gr_tensors **out)
{
    gr_peft_reader r = {.log = log, .path = path, .backbone = backbone};
    graft_status status = read_all(&r);
    *out = status == GRAFT_OK ? r.result : NULL;
    if (status != GRAFT_OK)
        gr_tensors_destroy(&r.result);
    gr_tensors_destroy(&r.file);
    gr_tensors_destroy(&r.head);
    gr_peft_modules_release(&r.modules);
    gr_methods_destroy(r.methods);
    json_decref(r.config);
    gr_free(r.source);
    return status;
}
