#include "train/run_setup.h"

#include "adapter/fingerprint.h"
#include "base/mem.h"
#include "data/check.h"
#include "train/augmentation.h"
#include "train/head_rows.h"
#include "train/settings.h"
#include "train/text_head.h"
#include "weights/load.h"

#include <limits.h>
#include <string.h>

static graft_status check_numbers(graft_log *log, const graft_train_params *p)
{
    if (p->epochs < 1 || p->batch_size < 1 || p->batch_size > 65536)
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "epochs %d, batch size %d: must be positive (batches up to 65536)",
                       p->epochs, p->batch_size);
    if (p->cooldown_epochs < 0 || p->cooldown_epochs > INT_MAX - p->epochs)
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "cooldown of %d epochs: must not be negative",
                       p->cooldown_epochs);
    if (!(p->lr >= 0) || !(p->weight_decay >= 0) || !(p->min_lr >= 0) || !(p->warmup_lr >= 0))
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "learning rates and weight decay must not be negative");
    if (!(p->drop_path >= 0 && p->drop_path < 1) || !(p->momentum >= 0 && p->momentum < 1))
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "drop path and momentum must be in [0, 1)");
    if (!(p->warmup_epochs >= 0 && p->warmup_epochs <= p->epochs))
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "warm-up of %g epochs: must be within the %d epochs", p->warmup_epochs,
                       p->epochs);
    if (!(p->ema >= 0 && p->ema < 1))
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "ema %g: expected 0, none, to less than 1", p->ema);
    return GRAFT_OK;
}

static graft_status check_given(graft_log *log, const graft_train_params *p)
{
    if (!p->data || !*p->data || !p->out || !*p->out)
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "%s: is required",
                       p->data && *p->data ? "--out" : "--data");
    return GRAFT_OK;
}

static graft_status choose_optimizer(graft_log *log, const graft_train_params *p,
                                     gr_optimizer_params *out)
{
    *out = (gr_optimizer_params){
        .weight_decay = (float)p->weight_decay,
        .beta1 = 0.9f,
        .beta2 = 0.999f,
        .eps = 1e-8f,
        .momentum = (float)p->momentum,
    };
    if (strcmp(p->optimizer, "adamw") == 0)
        out->kind = GRAFT_OPTIMIZER_ADAMW;
    else if (strcmp(p->optimizer, "sgd") == 0)
        out->kind = GRAFT_OPTIMIZER_SGD;
    else
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "optimizer '%s': expected adamw or sgd",
                       p->optimizer);
    return GRAFT_OK;
}

static graft_status choose_schedule(graft_log *log, const graft_train_params *p, gr_schedule *out)
{
    *out = (gr_schedule){
        .lr = p->lr,
        .min_lr = p->min_lr,
        .epochs = p->epochs,
        .warmup_epochs = p->warmup_epochs,
        .warmup_lr = p->warmup_lr,
        .restart_epochs = p->restart_epochs,
        .restart_factor = p->restart_factor,
    };
    GR_TRY(gr_schedule_named(log, p->schedule, &out->curve));
    GR_TRY(gr_lr_step_named(log, p->lr_step, &out->step));
    if (out->curve == GRAFT_SCHEDULE_RESTARTS && !(p->restart_epochs > 0 && p->restart_factor >= 1))
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "restarts after %g epochs, growing by %g: expected more than 0, and at "
                       "least 1",
                       p->restart_epochs, p->restart_factor);
    return GRAFT_OK;
}

static graft_status choose_drop(graft_log *log, const char *name, bool *elements)
{
    *elements = strcmp(name, "element") == 0;
    if (*elements || strcmp(name, "path") == 0)
        return GRAFT_OK;
    return gr_fail(log, GRAFT_ERR_ARGUMENT, "drop kind '%s': expected path or element", name);
}

static graft_status load_backbone(graft_log *log, const graft_train_params *p, gr_run_setup *s)
{
    if (p->backbone && p->model)
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "--model %s: starts from scratch, --backbone %s has a model; leave one out",
                       p->model, p->backbone);
    if (p->backbone) {
        GR_TRY(gr_backbone_load(log, p->backbone, &s->weights));
        return gr_model_config_read(log, s->weights, &s->config);
    }
    if (!p->model)
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "--backbone: is required, or --model NAME to start from scratch");
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
    bool avg = p->pool && strcmp(p->pool, "avg") == 0;
    if (p->pool && !avg && strcmp(p->pool, "cls") != 0)
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "pool '%s': expected cls or avg", p->pool);
    if (p->pool && c->family == GR_FAMILY_SWIN && !avg)
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "pool 'cls': a Swin has no class token; use avg");
    if (p->projection && !c->proj_dim)
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "--projection: the backbone has none; it is a part of CLIP's checkpoints");
    if (p->pool)
        c->pool = avg ? GR_POOL_AVG : GR_POOL_CLS;
    if (!p->projection && !gr_text_head_wanted(&p->text))
        c->proj_dim = 0;
    return GRAFT_OK;
}

/* What needs no file. */
static graft_status choose_settings(graft_log *log, const graft_train_params *p, gr_run_setup *s)
{
    GR_TRY(check_numbers(log, p));
    GR_TRY(choose_optimizer(log, p, &s->optimizer));
    GR_TRY(gr_augmentation_resolve(log, &p->augment, &s->augment, &s->mix));
    GR_TRY(choose_schedule(log, p, &s->schedule));
    GR_TRY(gr_head_init_named(log, p->head_init, &s->head_init));
    GR_TRY(choose_drop(log, p->drop_kind, &s->drop_elements));
    GR_TRY(gr_methods_parse(log, p->method, &s->methods));
    return gr_methods_set_all(log, s->methods, p->set, p->set_count);
}

static graft_status check_start(graft_log *log, const graft_train_params *p, const gr_run_setup *s)
{
    if (s->weights || gr_methods_train(s->methods, "blocks.0.attn.qkv.weight"))
        return GRAFT_OK;
    return gr_fail(log, GRAFT_ERR_ARGUMENT,
                   "method '%s': would keep random weights frozen; give --backbone, or use "
                   "--method full",
                   p->method);
}

static graft_status name_classes(graft_log *log, gr_run_setup *s)
{
    int count = gr_dataset_class_name(s->train, 0) ? gr_dataset_classes(s->train) : 0;
    const char **names = gr_alloc_array(NULL, (size_t)count + 1, sizeof(*names));
    if (!names)
        return gr_fail(log, GRAFT_ERR_MEMORY, "run: out of memory");
    for (int i = 0; i < count; i++)
        names[i] = gr_dataset_class_name(s->train, i);
    s->names_of_data = names;
    s->classes = (gr_class_names){names, count};
    return GRAFT_OK;
}

static graft_status open_data(graft_log *log, const graft_train_params *p, gr_run_setup *s)
{
    gr_decode_options decode = {.ignore_exif = p->input.exif && !strcmp(p->input.exif, "ignore"),
                                .max_pixels = (int64_t)p->input.max_pixels};
    gr_bad_images bad;
    GR_TRY(gr_bad_images_named(log, p->input.bad_images, &bad));
    gr_dataset_params train = {
        .split = p->train_split, .shots = p->shots, .seed = p->seed, .decode = decode};
    GR_TRY(gr_dataset_open(log, p->data, &train, &s->train));
    GR_TRY(gr_dataset_check(log, &s->train, bad, p->input.threads));
    int classes = gr_dataset_classes(s->train);
    if (p->test_split && *p->test_split) {
        gr_dataset_params test = {.split = p->test_split, .decode = decode};
        GR_TRY(gr_dataset_open(log, p->data, &test, &s->test));
        GR_TRY(gr_dataset_check(log, &s->test, bad, p->input.threads));
        if (gr_dataset_classes(s->test) > classes)
            classes = gr_dataset_classes(s->test);
    }
    gr_dataset_report(log, p->data, s->train, s->test);
    s->config.classes = classes;
    return name_classes(log, s);
}

graft_status gr_run_setup_check(graft_log *log, const graft_train_params *p)
{
    gr_run_setup s = {0};
    enum { ANY_SIZE = 224 };
    GR_TRY(gr_settings_check(log, p));
    graft_status status = choose_settings(log, p, &s);
    if (status == GRAFT_OK)
        status = gr_input_resolve(log, &p->input, ANY_SIZE, &s.input);
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
    GR_TRY(gr_tensors_load(log, p->init_adapter, &s->adapter));
    if (s->weights)
        GR_TRY(gr_fingerprint_check(log, s->adapter, s->weights, &p->accept_changes));
    return gr_head_rows_match(log, p->seed, s);
}

static graft_status open_backbone(graft_log *log, const graft_train_params *p, gr_run_setup *s)
{
    GR_TRY(load_backbone(log, p, s));
    GR_TRY(choose_feature(log, p, &s->config));
    return check_start(log, p, s);
}

/* What follows from backbone, methods and classes. */
static graft_status describe_network(graft_log *log, const graft_train_params *p, gr_run_setup *s)
{
    if (p->input.image_size)
        s->config.image_size = p->input.image_size;
    GR_TRY(gr_model_config_check(log, &s->config));
    GR_TRY(gr_input_resolve(log, &p->input, s->config.image_size, &s->input));
    GR_TRY(gr_augment_check(log, &s->augment, &s->input.preprocess));
    if (p->init_adapter)
        GR_TRY(load_start(log, p, s));
    GR_TRY(gr_text_head_make(log, p, s));
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
                                 gr_run_setup *s)
{
    *s = (gr_run_setup){.device = gr_device_from_public(device)};
    GR_TRY(choose_settings(log, p, s));
    GR_TRY(check_given(log, p));
    GR_TRY(open_backbone(log, p, s));
    GR_TRY(open_data(log, p, s));
    return describe_network(log, p, s);
}

graft_status gr_run_setup_create_without_data(graft_log *log, graft_device *device,
                                              const graft_train_params *p, int classes,
                                              gr_class_names names, gr_run_setup *s)
{
    *s = (gr_run_setup){.device = gr_device_from_public(device), .classes = names};
    GR_TRY(choose_settings(log, p, s));
    GR_TRY(open_backbone(log, p, s));
    s->config.classes = classes;
    return describe_network(log, p, s);
}

void gr_run_setup_release(gr_run_setup *s)
{
    gr_tensors_destroy(&s->weights);
    gr_tensors_destroy(&s->adapter);
    gr_tensors_destroy(&s->header);
    gr_dataset_close(&s->train);
    gr_dataset_close(&s->test);
    gr_methods_destroy(s->methods);
    gr_free(s->names_of_data);
    *s = (gr_run_setup){0};
}

void gr_run_setup_drop_weights(gr_run_setup *s)
{
    gr_tensors_destroy(&s->weights);
    gr_tensors_destroy(&s->adapter);
}
