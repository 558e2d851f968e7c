#include "base/ranks.h"

#include "base/log.h"
#include "base/mem.h"

#include <stdint.h>
#include <string.h>

bool gr_ranks_are_several(const graft_ranks *ranks)
{
    return ranks && ranks->count > 1;
}

graft_status gr_ranks_gather(graft_log *log, const graft_ranks *ranks, const void *mine,
                             size_t size_bytes, void *all)
{
    if (!gr_ranks_are_several(ranks)) {
        memcpy(all, mine, size_bytes);
        return GRAFT_OK;
    }
    graft_status status = ranks->gather(ranks->user, mine, size_bytes, all);
    return status == GRAFT_OK
               ? GRAFT_OK
               : gr_fail(log, status, "rank %d: the exchange with the others failed", ranks->rank);
}

/* What the first rank that failed has; what stopped none failed of is an interruption. */
static graft_status worst(const int32_t *all, int count, int *rank)
{
    graft_status found = GRAFT_OK;
    for (int i = 0; i < count; i++) {
        graft_status status = (graft_status)all[i];
        if (status != GRAFT_OK && (found == GRAFT_OK || found == GRAFT_ERR_INTERRUPTED)) {
            found = status;
            *rank = i;
        }
    }
    return found;
}

graft_status gr_ranks_agree(graft_log *log, const graft_ranks *ranks, graft_status mine)
{
    int32_t own = (int32_t)mine;
    int rank = 0;
    if (!gr_ranks_are_several(ranks))
        return mine;
    int32_t *all = gr_alloc_array(NULL, (size_t)ranks->count, sizeof(*all));
    if (!all)
        return gr_fail(log, GRAFT_ERR_MEMORY, "ranks: out of memory");
    graft_status status = gr_ranks_gather(log, ranks, &own, sizeof(own), all);
    if (status == GRAFT_OK)
        status = worst(all, ranks->count, &rank);
    gr_free(all);
    bool is_own = mine != GRAFT_OK && mine != GRAFT_ERR_INTERRUPTED;
    if (is_own || status == GRAFT_OK || status == GRAFT_ERR_INTERRUPTED)
        return is_own ? mine : status;
    return gr_fail(log, status, "rank %d failed, and rank %d with it; its own message says why",
                   rank, ranks->rank);
}

static graft_status gather_padded(graft_log *log, const graft_ranks *ranks, void *parent,
                                  const char *mine, size_t longest, char ***texts)
{
    char *padded = gr_alloc(parent, longest);
    char *all = gr_alloc_array(parent, (size_t)ranks->count, longest);
    *texts = gr_alloc_array(parent, (size_t)ranks->count, sizeof(**texts));
    if (!padded || !all || !*texts)
        return gr_fail(log, GRAFT_ERR_MEMORY, "ranks: out of memory");
    memcpy(padded, mine, strlen(mine));
    GR_TRY(gr_ranks_gather(log, ranks, padded, longest, all));
    for (int i = 0; i < ranks->count; i++) {
        (*texts)[i] = all + (size_t)i * longest;
        (*texts)[i][longest - 1] = '\0';
    }
    return GRAFT_OK;
}

graft_status gr_ranks_texts(graft_log *log, const graft_ranks *ranks, void *parent,
                            const char *mine, char ***texts)
{
    uint64_t own = strlen(mine) + 1, longest = 0;
    uint64_t *sizes = gr_alloc_array(parent, (size_t)ranks->count, sizeof(*sizes));
    if (!sizes)
        return gr_fail(log, GRAFT_ERR_MEMORY, "ranks: out of memory");
    GR_TRY(gr_ranks_gather(log, ranks, &own, sizeof(own), sizes));
    for (int i = 0; i < ranks->count; i++)
        longest = sizes[i] > longest ? sizes[i] : longest;
    return gather_padded(log, ranks, parent, mine, (size_t)longest, texts);
}
