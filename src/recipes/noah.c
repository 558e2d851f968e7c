/* NOAH (Zhang et al.): how it retrains the modules that its search finds, and its baselines LoRA,
 * Adapter and VPT with a width of 8. */
#include "recipes/recipe.h"

static void settings(gr_recipe_target *t)
{
    graft_train_params *p = t->params;
    p->optimizer = GRAFT_OPTIMIZER_ADAMW;
    p->epochs = 100;
    p->drop_last = true;
    p->lr = 1e-3;
    p->weight_decay = 1e-4;
    p->no_decay = "1d";
    p->schedule = GRAFT_SCHEDULE_TIMM_COSINE;
    p->lr_step = GRAFT_LR_STEP_LATE_EPOCH;
    p->warmup_epochs = 10;
    p->warmup_lr = 1e-6;
    p->min_lr = 1e-5;
    p->head_init = GRAFT_HEAD_INIT_UNIFORM;
    p->drop_path = 0.1;
    p->seed = 0;
    p->eval_every = 10;
    gr_recipe_set(t, "lora.r=8");
    gr_recipe_set(t, "lora.alpha=8");
    gr_recipe_set(t, "lora.targets=q,k,v");
    gr_recipe_set(t, "lora.dropout=0.1");
    gr_recipe_set(t, "adapter.h=8");
    gr_recipe_set(t, "vpt_deep.num_tokens=8");
    gr_recipe_set(t, "vpt_deep.dropout=0.1");
    gr_recipe_set(t, "noah.dropout=0.1");
}

static void fewshot(gr_recipe_target *t)
{
    graft_train_params *p = t->params;
    p->input.resize_to = 256;
    p->augment.crop = GRAFT_CROP_RANDOM_RESIZED;
    p->augment.flip = true;
    p->augment.rand_augment = (graft_rand_augment){
        .count = 2, .probability = 0.5, .magnitude = 9, .deviation = 0.5, .increasing = true};
    p->augment.random_erasing = 0.25;
    p->augment.mixup = 0.8;
    p->augment.cutmix = 1;
    p->augment.label_smoothing = 0.1;
}

static const gr_recipe_task tasks[] = {
    GR_RECIPE_VTAB,
    {.name = "fewshot", .lr = 5e-3, .settings = fewshot},
    {.name = NULL},
};

const gr_recipe gr_recipe_noah = {
    .name = "noah",
    .summary = "the modules of the neural prompt search, and its baselines",
    .source = "arXiv 2206.04673",
    .method = "lora",
    .notes = "the baselines differ here: LoRA has an A of its own for q, k and v, Adapter a plain "
             "GELU and no dropout, prompts stand before the patches; the method noah has the "
             "modules as they are there, and graft search finds their widths",
    .batch_size = 64,
    .settings = settings,
    .tasks = tasks,
};
