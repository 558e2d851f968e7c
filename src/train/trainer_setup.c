/* A trainer of what settings stand for. */
#include "train/trainer_setup.h"

/* Values to start from that nothing here is trained from were not meant to be lost. */
static graft_status check_start_values(graft_log *log, const graft_train_params *p,
                                       const gr_run_setup *setup, const gr_trainer *trainer)
{
    const gr_tensors *start = setup->adapter;
    const char *unused = NULL;
    size_t count = start ? gr_tensors_count(start) : 0, left_out = 0;
    for (size_t i = 0; i < count; i++) {
        const char *name = gr_tensors_at(start, i)->name;
        if (gr_params_find(gr_trainer_parameters(trainer), name) ||
            gr_tensors_find(setup->header, name))
            continue;
        left_out++;
        if (!unused)
            unused = name;
    }
    if (left_out == 0)
        return GRAFT_OK;
    if (left_out == count)
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "%s: %s trains none of its tensors, such as %s; give the `method` that it "
                       "was made with",
                       gr_tensors_source(start), p->method, unused);
    gr_log(log, GRAFT_LOG_WARN, "%s: %zu of %zu tensors are not trained by %s and left out: %s%s",
           gr_tensors_source(start), left_out, count, p->method, unused,
           left_out > 1 ? ", ..." : "");
    return GRAFT_OK;
}

graft_status gr_trainer_create_from_setup(graft_log *log, const graft_train_params *p,
                                          gr_run_setup *setup, const gr_trainer_extent *extent,
                                          bool soft_targets, gr_trainer **out)
{
    gr_trainer_params params = {
        .device = setup->device,
        .config = &setup->config,
        .methods = setup->methods,
        .weights = setup->weights,
        .below = setup->lender ? setup->lender->store : NULL,
        .shared = gr_model_has,
        .shared_user = setup->lender,
        .adapter = setup->adapter,
        .batch = extent->batch,
        .recompute = p->recompute,
        .kept_weights = p->weights,
        .kept_images = extent->kept_images,
        .kept_test_images = extent->kept_test_images,
        .kept_bytes = p->keep_features,
        .memory_budget = p->memory_budget,
        .seed = p->seed,
        .head_init = p->head_init,
        .head_norm = p->head_norm,
        .drop_path = (float)p->drop_path,
        .drop_elements = p->drop_kind == GRAFT_DROP_ELEMENT,
        .preprocess = &setup->input.preprocess,
        .soft_targets = soft_targets,
        .optimizer = setup->optimizer,
        .ema = p->ema,
        .no_decay = p->no_decay,
        .profile = p->profile,
    };
    GR_TRY(gr_trainer_create(log, &params, out));
    GR_TRY(check_start_values(log, p, setup, *out));
    gr_run_setup_drop_weights(setup);
    return GRAFT_OK;
}
