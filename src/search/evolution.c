#include "search/evolution.h"

#include "base/mem.h"

#include <string.h>

/* Keys the draws of generations; no other stream of random numbers has it. */
static const uint32_t STREAM_EVOLUTION = 0x65766f6c;

/* Draws for each wanted candidate before fewer will do. */
enum { TRIES = 10, RANDOM_TRIES = 200 };

gr_evolution *gr_evolution_create(const gr_evolution_params *params)
{
    gr_evolution *e = gr_alloc(NULL, sizeof(*e));
    if (e)
        e->params = *params;
    return e;
}

void gr_evolution_destroy(gr_evolution *evolution)
{
    gr_free(evolution);
}

static bool better(const gr_candidate *a, const gr_candidate *b)
{
    if (a->accuracy != b->accuracy)
        return a->accuracy > b->accuracy;
    return a->params < b->params;
}

/* Insertion into a short ranked list: earlier ones stay before equal ones. */
int gr_evolution_top(const gr_evolution *e, int count, const gr_candidate **out)
{
    int found = 0;
    for (size_t i = 0; i < e->count; i++) {
        const gr_candidate *c = &e->items[i];
        int place = found;
        while (place > 0 && better(c, out[place - 1]))
            place--;
        if (c->accuracy < 0 || place >= count)
            continue;
        found += found < count;
        for (int k = found - 1; k > place; k--)
            out[k] = out[k - 1];
        out[place] = c;
    }
    return found;
}

const gr_candidate *gr_evolution_best(const gr_evolution *e)
{
    const gr_candidate *best;
    return gr_evolution_top(e, 1, &best) ? best : NULL;
}

static bool is_known(const gr_evolution *e, const gr_subnet *subnet)
{
    for (size_t i = 0; i < e->count; i++)
        if (memcmp(&e->items[i].subnet, subnet, sizeof(*subnet)) == 0)
            return true;
    return false;
}

static int depth_of(const gr_evolution *e, const int *widths)
{
    int depth = 0;
    while (depth < e->params.blocks && widths[depth] > 0)
        depth++;
    return depth;
}

/* One generation while it is drawn. */
typedef struct breeding {
    gr_evolution *evolution;
    gr_random random;
    gr_candidate *parents; /* copies: the list of candidates moves as it grows */
    int parent_count;
} breeding;

static const gr_subnet *draw_parent(breeding *b)
{
    return &b->parents[gr_random_below(&b->random, b->parent_count)].subnet;
}

static void mutate_module(breeding *b, int *widths)
{
    const gr_evolution_params *p = &b->evolution->params;
    int old = depth_of(b->evolution, widths), depth = old;
    if (gr_random_chance(&b->random, p->depth_rate))
        depth = gr_int_list_draw(&p->space.depths, &b->random);
    for (int i = 0; i < p->blocks; i++) {
        if (i >= depth)
            widths[i] = 0;
        else if (i >= old || gr_random_chance(&b->random, p->mutation_rate))
            widths[i] = gr_int_list_draw(&p->space.widths, &b->random);
    }
}

static void mutate(breeding *b, gr_subnet *out)
{
    *out = *draw_parent(b);
    for (int m = 0; m < GR_MODULES; m++)
        if (gr_random_chance(&b->random, b->evolution->params.mutation_rate))
            mutate_module(b, out->width[m]);
}

/* Each module is that of one of two parents. */
static void cross(breeding *b, gr_subnet *out)
{
    const gr_subnet *one = draw_parent(b), *other = draw_parent(b);
    for (int m = 0; m < GR_MODULES; m++) {
        const gr_subnet *from = gr_random_chance(&b->random, 0.5) ? one : other;
        memcpy(out->width[m], from->width[m], sizeof(out->width[m]));
    }
}

static void draw(breeding *b, gr_subnet *out)
{
    gr_subnet_draw(&b->evolution->params.space, &b->random, out);
}

/* Appends up to `wanted` candidates that `make` makes: new ones, under the limit. */
static graft_status breed(graft_log *log, breeding *b, int wanted, int tries,
                          void (*make)(breeding *b, gr_subnet *out))
{
    gr_evolution *e = b->evolution;
    for (int64_t left = (int64_t)wanted * tries; wanted > 0 && left > 0; left--) {
        gr_subnet subnet;
        make(b, &subnet);
        int64_t params = gr_subnet_params(&subnet, e->params.dim);
        if ((e->params.limit && params > e->params.limit) || is_known(e, &subnet))
            continue;
        gr_candidate *c = gr_push(e, (void **)&e->items, &e->count, sizeof(*c));
        if (!c)
            return gr_fail(log, GRAFT_ERR_MEMORY, "search: out of memory");
        *c = (gr_candidate){subnet, e->generation, params, -1.0};
        wanted--;
    }
    return GRAFT_OK;
}

static graft_status breed_all(graft_log *log, breeding *b)
{
    gr_evolution *e = b->evolution;
    size_t before = e->count;
    if (b->parent_count > 0) {
        GR_TRY(breed(log, b, e->params.mutations, TRIES, mutate));
        GR_TRY(breed(log, b, e->params.crossovers, TRIES, cross));
    }
    int missing = e->params.population - (int)(e->count - before);
    GR_TRY(breed(log, b, missing, RANDOM_TRIES, draw));
    /* Nothing new was found: the rest would find nothing either. */
    e->generation = e->count == before ? e->params.generations : e->generation + 1;
    if (e->count > 0)
        return GRAFT_OK;
    return gr_fail(log, GRAFT_ERR_ARGUMENT,
                   "limit of %lld parameters: no sub-network that was drawn has so few; raise it, "
                   "or allow smaller widths or depths",
                   (long long)e->params.limit);
}

static graft_status next_generation(graft_log *log, gr_evolution *e)
{
    gr_random_key key = {e->params.seed, (uint32_t)e->generation, 0};
    breeding b = {.evolution = e, .random = gr_random_stream(key, STREAM_EVOLUTION)};
    size_t most = (size_t)e->params.parents + 1;
    const gr_candidate **top = gr_alloc_array(NULL, most, sizeof(*top));
    b.parents = top ? gr_alloc_array(top, most, sizeof(*b.parents)) : NULL;
    if (!b.parents) {
        gr_free(top);
        return gr_fail(log, GRAFT_ERR_MEMORY, "search: out of memory");
    }
    b.parent_count = gr_evolution_top(e, e->params.parents, top);
    for (int i = 0; i < b.parent_count; i++)
        b.parents[i] = *top[i];
    graft_status status = breed_all(log, &b);
    gr_free(top);
    return status;
}

graft_status gr_evolution_next(graft_log *log, gr_evolution *e, gr_candidate **out)
{
    *out = NULL;
    for (;;) {
        for (size_t i = 0; i < e->count; i++)
            if (e->items[i].accuracy < 0) {
                *out = &e->items[i];
                return GRAFT_OK;
            }
        if (e->generation >= e->params.generations)
            return GRAFT_OK;
        GR_TRY(next_generation(log, e));
    }
}
