/* Steps and evaluations of a graft_trainer that is one of several ranks. What one rank fails of all
 * learn, in the exchange that is next anyway: none waits for one that went away. */
#include "train/graft_trainer.h"

#include "base/mem.h"

#include <string.h>

graft_status gr_trainer_join(graft_trainer *t, const graft_ranks *ranks)
{
    if (ranks->count < 1 || ranks->rank < 0 || ranks->rank >= ranks->count)
        return gr_fail(t->log, GRAFT_ERR_ARGUMENT,
                       "`ranks`: rank %d of %d: expected 0 to count - 1", ranks->rank,
                       ranks->count);
    if (ranks->count > 1 && t->info.whole_batches)
        return gr_fail(
            t->log, GRAFT_ERR_ARGUMENT,
            "`head_norm`: takes its statistics from a whole batch, which %d ranks share; "
            "train without it, or in one process",
            ranks->count);
    t->ranks = *ranks;
    t->exchange = gr_alloc_array(t, (size_t)t->info.trainable + 2, sizeof(float));
    return t->exchange ? GRAFT_OK : gr_fail(t->log, GRAFT_ERR_MEMORY, "trainer: out of memory");
}

/* What a rank says of its part of a batch. */
typedef struct share {
    int32_t status, images, counting;
} share;

graft_status gr_trainer_share_batch(const graft_trainer *t, graft_status mine,
                                    const graft_batch *batch, gr_batch_part *part, int *total)
{
    bool counts = mine == GRAFT_OK && batch->count > 0;
    share own = {.status = (int32_t)mine,
                 .images = counts ? batch->count : 0,
                 .counting = counts ? gr_trainer_counting(t->core, batch) : 0};
    *part = (gr_batch_part){0, own.counting};
    *total = own.images;
    if (!gr_ranks_are_several(&t->ranks))
        return mine;
    share *all = gr_alloc_array(NULL, (size_t)t->ranks.count, sizeof(*all));
    if (!all)
        return gr_fail(t->log, GRAFT_ERR_MEMORY, "ranks: out of memory");
    graft_status status = gr_ranks_gather(t->log, &t->ranks, &own, sizeof(own), all);
    part->counting = *total = 0;
    for (int i = 0; i < t->ranks.count && status == GRAFT_OK; i++) {
        part->first += i < t->ranks.rank ? all[i].images : 0;
        part->counting += all[i].counting;
        *total += all[i].images;
        if (all[i].status != GRAFT_OK && mine == GRAFT_OK)
            status = gr_fail(t->log, (graft_status)all[i].status,
                             "rank %d has no batch for the next step; its own message says why", i);
    }
    gr_free(all);
    return mine != GRAFT_OK ? mine : status;
}

graft_status gr_trainer_sum_over_ranks(graft_trainer *t, graft_status mine)
{
    size_t count = (size_t)t->info.trainable;
    float *loss = t->exchange + count, *failed = loss + 1;
    if (!gr_ranks_are_several(&t->ranks))
        return mine;
    if (mine == GRAFT_OK)
        mine = gr_params_read_gradients(t->log, gr_trainer_parameters(t->core), t->exchange);
    if (mine != GRAFT_OK)
        memset(t->exchange, 0, count * sizeof(float));
    *loss = mine == GRAFT_OK ? t->loss : 0.0f;
    *failed = mine != GRAFT_OK;
    graft_status status = t->ranks.sum(t->ranks.user, t->exchange, count + 2);
    if (mine != GRAFT_OK)
        return mine;
    if (status != GRAFT_OK)
        return gr_fail(t->log, status, "rank %d: the sum of gradients failed", t->ranks.rank);
    if (*failed > 0.0f)
        return gr_fail(t->log, GRAFT_ERR_DEVICE,
                       "rank %d: another rank failed in step %llu; its own message says why",
                       t->ranks.rank, (unsigned long long)t->step + 1);
    t->loss = *loss;
    return gr_params_write_gradients(t->log, gr_trainer_parameters(t->core), t->exchange);
}

graft_status gr_trainer_share_score(const graft_trainer *t, graft_status mine, gr_score *score)
{
    if (!gr_ranks_are_several(&t->ranks))
        return mine;
    GR_TRY(gr_ranks_agree(t->log, &t->ranks, mine));
    gr_score *all = gr_alloc_array(NULL, (size_t)t->ranks.count, sizeof(*all));
    if (!all)
        return gr_fail(t->log, GRAFT_ERR_MEMORY, "ranks: out of memory");
    graft_status status = gr_ranks_gather(t->log, &t->ranks, score, sizeof(*score), all);
    *score = (gr_score){0};
    for (int i = 0; i < t->ranks.count; i++) {
        score->images += all[i].images;
        score->correct += all[i].correct;
        score->loss += all[i].loss;
    }
    gr_free(all);
    return status;
}
