/* FreqFit (Ly and Nguyen): the example that the official code is published with; no values per data
 * set are. Warm-up and filters depend on the method that it is combined with. */
#include "recipes/recipe.h"

#include <string.h>

static bool has(const graft_train_params *p, const char *method)
{
    return gr_recipe_has_method(p->method, method, strlen(method));
}

/* Whether nothing but the head, filters or prompts is trained. */
static bool is_prompt_or_linear(const graft_train_params *p)
{
    return has(p, "vpt_deep") || has(p, "vpt_shallow") || has(p, "linear") ||
           strcmp(p->method, "freqfit") == 0;
}

static void settings(gr_recipe_target *t)
{
    graft_train_params *p = t->params;
    p->optimizer = GRAFT_OPTIMIZER_SGD;
    p->momentum = 0.9;
    p->epochs = 100;
    p->lr = 0.1;
    p->weight_decay = 0.01;
    p->no_decay = "head.bias";
    p->schedule = GRAFT_SCHEDULE_COSINE;
    p->lr_step = GRAFT_LR_STEP_EPOCH;
    p->warmup_epochs = is_prompt_or_linear(p) ? 10 : 5;
    p->warmup_lr = 0;
    p->min_lr = 0;
    p->head_init = GRAFT_HEAD_INIT_KAIMING;
    p->input.interpolation = GRAFT_INTERPOLATION_BILINEAR_PLAIN;
    p->seed = 42;
    gr_recipe_set(t, "lora.targets=q,k,v,proj,fc1,fc2");
    gr_recipe_set(t, "lora.r=8");
    gr_recipe_set(t, "lora.alpha=8");
    gr_recipe_set(t, "vera.train_bias=1");
    gr_recipe_set(t, "boft.train_bias=1");
    gr_recipe_set(t, "fourierft.train_bias=1");
    if (has(p, "vpt_deep"))
        gr_recipe_set(t, "freqfit.variant=1d");
}

const gr_recipe gr_recipe_freqfit = {
    .name = "freqfit",
    .summary = "frequency filters with LoRA or another method",
    .source = "arXiv 2411.19297",
    .method = "freqfit+lora",
    .notes =
        "learning rate and weight decay are those of its example; the rest were searched, on "
        "seeds 42, 44, 82, 100 and 800; with linear or prompts it warms up for 10 epochs, vera, "
        "boft and fourierft train biases too, and vpt_deep takes the variant 1d",
    .batch_size = 64,
    .settings = settings,
};
