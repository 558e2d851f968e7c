#include "search/settings.h"

#include <graft/data.h>
#include <graft/recipe.h>

#include "base/mem.h"
#include "peft/compose.h"
#include "peft/noah.h"
#include "settings/settings.h"
#include "train/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELD(field) GR_SETTING(graft_search_params, field)
#define WHOLE_MAX    1e9
#define NUMBERS_MAX  1e6

static const graft_setting data_rows[] = {
    {"backbone", FIELD(train.backbone), GRAFT_SETTING_TEXT, NULL, "FILE", 0, 0,
     "pretrained weights of a plain vision transformer", .group = "Model and data", .letter = 'b'},
    {"heads", FIELD(train.heads), GRAFT_SETTING_INT, NULL, "N", 0, 4096,
     "attention heads of the backbone, where no file of it tells", "as the file says"},
    {"data", FIELD(train.data), GRAFT_SETTING_TEXT, NULL, "DIR", 0, 0,
     "labelled images: a folder, a .tar or dsprites:orientation", .letter = 'd'},
    {"supernet-split", FIELD(supernet_split), GRAFT_SETTING_TEXT, NULL, "NAME", 0, 0,
     "images that the supernet is trained on", "train800, or what `val_split` leaves"},
    {"val-split", FIELD(val_split), GRAFT_SETTING_TEXT, NULL, "NAME", 0, 0,
     "images that sub-networks are measured on", "val200, val, or every fifth training image"},
    {"train-split", FIELD(train.train_split), GRAFT_SETTING_TEXT, NULL, "NAME", 0, 0,
     "images that the result is trained on"},
    {"test-split", FIELD(train.test_split), GRAFT_SETTING_TEXT, NULL, "NAME", 0, 0,
     "images that the result is evaluated on; \"\": none"},
    {.key = NULL},
};

static const graft_setting training_rows[] = {
    {"supernet-epochs", FIELD(supernet_epochs), GRAFT_SETTING_INT, "500", "N", 1, WHOLE_MAX,
     "passes over the images for the supernet", .group = "Training"},
    {"supernet-lr", FIELD(supernet_lr), GRAFT_SETTING_DOUBLE, "0.0005", "X", 0, 1e6,
     "its learning rate"},
    {"epochs", FIELD(train.epochs), GRAFT_SETTING_INT, NULL, "N", 1, WHOLE_MAX,
     "passes over the images for the result", .letter = 'e'},
    {"lr", FIELD(train.lr), GRAFT_SETTING_DOUBLE, NULL, "X", 0, 1e6, "its learning rate"},
    {"dropout", FIELD(dropout), GRAFT_SETTING_DOUBLE, "0.1", "RATE", 0, 0.99, "in each module"},
    {.key = NULL},
};

static const graft_setting search_rows[] = {
    {"limit", FIELD(limit), GRAFT_SETTING_COUNT, "640000", "N", 0, 0x1p62,
     "trainable parameters of the result without its head; 0: any", .group = "Search"},
    {"widths", FIELD(widths), GRAFT_SETTING_INTS, "1,5,10", "N,N", 0, 1024,
     "that a module may have"},
    {"depths", FIELD(depths), GRAFT_SETTING_INTS, "0", "N,N", 0, GRAFT_INT_LIST_MAX,
     "numbers of first blocks that may have a module, such as 3,6,9,12; 0: quarters of all"},
    {"generations", FIELD(generations), GRAFT_SETTING_INT, "15", "N", 1, NUMBERS_MAX,
     "of the evolution"},
    {"population", FIELD(population), GRAFT_SETTING_INT, "50", "N", 1, NUMBERS_MAX,
     "sub-networks in a generation"},
    {"parents", FIELD(parents), GRAFT_SETTING_INT, "10", "N", 1, NUMBERS_MAX,
     "best ones that the next descend from"},
    {"mutations", FIELD(mutations), GRAFT_SETTING_INT, "25", "N", 0, NUMBERS_MAX,
     "sub-networks of a generation that are mutations"},
    {"crossovers", FIELD(crossovers), GRAFT_SETTING_INT, "25", "N", 0, NUMBERS_MAX,
     "and those that are crossovers; the rest is drawn at random"},
    {"mutation-rate", FIELD(mutation_rate), GRAFT_SETTING_DOUBLE, "0.2", "X", 0, 1,
     "of each module, and of each of its widths"},
    {"depth-rate", FIELD(depth_rate), GRAFT_SETTING_DOUBLE, "0.4", "X", 0, 1,
     "of the depth of a module that mutates"},
    {"out", FIELD(train.out), GRAFT_SETTING_TEXT, NULL, "DIR", 0, 0, "folder of the search",
     .group = "Run", .letter = 'o'},
    {"resume", FIELD(train.resume), GRAFT_SETTING_BOOL, NULL, NULL, 0, 0,
     "go on with the search in `out`; needs the same options"},
    {"memory-budget", FIELD(train.memory_budget), GRAFT_SETTING_BYTES, NULL, "SIZE", 0, 0,
     "device memory to use, such as 512M", "7/8 of all"},
    {.key = NULL},
};

/* Rows of a training are rows of a search, which begins with one. */
_Static_assert(offsetof(graft_search_params, train) == 0, "shared rows need the same offsets");

static gr_settings search_settings = {data_rows,          gr_image_settings, training_rows,
                                      gr_update_settings, search_rows,       NULL};

const graft_setting *graft_search_setting(int index)
{
    return gr_settings_at(search_settings, index);
}

void graft_search_defaults(graft_search_params *params)
{
    const char *set[GRAFT_RECIPE_MAX_SET];
    int set_count;
    *params = (graft_search_params){0};
    gr_settings_default(search_settings, params);
    graft_train_defaults(&params->train);
    params->train.batch_size = 0;
    params->train.method = "noah";
    graft_recipe_apply(NULL, "noah", NULL, &params->train, set, &set_count);
}

graft_status gr_search_check(graft_log *log, const graft_search_params *p)
{
    if (!p->train.backbone || !p->train.data || !p->train.out)
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "`%s`: is required",
                       !p->train.backbone ? "backbone"
                       : !p->train.data   ? "data"
                                          : "out");
    if (p->val_split && strcmp(p->val_split, "val") == 0 &&
        !graft_data_has_validation(p->train.data))
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "%s: has no validation images, 'val' would be its test images; leave "
                       "`val_split` out, and every fifth training image is held out",
                       p->train.data);
    GR_TRY(gr_settings_check(log, search_settings, p));
    if (gr_int_list_largest(&p->widths) < 1)
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "`widths`: expected a number from 1");
    if ((int64_t)p->mutations + p->crossovers > p->population)
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "`population` %d: expected room for %d `mutations` and %d `crossovers`",
                       p->population, p->mutations, p->crossovers);
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
    char text[GRAFT_SETTING_TEXT_SIZE];
    set->count = 0;
    graft_setting_text(gr_settings_find(search_settings, "widths"), p, text);
    GR_TRY(add(log, set, "supernet", text));
    graft_setting_text(gr_settings_find(search_settings, "depths"), p, text);
    GR_TRY(add(log, set, "depths", text));
    GR_TRY(add_dropout(log, p, set));
    snprintf(text, sizeof(text), "%d", gr_int_list_largest(&p->widths));
    for (int m = 0; m < GR_MODULES; m++)
        GR_TRY(add(log, set, gr_module_name(m), text));
    return GRAFT_OK;
}

graft_status gr_search_subnet_set(graft_log *log, const graft_search_params *p,
                                  const gr_subnet *subnet, int blocks, gr_search_set *set)
{
    set->count = 0;
    for (int m = 0; m < GR_MODULES; m++) {
        char text[GRAFT_SETTING_TEXT_SIZE];
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
    char *training = gr_train_settings_identity(supernet);
    out->training = training ? gr_strdup(memory, training) : NULL;
    free(training);
    out->evolution = gr_printf(memory, "%lld %d %d %d %d %d %.17g %.17g", (long long)p->limit,
                               p->generations, p->population, p->parents, p->mutations,
                               p->crossovers, p->mutation_rate, p->depth_rate);
    return out->training && out->evolution;
}
