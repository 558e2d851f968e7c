#include "train/run_setup.h"

#include "adapter/adapter.h"
#include "adapter/fingerprint.h"
#include "base/mem.h"
#include "data/augment.h"
#include "model/own_graph.h"
#include "train/head_rows.h"
#include "train/settings.h"
#include "train/text_head.h"
#include "weights/load.h"

#include <limits.h>
#include <string.h>

/* What concerns several settings; each alone is checked by its row. */
static graft_status check_together(graft_log *log, const graft_train_params *p)
{
    if (p->cooldown_epochs > INT_MAX - p->epochs)
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "`cooldown_epochs` %d: too many after the %d `epochs`", p->cooldown_epochs,
                       p->epochs);
    if (p->warmup_epochs > p->epochs)
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "`warmup_epochs` %g: must be within the %d `epochs`", p->warmup_epochs,
                       p->epochs);
    if (p->patience && !(p->test_split && *p->test_split))
        return gr_fail(
            log, GRAFT_ERR_ARGUMENT,
            "`patience` %d: waits for a better accuracy, and there is no `test_split` to "
            "evaluate on",
            p->patience);
    if (p->schedule == GRAFT_SCHEDULE_RESTARTS && p->restart_epochs <= 0)
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "`restart_epochs` %g: expected more than 0",
                       p->restart_epochs);
    return GRAFT_OK;
}

static gr_optimizer_params optimizer_of(const graft_train_params *p)
{
    return (gr_optimizer_params){
        .kind = p->optimizer,
        .weight_decay = (float)p->weight_decay,
        .beta1 = 0.9f,
        .beta2 = 0.999f,
        .eps = 1e-8f,
        .momentum = (float)p->momentum,
    };
}

static gr_schedule schedule_of(const graft_train_params *p)
{
    return (gr_schedule){
        .curve = p->schedule,
        .step = p->lr_step,
        .lr = p->lr,
        .min_lr = p->min_lr,
        .epochs = p->epochs,
        .warmup_epochs = p->warmup_epochs,
        .warmup_lr = p->warmup_lr,
        .restart_epochs = p->restart_epochs,
        .restart_factor = p->restart_factor,
    };
}

static graft_status load_backbone(graft_log *log, const graft_train_params *p, gr_run_setup *s)
{
    if (p->heads && !p->backbone)
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "`heads` %d: is of a `backbone` that is read here; leave it out", p->heads);
    if (s->weights && p->weights != GRAFT_WEIGHTS_F32)
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "`weights`: are those of the model that there is already; leave it out");
    if (s->weights && (p->backbone || p->model))
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "`%s` %s: there is the backbone of a model already; leave it out",
                       p->backbone ? "backbone" : "model", p->backbone ? p->backbone : p->model);
    if (s->weights) {
        GR_TRY(gr_model_config_read(log, s->weights, &s->config));
        s->config.graph = s->lender->graph.write ? &s->lender->graph : NULL;
        return GRAFT_OK;
    }
    if (p->backbone && p->model)
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "`model` %s: starts from scratch, `backbone` %s has a model; leave one out",
                       p->model, p->backbone);
    if (p->backbone) {
        GR_TRY(gr_backbone_load(log, p->backbone, &s->own_weights));
        GR_TRY(gr_backbone_set_heads(log, s->own_weights, p->heads));
        s->weights = s->own_weights;
        return gr_model_config_read(log, s->weights, &s->config);
    }
    if (!p->model)
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "`backbone`: is required, or `model` NAME to start from scratch");
    const gr_model_config *preset = gr_model_preset(p->model);
    char names[512];
    if (!preset)
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "model '%s': unknown; the models are %s", p->model,
                       gr_model_preset_names(names, sizeof(names)));
    s->config = *preset;
    return GRAFT_OK;
}

/* What the head sees. */
static graft_status choose_feature(graft_log *log, const graft_train_params *p, gr_model_config *c)
{
    if (p->projection && !c->proj_dim)
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "`projection`: the backbone has none; it is a part of CLIP's checkpoints");
    GR_TRY(gr_pool_choose(log, p->pool, c));
    if (!p->projection && !gr_text_head_wanted(&p->text))
        c->proj_dim = 0;
    return GRAFT_OK;
}

/* What needs no file. */
static graft_status choose_settings(graft_log *log, const graft_train_params *p, gr_run_setup *s)
{
    GR_TRY(gr_train_settings_check(log, p));
    GR_TRY(check_together(log, p));
    s->optimizer = optimizer_of(p);
    s->schedule = schedule_of(p);
    GR_TRY(gr_methods_parse(log, p->method, &s->methods));
    return gr_methods_set_all(log, s->methods, &p->set);
}

static graft_status check_start(graft_log *log, const graft_train_params *p, const gr_run_setup *s)
{
    if (s->weights || gr_methods_train(s->methods, "blocks.0.attn.qkv.weight"))
        return GRAFT_OK;
    return gr_fail(log, GRAFT_ERR_ARGUMENT,
                   "method '%s': would keep random weights frozen; give `backbone`, or use "
                   "`method` full",
                   p->method);
}

graft_status gr_run_setup_check(graft_log *log, const graft_train_params *p)
{
    gr_run_setup s = {0};
    const graft_input_params *input = &p->input;
    int size = input->image_size ? input->image_size : input->resize_to; /* else the backbone's */
    graft_status status = choose_settings(log, p, &s);
    if (status == GRAFT_OK)
        status = gr_input_resolve(log, input, size ? size : 224, &s.input);
    gr_run_setup_release(&s);
    return status;
}

/* Frozen tensors of the adapter that the run starts from belong to what it trains. */
static graft_status keep_frozen(graft_log *log, gr_run_setup *s)
{
    for (size_t i = 0; s->adapter && i < gr_tensors_count(s->adapter); i++) {
        const gr_tensor *t = gr_tensors_at(s->adapter, i);
        void *data;
        if (!gr_methods_keep(s->methods, t->name))
            continue;
        GR_TRY(gr_tensors_add_new(log, s->header, t->name, t->dtype, t->shape, &data));
        memcpy(data, t->data, t->size_bytes);
    }
    return GRAFT_OK;
}

/* The adapter that the run starts from. */
static graft_status load_start(graft_log *log, const graft_train_params *p, gr_run_setup *s)
{
    const graft_source start = {.path = p->init_adapter};
    GR_TRY(s->weights ? gr_adapter_load(log, &start, s->weights, &s->adapter)
                      : gr_tensors_load_source(log, &start, &s->adapter));
    if (s->weights)
        GR_TRY(gr_fingerprint_check(log, s->adapter, s->weights, &p->accept_changes));
    return gr_head_rows_match(log, p, s);
}

static graft_status open_backbone(graft_log *log, const graft_train_params *p, gr_run_setup *s)
{
    GR_TRY(load_backbone(log, p, s));
    GR_TRY(choose_feature(log, p, &s->config));
    if (s->config.family == GR_FAMILY_OWN && p->drop_path > 0.0)
        return gr_fail(
            log, GRAFT_ERR_ARGUMENT,
            "`drop_path` %g: the backbone is the graph of an application, which drops by "
            "graft_build_dropout(); leave it out",
            p->drop_path);
    return check_start(log, p, s);
}

/* What is set goes first, then what the backbone's files tell, then the defaults; the last two are
 * said. A resize by way of another size is scaled with the image. */
static graft_status choose_input(graft_log *log, const graft_train_params *p, int own_size,
                                 gr_run_setup *s)
{
    char text[120];
    gr_input told = {0};
    int size = s->config.image_size;
    bool tells = s->weights && gr_tensors_metadata(s->weights, "graft.input");
    if (tells)
        GR_TRY(gr_adapter_input_read(log, s->weights, own_size, &told));
    told.settings.resize_to = (int)((int64_t)told.settings.resize_to * size / own_size);
    graft_input_params merged = gr_input_merge(&p->input, &told.settings);
    GR_TRY(gr_input_resolve(log, &merged, size, &s->input));
    if (s->weights)
        gr_input_doubt(log, s->weights, &s->input);
    if (!p->input.resize || !p->input.interpolation || !p->input.normalization)
        gr_log(log, GRAFT_LOG_INFO, "images become input of %d pixels by %s%s", size,
               gr_input_text(&s->input, text),
               tells ? ", as the backbone's files say" : ": no file of the backbone tells");
    return GRAFT_OK;
}

/* What follows from backbone, methods and classes. */
static graft_status describe_network(graft_log *log, const graft_train_params *p, gr_run_setup *s)
{
    int own_size = s->config.image_size;
    if (p->input.image_size)
        s->config.image_size = p->input.image_size;
    GR_TRY(gr_model_config_check(log, &s->config));
    GR_TRY(choose_input(log, p, own_size, s));
    GR_TRY(gr_augment_check(log, &p->augment, &s->input.preprocess));
    if (p->init_adapter)
        GR_TRY(load_start(log, p, s));
    GR_TRY(gr_text_head_make(log, p, s));
    if (s->config.family == GR_FAMILY_OWN)
        GR_TRY(gr_own_graph_check_methods(log, s->weights, &s->config, s->methods));
    s->header = gr_tensors_create();
    if (!s->header)
        return gr_fail(log, GRAFT_ERR_MEMORY, "run: out of memory");
    GR_TRY(keep_frozen(log, s));
    char backbone[GR_FINGERPRINT_TEXT];
    if (s->weights)
        GR_TRY(gr_tensors_set_metadata(log, s->header, GR_FINGERPRINT_KEY,
                                       gr_backbone_fingerprint(s->weights, backbone)));
    return gr_adapter_describe(log, s->header, &s->config, s->methods, &s->input, &s->classes);
}

graft_status gr_run_setup_create(graft_log *log, graft_device *device, const graft_train_params *p,
                                 graft_model *lender, int classes, gr_class_names names,
                                 gr_run_setup *s)
{
    *s =
        (gr_run_setup){.device = gr_device_from_public(device), .lender = lender, .classes = names};
    if (lender && lender->device != s->device)
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "`model`: is on %s, the trainer on %s",
                       lender->device->info.id, s->device->info.id);
    s->weights = lender ? lender->weights : NULL;
    GR_TRY(choose_settings(log, p, s));
    GR_TRY(open_backbone(log, p, s));
    s->config.classes = classes;
    return describe_network(log, p, s);
}

void gr_run_setup_release(gr_run_setup *s)
{
    gr_tensors_destroy(&s->own_weights);
    gr_tensors_destroy(&s->adapter);
    gr_tensors_destroy(&s->header);
    gr_methods_destroy(s->methods);
    *s = (gr_run_setup){0};
}

void gr_run_setup_drop_weights(gr_run_setup *s)
{
    gr_tensors_destroy(&s->own_weights);
    gr_tensors_destroy(&s->adapter);
    s->weights = NULL;
}
