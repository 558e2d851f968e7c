/* How a run starts: its objects, its folder, and where it left off. */
#include "run/run.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/ranks.h"
#include "base/system.h"
#include "data/augment.h"
#include "data/augment_mix.h"
#include "run/provenance.h"

#include <stdlib.h>
#include <string.h>

void gr_run_init(gr_run *r, graft_log *log, graft_device *device, const graft_train_params *p)
{
    r->log = log;
    r->device = device;
    r->p = p;
    r->started = gr_seconds();
    r->at = (gr_position){.accuracy = -1.0, .best_accuracy = -1.0};
    r->saved.step = UINT64_MAX;
    r->rank = p->ranks ? p->ranks->rank : 0;
    r->ranks = p->ranks ? p->ranks->count : 1;
}

void gr_run_free(gr_run *r)
{
    gr_loader_destroy(&r->loader);
    graft_trainer_destroy(&r->trainer);
    gr_run_data_close(&r->data);
    free(r->config);
    free(r->provenance);
    gr_free(r);
}

static graft_status check_given(graft_log *log, const char *name, const char *value)
{
    return value && *value ? GRAFT_OK : gr_fail(log, GRAFT_ERR_ARGUMENT, "`%s`: is required", name);
}

/* A batch has no more images than there are: sets of few shots are smaller than a recipe's batch,
 * and where partial batches are dropped nothing would remain. */
static int fitting_batch(const gr_run *r)
{
    size_t images = gr_dataset_count(r->data.train);
    if ((size_t)r->p->batch_size <= images)
        return r->p->batch_size;
    gr_log(r->log, GRAFT_LOG_INFO, "%s: batches of its %zu images instead of %d", r->p->data,
           images, r->p->batch_size);
    return (int)images;
}

static graft_status plan_steps(gr_run *r)
{
    size_t images = gr_dataset_count(r->data.train);
    r->batch = fitting_batch(r);
    if (r->batch < r->ranks)
        return gr_fail(r->log, GRAFT_ERR_ARGUMENT,
                       "`batch_size`: %d images for %d ranks; give each of them one or more",
                       r->batch, r->ranks);
    r->rows = gr_loader_first_row(r->batch, r->rank + 1, r->ranks) -
              gr_loader_first_row(r->batch, r->rank, r->ranks);
    r->steps_per_epoch = (images + (r->p->drop_last ? 0 : (size_t)r->batch - 1)) / (size_t)r->batch;
    r->epochs = r->p->epochs + r->p->cooldown_epochs;
    r->steps = r->steps_per_epoch * (uint64_t)r->epochs;
    return GRAFT_OK;
}

/* Where images are the same each time, so is what nothing trained has touched yet. Of several ranks
 * each would know the features of some images of a batch only. */
static void keep_features(const gr_run *r, graft_trainer_params *params)
{
    if (!r->p->keep_features || r->ranks > 1)
        return;
    if (!gr_augment_is_random(&r->p->augment))
        params->kept_images = (uint32_t)gr_dataset_count(r->data.train);
    if (r->data.test)
        params->kept_test_images = (uint32_t)gr_dataset_count(r->data.test);
}

static graft_status create_trainer(gr_run *r)
{
    graft_trainer_params params;
    graft_trainer_defaults(&params);
    params.settings = r->p;
    params.classes = r->data.classes;
    params.class_names = r->data.names;
    params.soft_targets = gr_mix_is_on(&r->p->augment);
    params.steps_per_epoch = r->steps_per_epoch;
    params.batch_size = r->rows;
    keep_features(r, &params);
    GR_TRY(graft_trainer_create(r->log, r->device, &params, &r->trainer));
    r->info = graft_trainer_get_info(r->trainer);
    return gr_input_resolve(r->log, &r->info->input, r->info->image_size, &r->input);
}

static graft_status describe_origin(gr_run *r)
{
    gr_run_origin origin = {r->info->backbone, &r->input, r->data.train, r->data.test};
    return gr_provenance_describe(r->log, &origin, &r->provenance);
}

static graft_status make_room(gr_run *r)
{
    const graft_augment_params *augment = &r->p->augment;
    size_t classes = (size_t)r->data.classes;
    size_t image = 3 * (size_t)r->info->image_size * (size_t)r->info->image_size;
    bool soft = gr_mix_is_on(augment);
    r->loaded = soft ? r->batch : r->rows;
    size_t batch = (size_t)r->loaded;
    if (augment->mixup > 0.0 || augment->random_erasing > 0.0)
        r->images = gr_alloc_array(r, batch, image * sizeof(float));
    else
        r->pixels = gr_alloc_array(r, batch, image);
    r->labels = gr_alloc_array(r, batch, sizeof(int32_t));
    for (int i = 0; i < 2; i++)
        if (!(r->numbers[i] = gr_alloc_array(r, batch, sizeof(uint32_t))))
            return gr_fail(r->log, GRAFT_ERR_MEMORY, "run: out of memory");
    if (soft)
        r->targets = gr_alloc_array(r, batch, classes * sizeof(float));
    return (r->images || r->pixels) && r->labels && (r->targets || !soft)
               ? GRAFT_OK
               : gr_fail(r->log, GRAFT_ERR_MEMORY, "run: out of memory");
}

static graft_status create_loader(gr_run *r)
{
    const graft_train_params *p = r->p;
    gr_loader_params params = {
        .preprocess = r->input.preprocess,
        .augment = p->augment,
        .batch = r->batch,
        .order = p->no_shuffle ? GR_ORDER_SEQUENTIAL : GR_ORDER_SHUFFLED,
        .seed = p->seed,
        .drop_last = p->drop_last,
        .epochs = (uint32_t)r->epochs,
        .threads = p->input.threads,
        .part = r->targets ? 0 : r->rank,
        .parts = r->targets ? 1 : r->ranks,
        .spans = gr_run_spans(r),
    };
    return gr_loader_create(r->log, r->data.train, &params, &r->loader);
}

/* Better said now than at the end of the first epoch. */
static graft_status check_last_batch(const gr_run *r)
{
    size_t images = gr_dataset_count(r->data.train), batch = (size_t)r->batch;
    if (!r->info->whole_batches || r->p->drop_last || images % batch == 0)
        return GRAFT_OK;
    return gr_fail(r->log, GRAFT_ERR_ARGUMENT,
                   "head norm: takes its statistics from batches of %zu, the last of an epoch has "
                   "%zu images; give `drop_last`",
                   batch, images % batch);
}

/* Goes to where the checkpoint in `out` left off. */
static graft_status resume(gr_run *r)
{
    const char *path = r->folder.state;
    if (!gr_file_exists(path)) {
        gr_log(r->log, GRAFT_LOG_WARN, "%s: no checkpoint yet, starting from the beginning", path);
        return GRAFT_OK;
    }
    GR_TRY(gr_position_load(r->log, r->trainer, path, r->provenance, r->p->accept_changes, &r->at));
    if (r->at.step > r->steps)
        return gr_fail(r->log, GRAFT_ERR_ARGUMENT,
                       "%s: at step %llu, but %s makes a run of %llu steps; it was changed since",
                       path, (unsigned long long)r->at.step, r->p->data,
                       (unsigned long long)r->steps);
    return GRAFT_OK;
}

/* What the other ranks read of it, once it is there. */
static graft_status find_state(gr_run *r)
{
    r->folder.state = gr_path_join(r, r->p->out, "checkpoint/state.safetensors");
    if (!r->folder.state)
        return gr_fail(r->log, GRAFT_ERR_MEMORY, "%s: out of memory", r->p->out);
    return r->p->resume ? resume(r) : GRAFT_OK;
}

static graft_status open_folder(gr_run *r)
{
    GR_TRY(gr_run_folder_open(r->log, r, r->p->out, r->p->resume, &r->folder));
    if (r->p->resume)
        GR_TRY(resume(r));
    GR_TRY(gr_file_write(r->log, r->folder.config, r->config, strlen(r->config)));
    GR_TRY(gr_metrics_open(r->log, r->folder.metrics, r->at.metrics_bytes, &r->metrics));
    if (!r->p->tensorboard || !*r->p->tensorboard)
        return GRAFT_OK;
    return gr_events_open(r->log, r->p->tensorboard, r->at.step, &r->events);
}

graft_status gr_run_prepare(gr_run *r)
{
    GR_TRY(graft_train_describe(r->log, r->p, graft_device_get_info(r->device)->id, &r->config));
    GR_TRY(check_given(r->log, "data", r->p->data));
    GR_TRY(gr_run_data_open(r->log, r->p, &r->data));
    GR_TRY(plan_steps(r));
    GR_TRY(create_trainer(r));
    GR_TRY(check_last_batch(r));
    GR_TRY(make_room(r));
    return create_loader(r);
}

static graft_status prepare_all(gr_run *r)
{
    GR_TRY(check_given(r->log, "out", r->p->out));
    GR_TRY(gr_run_prepare(r));
    return describe_origin(r);
}

graft_status gr_run_start(gr_run *r)
{
    GR_TRY(gr_ranks_agree(r->log, r->p->ranks, prepare_all(r)));
    GR_TRY(gr_run_agree_on_start(r));
    GR_TRY(gr_ranks_agree(r->log, r->p->ranks, gr_run_writes(r) ? open_folder(r) : find_state(r)));
    GR_TRY(gr_run_agree_on_position(r));
    size_t batch = r->at.step % r->steps_per_epoch;
    return gr_loader_seek(r->loader, (uint32_t)gr_run_epoch(r), batch);
}
