#include "adapter/merge.h"

#include "adapter/fingerprint.h"
#include "adapter/fold.h"
#include "adapter/library_config.h"
#include "adapter/model.h"
#include "base/convert.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "model/backbone.h"
#include "weights/load.h"
#include "weights/safetensors.h"

#include <graft/model.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct merge {
    graft_log *log;
    const gr_tensors *backbone, *adapter;
    const gr_adapter_info *info;
    gr_tensors *result;
    gr_graph *graph;
    gr_sites *sites;
} merge;

graft_status gr_merge_check_methods(graft_log *log, const gr_methods *methods)
{
    for (int i = 0; i < methods->count; i++) {
        const gr_method *method = methods->item[i].method;
        if (method->not_foldable)
            return gr_fail(log, GRAFT_ERR_UNSUPPORTED,
                           "%s: cannot be folded into plain weights: %s", method->name,
                           method->not_foldable);
    }
    return GRAFT_OK;
}

graft_status gr_merge_check(graft_log *log, const gr_tensors *backbone,
                            const gr_adapter_info *adapter)
{
    gr_model_config found;
    const gr_model_config *wanted = &adapter->config;
    GR_TRY(gr_model_config_read(log, backbone, &found));
    if ((found.family == GR_FAMILY_OWN) != (wanted->family == GR_FAMILY_OWN))
        return gr_fail(log, GRAFT_ERR_SHAPE,
                       "%s: the adapter was trained on %s application's own graph; give the model "
                       "that it was trained on",
                       gr_tensors_source(backbone),
                       wanted->family == GR_FAMILY_OWN ? "an"
                                                       : "a checkpoint's backbone, this is an");
    if (found.dim == wanted->dim && found.depth == wanted->depth &&
        found.hidden == wanted->hidden && found.patch_size == wanted->patch_size)
        return GRAFT_OK;
    return gr_fail(log, GRAFT_ERR_SHAPE,
                   "%s: %d blocks of width %d and %d with patches of %d: the adapter was trained "
                   "on %d of %d and %d with patches of %d",
                   gr_tensors_source(backbone), found.depth, found.dim, found.hidden,
                   found.patch_size, wanted->depth, wanted->dim, wanted->hidden,
                   wanted->patch_size);
}

/* The model's graph tells which tensors there are, of which shape, and where methods act. */
static graft_status build(merge *m)
{
    const gr_model_config *c = &m->info->config;
    m->graph = gr_graph_create(m->log);
    m->sites = gr_sites_create();
    if (!m->graph || !m->sites)
        return gr_fail(m->log, GRAFT_ERR_MEMORY, "merge: out of memory");
    gr_build b = {
        .graph = m->graph,
        .config = c,
        .methods = m->info->methods,
        .weights = m->backbone,
        .adapter = m->adapter,
        .adapter_is_complete = true,
        .sites = m->sites,
        .batch = 1,
    };
    GR_TRY(gr_methods_check(m->log, b.methods, c));
    gr_model_logits(&b, gr_graph_input(m->graph, "images", GR_F32,
                                       GR_SHAPE(1, 3, c->image_size, c->image_size)));
    return gr_graph_status(m->graph);
}

/* The backbone's tensors, as trained and as resized for the adapter's images, and the head. */
static graft_status copy_tensors(merge *m)
{
    for (int i = 0; i < gr_graph_count(m->graph); i++) {
        const gr_value *v = gr_graph_at(m->graph, i);
        bool wanted = gr_tensors_find(m->backbone, v->name) || strncmp(v->name, "head.", 5) == 0;
        if ((v->kind != GR_VALUE_FROZEN && v->kind != GR_VALUE_PARAM) || !wanted)
            continue;
        void *values;
        GR_TRY(gr_tensors_add_new(m->log, m->result, v->name, GR_F32, v->shape, &values));
        gr_to_f32(v->source_dtype, v->source, (size_t)gr_shape_count(&v->shape), values);
    }
    return GRAFT_OK;
}

static graft_status result_tensor(merge *m, const char *module, const char *name,
                                  const gr_tensor **tensor)
{
    char full[160];
    snprintf(full, sizeof(full), "%s.%s", module, name);
    return gr_tensors_get(m->log, m->result, full, tensor);
}

/* The bias that a module did without: where a method needs one. */
static graft_status add_bias(merge *m, const gr_site *s, int64_t rows, const float *bias)
{
    char full[160];
    void *values;
    bool wanted = false;
    for (int64_t o = 0; o < s->rows; o++)
        wanted |= bias[o] != 0.0f;
    if (!wanted)
        return GRAFT_OK;
    snprintf(full, sizeof(full), "%s.bias", s->tensor);
    GR_TRY(gr_tensors_add_new(m->log, m->result, full, GR_F32, GR_SHAPE(rows), &values));
    memcpy((float *)values + s->row, bias, (size_t)s->rows * sizeof(*bias));
    return GRAFT_OK;
}

static graft_status fold_site(merge *m, const gr_fold *fold, const gr_site *s)
{
    char full[160];
    const gr_tensor *weight;
    GR_TRY(result_tensor(m, s->tensor, "weight", &weight));
    snprintf(full, sizeof(full), "%s.bias", s->tensor);
    const gr_tensor *bias = gr_tensors_find(m->result, full);
    float *zeros = calloc((size_t)s->rows, sizeof(*zeros));
    if (!zeros)
        return gr_fail(m->log, GRAFT_ERR_MEMORY, "merge: out of memory");
    int64_t in = gr_shape_span(&weight->shape, 1, weight->shape.rank);
    gr_module module = {
        .site = s,
        .in = in,
        .weight = (float *)weight->data + s->row * in,
        .bias = bias ? (float *)bias->data + s->row : zeros,
        .biased = bias != NULL,
    };
    graft_status status = gr_fold_module(fold, &module);
    if (status == GRAFT_OK && !bias)
        status = add_bias(m, s, weight->shape.dim[0], zeros);
    free(zeros);
    return status;
}

/* All methods that can be folded, at all their places. */
static graft_status fold_sites(merge *m)
{
    gr_methods methods = {0};
    gr_device *device;
    for (int i = 0; i < m->info->methods->count; i++)
        if (!m->info->methods->item[i].method->not_foldable)
            methods.item[methods.count++] = m->info->methods->item[i];
    GR_TRY(gr_device_open(m->log, "reference:0", "", &device));
    gr_fold fold = {
        .log = m->log,
        .device = device,
        .config = &m->info->config,
        .methods = &methods,
        .backbone = m->backbone,
        .adapter = m->adapter,
    };
    graft_status status = GRAFT_OK;
    for (size_t i = 0; i < m->sites->count && status == GRAFT_OK; i++)
        status = fold_site(m, &fold, &m->sites->items[i]);
    graft_device *opened = gr_device_to_public(device);
    graft_device_close(&opened);
    return status;
}

/* The batch normalisation before the head, where there is one: W' = W / sqrt(var + eps), b' = b -
 * W' mean. */
static graft_status fold_head_norm(merge *m)
{
    const gr_tensor *weight, *bias, *mean, *variance;
    if (!gr_tensors_find(m->adapter, GR_HEAD_NORM ".running_mean"))
        return GRAFT_OK;
    GR_TRY(result_tensor(m, "head", "weight", &weight));
    GR_TRY(result_tensor(m, "head", "bias", &bias));
    int64_t classes = weight->shape.dim[0], dim = weight->shape.dim[1];
    GR_TRY(gr_tensors_get_shaped(m->log, m->adapter, GR_HEAD_NORM ".running_mean", GR_SHAPE(dim),
                                 &mean));
    GR_TRY(gr_tensors_get_shaped(m->log, m->adapter, GR_HEAD_NORM ".running_var", GR_SHAPE(dim),
                                 &variance));
    float *room = malloc(2 * (size_t)dim * sizeof(*room)), *w = (float *)weight->data;
    if (!room)
        return gr_fail(m->log, GRAFT_ERR_MEMORY, "merge: out of memory");
    gr_tensor_to_f32(mean, room);
    gr_tensor_to_f32(variance, room + dim);
    for (int64_t c = 0; c < classes; c++)
        for (int64_t j = 0; j < dim; j++) {
            w[c * dim + j] /= sqrtf(room[dim + j] + GR_HEAD_NORM_EPS);
            ((float *)bias->data)[c] -= w[c * dim + j] * room[j];
        }
    free(room);
    return GRAFT_OK;
}

/* Biases that the methods need and the backbone did without. */
static void tell_gained_biases(const merge *m)
{
    const char *example = NULL;
    size_t gained = 0;
    for (size_t i = 0; i < gr_tensors_count(m->result); i++) {
        const char *name = gr_tensors_at(m->result, i)->name;
        if (strncmp(name, "head.", 5) == 0 || gr_tensors_find(m->backbone, name))
            continue;
        example = name;
        gained++;
    }
    if (gained)
        gr_log(m->log, GRAFT_LOG_INFO,
               "merge: the methods need %zu biases that the backbone has not, such as %s", gained,
               example);
}

static graft_status merge_all(merge *m)
{
    GR_TRY(build(m));
    GR_TRY(copy_tensors(m));
    GR_TRY(fold_sites(m));
    GR_TRY(fold_head_norm(m));
    tell_gained_biases(m);
    return GRAFT_OK;
}

graft_status gr_merge(graft_log *log, const gr_tensors *backbone, const gr_tensors *adapter,
                      const gr_adapter_info *info, gr_merged *out)
{
    merge m = {.log = log,
               .backbone = backbone,
               .adapter = adapter,
               .info = info,
               .result = gr_tensors_create()};
    graft_status status =
        m.result ? GRAFT_OK : gr_fail(log, GRAFT_ERR_MEMORY, "merge: out of memory");
    if (status == GRAFT_OK)
        status = gr_merge_check(log, backbone, info);
    if (status == GRAFT_OK)
        status = gr_fingerprint_check(log, adapter, backbone, NULL);
    if (status == GRAFT_OK)
        status = merge_all(&m);
    *out = (gr_merged){m.result, m.graph, m.sites};
    if (status != GRAFT_OK)
        gr_merged_release(out);
    return status;
}

void gr_merged_release(gr_merged *merged)
{
    gr_tensors_destroy(&merged->tensors);
    gr_graph_destroy(merged->graph);
    gr_sites_destroy(merged->sites);
    *merged = (gr_merged){0};
}

static graft_status choose_type(graft_log *log, graft_number_type type, gr_write_type *out)
{
    static const gr_write_type types[] = {
        [GRAFT_NUMBER_F32] = GR_WRITE_UNCHANGED, /* the folded tensors are f32 */
        [GRAFT_NUMBER_F16] = GR_WRITE_F16,
        [GRAFT_NUMBER_BF16] = GR_WRITE_BF16,
    };
    if ((int)type < 0 || (size_t)type >= sizeof(types) / sizeof(types[0]))
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "`type` %d: unknown, see graft_number_type",
                       (int)type);
    *out = types[type];
    return GRAFT_OK;
}

static graft_status check_names(graft_log *log, graft_tensor_names names)
{
    if ((int)names >= 0 && names <= GRAFT_TENSOR_NAMES_TRANSFORMERS)
        return GRAFT_OK;
    return gr_fail(log, GRAFT_ERR_ARGUMENT, "`names` %d: unknown, see graft_tensor_names",
                   (int)names);
}

/* What a reader cannot see in the tensors: how images become input, and names of classes. The
 * geometry is there already, as it was written. */
static graft_status copy_metadata(graft_log *log, const gr_tensors *adapter, gr_tensors *out)
{
    static const char *const keys[] = {"graft.heads", "graft.input", "graft.classes"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        const char *value = gr_tensors_metadata(adapter, keys[i]);
        if (value)
            GR_TRY(gr_tensors_set_metadata(log, out, keys[i], value));
    }
    /* transformers takes files that say whose tensors they are */
    return gr_tensors_set_metadata(log, out, "format", "pt");
}

/* What is read must stay: a file, or one in the folder. */
static bool is_read_from(const char *out, const char *path)
{
    if (gr_file_is_same(out, path))
        return true;
    char *inside = gr_path_join(NULL, path, GR_MODEL_FILE);
    bool same = inside && gr_file_is_same(out, inside);
    gr_free(inside);
    return same;
}

/* Its format is safetensors, and readers go by names; and what it is made of stays. */
static graft_status check_out(graft_log *log, const char *out, const char *backbone,
                              const char *adapter)
{
    static const char *const others[] = {".bin", ".pt", ".pth", ".ckpt", ".npz", ".onnx"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (gr_path_has_suffix(out, others[i]))
            return gr_fail(log, GRAFT_ERR_ARGUMENT,
                           "%s: would hold safetensors, not what %s files are; choose a name that "
                           "ends in .safetensors",
                           out, others[i]);
    const char *same = is_read_from(out, backbone)     ? "backbone"
                       : gr_file_is_same(out, adapter) ? "adapter"
                                                       : NULL;
    return same ? gr_fail(log, GRAFT_ERR_ARGUMENT,
                          "%s: is the %s, which would be lost; choose another file", out, same)
                : GRAFT_OK;
}

/* Where a merged model goes. */
typedef struct output {
    char *path;      /* the file; NULL: to the writer */
    char *directory; /* where the libraries' files go; NULL: nowhere */
    graft_tensor_names names;
    gr_safetensors_params how;
} output;

/* A folder, there already or called "name/", receives the file that libraries look for; beside a
 * file of that name they look for their own as well. */
static graft_status choose_path(graft_log *log, const char *out, output *to)
{
    bool folder = gr_file_is_directory(out) || gr_path_has_suffix(out, "/");
    to->path = folder ? gr_path_join(NULL, out, GR_MODEL_FILE) : gr_strdup(NULL, out);
    char *directory = to->path ? gr_path_directory(NULL, to->path) : NULL;
    char *whole = directory ? gr_path_join(directory, directory, GR_MODEL_FILE) : NULL;
    char *config = directory ? gr_path_join(directory, directory, "config.json") : NULL;
    if (!whole || !config) {
        gr_free(directory);
        return gr_fail(log, GRAFT_ERR_MEMORY, "merge: out of memory");
    }
    bool named =
        folder || gr_path_has_suffix(out, "/" GR_MODEL_FILE) || strcmp(out, GR_MODEL_FILE) == 0;
    graft_status status = folder ? gr_make_directories(log, out) : GRAFT_OK;
    if (status == GRAFT_OK && named && gr_file_exists(config) && !gr_file_exists(whole))
        status = gr_fail(log, GRAFT_ERR_ARGUMENT,
                         "%s: belongs to another model, of which it would be lost; choose another "
                         "folder",
                         config);
    if (named)
        to->directory = gr_strdup(NULL, directory);
    gr_free(directory);
    return status;
}

static void release_output(output *to)
{
    gr_free(to->path);
    gr_free(to->directory);
}

/* Metadata and the libraries' files say the same. */
static graft_status write_config(graft_log *log, const output *to, const gr_named *named,
                                 const gr_tensors *adapter, const gr_adapter_info *info)
{
    const char *classes = gr_tensors_metadata(adapter, "graft.classes");
    json_t *names = NULL;
    if (classes)
        GR_TRY(gr_json_parse(log, "graft.classes", classes, strlen(classes), &names));
    bool biased = false;
    for (size_t i = 0; i < gr_tensors_count(named->plain); i++)
        biased |= strstr(gr_tensors_at(named->plain, i)->name, ".attn.qkv.bias") != NULL;
    const gr_library_model model = {
        .config = &named->config, .biased = biased, .input = &info->input, .classes = names};
    graft_status status = gr_library_config_write(log, to->directory, named->names, &model);
    json_decref(names);
    return status;
}

/* Folds, and writes the result. */
static graft_status write_merged(graft_log *log, const gr_tensors *backbone,
                                 const gr_tensors *adapter, const gr_adapter_info *info,
                                 const output *to)
{
    gr_merged merged;
    gr_named named;
    GR_TRY(gr_merge_check_methods(log, info->methods));
    GR_TRY(gr_merge(log, backbone, adapter, info, &merged));
    graft_status status =
        gr_names_apply(log, to->names, gr_tensors_metadata(backbone, GR_LAYOUT_KEY), &info->config,
                       merged.tensors, &named);
    if (status == GRAFT_OK) {
        status = copy_metadata(log, adapter, named.tensors);
        if (status == GRAFT_OK)
            status =
                gr_safetensors_write(log, to->path ? to->path : "merged", named.tensors, &to->how);
        if (status == GRAFT_OK && to->directory)
            status = write_config(log, to, &named, adapter, info);
        gr_named_release(&named);
    }
    gr_merged_release(&merged);
    return status;
}

graft_status graft_merge_as(graft_log *log, const char *backbone, const char *adapter,
                            const char *out, graft_number_type type, graft_tensor_names names)
{
    gr_tensors *weights = NULL;
    graft_adapter *trained = NULL;
    output to = {.names = names, .how = {.sorted = true}};
    graft_status status = choose_type(log, type, &to.how.type);
    if (status == GRAFT_OK)
        status = check_names(log, names);
    if (status == GRAFT_OK)
        status = choose_path(log, out, &to);
    if (status == GRAFT_OK)
        status = check_out(log, to.path, backbone, adapter);
    if (status == GRAFT_OK)
        status = gr_backbone_load(log, backbone, &weights);
    if (status == GRAFT_OK)
        status = gr_adapter_open(log, &(graft_source){.path = adapter}, weights, &trained);
    if (status == GRAFT_OK)
        status = write_merged(log, weights, trained->tensors, &trained->info, &to);
    graft_adapter_close(&trained);
    gr_tensors_destroy(&weights);
    release_output(&to);
    return status;
}

graft_status graft_merge(graft_log *log, const char *backbone, const char *adapter, const char *out,
                         graft_number_type type)
{
    return graft_merge_as(log, backbone, adapter, out, type, GRAFT_TENSOR_NAMES_AS_READ);
}

graft_status graft_model_merge(graft_model *model, graft_number_type type,
                               const graft_writer *writer)
{
    gr_attachment *a;
    output to = {.how = {.sorted = true, .writer = writer}};
    GR_TRY(gr_model_active(model, &a));
    if (!a->adapter)
        return gr_fail(model->log, GRAFT_ERR_ARGUMENT,
                       "model: its own head is in use; there is no adapter to merge");
    if (!writer || !writer->write)
        return gr_fail(model->log, GRAFT_ERR_ARGUMENT, "merge: a writer that writes nothing");
    GR_TRY(choose_type(model->log, type, &to.how.type));
    gr_adapter_info info = a->adapter->info;
    info.config.graph = a->info.config.graph;
    return write_merged(model->log, model->weights, a->adapter->tensors, &info, &to);
}
