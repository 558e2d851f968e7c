/* graft_export_onnx: the merged model's graph, written down. */
#include <graft/onnx.h>

#include "adapter/adapter.h"

#include "base/json.h"
#include "adapter/library_config.h"
#include "adapter/merge.h"
#include "adapter/model.h"
#include "base/file.h"
#include "base/mem.h"
#include "export/onnx_emit.h"
#include "model/network.h"
#include "weights/load.h"

#include <graft/adapter.h>
#include <stdlib.h>
#include <string.h>

typedef struct export
{
    graft_log *log;
    const char *path;
    bool half;
    gr_tensors *backbone;
    graft_adapter *adapter;
    gr_merged merged;
    gr_methods *methods; /* none but a head */
    gr_model_config config;
    gr_input input;
    const gr_tensors *weights; /* the merged ones, or the backbone's */
    const gr_tensors *told;    /* whose metadata name the classes */
}
export;

static graft_status check(graft_log *log, const char *backbone, const char *adapter,
                          const char *out, graft_number_type weights, bool *half)
{
    *half = weights == GRAFT_NUMBER_F16;
    if (weights != GRAFT_NUMBER_F32 && !*half)
        return gr_fail(log, GRAFT_ERR_UNSUPPORTED,
                       "`weights` %s: operators of ONNX do not take them; choose f32 or f16",
                       weights == GRAFT_NUMBER_BF16 ? "bf16" : "unknown");
    if (gr_file_is_same(out, backbone) || (adapter && gr_file_is_same(out, adapter)))
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "%s: is what is exported, which would be lost; choose another file", out);
    return GRAFT_OK;
}

static graft_status load(export *e, const char *backbone, const char *adapter)
{
    GR_TRY(gr_backbone_load(e->log, backbone, &e->backbone));
    GR_TRY(gr_methods_parse(e->log, "linear", &e->methods));
    if (!adapter) {
        e->weights = e->told = e->backbone;
        return gr_backbone_describe(e->log, e->backbone, false, &e->config, &e->input);
    }
    GR_TRY(gr_adapter_open(e->log, &(graft_source){.path = adapter}, e->backbone, &e->adapter));
    const gr_adapter_info *info = &e->adapter->info;
    GR_TRY(gr_merge_check_methods(e->log, info->methods));
    GR_TRY(gr_merge(e->log, e->backbone, e->adapter->tensors, info, &e->merged));
    e->config = info->config;
    e->input = info->input;
    e->weights = e->merged.tensors;
    e->told = e->adapter->tensors;
    return GRAFT_OK;
}

/* Takes `json`; NULL stands for out of memory. */
static graft_status add_json(const export *e, gr_onnx_file *file, const char *key, json_t *json)
{
    char *text = gr_json_text(json, JSON_COMPACT);
    json_decref(json);
    if (!text)
        return gr_fail(e->log, GRAFT_ERR_MEMORY, "onnx: out of memory");
    gr_onnx_metadata(file, key, text);
    free(text);
    return GRAFT_OK;
}

/* How images become "images", and what the logits are called. */
static graft_status add_metadata(const export *e, gr_onnx_file *file)
{
    const gr_normalization *n = &e->input.preprocess.normalization;
    json_t *input = gr_input_json(&e->input), *classes = NULL;
    gr_json_set(&input, "image_size", json_integer(e->config.image_size));
    gr_json_set(&input, "channels", json_string("RGB"));
    gr_json_set(&input, "scale", json_real(1.0 / 255.0));
    gr_json_set(&input, "mean", gr_json_floats(n->mean));
    gr_json_set(&input, "std", gr_json_floats(n->std));
    GR_TRY(add_json(e, file, "preprocessing", input));
    const char *text = gr_tensors_metadata(e->told, "graft.classes");
    if (!text)
        return GRAFT_OK;
    GR_TRY(gr_json_parse(e->log, "graft.classes", text, strlen(text), &classes));
    json_t *names = json_incref(json_object_get(classes, "names"));
    json_decref(classes);
    return names ? add_json(e, file, "classes", names) : GRAFT_OK;
}

static graft_status write_network(const export *e, const gr_network networks[2])
{
    const gr_onnx_source source = {
        .graph = {networks[0].graph, networks[1].graph},
        .image = networks[0].image,
        .logits = networks[0].logits,
    };
    void *values = NULL;
    gr_onnx_file *file = gr_onnx_create(e->log, e->half);
    if (!file)
        return gr_fail(e->log, GRAFT_ERR_MEMORY, "onnx: out of memory");
    graft_status status = gr_onnx_emit(e->log, &source, file, &values);
    if (status == GRAFT_OK)
        status = add_metadata(e, file);
    if (status == GRAFT_OK)
        status = gr_onnx_write(file, e->path);
    gr_onnx_destroy(file);
    gr_free(values);
    return status;
}

/* Two batch sizes tell which axes hold the batch. */
static graft_status build_and_write(const export *e)
{
    gr_network networks[2] = {0};
    const gr_build build = {
        .config = &e->config,
        .methods = e->methods,
        .weights = e->weights,
        .adapter = e->weights,
        .adapter_is_complete = true,
    };
    graft_status status = GRAFT_OK;
    for (int i = 0; i < 2 && status == GRAFT_OK; i++)
        status = gr_network_build(e->log, build, 2 + i, GR_TARGETS_NONE, &networks[i]);
    if (status == GRAFT_OK)
        status = write_network(e, networks);
    for (int i = 0; i < 2; i++)
        gr_network_release(&networks[i]);
    return status;
}

graft_status graft_export_onnx(graft_log *log, const char *backbone, const char *adapter,
                               const char *out, graft_number_type weights)
{
    export e = {.log = log, .path = out};
    graft_status status = check(log, backbone, adapter, out, weights, &e.half);
    if (status == GRAFT_OK)
        status = load(&e, backbone, adapter);
    if (status == GRAFT_OK)
        status = build_and_write(&e);
    gr_methods_destroy(e.methods);
    gr_merged_release(&e.merged);
    graft_adapter_close(&e.adapter);
    gr_tensors_destroy(&e.backbone);
    return status;
}
