/* graft_search: from a backbone and labelled images to a network that was searched for. */
#include <graft/search.h>

#include "base/system.h"
#include "base/file.h"
#include "base/mem.h"
#include "device/device.h"
#include "peft/noah.h"
#include "search/evolution.h"
#include "search/measure.h"
#include "search/settings.h"
#include "search/slice.h"
#include "adapter/file.h"
#include "weights/load.h"
#include "weights/safetensors.h"

#include <stdio.h>
#include <string.h>

enum { MEASURE_BATCH = 32 };

typedef struct search {
    graft_log *log;
    graft_device *device;
    const graft_search_params *p;
    char *supernet, *subnet; /* folders of the two runs */
    char *supernet_adapter;
    char *state, *start; /* files: the evolution, the tensors that the retraining starts from */
    gr_search_identity identity;
    gr_evolution *evolution;
    graft_search_phase phase;
    double measured_seconds; /* of the candidates of this call */
    int measured;
} search;

/* ---- Training ------------------------------------------------------------------------------- */

static bool report_training(void *user, const graft_train_progress *progress)
{
    const search *s = user;
    graft_search_progress all = {.phase = s->phase,
                                 .train = progress,
                                 .best_accuracy = -1.0,
                                 .seconds_left = progress->seconds_left};
    return s->p->progress(s->p->user, &all);
}

static graft_train_params run_params(search *s, const char *out, const gr_search_set *set)
{
    graft_train_params p = s->p->train;
    p.method = "noah";
    p.set = (graft_text_list){set->item, set->count};
    p.out = out;
    p.init_adapter = NULL;
    p.progress = s->p->progress ? report_training : NULL;
    p.user = s;
    return p;
}

/* A phase that had not begun has nothing to resume. */
static graft_status run(search *s, graft_train_params *p, graft_train_result *result)
{
    char *state = gr_path_join(s, p->out, "checkpoint/state.safetensors");
    p->resume = p->resume && state && gr_file_exists(state);
    return graft_train(s->log, s->device, p, result);
}

static graft_status supernet_params(search *s, gr_search_set *set, graft_train_params *p)
{
    GR_TRY(gr_search_supernet_set(s->log, s->p, set));
    *p = run_params(s, s->supernet, set);
    p->epochs = s->p->supernet_epochs;
    p->lr = s->p->supernet_lr;
    gr_search_splits(s->p, &p->train_split, &p->test_split);
    return GRAFT_OK;
}

/* ---- The evolution -------------------------------------------------------------------------- */

static graft_status create_evolution(search *s)
{
    gr_tensors *file = NULL;
    gr_adapter_info info = {0};
    const graft_search_params *p = s->p;
    GR_TRY(gr_tensors_load(s->log, s->supernet_adapter, &file));
    graft_status status = gr_adapter_info_read(s->log, file, &info);
    gr_tensors_destroy(&file);
    GR_TRY(status);
    gr_evolution_params params = {
        .blocks = info.config.depth,
        .dim = info.config.dim,
        .limit = (int64_t)p->limit,
        .seed = p->train.seed,
        .generations = p->generations,
        .population = p->population,
        .parents = p->parents,
        .mutations = p->mutations,
        .crossovers = p->crossovers,
        .mutation_rate = p->mutation_rate,
        .depth_rate = p->depth_rate,
    };
    gr_noah_space(info.methods->item[0].config, &info.config, &params.space);
    gr_adapter_info_release(&info);
    s->evolution = gr_evolution_create(&params);
    if (!s->evolution)
        return gr_fail(s->log, GRAFT_ERR_MEMORY, "search: out of memory");
    return gr_file_exists(s->state)
               ? gr_evolution_load(s->log, s->evolution, s->state, &s->identity)
               : GRAFT_OK;
}

/* Whether to go on. */
static bool report_candidate(const search *s)
{
    const gr_evolution *e = s->evolution;
    const gr_candidate *best = gr_evolution_best(e);
    graft_search_progress progress = {.phase = s->phase,
                                      .generation = e->generation,
                                      .generations = e->params.generations,
                                      .best_accuracy = best ? best->accuracy : -1.0};
    for (size_t i = 0; i < e->count; i++)
        if (e->items[i].generation == e->generation - 1) {
            progress.candidates++;
            progress.candidate += e->items[i].accuracy >= 0;
        }
    int64_t left = progress.candidates - progress.candidate +
                   (int64_t)(e->params.generations - e->generation) * e->params.population;
    if (s->measured)
        progress.seconds_left = (double)left * s->measured_seconds / s->measured;
    return !s->p->progress || s->p->progress(s->p->user, &progress);
}

static bool report_measuring(void *user, size_t done, size_t total)
{
    (void)done, (void)total;
    return report_candidate(user);
}

static graft_status interrupted(const search *s)
{
    return gr_fail(s->log, GRAFT_ERR_INTERRUPTED,
                   "stopped in generation %d of %d; `resume` goes on from there",
                   s->evolution->generation, s->evolution->params.generations);
}

static graft_status measure_candidate(search *s, gr_measure *measure, gr_candidate *c)
{
    double began = gr_seconds(), accuracy;
    GR_TRY(gr_measure_choose(measure, &c->subnet));
    graft_status status = gr_measure_accuracy(measure, &accuracy);
    if (status == GRAFT_ERR_INTERRUPTED)
        return interrupted(s);
    GR_TRY(status);
    c->accuracy = accuracy;
    s->measured++;
    s->measured_seconds += gr_seconds() - began;
    GR_TRY(gr_evolution_save(s->log, s->evolution, s->state, &s->identity));
    return report_candidate(s) ? GRAFT_OK : interrupted(s);
}

static graft_status measure_all(search *s, gr_candidate *c)
{
    gr_measure *measure;
    const graft_train_params *p = &s->p->train;
    const char *supernet_split, *val_split;
    gr_search_splits(s->p, &supernet_split, &val_split);
    gr_measure_params params = {
        .device = gr_device_from_public(s->device),
        .backbone = p->backbone,
        .supernet = s->supernet_adapter,
        .data = p->data,
        .split = val_split,
        .batch = p->batch_size < MEASURE_BATCH ? p->batch_size : MEASURE_BATCH,
        .threads = p->input.threads,
        .progress = report_measuring,
        .user = s,
    };
    GR_TRY(gr_measure_open(s->log, &params, &measure));
    graft_status status = GRAFT_OK;
    while (c && status == GRAFT_OK) {
        status = measure_candidate(s, measure, c);
        if (status == GRAFT_OK)
            status = gr_evolution_next(s->log, s->evolution, &c);
    }
    gr_measure_close(measure);
    return status;
}

static graft_status evolve(search *s)
{
    gr_candidate *c;
    s->phase = GRAFT_SEARCH_EVOLUTION;
    GR_TRY(create_evolution(s));
    GR_TRY(gr_evolution_next(s->log, s->evolution, &c));
    GR_TRY(gr_evolution_save(s->log, s->evolution, s->state, &s->identity));
    return c ? measure_all(s, c) : GRAFT_OK;
}

/* ---- The phases ----------------------------------------------------------------------------- */

static graft_status train_supernet(search *s)
{
    gr_search_set set = {.memory = s};
    graft_train_params p;
    s->phase = GRAFT_SEARCH_SUPERNET;
    GR_TRY(supernet_params(s, &set, &p));
    if (!gr_search_identify(s, s->p, &p, &s->identity))
        return gr_fail(s->log, GRAFT_ERR_MEMORY, "search: out of memory");
    if (!gr_file_exists(s->state))
        return run(s, &p, NULL);
    if (s->p->train.resume) /* what was measured says nothing of another backbone or other images */
        return graft_train_check_resume(s->log, &p);
    return gr_fail(s->log, GRAFT_ERR_ARGUMENT,
                   "%s: holds a search already; choose another `out`, or go on with `resume`",
                   s->p->train.out);
}

static graft_status write_start(search *s, const gr_subnet *subnet)
{
    gr_tensors *supernet = NULL, *part = gr_tensors_create();
    graft_status status = part ? gr_tensors_load(s->log, s->supernet_adapter, &supernet)
                               : gr_fail(s->log, GRAFT_ERR_MEMORY, "search: out of memory");
    if (status == GRAFT_OK)
        status = gr_subnet_slice(s->log, supernet, subnet, part);
    if (status == GRAFT_OK)
        status = gr_safetensors_write(s->log, s->start, part, NULL);
    gr_tensors_destroy(&supernet);
    gr_tensors_destroy(&part);
    return status;
}

static graft_status retrain(search *s, graft_search_result *result)
{
    gr_search_set set = {.memory = s};
    const gr_candidate *best = gr_evolution_best(s->evolution);
    s->phase = GRAFT_SEARCH_RETRAIN;
    if (!best)
        return gr_fail(s->log, GRAFT_ERR_FORMAT, "%s: has no candidates; remove it to search anew",
                       s->state);
    GR_TRY(write_start(s, &best->subnet));
    GR_TRY(gr_search_subnet_set(s->log, s->p, &best->subnet, s->evolution->params.blocks, &set));
    graft_train_params p = run_params(s, s->subnet, &set);
    p.init_adapter = s->start;
    *result = (graft_search_result){.params = best->params,
                                    .val_accuracy = best->accuracy,
                                    .candidates = (int)s->evolution->count};
    graft_int_list *const lists[GR_MODULES] = {&result->lora, &result->adapter, &result->prompts};
    for (int m = 0; m < GR_MODULES; m++) {
        lists[m]->count = s->evolution->params.blocks;
        memcpy(lists[m]->at, best->subnet.width[m], sizeof(lists[m]->at));
    }
    return run(s, &p, &result->retrained);
}

static graft_status name_files(search *s)
{
    const char *out = s->p->train.out;
    s->supernet = gr_path_join(s, out, "supernet");
    s->subnet = gr_path_join(s, out, "subnet");
    s->supernet_adapter = gr_path_join(s, out, "supernet/adapter.safetensors");
    s->state = gr_path_join(s, out, "search.json");
    s->start = gr_path_join(s, out, "start.safetensors");
    return s->supernet && s->subnet && s->supernet_adapter && s->state && s->start
               ? GRAFT_OK
               : gr_fail(s->log, GRAFT_ERR_MEMORY, "search: out of memory");
}

graft_status graft_search(graft_log *log, graft_device *device, const graft_search_params *params,
                          graft_search_result *result)
{
    graft_search_result ignored;
    GR_TRY(gr_search_check(log, params));
    search *s = gr_alloc(NULL, sizeof(*s));
    if (!s)
        return gr_fail(log, GRAFT_ERR_MEMORY, "search: out of memory");
    gr_file_clear_temporaries(params->train.out); /* of a search that was killed */
    s->log = log;
    s->device = device;
    s->p = params;
    graft_status status = name_files(s);
    if (status == GRAFT_OK)
        status = train_supernet(s);
    if (status == GRAFT_OK)
        status = evolve(s);
    if (status == GRAFT_OK)
        status = retrain(s, result ? result : &ignored);
    gr_evolution_destroy(s->evolution);
    gr_free(s);
    return status;
}
