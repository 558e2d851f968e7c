/* What the reference says of a model: the loss and the gradients of one image, and the logits that
 * come of one update. */
#include "command/bench/models.h"

#include <stdlib.h>
#include <string.h>

void bench_truth_release(bench_truth *t)
{
    free(t->gradients);
    graft_bytes_free(&t->adapter);
    *t = (bench_truth){0};
}

void bench_fill_image(float *image, int size)
{
    bench_fill(image, (size_t)size * (size_t)size * 3, 4242);
}

graft_status bench_open_trainer(bench *b, graft_device *device, const bench_work *work,
                                int batch_size, cli_trace_device *profile, graft_model **model,
                                graft_trainer **trainer)
{
    graft_model_params m;
    graft_train_params settings;
    graft_trainer_params p;
    graft_model_defaults(&m);
    m.model = work->model;
    graft_train_defaults(&settings);
    settings.method = work->method;
    settings.batch_size = batch_size;
    settings.profile = profile != NULL;
    if (profile && profile->trace)
        settings.span = cli_trace_span, settings.span_user = profile;
    graft_trainer_defaults(&p);
    p.settings = &settings;
    p.classes = BENCH_CLASSES;
    CLI_TRY(graft_model_open(b->c->log, device, &m, model));
    p.model = *model;
    graft_status status = graft_trainer_create(b->c->log, device, &p, trainer);
    if (status != GRAFT_OK)
        graft_model_close(model);
    return status;
}

/* Gradients of one image, then what an update makes of the adapter. */
static graft_status compute(bench *b, graft_trainer *trainer, const float *image, bench_truth *t)
{
    const graft_trainer_info *info = graft_trainer_get_info(trainer);
    const int32_t label = BENCH_LABEL;
    graft_batch batch = {.count = 1, .images = image, .labels = &label};
    graft_step_result result;
    t->trainable = info->trainable;
    t->trainable_without_head = info->trainable_without_head;
    t->gradients = malloc((size_t)info->trainable * sizeof(float));
    if (!t->gradients)
        return cli_fail(b->c, GRAFT_ERR_MEMORY, "out of memory");
    CLI_TRY(graft_trainer_gradients(trainer, &batch, NULL, &result));
    t->loss = result.loss;
    CLI_TRY(graft_trainer_read_gradients(trainer, t->gradients));
    CLI_TRY(graft_trainer_update(trainer));
    CLI_TRY(graft_trainer_logits(trainer, image, 1, t->logits));
    graft_writer writer = graft_bytes_writer(&t->adapter);
    return graft_trainer_write_adapter(trainer, &writer);
}

static graft_status find_truth(bench *b, const bench_work *work, bench_truth *t)
{
    graft_device *reference;
    graft_model *model;
    graft_trainer *trainer;
    CLI_TRY(bench_reference(b, &reference));
    CLI_TRY(bench_open_trainer(b, reference, work, 1, NULL, &model, &trainer));
    t->image_size = graft_trainer_get_info(trainer)->image_size;
    size_t count = (size_t)t->image_size * (size_t)t->image_size * 3;
    float *image = malloc(count * sizeof(*image));
    graft_status status = GRAFT_ERR_MEMORY;
    if (image) {
        bench_fill_image(image, t->image_size);
        status = compute(b, trainer, image, t);
    }
    free(image);
    graft_trainer_destroy(&trainer);
    graft_model_close(&model);
    return status;
}

graft_status bench_truth_of(bench *b, const bench_work *work, const bench_truth **out)
{
    bench_truth *t = b->truth;
    *out = t;
    if (t->model && strcmp(t->model, work->model) == 0 && strcmp(t->method, work->method) == 0)
        return GRAFT_OK;
    bench_truth_release(t);
    CLI_TRY(find_truth(b, work, t));
    t->model = work->model;
    t->method = work->method;
    return GRAFT_OK;
}
