/* VPT (Jia et al.): what its configurations share. Learning rate, weight decay and the number of
 * prompts were searched for each task; the values here are middle ones of that grid. */
#include "recipes/recipe.h"

static void settings(gr_recipe_target *t)
{
    graft_train_params *p = t->params;
    p->optimizer = GRAFT_OPTIMIZER_SGD;
    p->momentum = 0.9;
    p->epochs = 100;
    p->lr = 2.5;
    p->weight_decay = 1e-3;
    p->no_decay = "head.bias";
    p->schedule = GRAFT_SCHEDULE_COSINE;
    p->lr_step = GRAFT_LR_STEP_EPOCH;
    p->warmup_epochs = 10;
    p->warmup_lr = 0;
    p->min_lr = 0;
    p->head_init = GRAFT_HEAD_INIT_KAIMING;
    p->input.interpolation = GRAFT_INTERPOLATION_BILINEAR_PLAIN;
    p->seed = 42;
    gr_recipe_set(t, "vpt_shallow.num_tokens=50");
    gr_recipe_set(t, "vpt_deep.num_tokens=50");
    gr_recipe_set(t, "vpt_deep.dropout=0.1");
}

static void fgvc(gr_recipe_target *t)
{
    graft_train_params *p = t->params;
    p->input.interpolation = GRAFT_INTERPOLATION_BILINEAR;
    p->input.resize_to = 256;
    p->augment.crop = GRAFT_CROP_RANDOM;
    p->augment.flip = true;
}

static const gr_recipe_task tasks[] = {
    GR_RECIPE_VTAB,
    {.name = "fgvc_cub", .settings = fgvc},
    {.name = "fgvc_nabirds", .settings = fgvc},
    {.name = "fgvc_flowers", .settings = fgvc},
    {.name = "fgvc_dogs", .settings = fgvc},
    {.name = "fgvc_cars", .settings = fgvc},
    {.name = NULL},
};

const gr_recipe gr_recipe_vpt = {
    .name = "vpt",
    .summary = "prompts as tokens",
    .source = "arXiv 2203.12119",
    .method = "vpt_deep",
    .notes = "searched for each task: the learning rate at a batch of 256 over 50, 25, 10, 5, 2.5, "
             "1, 0.5, 0.25, 0.1, 0.05, weight decay over 0.01, 0.001, 0.0001, 0, and the number of "
             "prompts; batch 64 from 100 prompts on",
    .batch_size = 128,
    .lr_per_256 = true,
    .settings = settings,
    .tasks = tasks,
};
