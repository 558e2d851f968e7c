/* RLRR (Dong et al.): learning rate, weight decay, drop rate and flips by task; from the scripts of
 * the official code for ViT-B. */
#include "recipes/recipe.h"

/* What is dropped are elements of the branches, though the code calls it a drop path. Its shifts
 * are named as biases there, and as biases do not decay; nor does what a norm's name is in. */
static void settings(gr_recipe_target *t)
{
    graft_train_params *p = t->params;
    p->optimizer = GRAFT_OPTIMIZER_ADAMW;
    p->epochs = 100;
    p->cooldown_epochs = 10;
    p->lr = 1e-3;
    p->weight_decay = 5e-5;
    p->no_decay = "bias,norm,rlrr.shift";
    p->schedule = GRAFT_SCHEDULE_TIMM_COSINE;
    p->lr_step = GRAFT_LR_STEP_LATE_EPOCH;
    p->warmup_epochs = 10;
    p->warmup_lr = 1e-7;
    p->min_lr = 1e-8;
    p->head_init = GRAFT_HEAD_INIT_ZERO;
    p->drop_kind = GRAFT_DROP_ELEMENT;
    p->input.normalization = GRAFT_NORMALIZATION_HALF;
    p->seed = 42;
}

static void fgvc(gr_recipe_target *t)
{
    graft_train_params *p = t->params;
    p->epochs = 50;
    p->weight_decay = 5e-2;
    p->input.resize_to = 256;
    p->augment.crop = GRAFT_CROP_RANDOM;
    p->augment.flip = true;
}

static void restarts(gr_recipe_target *t, double epochs, double factor)
{
    graft_train_params *p = t->params;
    p->schedule = GRAFT_SCHEDULE_RESTARTS;
    p->restart_epochs = epochs;
    p->restart_factor = factor;
    p->warmup_epochs = 0;
    p->min_lr = 0;
}

static void fgvc_restarts(gr_recipe_target *t)
{
    fgvc(t);
    restarts(t, 5, 1);
}

/* The stronger variant of the FGVC runs. */
static void fgvc_augmented(gr_recipe_target *t)
{
    graft_train_params *p = t->params;
    fgvc(t);
    restarts(t, 10, 2);
    p->epochs = 100;
    p->ema = 0.9998;
    p->augment.mixup = 0.8;
    p->augment.cutmix = 1;
    p->augment.label_smoothing = 0.1;
}

static const gr_recipe_task tasks[] = {
    {"cifar", 3e-3, 0, 0.1},
    {"caltech101", 1e-3, 0, 0.1},
    {"dtd", 2e-3, 0, 0.1, true},
    {"oxford_flowers102", 3e-3, 5e-2, 0.3},
    {"oxford_iiit_pet", 1e-3, 0, 0.1, true},
    {"svhn", 5e-3, 0, 0.3},
    {"sun397", 1e-3, 0, 0.1},
    {"patch_camelyon", 3e-3, 5e-2, 0.3, true},
    {"eurosat", 1e-3, 0, 0.1, true},
    {"resisc45", 3e-3, 0, 0},
    {"diabetic_retinopathy", 5e-3, 0, 0.1, true},
    {"clevr_count", 5e-3, 0, 0.5, true},
    {"clevr_dist", 1e-2, 0, 0.2, true},
    {"dmlab", 5e-3, 0, 0.3, true},
    {"kitti", 3e-3, 5e-2, 0.3, true},
    {"dsprites_loc", 1e-2, 0, 0.1},
    {"dsprites_ori", 5e-3, 0, 0.1},
    {"smallnorb_azi", 5e-3, 5e-2, 0.3},
    {"smallnorb_ele", 1e-3, 0, 0.3, true},
    {"fgvc_cub", 3e-3, 0, 0.1, .settings = fgvc_restarts},
    {"fgvc_nabirds", 5e-4, 0, 0.3, .settings = fgvc},
    {"fgvc_flowers", 3e-3, 0, 0.2, .settings = fgvc},
    {"fgvc_dogs", 1e-4, 0, 0, .settings = fgvc_restarts},
    {"fgvc_cars", 3e-3, 0, 0.2, .settings = fgvc},
    {"fgvc_cub_aug", 3e-3, 0, 0.1, .settings = fgvc_augmented},
    {"fgvc_nabirds_aug", 5e-4, 0, 0.3, .settings = fgvc_augmented},
    {"fgvc_flowers_aug", 3e-3, 0, 0.2, .settings = fgvc_augmented},
    {"fgvc_dogs_aug", 1e-4, 0, 0, .settings = fgvc_augmented},
    {"fgvc_cars_aug", 3e-3, 0, 0.2, .settings = fgvc_augmented},
    {.name = NULL},
};

const gr_recipe gr_recipe_rlrr = {
    .name = "rlrr",
    .summary = "low-rank rescaling on VTAB-1k and FGVC",
    .source = "arXiv 2403.19067",
    .method = "rlrr",
    .notes = "trained in mixed precision there; on a Swin its drop is a true drop path "
             "(`drop_kind` path)",
    .batch_size = 32,
    .settings = settings,
    .tasks = tasks,
};
