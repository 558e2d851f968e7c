/* graft_trainer: a trainer that counts its steps and knows what it is made of. */
#include <graft/trainer.h>

#include "base/mem.h"
#include "train/checkpoint.h"
#include "train/settings.h"
#include "train/trainer_setup.h"
#include "train/trainer_state.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Where the step at hand stands. */
typedef enum phase {
    PHASE_NONE,       /* no gradients */
    PHASE_GRADIENTS,  /* a budget was spent while they were made */
    PHASE_READY,      /* gradients are there */
    PHASE_UPDATE_DUE, /* and a budget was spent before the update of the same step */
} phase;

struct graft_trainer {
    graft_log *log;
    gr_run_setup setup;
    gr_trainer *core;
    char *identity; /* of the settings; malloc */
    graft_trainer_info info;
    bool soft_targets;
    uint64_t steps_per_epoch;
    double lr;     /* with steps_per_epoch 0 */
    uint64_t step; /* updates done */
    phase phase;
    graft_batch batch; /* of the step that is not done */
    float loss;        /* of the gradients at hand */
};

/* ---- Its life --------------------------------------------------------------------------- */

void graft_trainer_defaults(graft_trainer_params *params)
{
    *params = (graft_trainer_params){0};
}

static graft_status check_params(graft_log *log, const graft_trainer_params *p)
{
    if (!p->settings)
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "`settings`: is NULL; give those of graft_train_defaults");
    if (p->classes < 1)
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "`classes` %d: expected at least 1", p->classes);
    return GRAFT_OK;
}

static graft_status open_trainer(graft_trainer *t, graft_device *device,
                                 const graft_trainer_params *p)
{
    const graft_train_params *settings = p->settings;
    gr_class_names names = {p->class_names, p->class_names ? p->classes : 0};
    GR_TRY(
        gr_run_setup_create_without_data(t->log, device, settings, p->classes, names, &t->setup));
    GR_TRY(gr_trainer_create_from_setup(t->log, settings, &t->setup, settings->batch_size,
                                        p->soft_targets, &t->core));
    t->identity = gr_train_settings_identity(settings);
    if (!t->identity)
        return gr_fail(t->log, GRAFT_ERR_MEMORY, "trainer: out of memory");
    t->soft_targets = p->soft_targets;
    t->steps_per_epoch = p->steps_per_epoch;
    t->lr = settings->lr;
    const gr_params *parameters = gr_trainer_parameters(t->core);
    t->info = (graft_trainer_info){
        .classes = p->classes,
        .image_size = t->setup.config.image_size,
        .batch_size = settings->batch_size,
        .micro_batch = gr_trainer_micro_batch(t->core),
        .trainable = gr_params_total(parameters, true),
        .trainable_without_head = gr_params_total(parameters, false),
    };
    return GRAFT_OK;
}

graft_status graft_trainer_create(graft_log *log, graft_device *device,
                                  const graft_trainer_params *params, graft_trainer **out)
{
    *out = NULL;
    GR_TRY(check_params(log, params));
    graft_trainer *t = gr_alloc(NULL, sizeof(*t));
    if (!t)
        return gr_fail(log, GRAFT_ERR_MEMORY, "trainer: out of memory");
    t->log = log;
    graft_status status = open_trainer(t, device, params);
    if (status == GRAFT_OK)
        *out = t;
    else
        graft_trainer_destroy(&t);
    return status;
}

void graft_trainer_destroy(graft_trainer **trainer)
{
    if (!trainer || !*trainer)
        return;
    gr_trainer_destroy((*trainer)->core);
    gr_run_setup_release(&(*trainer)->setup);
    free((*trainer)->identity);
    gr_free(*trainer);
    *trainer = NULL;
}

const graft_trainer_info *graft_trainer_get_info(const graft_trainer *trainer)
{
    return &trainer->info;
}

/* ---- Steps ------------------------------------------------------------------------------ */

static graft_status check_labels(const graft_trainer *t, const graft_batch *b)
{
    for (int i = 0; i < b->count; i++)
        if (b->labels[i] >= t->info.classes)
            return gr_fail(t->log, GRAFT_ERR_ARGUMENT,
                           "`labels`: image %d has label %d, but there are %d classes", i,
                           (int)b->labels[i], t->info.classes);
    return GRAFT_OK;
}

static graft_status check_batch(const graft_trainer *t, const graft_batch *b)
{
    if (b->count < 1 || b->count > t->info.batch_size)
        return gr_fail(t->log, GRAFT_ERR_ARGUMENT, "`count` %d: expected 1 to %d images in a batch",
                       b->count, t->info.batch_size);
    if (!b->images == !b->pixels)
        return gr_fail(t->log, GRAFT_ERR_ARGUMENT,
                       "batch: expected either `images` or `pixels`, found %s",
                       b->images ? "both" : "neither");
    if (t->soft_targets ? !b->targets || b->labels : !b->labels || b->targets)
        return gr_fail(t->log, GRAFT_ERR_ARGUMENT, "batch: expected `%s`, as the trainer was made",
                       t->soft_targets ? "targets" : "labels");
    return t->soft_targets ? GRAFT_OK : check_labels(t, b);
}

/* Of the update that is next. */
static float next_lr(const graft_trainer *t)
{
    return (float)(t->steps_per_epoch
                       ? gr_schedule_lr(&t->setup.schedule, t->step, t->steps_per_epoch)
                       : t->lr);
}

static bool same_batch(const graft_batch *a, const graft_batch *b)
{
    return a->count == b->count && a->images == b->images && a->pixels == b->pixels &&
           a->labels == b->labels && a->targets == b->targets;
}

static bool is_half_done(const graft_trainer *t)
{
    return t->phase == PHASE_GRADIENTS || t->phase == PHASE_UPDATE_DUE;
}

static graft_status refuse_half_done(const graft_trainer *t, const char *what)
{
    return gr_fail(t->log, GRAFT_ERR_ARGUMENT,
                   "%s: a step is not done; go on with its batch, or give it up by "
                   "graft_trainer_cancel",
                   what);
}

static graft_status begin(graft_trainer *t, const graft_batch *batch)
{
    if (is_half_done(t))
        return same_batch(batch, &t->batch) ? GRAFT_OK : refuse_half_done(t, "another batch");
    GR_TRY(check_batch(t, batch));
    t->phase = PHASE_NONE;
    GR_TRY(gr_trainer_begin(t->core, batch, t->step));
    t->phase = PHASE_GRADIENTS;
    t->batch = *batch;
    return GRAFT_OK;
}

/* Whatever fails, the step at hand cannot go on. */
static graft_status advance(graft_trainer *t, gr_budget *budget)
{
    bool done;
    t->phase = PHASE_NONE;
    GR_TRY(gr_trainer_advance(t->core, budget, &done, &t->loss));
    if (done && !isfinite(t->loss))
        return gr_fail(t->log, GRAFT_ERR_NUMERIC,
                       "loss became %s in step %llu: lower `lr`, or look at the data",
                       isnan(t->loss) ? "NaN" : "infinite", (unsigned long long)t->step + 1);
    t->phase = done ? PHASE_READY : PHASE_GRADIENTS;
    return GRAFT_OK;
}

static graft_status check_budget(const graft_trainer *t, const graft_budget *budget, gr_budget *out)
{
    double ms = budget ? budget->milliseconds : 0.0;
    if (!(ms >= 0.0) || !isfinite(ms))
        return gr_fail(t->log, GRAFT_ERR_ARGUMENT, "budget of %g ms: must not be negative", ms);
    *out = gr_budget_begin(ms * 1e-3);
    return GRAFT_OK;
}

static void report(const graft_trainer *t, bool done, float lr, graft_step_result *result)
{
    if (result)
        *result = (graft_step_result){done, done ? t->loss : 0.0f, lr, t->step};
}

graft_status graft_trainer_gradients(graft_trainer *t, const graft_batch *batch,
                                     const graft_budget *budget, graft_step_result *result)
{
    gr_budget span;
    GR_TRY(check_budget(t, budget, &span));
    GR_TRY(begin(t, batch));
    GR_TRY(advance(t, budget ? &span : NULL));
    report(t, t->phase == PHASE_READY, next_lr(t), result);
    return GRAFT_OK;
}

/* With the gradients at hand; NULL budget: at once. */
static graft_status update(graft_trainer *t, gr_budget *budget)
{
    bool done = true;
    t->phase = PHASE_NONE;
    if (budget)
        GR_TRY(gr_trainer_update_within(t->core, budget, t->step, next_lr(t), &done));
    else
        GR_TRY(gr_trainer_update(t->core, t->step, next_lr(t)));
    if (!done)
        t->phase = PHASE_UPDATE_DUE;
    t->step += done;
    return GRAFT_OK;
}

graft_status graft_trainer_update(graft_trainer *t)
{
    if (t->phase != PHASE_READY)
        return gr_fail(t->log, GRAFT_ERR_ARGUMENT,
                       "update: there are no new gradients; call graft_trainer_gradients first");
    return update(t, NULL);
}

graft_status graft_trainer_step(graft_trainer *t, const graft_batch *batch,
                                const graft_budget *budget, graft_step_result *result)
{
    gr_budget span;
    GR_TRY(check_budget(t, budget, &span));
    GR_TRY(begin(t, batch));
    if (t->phase == PHASE_GRADIENTS)
        GR_TRY(advance(t, budget ? &span : NULL));
    float lr = next_lr(t);
    if (t->phase != PHASE_GRADIENTS)
        GR_TRY(update(t, budget ? &span : NULL));
    report(t, !is_half_done(t), lr, result);
    return GRAFT_OK;
}

void graft_trainer_cancel(graft_trainer *t)
{
    if (is_half_done(t))
        t->phase = PHASE_NONE;
}

graft_status graft_trainer_set_lr(graft_trainer *t, double lr)
{
    if (t->steps_per_epoch)
        return gr_fail(t->log, GRAFT_ERR_ARGUMENT,
                       "learning rate: follows the schedule of the settings; make the trainer with "
                       "`steps_per_epoch` 0 to set it");
    if (!(lr >= 0.0) || !isfinite(lr))
        return gr_fail(t->log, GRAFT_ERR_ARGUMENT, "learning rate %g: must not be negative", lr);
    t->lr = lr;
    return GRAFT_OK;
}

/* ---- The vector of gradients ------------------------------------------------------------ */

/* What is trained, one after the other, without what changes otherwise. */
static const gr_param *trained(const graft_trainer *t, size_t index)
{
    const gr_params *params = gr_trainer_parameters(t->core);
    return index < params->count && !params->items[index].state ? &params->items[index] : NULL;
}

bool graft_trainer_get_tensor(const graft_trainer *t, int index, graft_trainer_tensor *out)
{
    int64_t first = 0;
    if (index < 0 || !trained(t, (size_t)index))
        return false;
    for (int i = 0; i < index; i++)
        first += gr_shape_count(&trained(t, (size_t)i)->shape);
    const gr_param *p = trained(t, (size_t)index);
    *out = (graft_trainer_tensor){p->name, first, gr_shape_count(&p->shape)};
    return true;
}

graft_status graft_trainer_read_gradients(graft_trainer *t, float *gradients)
{
    const gr_param *p;
    if (is_half_done(t))
        return refuse_half_done(t, "gradients");
    for (size_t i = 0; (p = trained(t, i)); i++) {
        GR_TRY(gr_params_read(gr_trainer_parameters(t->core), p, GR_PLANE_GRADIENT, gradients));
        gradients += gr_shape_count(&p->shape);
    }
    return GRAFT_OK;
}

graft_status graft_trainer_write_gradients(graft_trainer *t, const float *gradients)
{
    const gr_param *p;
    if (is_half_done(t))
        return refuse_half_done(t, "gradients");
    for (size_t i = 0; (p = trained(t, i)); i++) {
        GR_TRY(gr_params_write(gr_trainer_parameters(t->core), p, GR_PLANE_GRADIENT, gradients));
        gradients += gr_shape_count(&p->shape);
    }
    t->phase = PHASE_READY;
    return GRAFT_OK;
}

/* ---- What it has learnt ----------------------------------------------------------------- */

/* The averages take the place of the values, or the other way round. */
static graft_status swap_averages(graft_trainer *t)
{
    if (!gr_trainer_has_average(t->core))
        return GRAFT_OK;
    if (is_half_done(t))
        return refuse_half_done(t, "averages");
    t->phase = PHASE_NONE; /* they went through the gradients' memory */
    return gr_trainer_swap_average(t->core);
}

graft_status graft_trainer_logits(graft_trainer *t, const float *images, int count, float *logits)
{
    if (count < 1 || !images || !logits)
        return gr_fail(t->log, GRAFT_ERR_ARGUMENT, "logits: of %d images, %s: expected 1 or more",
                       count, images && logits ? "given" : "NULL");
    GR_TRY(swap_averages(t));
    graft_status status = gr_trainer_logits(t->core, images, count, logits);
    graft_status back = swap_averages(t);
    return status != GRAFT_OK ? status : back;
}

static graft_status save_adapter(graft_trainer *t, const char *path, const graft_writer *writer)
{
    GR_TRY(swap_averages(t));
    graft_status status =
        gr_params_save(t->log, path, writer, gr_trainer_parameters(t->core), t->setup.header);
    graft_status back = swap_averages(t);
    return status != GRAFT_OK ? status : back;
}

graft_status graft_trainer_save_adapter(graft_trainer *t, const char *path)
{
    return save_adapter(t, path, NULL);
}

graft_status graft_trainer_write_adapter(graft_trainer *t, const graft_writer *writer)
{
    return save_adapter(t, "adapter", writer);
}

graft_status graft_trainer_save_state(graft_trainer *t, const graft_writer *writer)
{
    gr_trainer_state state = {t->step, t->lr};
    return gr_trainer_state_write(t->log, writer, gr_trainer_parameters(t->core), &state,
                                  t->identity);
}

graft_status graft_trainer_load_state(graft_trainer *t, const void *data, size_t size_bytes)
{
    gr_trainer_state state;
    GR_TRY(gr_trainer_state_read(t->log, data, size_bytes, gr_trainer_parameters(t->core),
                                 t->identity, &state));
    t->step = state.step;
    t->lr = state.lr;
    t->phase = PHASE_NONE;
    return GRAFT_OK;
}
