/* graft_trainer: a trainer that counts its steps and knows what it is made of. */
#include "train/graft_trainer.h"

#include "adapter/fingerprint.h"
#include "base/mem.h"
#include "train/checkpoint.h"
#include "train/settings.h"
#include "train/trainer_state.h"
#include "weights/safetensors.h"

#include <stdlib.h>
#include <string.h>

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
    if (p->batch_size < 0)
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "`batch_size` %d: must not be negative",
                       p->batch_size);
    if (p->classes < 1)
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "`classes` %d: expected at least 1", p->classes);
    return GRAFT_OK;
}

/* The names up to the first class that has none. */
static gr_class_names names_of(const graft_trainer_params *p)
{
    int count = 0;
    while (p->class_names && count < p->classes && p->class_names[count])
        count++;
    return (gr_class_names){p->class_names, count};
}

static graft_status open_trainer(graft_trainer *t, graft_device *device,
                                 const graft_trainer_params *p)
{
    const graft_train_params *settings = p->settings;
    int batch = p->batch_size ? p->batch_size : settings->batch_size;
    GR_TRY(gr_run_setup_create(t->log, device, settings, p->model, p->classes, names_of(p),
                               &t->setup));
    gr_trainer_extent extent = {
        .batch = batch, .kept_images = p->kept_images, .kept_test_images = p->kept_test_images};
    GR_TRY(gr_trainer_create_from_setup(t->log, settings, &t->setup, &extent, p->soft_targets,
                                        &t->core));
    t->identity = gr_train_settings_identity(settings);
    if (!t->identity)
        return gr_fail(t->log, GRAFT_ERR_MEMORY, "trainer: out of memory");
    t->soft_targets = p->soft_targets;
    t->steps_per_epoch = p->steps_per_epoch;
    t->lr = settings->lr;
    t->spans = (gr_spans){settings->span, settings->span_user};
    t->profile = settings->profile;
    const gr_params *parameters = gr_trainer_parameters(t->core);
    t->info = (graft_trainer_info){
        .classes = p->classes,
        .image_size = t->setup.config.image_size,
        .batch_size = batch,
        .micro_batch = gr_trainer_micro_batch(t->core),
        .trainable = gr_params_total(parameters, true),
        .trainable_without_head = gr_params_total(parameters, false),
        .whole_batches = gr_trainer_takes_whole_batches(t->core),
        .input = t->setup.input.settings,
        .backbone = gr_tensors_metadata(t->setup.header, GR_FINGERPRINT_KEY),
        .keeps_features = gr_trainer_keeps_features(t->core),
        .keeps_test_features = gr_trainer_keeps_test_features(t->core),
    };
    t->info.input.image_size = t->info.image_size;
    return settings->ranks ? gr_trainer_join(t, settings->ranks) : GRAFT_OK;
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
    gr_unused_parameters_destroy((*trainer)->unused);
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

bool graft_trainer_has_features(const graft_trainer *t, bool evaluating, const uint32_t *numbers,
                                int count)
{
    return evaluating ? gr_trainer_has_test_features(t->core, numbers, count)
                      : gr_trainer_has_features(t->core, numbers, count);
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
    if (gr_is_half_done(t))
        return gr_refuse_half_done(t, "gradients");
    return gr_params_read_gradients(t->log, gr_trainer_parameters(t->core), gradients);
}

graft_status graft_trainer_write_gradients(graft_trainer *t, const float *gradients)
{
    if (gr_is_half_done(t))
        return gr_refuse_half_done(t, "gradients");
    GR_TRY(gr_params_write_gradients(t->log, gr_trainer_parameters(t->core), gradients));
    t->phase = GR_PHASE_READY;
    return GRAFT_OK;
}

/* ---- What it has learnt ----------------------------------------------------------------- */

static graft_status save_adapter(graft_trainer *t, const char *path, const graft_writer *writer)
{
    if (t->unused)
        gr_unused_parameters_end(t->unused);
    GR_TRY(gr_swap_averages(t));
    graft_status status =
        gr_params_save(t->log, path, writer, gr_trainer_parameters(t->core), t->setup.header);
    graft_status back = gr_swap_averages(t);
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

/* ---- Its state -------------------------------------------------------------------------- */

static graft_status write_state(graft_trainer *t, const char *path, const graft_writer *writer,
                                gr_notes notes)
{
    gr_trainer_state state = {t->step, t->lr};
    return gr_trainer_state_write(t->log, path, writer, gr_trainer_parameters(t->core), &state,
                                  t->identity, notes);
}

graft_status graft_trainer_save_state(graft_trainer *t, const graft_writer *writer)
{
    return write_state(t, "state", writer, (gr_notes){0});
}

graft_status graft_trainer_save_checkpoint(graft_trainer *t, const char *path,
                                           const graft_note *notes, int count)
{
    return write_state(t, path, NULL, (gr_notes){notes, notes ? count : 0});
}

static graft_status load_state(graft_trainer *t, const char *name, const gr_tensors *file,
                               graft_notes_check *check, void *user)
{
    gr_trainer_state state;
    GR_TRY(gr_trainer_state_read(t->log, name, file, gr_trainer_parameters(t->core), t->identity,
                                 check, user, &state));
    t->step = state.step;
    t->lr = state.lr;
    t->phase = GR_PHASE_NONE;
    return GRAFT_OK;
}

graft_status graft_trainer_load_state(graft_trainer *t, const void *data, size_t size_bytes)
{
    gr_tensors *file = gr_tensors_create();
    if (!file)
        return gr_fail(t->log, GRAFT_ERR_MEMORY, "state: out of memory");
    graft_status status = gr_safetensors_parse(t->log, "state", data, size_bytes, file);
    if (status == GRAFT_OK)
        status = load_state(t, "state", file, NULL, NULL);
    gr_tensors_destroy(&file);
    return status;
}

graft_status graft_trainer_load_checkpoint(graft_trainer *t, const char *path,
                                           graft_notes_check *check, void *user)
{
    gr_tensors *file = gr_tensors_create();
    if (!file)
        return gr_fail(t->log, GRAFT_ERR_MEMORY, "%s: out of memory", path);
    graft_status status = gr_safetensors_read(t->log, path, file);
    if (status == GRAFT_OK)
        status = load_state(t, path, file, check, user);
    gr_tensors_destroy(&file);
    return status;
}

uint64_t graft_trainer_steps(const graft_trainer *t)
{
    return t->step;
}
