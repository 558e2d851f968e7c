/* Convpass (Jie and Deng): one setting for the 19 tasks of VTAB-1k but for the scale of the bypass
 * and the start of its convolution; from the configurations of the official code. */
#include "recipes/recipe.h"

static void settings(gr_recipe_target *t)
{
    graft_train_params *p = t->params;
    p->optimizer = GRAFT_OPTIMIZER_ADAMW;
    p->epochs = 100;
    p->drop_last = true;
    p->lr = 1e-3;
    p->weight_decay = 1e-4;
    p->schedule = GRAFT_SCHEDULE_TIMM_COSINE;
    p->lr_step = GRAFT_LR_STEP_LATE_EPOCH;
    p->warmup_epochs = 10;
    p->warmup_lr = 1e-6;
    p->min_lr = 1e-5;
    p->head_init = GRAFT_HEAD_INIT_UNIFORM;
    p->drop_path = 0.1;
    p->seed = 42;
    p->eval_every = 10;
}

/* On CLIP's image encoder, with a head made of text embeddings. */
static void clip(gr_recipe_target *t)
{
    graft_train_params *p = t->params;
    p->epochs = 50;
    p->weight_decay = 0;
    p->schedule = GRAFT_SCHEDULE_COSINE;
    p->lr_step = GRAFT_LR_STEP_EPOCH;
    p->warmup_epochs = 0;
    p->min_lr = 0;
    p->augment.crop = GRAFT_CROP_RANDOM_RESIZED;
    p->augment.flip = true;
    p->input.normalization = GRAFT_NORMALIZATION_CLIP;
}

#define IDENTITY "identity"
#define XAVIER   "xavier"

/* Scale and start of both variants. */
#define TASK(name, s, init, attn_s, attn_init)                                                     \
    {                                                                                              \
        name, .set = {                                                                             \
            "convpass.s=" s,                                                                       \
            "convpass.conv_init=" init,                                                            \
            "convpass_attn.s=" attn_s,                                                             \
            "convpass_attn.conv_init=" attn_init                                                   \
        }                                                                                          \
    }

static const gr_recipe_task tasks[] = {
    TASK("cifar", "0.1", IDENTITY, "0.1", XAVIER),
    TASK("caltech101", "1", IDENTITY, "100", XAVIER),
    TASK("dtd", "0.01", XAVIER, "0.1", XAVIER),
    TASK("oxford_flowers102", "0.1", XAVIER, "1", XAVIER),
    TASK("oxford_iiit_pet", "1", XAVIER, "1", XAVIER),
    TASK("svhn", "100", XAVIER, "100", XAVIER),
    TASK("sun397", "0.1", IDENTITY, "0.1", XAVIER),
    TASK("patch_camelyon", "10", IDENTITY, "10", XAVIER),
    TASK("eurosat", "10", IDENTITY, "10", XAVIER),
    TASK("resisc45", "10", IDENTITY, "100", XAVIER),
    TASK("diabetic_retinopathy", "1", IDENTITY, "0.1", XAVIER),
    TASK("clevr_count", "1", IDENTITY, "10", XAVIER),
    TASK("clevr_dist", "0.1", XAVIER, "1", XAVIER),
    TASK("dmlab", "10", IDENTITY, "10", XAVIER),
    TASK("kitti", "10", XAVIER, "10", XAVIER),
    TASK("dsprites_loc", "100", XAVIER, "10", XAVIER),
    TASK("dsprites_ori", "0.1", XAVIER, "1", XAVIER),
    TASK("smallnorb_azi", "100", XAVIER, "100", XAVIER),
    TASK("smallnorb_ele", "1", XAVIER, "1", XAVIER),
    {.name = "fewshot", .lr = 5e-3},
    {.name = "clip", .lr = 1e-5, .settings = clip},
    {.name = NULL},
};

const gr_recipe gr_recipe_convpass = {
    .name = "convpass",
    .summary = "convolutional bypasses on VTAB-1k, few-shot and CLIP",
    .source = "arXiv 2207.07039",
    .method = "convpass",
    .notes =
        "the code for few-shot and CLIP is not published; the scale s of few-shot runs was "
        "searched over 0.01, 0.1, 1, 10 and 100, its values are not published; CLIP needs texts "
        "for its head: `text.class_names` or `text.embeddings`",
    .batch_size = 64,
    .settings = settings,
    .tasks = tasks,
};
