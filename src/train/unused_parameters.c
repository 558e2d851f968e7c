#include "train/unused_parameters.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Methods that start with a zero factor (LoRA's B, Convpass's up) reach the tensors behind it in
 * their second step after a rate above zero. */
enum { STEPS_LOOKED_AT = 8, MIN_STEPS = 4 };

struct gr_unused_parameters {
    graft_log *log;
    const gr_trainer *trainer;
    bool *seen; /* by parameter index */
    size_t unseen;
    int steps;
    float *values; /* room for the largest tensor */
};

/* No path leads from the loss to some tensors, such as the last filter before a head that reads the
 * class token only; and softmax does not see what is added to all keys alike. */
static bool known_without_gradient(const gr_trainer *trainer, const char *name)
{
    return !gr_trainer_reaches(trainer, name) || strstr(name, ".attn.k.rlrr.shift");
}

graft_status gr_unused_parameters_create(graft_log *log, const gr_trainer *trainer,
                                         gr_unused_parameters **out)
{
    const gr_params *params = gr_trainer_parameters(trainer);
    gr_unused_parameters *w = gr_alloc(NULL, sizeof(*w));
    uint64_t largest = 0;
    for (size_t i = 0; i < params->count; i++)
        largest = params->items[i].bytes > largest ? params->items[i].bytes : largest;
    if (!w || !(w->seen = gr_alloc_array(w, params->count + 1, sizeof(*w->seen))) ||
        !(w->values = gr_alloc(w, largest))) {
        gr_free(w);
        return gr_fail(log, GRAFT_ERR_MEMORY, "unused parameters: out of memory");
    }
    w->log = log;
    w->trainer = trainer;
    for (size_t i = 0; i < params->count; i++) {
        w->seen[i] =
            params->items[i].state || known_without_gradient(trainer, params->items[i].name);
        w->unseen += !w->seen[i];
    }
    *out = w;
    return GRAFT_OK;
}

void gr_unused_parameters_destroy(gr_unused_parameters *unused)
{
    gr_free(unused);
}

static bool all_zero(const float *values, uint64_t bytes)
{
    for (uint64_t i = 0; i < bytes / sizeof(float); i++)
        if (values[i] != 0.0f)
            return false;
    return true;
}

static void warn_of_unseen(const gr_unused_parameters *w, const gr_params *params)
{
    char names[600] = "";
    size_t used = 0;
    for (size_t i = 0; i < params->count && used < sizeof(names) - 64; i++)
        if (!w->seen[i])
            used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", used ? ", " : "",
                                     params->items[i].name);
    gr_log(w->log, GRAFT_LOG_WARN, "%zu trainable tensors received no gradient in %d steps: %s%s",
           w->unseen, w->steps, names, used >= sizeof(names) - 64 ? ", .." : "");
}

graft_status gr_unused_parameters_step(gr_unused_parameters *w, float lr)
{
    const gr_params *params = gr_trainer_parameters(w->trainer);
    bool before_any_update = lr <= 0.0f && w->steps == 0;
    if (w->steps >= STEPS_LOOKED_AT || w->unseen == 0 || before_any_update)
        return GRAFT_OK;
    for (size_t i = 0; i < params->count; i++) {
        if (w->seen[i])
            continue;
        const gr_param *p = &params->items[i];
        GR_TRY(gr_params_read(params, p, GR_PLANE_GRADIENT, w->values));
        w->seen[i] = !all_zero(w->values, p->bytes);
        w->unseen -= w->seen[i];
    }
    if (++w->steps == STEPS_LOOKED_AT && w->unseen)
        warn_of_unseen(w, params);
    return GRAFT_OK;
}

void gr_unused_parameters_end(gr_unused_parameters *w)
{
    if (w->steps >= MIN_STEPS && w->steps < STEPS_LOOKED_AT && w->unseen)
        warn_of_unseen(w, gr_trainer_parameters(w->trainer));
    w->steps = STEPS_LOOKED_AT;
}
