/* An adapter as a folder of Hugging Face peft. */
#include "adapter/adapter.h"
#include "adapter/fingerprint.h"
#include "adapter/merge.h"
#include "adapter/peft_writer.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "weights/load.h"
#include "weights/safetensors.h"

#include <graft/peft.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The options of the method that peft has under a name of its own. */
static const struct {
    const char *method, *option, *key;
} keys[] = {
    {"lora", "dropout", "lora_dropout"},
    {"lora", "rslora", "use_rslora"},
    {"dora", "dropout", "lora_dropout"},
    {"dora", "rslora", "use_rslora"},
    {"vera", "r", "r"},
    {"vera", "dropout", "vera_dropout"},
    {"vera", "projection_prng_key", "projection_prng_key"},
    {"boft", "block_size", "boft_block_size"},
    {"fourierft", "n_frequency", "n_frequency"},
    {"fourierft", "scaling", "scaling"},
    {"fourierft", "random_loc_seed", "random_loc_seed"},
};

static void write_options(gr_peft_writer *w)
{
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        const graft_setting *o =
            strcmp(keys[i].method, w->method) == 0 ? gr_peft_writer_row(w, keys[i].option) : NULL;
        if (!o)
            continue;
        const void *field = (const char *)w->options + o->offset;
        json_t *value = strncmp(keys[i].key, "use_", 4) == 0 ? json_boolean(*(const int *)field)
                        : o->type == GRAFT_SETTING_INT       ? json_integer(*(const int *)field)
                                                             : json_real(*(const float *)field);
        json_object_set_new(w->config, keys[i].key, value);
    }
}

/* The shared projections, where the adapter has its own; else they follow from the seed. */
static graft_status write_projections(gr_peft_writer *w)
{
    static const char *const names[] = {"vera_A", "vera_B"};
    bool kept = false;
    for (int i = 0; i < 2; i++) {
        const gr_tensor *t = gr_tensors_find(w->adapter, names[i]);
        char name[32];
        void *values;
        if (!t)
            continue;
        kept = true;
        snprintf(name, sizeof(name), "base_model.%s", names[i]);
        GR_TRY(gr_tensors_add_new(w->log, w->result, name, GR_F32, t->shape, &values));
        gr_tensor_to_f32(t, values);
    }
    json_object_set_new(w->config, "save_projection", json_boolean(kept));
    return GRAFT_OK;
}

/* The rotations that the tensors have: without its CUDA extension peft computes one only. */
static void write_factors_of_boft(gr_peft_writer *w)
{
    for (size_t i = 0; i < w->modules.count; i++) {
        const gr_tensor *t = gr_peft_writer_tensor(w, &w->modules.items[i], "boft_R");
        if (!t)
            continue;
        json_object_set_new(w->config, "boft_n_butterfly_factor", json_integer(t->shape.dim[0]));
        if (t->shape.dim[0] > 1)
            gr_log(w->log, GRAFT_LOG_WARN,
                   "boft.n_butterfly_factor=%lld: peft reads more than one rotation only with its "
                   "CUDA extension; boft.official=1 trains what it reads everywhere",
                   (long long)t->shape.dim[0]);
        return;
    }
}

/* What no reader but graft looks for: so that it comes back as it was. */
static graft_status write_metadata(gr_peft_writer *w)
{
    static const char *const names[] = {"graft.model", "graft.input", "graft.classes",
                                        GR_FINGERPRINT_KEY};
    GR_TRY(gr_tensors_set_metadata(w->log, w->result, "format", "pt"));
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *value = gr_tensors_metadata(w->adapter, names[i]);
        if (value)
            GR_TRY(gr_tensors_set_metadata(w->log, w->result, names[i], value));
    }
    return GRAFT_OK;
}

static graft_status check(gr_peft_writer *w)
{
    const gr_methods *methods = w->info->methods;
    char all[128];
    gr_methods_name(methods, all, sizeof(all));
    const gr_method *m = methods->item[0].method;
    w->method = m->name;
    w->options = methods->item[0].config;
    if (methods->count > 1 || !gr_peft_type(m->name)) {
        bool foldable = true;
        for (int i = 0; i < methods->count; i++)
            foldable = foldable && !methods->item[i].method->not_foldable;
        return gr_fail(
            w->log, GRAFT_ERR_UNSUPPORTED,
            "%s: Hugging Face peft has no such adapter (it has lora, dora, ia3, vera, boft "
            "and fourierft, one at a time); %s",
            all,
            foldable ? "graft merge writes a plain checkpoint of it"
                     : "graft export --onnx writes the whole model");
    }
    if (w->info->config.distilled)
        return gr_fail(w->log, GRAFT_ERR_UNSUPPORTED,
                       "distilled DeiT: its two heads are one to graft, and no module to save for "
                       "peft; graft merge writes a plain checkpoint");
    const int *bias = gr_peft_writer_option(w, "train_bias"),
              *official = gr_peft_writer_option(w, "official");
    if (bias && *bias)
        return gr_fail(w->log, GRAFT_ERR_UNSUPPORTED,
                       "%s.train_bias=1: peft reads no trained biases back; graft merge writes a "
                       "plain checkpoint with them",
                       m->name);
    if (gr_tensors_find(w->adapter, GR_HEAD_NORM ".running_mean"))
        return gr_fail(w->log, GRAFT_ERR_UNSUPPORTED,
                       "head.bn: the head stands behind a batch norm, which no model has for peft; "
                       "graft merge folds it into a plain checkpoint");
    if (strcmp(m->name, "lora") == 0 && official && *official)
        return gr_fail(w->log, GRAFT_ERR_UNSUPPORTED,
                       "lora.official=1: peft does not round the scale down; graft merge writes a "
                       "plain checkpoint");
    return GRAFT_OK;
}

static bool has_module(const void *user, const char *module)
{
    const gr_peft_writer *w = user;
    char name[4 * GR_NAME_BYTES];
    snprintf(name, sizeof(name), "%s%s%s.weight", w->match.prefix, w->match.tower, module);
    return gr_tensors_find(w->file, name) != NULL;
}

/* Where the library's classifier has the model: its tower. */
static graft_status place(gr_peft_writer *w)
{
    const gr_layout *layout = w->match.layout;
    const char *tower = *w->match.tower ? w->match.tower : layout->towers[0];
    snprintf(w->above, sizeof(w->above), "%s", tower ? tower : "");
    GR_TRY(gr_peft_modules_list(w->log, &w->info->config, layout, has_module, w, &w->modules));
    gr_model_config own;
    GR_TRY(gr_model_config_read(w->log, w->backbone, &own));
    if (w->info->config.pool != own.pool)
        return gr_fail(
            w->log, GRAFT_ERR_UNSUPPORTED,
            "pool %s: the classifier of a model of the layout %s has pool %s; graft merge "
            "writes a plain checkpoint",
            gr_pool_name(w->info->config.pool), layout->name, gr_pool_name(own.pool));
    return GRAFT_OK;
}

static graft_status make(gr_peft_writer *w, const char *backbone)
{
    w->config =
        json_pack("{s:s,s:n,s:s,s:n,s:b}", "peft_type", gr_peft_type(w->method), "auto_mapping",
                  "base_model_name_or_path", backbone, "task_type", "inference_mode", 1);
    w->targets = json_array(), w->inputs = json_array();
    w->ranks = json_object(), w->alphas = json_object();
    w->result = gr_tensors_create();
    if (!w->config || !w->targets || !w->inputs || !w->ranks || !w->alphas || !w->result)
        return gr_peft_memory(w->log);
    for (size_t i = 0; i < w->modules.count; i += gr_peft_module_parts(&w->modules.items[i]))
        GR_TRY(gr_peft_write_module(w, &w->modules.items[i]));
    bool low_rank = strcmp(gr_peft_type(w->method), "LORA") == 0;
    write_options(w);
    json_object_set(w->config, "target_modules", w->targets);
    if (low_rank) {
        json_object_set_new(w->config, "use_dora", json_boolean(strcmp(w->method, "dora") == 0));
        json_object_set(w->config, "rank_pattern", w->ranks);
        json_object_set(w->config, "alpha_pattern", w->alphas);
    }
    if (strcmp(w->method, "ia3") == 0)
        json_object_set(w->config, "feedforward_modules", w->inputs);
    else
        json_object_set_new(w->config, "bias", json_string("none"));
    if (strcmp(w->method, "vera") == 0)
        GR_TRY(write_projections(w));
    if (strcmp(w->method, "boft") == 0)
        write_factors_of_boft(w);
    GR_TRY(gr_peft_write_head(w));
    return write_metadata(w);
}

static graft_status save(gr_peft_writer *w, const char *directory)
{
    char *path = gr_path_join(NULL, directory, GR_PEFT_CONFIG);
    char *text = json_dumps(w->config, JSON_INDENT(2) | JSON_SORT_KEYS);
    char *weights = path ? gr_path_join(path, directory, GR_PEFT_WEIGHTS) : NULL;
    char *head = path ? gr_path_join(path, directory, GR_PEFT_HEAD) : NULL;
    graft_status status = text && weights && head ? GRAFT_OK : gr_peft_memory(w->log);
    const gr_safetensors_params how = {.sorted = true};
    if (status == GRAFT_OK)
        status = gr_make_directories(w->log, directory);
    if (status == GRAFT_OK)
        status = gr_safetensors_write(w->log, weights, w->result, &how);
    if (status == GRAFT_OK && w->head)
        status = gr_safetensors_write(w->log, head, w->head, &how);
    if (status == GRAFT_OK)
        status = gr_file_write(w->log, path, text, strlen(text));
    free(text);
    gr_free(path);
    return status;
}

static void release(gr_peft_writer *w)
{
    gr_peft_modules_release(&w->modules);
    gr_tensors_destroy(&w->result);
    gr_tensors_destroy(&w->head);
    gr_tensors_destroy(&w->file);
    json_t *all[] = {w->config, w->targets, w->inputs, w->ranks, w->alphas};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        json_decref(all[i]);
}

/* The layout of the backbone's file, before its names become graft's. */
static graft_status recognise(gr_peft_writer *w, const char *backbone)
{
    GR_TRY(gr_tensors_load_lenient(w->log, backbone, &w->file));
    return gr_layout_recognise(w->file, &w->match)
               ? GRAFT_OK
               : gr_fail(w->log, GRAFT_ERR_UNSUPPORTED, "%s: names of no known backbone", backbone);
}

graft_status graft_export_peft(graft_log *log, const char *backbone, const char *adapter,
                               const char *directory)
{
    gr_peft_writer w = {.log = log};
    gr_tensors *weights = NULL;
    graft_adapter *trained = NULL;
    graft_status status = gr_backbone_load(log, backbone, &weights);
    if (status == GRAFT_OK)
        status = recognise(&w, backbone);
    if (status == GRAFT_OK)
        status = gr_adapter_open(log, &(graft_source){.path = adapter}, weights, &trained);
    if (status == GRAFT_OK) {
        w.backbone = weights, w.adapter = trained->tensors, w.info = &trained->info;
        status = gr_merge_check(log, weights, w.info);
    }
    if (status == GRAFT_OK)
        status = gr_fingerprint_check(log, w.adapter, weights, NULL);
    if (status == GRAFT_OK)
        status = check(&w);
    if (status == GRAFT_OK)
        status = place(&w);
    if (status == GRAFT_OK)
        status = make(&w, backbone);
    if (status == GRAFT_OK)
        status = save(&w, directory);
    release(&w);
    graft_adapter_close(&trained);
    gr_tensors_destroy(&weights);
    return status;
}
