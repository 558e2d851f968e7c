/* AdaptFormer (Chen et al.): the defaults of the official code for images, on 8 devices with 128
 * images each. */
#include "recipes/recipe.h"

static void settings(gr_recipe_target *t)
{
    graft_train_params *p = t->params;
    p->optimizer = GRAFT_OPTIMIZER_SGD;
    p->momentum = 0.9;
    p->epochs = 100;
    p->drop_last = true;
    p->lr = 0.1;
    p->weight_decay = 0;
    p->schedule = GRAFT_SCHEDULE_COSINE;
    p->lr_step = GRAFT_LR_STEP_ITERATION;
    p->warmup_epochs = 20;
    p->warmup_lr = 0;
    p->min_lr = 0;
    p->head_init = GRAFT_HEAD_INIT_NARROW;
    p->head_norm = true;
    p->seed = 0;
    p->input.resize = GRAFT_RESIZE_CROP;
    p->input.resize_to = 256;
    p->augment.crop = GRAFT_CROP_RANDOM_RESIZED;
    p->augment.flip = true;
}

const gr_recipe gr_recipe_adaptformer = {
    .name = "adaptformer",
    .summary = "a bottleneck beside each MLP",
    .source = "arXiv 2205.13535",
    .method = "adaptformer",
    .batch_size = 1024,
    .lr_per_256 = true,
    .settings = settings,
};
