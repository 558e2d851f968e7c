/* What a recipe is: settings that all its tasks share, and a table of what differs by task. One
 * file per recipe in this folder; list.h names them all. */
#ifndef GR_RECIPE_H
#define GR_RECIPE_H

#include <graft/recipe.h>
#include <stddef.h>

/* What a recipe fills in. */
typedef struct gr_recipe_target {
    graft_train_params *params; /* method and batch_size are chosen already */
    const char **set;           /* [GRAFT_RECIPE_MAX_SET] */
    int set_count;
} gr_recipe_target;

enum { GR_RECIPE_TASK_SET = 4 };

/* Numbers that are 0, flip when false, and NULL leave what the recipe has. */
typedef struct gr_recipe_task {
    const char *name;
    double lr, weight_decay, drop_path;
    bool flip;
    const char *set[GR_RECIPE_TASK_SET];        /* "method.option=value" */
    void (*settings)(gr_recipe_target *target); /* what else differs; comes before the numbers */
} gr_recipe_task;

/* Rows of a recipe that has the same settings for all tasks of VTAB-1k. */
#define GR_RECIPE_VTAB                                                                             \
    {.name = "cifar"}, {.name = "caltech101"}, {.name = "dtd"}, {.name = "oxford_flowers102"},     \
        {.name = "oxford_iiit_pet"}, {.name = "svhn"}, {.name = "sun397"},                         \
        {.name = "patch_camelyon"}, {.name = "eurosat"}, {.name = "resisc45"},                     \
        {.name = "diabetic_retinopathy"}, {.name = "clevr_count"}, {.name = "clevr_dist"},         \
        {.name = "dmlab"}, {.name = "kitti"}, {.name = "dsprites_loc"}, {.name = "dsprites_ori"},  \
        {.name = "smallnorb_azi"},                                                                 \
    {                                                                                              \
        .name = "smallnorb_ele"                                                                    \
    }

typedef struct gr_recipe {
    const char *name, *summary, *source, *method, *notes;
    int batch_size;
    bool lr_per_256; /* learning rates are meant for a batch of 256, and grow with the batch */
    void (*settings)(gr_recipe_target *target);
    const gr_recipe_task *tasks; /* ends with a NULL name; NULL: there are none */
} gr_recipe;

/* Adds "method.option=value" when the method is among the chosen ones. */
void gr_recipe_set(gr_recipe_target *target, const char *item);

/* Whether "a+b" names the method. */
bool gr_recipe_has_method(const char *methods, const char *name, size_t length);

#define GR_RECIPE(name) extern const gr_recipe gr_recipe_##name;
#include "recipes/list.h"
#undef GR_RECIPE

#endif
