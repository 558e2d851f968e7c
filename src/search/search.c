/* graft_search: from a backbone and labelled images to a network that was searched for. */
#include <graft/search.h>

#include <graft/recipe.h>

#include "base/file.h"
#include "base/mem.h"
#include "device/device.h"
#include "peft/compose.h"
#include "peft/noah.h"
#include "search/evolution.h"
#include "search/measure.h"
#include "search/slice.h"
#include "train/adapter.h"
#include "train/settings.h"
#include "weights/load.h"
#include "weights/safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MEASURE_BATCH = 32, SETTINGS = 6 };

typedef struct search {
    graft_log *log;
    graft_device *device;
    const graft_search_params *p;
    char *supernet, *subnet; /* folders of the two runs */
    char *supernet_adapter;
    char *state, *start; /* files: the evolution, the tensors that the retraining starts from */
    char *identity;
    gr_evolution *evolution;
    graft_search_phase phase;
    double measured_seconds; /* of the candidates of this call */
    int measured;
} search;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void graft_search_defaults(graft_search_params *params)
{
    const char *set[GRAFT_RECIPE_MAX_SET];
    int set_count;
    *params = (graft_search_params){
        .supernet_epochs = 500,
        .supernet_lr = 5e-4,
        .val_split = "val",
        .widths = "1,5,10",
        .depths = "0",
        .dropout = 0.1,
        .limit = 640000,
        .generations = 15,
        .population = 50,
        .parents = 10,
        .mutations = 25,
        .crossovers = 25,
        .mutation_rate = 0.2,
        .depth_rate = 0.4,
    };
    graft_train_defaults(&params->train);
    params->train.batch_size = 0;
    params->train.method = "noah";
    graft_recipe_apply(NULL, "noah", NULL, &params->train, set, &set_count);
}

/* ---- Settings ------------------------------------------------------------------------------- */

static graft_status check(graft_log *log, const graft_search_params *p)
{
    if (!p->train.backbone || !p->train.data || !p->train.out)
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "--%s: is required",
                       !p->train.backbone ? "backbone"
                       : !p->train.data   ? "data"
                                          : "out");
    if (p->generations < 1 || p->population < 1 || p->parents < 1 || p->mutations < 0 ||
        p->crossovers < 0 || p->mutations + p->crossovers > p->population)
        return gr_fail(
            log, GRAFT_ERR_ARGUMENT,
            "population of %d with %d mutations and %d crossovers of %d parents: expected "
            "numbers from 1, and mutations and crossovers within the population",
            p->population, p->mutations, p->crossovers, p->parents);
    if (!(p->mutation_rate >= 0 && p->mutation_rate <= 1) ||
        !(p->depth_rate >= 0 && p->depth_rate <= 1) || p->limit < 0)
        return gr_fail(
            log, GRAFT_ERR_ARGUMENT,
            "mutation rate %g, depth rate %g, limit %lld: expected rates from 0 to 1 and "
            "a limit from 0",
            p->mutation_rate, p->depth_rate, (long long)p->limit);
    return GRAFT_OK;
}

/* Appends "noah.NAME=VALUE". */
static graft_status add_setting(search *s, const char **set, int *count, const char *name,
                                const char *value)
{
    set[*count] = gr_printf(s, "noah.%s=%s", name, value);
    return set[(*count)++] ? GRAFT_OK : gr_fail(s->log, GRAFT_ERR_MEMORY, "search: out of memory");
}

static graft_status add_dropout(search *s, const char **set, int *count)
{
    char text[32];
    snprintf(text, sizeof(text), "%.9g", s->p->dropout);
    return add_setting(s, set, count, "dropout", text);
}

static graft_status supernet_settings(search *s, const char **set, int *count)
{
    gr_methods *methods = NULL;
    char text[GR_OPTION_TEXT];
    *count = 0;
    GR_TRY(add_setting(s, set, count, "supernet", s->p->widths));
    GR_TRY(add_setting(s, set, count, "depths", s->p->depths));
    GR_TRY(add_dropout(s, set, count));
    GR_TRY(gr_methods_parse(s->log, "noah", &methods));
    gr_subnet_space space = {0};
    const gr_model_config any = {.depth = 1};
    graft_status status = gr_methods_set_all(s->log, methods, set, *count);
    if (status == GRAFT_OK && !gr_noah_space(methods->item[0].config, &any, &space))
        status = gr_fail(s->log, GRAFT_ERR_ARGUMENT, "widths '%s': expected numbers from 1",
                         s->p->widths);
    snprintf(text, sizeof(text), "%d", status == GRAFT_OK ? gr_list_largest(&space.widths) : 0);
    gr_methods_destroy(methods);
    for (int m = 0; m < GR_MODULES && status == GRAFT_OK; m++)
        status = add_setting(s, set, count, gr_module_name(m), text);
    return status;
}

static graft_status subnet_settings(search *s, const gr_subnet *subnet, const char **set,
                                    int *count)
{
    *count = 0;
    for (int m = 0; m < GR_MODULES; m++) {
        char text[GR_OPTION_TEXT];
        gr_subnet_text(subnet, m, s->evolution->params.blocks, text);
        GR_TRY(add_setting(s, set, count, gr_module_name(m), text));
    }
    return add_dropout(s, set, count);
}

static const char *supernet_split(const graft_search_params *p)
{
    gr_dataset *data = NULL;
    gr_dataset_params params = {.split = "train800"};
    if (p->supernet_split)
        return p->supernet_split;
    bool found = strcmp(p->train.train_split, "train") == 0 &&
                 gr_dataset_open(NULL, p->train.data, &params, &data) == GRAFT_OK;
    gr_dataset_close(&data);
    return found ? "train800" : p->train.train_split;
}

/* ---- Training ------------------------------------------------------------------------------- */

static void report_training(void *user, const graft_train_progress *progress)
{
    const search *s = user;
    graft_search_progress all = {.phase = s->phase,
                                 .train = progress,
                                 .best_accuracy = -1.0,
                                 .seconds_left = progress->seconds_left};
    s->p->progress(s->p->user, &all);
}

static graft_train_params run_params(search *s, const char *out, const char *const *set, int count)
{
    graft_train_params p = s->p->train;
    p.method = "noah";
    p.set = set;
    p.set_count = count;
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

static graft_status supernet_params(search *s, const char **set, graft_train_params *p)
{
    int count;
    GR_TRY(supernet_settings(s, set, &count));
    *p = run_params(s, s->supernet, set, count);
    p->epochs = s->p->supernet_epochs;
    p->lr = s->p->supernet_lr;
    p->train_split = supernet_split(s->p);
    p->test_split = s->p->val_split;
    return GRAFT_OK;
}

/* ---- The evolution -------------------------------------------------------------------------- */

/* What the search of sub-networks depends on, as one text. */
static graft_status make_identity(search *s, const graft_train_params *supernet)
{
    const graft_search_params *p = s->p;
    char *training = gr_settings_identity(supernet);
    if (training)
        s->identity = gr_printf(s, "%s %lld %d %d %d %d %d %.17g %.17g", training,
                                (long long)p->limit, p->generations, p->population, p->parents,
                                p->mutations, p->crossovers, p->mutation_rate, p->depth_rate);
    free(training);
    return s->identity ? GRAFT_OK : gr_fail(s->log, GRAFT_ERR_MEMORY, "search: out of memory");
}

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
        .limit = p->limit,
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
    return gr_file_exists(s->state) ? gr_evolution_load(s->log, s->evolution, s->state, s->identity)
                                    : GRAFT_OK;
}

static void report_candidate(const search *s)
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
    int left = progress.candidates - progress.candidate +
               (e->params.generations - e->generation) * e->params.population;
    if (s->measured)
        progress.seconds_left = left * s->measured_seconds / s->measured;
    if (s->p->progress)
        s->p->progress(s->p->user, &progress);
}

static graft_status measure_candidate(search *s, gr_measure *measure, gr_candidate *c)
{
    double began = now(), accuracy;
    GR_TRY(gr_measure_choose(measure, &c->subnet));
    graft_status status = gr_measure_accuracy(measure, &accuracy);
    if (status == GRAFT_ERR_INTERRUPTED)
        return gr_fail(s->log, status,
                       "stopped in generation %d of %d; --resume goes on from there",
                       s->evolution->generation, s->evolution->params.generations);
    GR_TRY(status);
    c->accuracy = accuracy;
    s->measured++;
    s->measured_seconds += now() - began;
    report_candidate(s);
    return gr_evolution_save(s->log, s->evolution, s->state, s->identity);
}

static graft_status measure_all(search *s, gr_candidate *c)
{
    gr_measure *measure;
    const graft_train_params *p = &s->p->train;
    gr_measure_params params = {
        .device = gr_device_from_public(s->device),
        .backbone = p->backbone,
        .supernet = s->supernet_adapter,
        .data = p->data,
        .split = s->p->val_split,
        .batch = p->batch_size < MEASURE_BATCH ? p->batch_size : MEASURE_BATCH,
        .threads = p->input.threads,
        .stop = p->stop,
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
    GR_TRY(gr_evolution_save(s->log, s->evolution, s->state, s->identity));
    return c ? measure_all(s, c) : GRAFT_OK;
}

/* ---- The phases ----------------------------------------------------------------------------- */

static graft_status train_supernet(search *s)
{
    const char *set[SETTINGS];
    graft_train_params p;
    s->phase = GRAFT_SEARCH_SUPERNET;
    GR_TRY(supernet_params(s, set, &p));
    GR_TRY(make_identity(s, &p));
    if (!gr_file_exists(s->state))
        return run(s, &p, NULL);
    if (s->p->train.resume)
        return GRAFT_OK;
    return gr_fail(s->log, GRAFT_ERR_ARGUMENT,
                   "%s: holds a search already; choose another --out, or go on with --resume",
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
    const char *set[SETTINGS];
    int count;
    const gr_candidate *best = gr_evolution_best(s->evolution);
    s->phase = GRAFT_SEARCH_RETRAIN;
    if (!best)
        return gr_fail(s->log, GRAFT_ERR_FORMAT, "%s: has no candidates; remove it to search anew",
                       s->state);
    GR_TRY(write_start(s, &best->subnet));
    GR_TRY(subnet_settings(s, &best->subnet, set, &count));
    graft_train_params p = run_params(s, s->subnet, set, count);
    p.init_adapter = s->start;
    *result = (graft_search_result){.params = best->params,
                                    .val_accuracy = best->accuracy,
                                    .candidates = (int)s->evolution->count};
    char *const texts[GR_MODULES] = {result->lora, result->adapter, result->prompts};
    for (int m = 0; m < GR_MODULES; m++)
        gr_subnet_text(&best->subnet, m, s->evolution->params.blocks, texts[m]);
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
    GR_TRY(check(log, params));
    search *s = gr_alloc(NULL, sizeof(*s));
    if (!s)
        return gr_fail(log, GRAFT_ERR_MEMORY, "search: out of memory");
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
