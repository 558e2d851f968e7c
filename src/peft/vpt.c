/* VPT: trained tokens between the class token and the patches (Jia et al., arXiv 2203.12119).
 * Shallow prompts enter before the first block and stay; deep ones are replaced before each block.
 * They have no position embedding. */
#include "ops/ops.h"
#include "peft/compose.h"
#include "peft/trained.h"

#include <math.h>
#include <stddef.h>

typedef struct vpt_config {
    int tokens;
    float dropout;
} vpt_config;

static const graft_setting options[] = {
    {"num_tokens", GR_SETTING(vpt_config, tokens), GRAFT_SETTING_INT, "50", NULL, 1, 65536,
     "number of prompts"},
    {"dropout", GR_SETTING(vpt_config, dropout), GRAFT_SETTING_FLOAT, "0", NULL, 0, 0.99,
     "dropout on the prompts"},
    {.key = NULL},
};

static graft_status check(graft_log *log, const void *config, const gr_model_config *model,
                          const gr_methods *methods)
{
    (void)config;
    if (model->family != GR_FAMILY_VIT)
        return gr_fail(log, GRAFT_ERR_UNSUPPORTED,
                       "vpt: a Swin's windows have no room for prompts; choose another method, "
                       "such as ssf or convpass, or a plain ViT");
    if (gr_methods_have(methods, "vpt_shallow") && gr_methods_have(methods, "vpt_deep"))
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "vpt_deep: replaces the prompts of vpt_shallow; leave one of them out");
    return GRAFT_OK;
}

/* The prompts of one block, [P, D]; or [B, P, D] where each image drops elements of its own. */
static gr_value *prompts(const vpt_config *c, gr_build *b, int block)
{
    int64_t dim = b->config->dim, patch = b->config->patch_size;
    gr_init init = {GR_INIT_UNIFORM, sqrtf(6.0f / (float)(3 * patch * patch + dim)), 0.0f};
    gr_value *tokens = gr_build_param(b, gr_build_name(b, "prompts.%d.tokens", block),
                                      GR_SHAPE(c->tokens, dim), init);
    if (!b->training || c->dropout == 0.0f)
        return tokens;
    return gr_build_dropout(b, gr_repeated(b, tokens), c->dropout);
}

/* x [B, p + old + n, D] with `old` prompts behind p tokens -> [B, p + P + n, D] */
static gr_value *place(const vpt_config *c, gr_build *b, int block, gr_value *x, int64_t old)
{
    gr_value *tokens = prompts(c, b, block);
    if (!x || !tokens)
        return NULL;
    int64_t count = c->tokens, p = gr_model_prefix(b->config);
    int64_t patches = x->shape.dim[1] - p - old, total = p + count + patches;
    gr_value *rest = gr_slice(x, 1, p + old, patches), *first = p ? gr_slice(x, 1, 0, p) : NULL;
    if (tokens->shape.rank == 3)
        return p ? gr_concat((gr_value *[]){first, tokens, rest}, 3, 1)
                 : gr_concat((gr_value *[]){tokens, rest}, 2, 1);
    gr_value *parts[] = {first, rest};
    const int64_t start[] = {0, p + count};
    x = p ? gr_concat_at(parts, start, 2, 1, total) : gr_concat_at(&rest, &count, 1, 1, total);
    return gr_add(x, gr_concat_at(&tokens, &p, 1, 0, total));
}

static gr_value *insert(const void *config, gr_build *b, int block, gr_value *x)
{
    const vpt_config *c = config;
    if (block > 0)
        return x;
    b->prompts = c->tokens;
    return place(c, b, block, x, 0);
}

static gr_value *insert_or_replace(const void *config, gr_build *b, int block, gr_value *x)
{
    const vpt_config *c = config;
    if (block == b->config->depth)
        return x;
    return block == 0 ? insert(config, b, block, x) : place(c, b, block, x, c->tokens);
}

const gr_method gr_method_vpt_shallow = {
    .name = "vpt_shallow",
    .summary = "prompts before the first block",
    .source = "arXiv 2203.12119",
    .options = options,
    .config_bytes = sizeof(vpt_config),
    .check = check,
    .before_block = insert,
    .not_foldable = "its prompts are tokens, not weights",
};

const gr_method gr_method_vpt_deep = {
    .name = "vpt_deep",
    .summary = "prompts of its own before each block",
    .source = "arXiv 2203.12119",
    .options = options,
    .config_bytes = sizeof(vpt_config),
    .check = check,
    .before_block = insert_or_replace,
    .not_foldable = "its prompts are tokens, not weights",
};
