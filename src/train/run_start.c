/* How a run starts: its objects, its folder, and where it left off. */
#include "train/run.h"

#include "base/file.h"
#include "base/mem.h"
#include "data/augment_mix.h"
#include "train/provenance.h"
#include "train/settings.h"
#include "train/trainer_setup.h"

static graft_status create_trainer(gr_run *r)
{
    GR_TRY(gr_trainer_create_from_setup(r->log, r->p, &r->setup, r->batch,
                                        gr_mix_is_on(&r->p->augment), &r->trainer));
    return gr_watch_create(r->log, r->trainer, &r->watch);
}

/* Goes to where the checkpoint in `out` left off. */
static graft_status resume(gr_run *r)
{
    const char *path = r->folder.state;
    if (!gr_file_exists(path)) {
        gr_log(r->log, GRAFT_LOG_WARN, "%s: no checkpoint yet, starting from the beginning", path);
        return GRAFT_OK;
    }
    GR_TRY(gr_checkpoint_read(r->log, path, gr_trainer_parameters(r->trainer), r->identity,
                              r->provenance, r->p->accept_changes, &r->at));
    if (r->at.step > r->steps)
        return gr_fail(r->log, GRAFT_ERR_ARGUMENT,
                       "%s: at step %llu, but %s makes a run of %llu steps; it was changed since",
                       path, (unsigned long long)r->at.step, r->p->data,
                       (unsigned long long)r->steps);
    return GRAFT_OK;
}

/* A batch has no more images than there are: sets of few shots are smaller than a recipe's batch,
 * and where partial batches are dropped nothing would remain. */
static int fitting_batch(const gr_run *r)
{
    size_t images = gr_dataset_count(r->setup.train);
    if ((size_t)r->p->batch_size <= images)
        return r->p->batch_size;
    gr_log(r->log, GRAFT_LOG_INFO, "%s: batches of its %zu images instead of %d", r->p->data,
           images, r->p->batch_size);
    return (int)images;
}

static graft_status create_loader(gr_run *r)
{
    const graft_train_params *p = r->p;
    gr_loader_params params = {
        .preprocess = r->setup.input.preprocess,
        .augment = p->augment,
        .batch = r->batch,
        .order = p->no_shuffle ? GR_ORDER_SEQUENTIAL : GR_ORDER_SHUFFLED,
        .seed = p->seed,
        .drop_last = p->drop_last,
        .epochs = (uint32_t)(p->epochs + p->cooldown_epochs),
        .threads = p->input.threads,
    };
    GR_TRY(gr_loader_create(r->log, r->setup.train, &params, &r->loader));
    r->steps_per_epoch = gr_loader_batches(r->loader);
    r->epochs = p->epochs + p->cooldown_epochs;
    r->steps = r->steps_per_epoch * (uint64_t)r->epochs;
    size_t pixels = 3 * (size_t)params.preprocess.size * (size_t)params.preprocess.size;
    if (p->augment.mixup > 0.0 || p->augment.random_erasing > 0.0)
        r->images = gr_alloc_array(r, (size_t)r->batch, pixels * sizeof(float));
    else
        r->pixels = gr_alloc_array(r, (size_t)r->batch, pixels);
    r->labels = gr_alloc_array(r, (size_t)r->batch, sizeof(int32_t));
    bool soft = gr_mix_is_on(&p->augment);
    if (soft)
        r->targets =
            gr_alloc_array(r, (size_t)r->batch, (size_t)r->setup.config.classes * sizeof(float));
    return (r->images || r->pixels) && r->labels && (r->targets || !soft)
               ? GRAFT_OK
               : gr_fail(r->log, GRAFT_ERR_MEMORY, "run: out of memory");
}

/* Better said now than at the end of the first epoch. */
static graft_status check_last_batch(const gr_run *r)
{
    size_t images = gr_dataset_count(r->setup.train), batch = (size_t)r->batch;
    if (!gr_trainer_takes_whole_batches(r->trainer) || r->p->drop_last || images % batch == 0)
        return GRAFT_OK;
    return gr_fail(r->log, GRAFT_ERR_ARGUMENT,
                   "head norm: takes its statistics from batches of %zu, the last of an epoch has "
                   "%zu images; give `drop_last`",
                   batch, images % batch);
}

static graft_status open_folder(gr_run *r)
{
    GR_TRY(gr_run_folder_open(r->log, r, r->p->out, r->p->resume, &r->folder));
    if (r->p->resume)
        GR_TRY(resume(r));
    GR_TRY(gr_train_settings_write(r->log, r->folder.config, r->p, r->setup.device->info.id));
    return gr_metrics_open(r->log, r->folder.metrics, r->at.metrics_bytes, &r->metrics);
}

graft_status gr_run_start(gr_run *r, graft_device *device)
{
    r->identity = gr_train_settings_identity(r->p);
    if (!r->identity)
        return gr_fail(r->log, GRAFT_ERR_MEMORY, "run: out of memory");
    GR_TRY(gr_run_setup_create(r->log, device, r->p, &r->setup));
    GR_TRY(gr_provenance_describe(r->log, &r->setup, &r->provenance));
    r->batch = fitting_batch(r);
    GR_TRY(create_loader(r));
    GR_TRY(create_trainer(r));
    GR_TRY(check_last_batch(r));
    GR_TRY(open_folder(r));
    size_t batch = r->at.step % r->steps_per_epoch;
    return gr_loader_seek(r->loader, (uint32_t)gr_run_epoch(r), batch);
}
