/* SSF (Lian et al.): learning rate, weight decay and drop path by task; from the scripts of the
 * official code. Vectors do not decay, which leaves the head's weight. */
#include "recipes/recipe.h"

static void settings(gr_recipe_target *t)
{
    graft_train_params *p = t->params;
    p->optimizer = GRAFT_OPTIMIZER_ADAMW;
    p->epochs = 100;
    p->cooldown_epochs = 10;
    p->lr = 5e-3;
    p->weight_decay = 5e-5;
    p->no_decay = "1d";
    p->schedule = GRAFT_SCHEDULE_TIMM_COSINE;
    p->lr_step = GRAFT_LR_STEP_EPOCH;
    p->warmup_epochs = 10;
    p->warmup_lr = 1e-7;
    p->min_lr = 1e-8;
    p->head_init = GRAFT_HEAD_INIT_TRUNCATED;
    p->seed = 42;
}

static void fgvc(gr_recipe_target *t)
{
    graft_train_params *p = t->params;
    p->weight_decay = 5e-2;
    p->ema = 0.9998;
    p->input.resize = GRAFT_RESIZE_CROP;
    p->input.resize_to = 248;
    p->augment.crop = GRAFT_CROP_RANDOM_RESIZED;
    p->augment.flip = true;
    p->augment.mixup = 0.8;
    p->augment.cutmix = 1;
    p->augment.label_smoothing = 0.1;
}

static void fgvc_flowers(gr_recipe_target *t)
{
    fgvc(t);
    t->params->ema = 0.999;
}

static const gr_recipe_task tasks[] = {
    {"cifar", 5e-3, 5e-5, 0},
    {"caltech101", 1e-3, 5e-2, 0.1},
    {"dtd", 5e-3, 5e-5, 0},
    {"oxford_flowers102", 5e-3, 5e-5, 0},
    {"oxford_iiit_pet", 5e-3, 5e-5, 0},
    {"svhn", 1e-2, 5e-5, 0},
    {"sun397", 5e-3, 5e-5, 0},
    {"patch_camelyon", 5e-3, 5e-5, 0},
    {"eurosat", 3e-3, 5e-2, 0.2},
    {"resisc45", 2e-3, 5e-5, 0.1},
    {"diabetic_retinopathy", 5e-3, 5e-5, 0.2},
    {"clevr_count", 2e-3, 5e-2, 0.1},
    {"clevr_dist", 5e-2, 5e-2, 0.1},
    {"dmlab", 5e-3, 5e-5, 0.1},
    {"kitti", 1e-2, 5e-5, 0},
    {"dsprites_loc", 1e-2, 5e-5, 0},
    {"dsprites_ori", 5e-3, 5e-5, 0.2},
    {"smallnorb_azi", 2e-2, 5e-5, 0.1},
    {"smallnorb_ele", 5e-3, 5e-2, 0.2},
    {"fgvc_cub", 1e-2, 0, 0, .settings = fgvc},
    {"fgvc_nabirds", 2e-4, 0, 0.1, .settings = fgvc},
    {"fgvc_flowers", 1e-2, 0, 0.1, .settings = fgvc_flowers},
    {"fgvc_dogs", 2.5e-4, 0, 0, .settings = fgvc},
    {"fgvc_cars", 2e-2, 0, 0, .settings = fgvc},
    {.name = NULL},
};

const gr_recipe gr_recipe_ssf = {
    .name = "ssf",
    .summary = "scales and shifts on VTAB-1k and FGVC",
    .source = "arXiv 2210.08823",
    .method = "ssf",
    .notes = "trained in mixed precision there, on two devices with 32 images each",
    .batch_size = 64,
    .settings = settings,
    .tasks = tasks,
};
