/* graft_model: a resident backbone and the adapters on it. */
#include "adapter/model.h"

#include "adapter/evaluate.h"
#include "adapter/fingerprint.h"
#include "adapter/merge.h"
#include "base/mem.h"
#include "model/backbone.h"
#include "model/own_graph.h"
#include "weights/load.h"

#include <string.h>

void graft_model_defaults(graft_model_params *params)
{
    *params = (graft_model_params){.batch_size = 32};
}

/* ImageNet's, the head that most backbones come with. */
enum { CLASSES = 1000 };

static graft_status load_weights(graft_model *m, const graft_model_params *p)
{
    const graft_source *s = &p->backbone;
    bool given = s->path || s->data || s->reader;
    if (given && p->model)
        return gr_fail(m->log, GRAFT_ERR_ARGUMENT,
                       "`model` %s: has random weights, `backbone` has its own; leave one out",
                       p->model);
    if (m->graph.write && p->model)
        return gr_fail(m->log, GRAFT_ERR_ARGUMENT,
                       "`model` %s: is one that graft builds, `graph` is another; leave one out",
                       p->model);
    if (m->graph.write)
        return gr_own_graph_load(m->log, &m->graph, given ? s : NULL, &m->weights);
    if (p->model)
        return gr_model_from_scratch(m->log, p->model, CLASSES, 0, &m->weights);
    if (!given)
        return gr_fail(m->log, GRAFT_ERR_ARGUMENT, "`backbone`: is required");
    return gr_backbone_load_source(m->log, s, &m->weights);
}

static graft_status open_model(graft_model *m, const graft_model_params *p)
{
    GR_TRY(gr_settings_check(m->log, gr_model_settings, p));
    if (p->pool && !p->headless)
        return gr_fail(m->log, GRAFT_ERR_ARGUMENT,
                       "`pool`: the head sees what it was trained on; needs `headless`");
    m->input = p->input;
    if (p->graph && !p->graph->write)
        return gr_fail(m->log, GRAFT_ERR_ARGUMENT, "`graph`: has no function `write`");
    if (p->graph)
        m->graph = *p->graph;
    GR_TRY(load_weights(m, p));
    GR_TRY(gr_backbone_set_heads(m->log, m->weights, p->heads));
    GR_TRY(gr_store_create(m->log, m->device, &m->store));
    gr_store_set_weights(m->store, p->weights);
    GR_TRY(gr_scratch_create(m->log, m->device, &m->scratch));
    if (!p->adapter)
        return GRAFT_OK;
    graft_adapter *adapter;
    GR_TRY(gr_adapter_open(m->log, &(graft_source){.path = p->adapter}, m->weights, &adapter));
    graft_status status = graft_model_attach(m, adapter);
    graft_adapter_close(&adapter);
    return status;
}

graft_status graft_model_open(graft_log *log, graft_device *device,
                              const graft_model_params *params, graft_model **out)
{
    graft_model *m = gr_alloc(NULL, sizeof(*m));
    *out = NULL;
    if (!m)
        return gr_fail(log, GRAFT_ERR_MEMORY, "model: out of memory");
    m->log = log;
    m->device = gr_device_from_public(device);
    m->batch = params->batch_size > 0 ? params->batch_size : 32;
    m->accept_changes = params->accept_changes;
    m->headless = params->headless;
    m->pool = params->pool;
    graft_status status = open_model(m, params);
    if (status != GRAFT_OK) {
        graft_model_close(&m);
        return status;
    }
    *out = m;
    return GRAFT_OK;
}

#define NETWORKS ((int)(sizeof(((gr_attachment *)NULL)->networks) / sizeof(gr_network)))

/* What is recorded for transfers knows where their values lie. */
static void release_networks(gr_attachment *a)
{
    gr_transfers_forget(a->transfers);
    for (int i = 0; i < NETWORKS; i++)
        gr_network_release(&a->networks[i]);
}

graft_status graft_model_open_adapter(graft_model *m, const graft_source *source,
                                      graft_adapter **out)
{
    return gr_adapter_open(m->log, source, m->weights, out);
}

static void release(gr_attachment *a)
{
    release_networks(a);
    gr_transfers_destroy(a->transfers);
    gr_store_destroy(a->store);
    gr_methods_destroy(a->own);
    graft_adapter_close(&a->adapter);
    gr_free(a);
}

void graft_model_close(graft_model **model)
{
    if (!model || !*model)
        return;
    graft_model *m = *model;
    for (size_t i = 0; i < m->count; i++)
        release(m->attached[i]);
    gr_scratch_destroy(m->scratch);
    gr_store_destroy(m->store);
    gr_tensors_destroy(&m->weights);
    gr_free(m);
    *model = NULL;
}

graft_status gr_backbone_describe(graft_log *log, const gr_tensors *weights, bool headless,
                                  gr_model_config *config, gr_input *input)
{
    GR_TRY(gr_model_config_read(log, weights, config));
    if (config->classes < 1 && !headless)
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "%s: has no head.weight; give an adapter made by graft train",
                       gr_tensors_source(weights));
    if (gr_tensors_metadata(weights, "graft.input")) /* merged by graft */
        return gr_adapter_input_read(log, weights, config->image_size, input);
    return gr_input_resolve(log, &(graft_input_params){0}, config->image_size, input);
}

/* Without an adapter the backbone's own head classifies. */
static graft_status describe_backbone(graft_model *m, gr_attachment *a)
{
    GR_TRY(gr_backbone_describe(m->log, m->weights, m->headless, &a->info.config, &a->info.input));
    GR_TRY(gr_methods_parse(m->log, "linear", &a->own));
    a->info.methods = a->own;
    return GRAFT_OK;
}

static graft_status describe_adapter(graft_model *m, gr_attachment *a)
{
    GR_TRY(gr_merge_check(m->log, m->weights, &a->adapter->info));
    GR_TRY(gr_fingerprint_check(m->log, a->adapter->tensors, m->weights, &m->accept_changes));
    a->info = a->adapter->info;
    return GRAFT_OK;
}

/* What the adapter's file, or the backbone's own, calls the classes. */
static graft_status name_classes(graft_model *m, gr_attachment *a)
{
    int count = a->info.config.classes;
    if (a->adapter)
        a->class_names = a->adapter->class_names;
    return a->adapter || count < 1
               ? GRAFT_OK
               : gr_adapter_class_names(m->log, m->weights, a, count, &a->class_names);
}

static graft_status override_input(graft_model *m, gr_adapter_info *info)
{
    if (m->input.image_size)
        info->config.image_size = m->input.image_size;
    gr_model_config checked = info->config;
    if (m->headless)
        checked.classes = 1; /* whatever head there is, it is not built */
    GR_TRY(gr_model_config_check(m->log, &checked));
    graft_input_params merged = gr_input_merge(&m->input, &info->input.settings);
    return gr_input_resolve(m->log, &merged, info->config.image_size, &info->input);
}

/* Values of the backbone as it was read; what an adapter resized or trains is its own. */
bool gr_model_has(void *model, const gr_value *value)
{
    const graft_model *m = model;
    const gr_tensor *t = gr_tensors_find(m->weights, value->name);
    return value->kind == GR_VALUE_FROZEN && t && t->data && t->data == value->source;
}

/* Adapters run one after the other: they have their inputs in common. */
static bool is_shared(void *model, const gr_value *value)
{
    return value->kind == GR_VALUE_INPUT || gr_model_has(model, value);
}

/* One of the attachment's networks, made where it is not there. Where it needs more room for
 * intermediate values than any before, the others are made anew when they are run next. */
static graft_status make_network(graft_model *m, gr_attachment *a, graft_output output)
{
    gr_network *n = &a->networks[output], made;
    if (n->plan)
        return GRAFT_OK;
    gr_build build = {
        .config = &a->info.config,
        .methods = a->info.methods,
        .weights = m->weights,
        .adapter = a->adapter ? a->adapter->tensors : m->weights,
        .adapter_is_complete = true,
        .headless = output == GRAFT_OUTPUT_FEATURES,
        .tokens = m->pool == GRAFT_POOL_TOKENS,
        .probabilities = output == GRAFT_OUTPUT_PROBABILITIES,
    };
    graft_status status = gr_network_plan(m->log, a->store, m->scratch, &build, &a->batch, &made);
    if (status == GRAFT_OK && !gr_plan_fits(made.plan)) {
        for (size_t i = 0; i < m->count; i++)
            release_networks(m->attached[i]);
        release_networks(a);
        status = gr_plan_make_room(made.plan);
    }
    if (status == GRAFT_OK)
        status = gr_network_prepare(m->log, a->store, &made);
    if (status == GRAFT_OK)
        *n = made;
    else
        gr_network_release(&made);
    return status;
}

static gr_attachment *find(const graft_model *m, const graft_adapter *adapter, size_t *index)
{
    for (size_t i = 0; i < m->count; i++)
        if (m->attached[i]->adapter == adapter) {
            *index = i;
            return m->attached[i];
        }
    return NULL;
}

static graft_status attach(graft_model *m, gr_attachment *a)
{
    GR_TRY(a->adapter ? describe_adapter(m, a) : describe_backbone(m, a));
    a->info.config.graph = m->graph.write ? &m->graph : NULL;
    GR_TRY(gr_pool_choose(m->log, m->pool, &a->info.config));
    GR_TRY(override_input(m, &a->info));
    GR_TRY(name_classes(m, a));
    if (!a->adapter)
        gr_input_doubt(m->log, m->weights, &a->info.input);
    GR_TRY(gr_store_create_on(m->store, is_shared, m, &a->store));
    GR_TRY(make_network(m, a, m->headless ? GRAFT_OUTPUT_FEATURES : GRAFT_OUTPUT_LOGITS));
    gr_attachment **place = gr_push(m, (void **)&m->attached, &m->count, sizeof(*place));
    if (!place)
        return gr_fail(m->log, GRAFT_ERR_MEMORY, "model: out of memory");
    *place = m->active = a;
    return GRAFT_OK;
}

graft_status graft_model_attach(graft_model *m, graft_adapter *adapter)
{
    size_t index;
    if (find(m, adapter, &index))
        return gr_fail(m->log, GRAFT_ERR_ARGUMENT, "%s: is attached already",
                       adapter ? gr_tensors_source(adapter->tensors) : "the backbone's head");
    gr_attachment *a = gr_alloc(NULL, sizeof(*a));
    if (!a)
        return gr_fail(m->log, GRAFT_ERR_MEMORY, "model: out of memory");
    a->adapter = gr_adapter_share(adapter);
    a->batch = m->batch;
    graft_status status = attach(m, a);
    if (status != GRAFT_OK)
        release(a);
    return status;
}

static graft_status missing(graft_model *m, const graft_adapter *adapter)
{
    return gr_fail(m->log, GRAFT_ERR_ARGUMENT, "%s: is not attached",
                   adapter ? gr_tensors_source(adapter->tensors) : "the backbone's head");
}

graft_status graft_model_use(graft_model *m, graft_adapter *adapter)
{
    size_t index;
    gr_attachment *a = find(m, adapter, &index);
    if (!a)
        return missing(m, adapter);
    m->active = a;
    return GRAFT_OK;
}

graft_status graft_model_detach(graft_model *m, graft_adapter *adapter)
{
    size_t index;
    gr_attachment *a = find(m, adapter, &index);
    if (!a)
        return missing(m, adapter);
    m->attached[index] = m->attached[--m->count];
    m->active = m->active == a ? NULL : m->active;
    release(a);
    return GRAFT_OK;
}

graft_status gr_model_active(graft_model *m, gr_attachment **out)
{
    *out = m->active;
    return m->active ? GRAFT_OK
                     : gr_fail(m->log, GRAFT_ERR_ARGUMENT,
                               "model: nothing is in use; attach an adapter, or NULL for the "
                               "backbone's own head");
}

int graft_model_classes(const graft_model *m)
{
    return m->active ? m->active->info.config.classes : 0;
}

int graft_model_image_size(const graft_model *m)
{
    return m->active ? m->active->info.config.image_size : 0;
}

int graft_model_features(const graft_model *m)
{
    if (!m->active)
        return 0;
    const gr_network *n = &m->active->networks[GRAFT_OUTPUT_FEATURES];
    if (n->plan)
        return (int)(gr_shape_count(&n->logits->shape) / n->logits->shape.dim[0]);
    const gr_model_config *c = &m->active->info.config;
    return c->proj_dim ? c->proj_dim : gr_model_feature_width(c);
}

int graft_model_tokens(const graft_model *m)
{
    if (!m->active || m->pool != GRAFT_POOL_TOKENS)
        return m->active != NULL;
    const gr_model_config *c = &m->active->info.config;
    int width = c->family == GR_FAMILY_SWIN ? c->dim << (c->stages - 1) : c->dim;
    return graft_model_features(m) / width;
}

const char *graft_model_class_name(graft_model *m, int index)
{
    bool named = index >= 0 && index < graft_model_classes(m) && m->active->class_names;
    const char *name = named ? m->active->class_names[index] : NULL;
    return name && *name ? name : NULL;
}

graft_status gr_model_check_run(const graft_model *m, graft_output output, const void *images,
                                int count, const void *out)
{
    if ((int)output < 0 || (int)output >= NETWORKS)
        return gr_fail(m->log, GRAFT_ERR_ARGUMENT, "model: no output %d, see graft_output",
                       (int)output);
    if (m->headless && output != GRAFT_OUTPUT_FEATURES)
        return gr_fail(m->log, GRAFT_ERR_ARGUMENT, "model: is `headless`, and has features alone");
    if (count < 0 || (count && (!images || !out)))
        return gr_fail(m->log, GRAFT_ERR_ARGUMENT, "model: %d images, from %s to %s", count,
                       images ? "memory" : "NULL", out ? "memory" : "NULL");
    return GRAFT_OK;
}

graft_status graft_model_run(graft_model *m, graft_output output, const float *images, int count,
                             float *out)
{
    gr_attachment *a;
    GR_TRY(gr_model_active(m, &a));
    GR_TRY(gr_model_check_run(m, output, images, count, out));
    bool softmax = output == GRAFT_OUTPUT_PROBABILITIES;
    output = softmax ? GRAFT_OUTPUT_LOGITS : output;
    GR_TRY(make_network(m, a, output));
    GR_TRY(gr_network_logits(a->store, &a->networks[output], images, count, out));
    size_t classes = (size_t)a->info.config.classes;
    for (int i = 0; i < count && softmax; i++)
        gr_softmax_row(out + (size_t)i * classes, (int)classes);
    return GRAFT_OK;
}

graft_status gr_model_run_of_pixels(graft_model *m, graft_output output, const uint8_t *pixels,
                                    int count, float *out)
{
    gr_attachment *a;
    GR_TRY(gr_model_active(m, &a));
    GR_TRY(make_network(m, a, output));
    return gr_network_logits_of_pixels(m->log, a->store, &a->networks[output],
                                       &a->info.input.preprocess.normalization, pixels, NULL, count,
                                       out);
}

graft_status graft_model_run_on_device(graft_model *m, graft_output output,
                                       const graft_device_images *images, int count,
                                       graft_buffer *out, uint64_t offset_bytes)
{
    gr_attachment *a;
    GR_TRY(gr_model_active(m, &a));
    GR_TRY(gr_model_check_run(m, output, images, count, out));
    GR_TRY(make_network(m, a, output));
    if (!a->transfers)
        GR_TRY(gr_transfers_create(m->log, m->device, &a->info.input.preprocess, m->batch,
                                   &a->transfers));
    return count ? gr_network_run_on_device(m->log, a->store, &a->networks[output], a->transfers,
                                            images, count, out, offset_bytes)
                 : GRAFT_OK;
}
