/* Running a case: the first step's gradients, then training with SGD and with AdamW. */
#include "golden.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct run {
    graft_log *log;
    const golden_case *c;
    gr_device *device;
    gr_tensors *out;
} run;

static graft_status create_trainer(const run *r, const gr_optimizer_params *optimizer,
                                   gr_trainer **out)
{
    gr_trainer_params params = {
        .device = r->device,
        .config = &r->c->geometry,
        .methods = r->c->methods,
        .weights = r->c->backbone,
        .adapter = r->c->adapter,
        .batch = r->c->batch_size,
        .seed = 1,
        .optimizer = *optimizer,
    };
    return gr_trainer_create(r->log, &params, out);
}

/* Copies a plane of all parameters to the results "prefix.name". */
static graft_status save_plane(const run *r, const gr_trainer *trainer, const char *prefix,
                               gr_param_plane plane)
{
    const gr_params *params = gr_trainer_parameters(trainer);
    for (size_t i = 0; i < params->count; i++) {
        const gr_param *p = &params->items[i];
        void *values;
        char name[256];
        snprintf(name, sizeof(name), "%s.%s", prefix, p->name);
        GR_TRY(gr_tensors_add_new(r->log, r->out, name, GR_F32, p->shape, &values));
        GR_TRY(gr_params_read(params, p, plane, values));
    }
    return GRAFT_OK;
}

/* Logits, loss and gradients before any update. */
static graft_status save_first_step(const run *r, gr_trainer *trainer)
{
    void *logits, *loss;
    int64_t classes = r->c->geometry.classes;
    GR_TRY(gr_tensors_add_new(r->log, r->out, "logits", GR_F32, GR_SHAPE(r->c->batch_size, classes),
                              &logits));
    GR_TRY(gr_tensors_add_new(r->log, r->out, "loss", GR_F32, (gr_shape){0}, &loss));
    GR_TRY(gr_trainer_logits(trainer, r->c->images, r->c->batch_size, logits));
    GR_TRY(gr_trainer_gradients(trainer, r->c->images, r->c->labels, 0, loss));
    return save_plane(r, trainer, "grad", GR_PLANE_GRADIENT);
}

static graft_status train(const run *r, gr_trainer *trainer, const char *name, const json_t *optim)
{
    int64_t steps = json_integer_value(json_object_get(optim, "steps"));
    float lr = (float)json_number_value(json_object_get(optim, "lr"));
    char text[64];
    void *memory;
    snprintf(text, sizeof(text), "losses_%s", name);
    GR_TRY(gr_tensors_add_new(r->log, r->out, text, GR_F32, GR_SHAPE(steps), &memory));
    float *losses = memory;
    for (int64_t step = 0; step < steps; step++) {
        GR_TRY(gr_trainer_gradients(trainer, r->c->images, r->c->labels, (uint64_t)step,
                                    &losses[step]));
        GR_TRY(gr_trainer_update(trainer, (uint64_t)step, lr));
    }
    snprintf(text, sizeof(text), "after_%s", name);
    return save_plane(r, trainer, text, GR_PLANE_VALUE);
}

static float number(const json_t *object, const char *key)
{
    return (float)json_number_value(json_object_get(object, key));
}

static graft_status run_sgd(const run *r, const json_t *optim)
{
    gr_optimizer_params optimizer = {
        .kind = GRAFT_OPTIMIZER_SGD,
        .weight_decay = number(optim, "weight_decay"),
        .momentum = number(optim, "momentum"),
    };
    gr_trainer *trainer = NULL;
    GR_TRY(create_trainer(r, &optimizer, &trainer));
    graft_status status = save_first_step(r, trainer);
    if (status == GRAFT_OK)
        status = train(r, trainer, "sgd", optim);
    gr_trainer_destroy(trainer);
    return status;
}

static graft_status run_adamw(const run *r, const json_t *optim)
{
    const json_t *betas = json_object_get(optim, "betas");
    gr_optimizer_params optimizer = {
        .kind = GRAFT_OPTIMIZER_ADAMW,
        .weight_decay = number(optim, "weight_decay"),
        .beta1 = (float)json_number_value(json_array_get(betas, 0)),
        .beta2 = (float)json_number_value(json_array_get(betas, 1)),
        .eps = number(optim, "eps"),
    };
    gr_trainer *trainer = NULL;
    GR_TRY(create_trainer(r, &optimizer, &trainer));
    graft_status status = train(r, trainer, "adamw", optim);
    gr_trainer_destroy(trainer);
    return status;
}

graft_status golden_run(graft_log *log, const golden_case *c, gr_device *device, gr_tensors **out)
{
    run r = {log, c, device, gr_tensors_create()};
    if (!r.out)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: out of memory", c->path);
    const json_t *optim = json_object_get(c->config, "optim");
    graft_status status = run_sgd(&r, json_object_get(optim, "sgd"));
    if (status == GRAFT_OK)
        status = run_adamw(&r, json_object_get(optim, "adamw"));
    if (status != GRAFT_OK)
        gr_tensors_destroy(&r.out);
    *out = r.out;
    return status;
}
