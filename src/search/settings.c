#include "search/settings.h"

#include <graft/data.h>
#include <graft/recipe.h>

#include "base/mem.h"
#include "peft/compose.h"
#include "peft/noah.h"
#include "train/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void graft_search_defaults(graft_search_params *params)
{
    const char *set[GRAFT_RECIPE_MAX_SET];
    int set_count;
    *params = (graft_search_params){
        .supernet_epochs = 500,
        .supernet_lr = 5e-4,
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

graft_status gr_search_check(graft_log *log, const graft_search_params *p)
{
    if (!p->train.backbone || !p->train.data || !p->train.out)
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "--%s: is required",
                       !p->train.backbone ? "backbone"
                       : !p->train.data   ? "data"
                                          : "out");
    if (p->val_split && strcmp(p->val_split, "val") == 0 &&
        !graft_data_has_validation(p->train.data))
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "%s: has no validation images, 'val' would be its test images; leave "
                       "--val-split out, and every fifth training image is held out",
                       p->train.data);
    if (p->generations < 1 || p->population < 1 || p->parents < 1 || p->mutations < 0 ||
        p->crossovers < 0 || (int64_t)p->mutations + p->crossovers > p->population)
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
static graft_status add(graft_log *log, gr_search_set *set, const char *name, const char *value)
{
    set->item[set->count] = gr_printf(set->memory, "noah.%s=%s", name, value);
    return set->item[set->count++] ? GRAFT_OK
                                   : gr_fail(log, GRAFT_ERR_MEMORY, "search: out of memory");
}

static graft_status add_dropout(graft_log *log, const graft_search_params *p, gr_search_set *set)
{
    char text[32];
    snprintf(text, sizeof(text), "%.9g", p->dropout);
    return add(log, set, "dropout", text);
}

graft_status gr_search_supernet_set(graft_log *log, const graft_search_params *p,
                                    gr_search_set *set)
{
    gr_methods *methods = NULL;
    char text[GR_OPTION_TEXT];
    set->count = 0;
    GR_TRY(add(log, set, "supernet", p->widths));
    GR_TRY(add(log, set, "depths", p->depths));
    GR_TRY(add_dropout(log, p, set));
    GR_TRY(gr_methods_parse(log, "noah", &methods));
    gr_subnet_space space = {0};
    const gr_model_config any = {.depth = 1};
    graft_status status = gr_methods_set_all(log, methods, set->item, set->count);
    if (status == GRAFT_OK && !gr_noah_space(methods->item[0].config, &any, &space))
        status =
            gr_fail(log, GRAFT_ERR_ARGUMENT, "widths '%s': expected numbers from 1", p->widths);
    snprintf(text, sizeof(text), "%d", status == GRAFT_OK ? gr_numbers_largest(&space.widths) : 0);
    gr_methods_destroy(methods);
    for (int m = 0; m < GR_MODULES && status == GRAFT_OK; m++)
        status = add(log, set, gr_module_name(m), text);
    return status;
}

graft_status gr_search_subnet_set(graft_log *log, const graft_search_params *p,
                                  const gr_subnet *subnet, int blocks, gr_search_set *set)
{
    set->count = 0;
    for (int m = 0; m < GR_MODULES; m++) {
        char text[GR_OPTION_TEXT];
        gr_subnet_text(subnet, m, blocks, text);
        GR_TRY(add(log, set, gr_module_name(m), text));
    }
    return add_dropout(log, p, set);
}

void gr_search_splits(const graft_search_params *p, const char **supernet, const char **val)
{
    graft_data_selection(p->train.data, supernet, val);
    if (strcmp(p->train.train_split, "train") != 0)
        *supernet = p->train.train_split;
    if (p->supernet_split)
        *supernet = p->supernet_split;
    if (p->val_split)
        *val = p->val_split;
}

bool gr_search_identify(void *memory, const graft_search_params *p,
                        const graft_train_params *supernet, gr_search_identity *out)
{
    char *training = gr_settings_identity(supernet);
    out->training = training ? gr_strdup(memory, training) : NULL;
    free(training);
    out->evolution = gr_printf(memory, "%lld %d %d %d %d %d %.17g %.17g", (long long)p->limit,
                               p->generations, p->population, p->parents, p->mutations,
                               p->crossovers, p->mutation_rate, p->depth_rate);
    return out->training && out->evolution;
}
