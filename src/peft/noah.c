/* NOAH: LoRA on the fused qkv, adapters after the MLPs and prompts at the end of the tokens, with
 * widths of their own in each block (Zhang et al., arXiv 2206.04673).
 *
 * A supernet has all modules at full width. In each step of training a random part of it acts: what
 * does not is masked by numbers of the method's input, so that the graph stays the same. Masked
 * rows, columns and tokens change no other value, and their gradients are zero. */
#include "peft/noah_config.h"

#include "ops/ops.h"
#include "peft/compose.h"
#include "peft/trained.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#define WIDTHS(module)                                                                             \
    GR_SETTING(noah_config, width[module]), GRAFT_SETTING_INTS, "8", NULL, 0, 1024

static const graft_setting options[] = {
    {"lora", WIDTHS(GR_MODULE_LORA),
     "rank of the updates, one for all blocks or for each; 0: none"},
    {"adapter", WIDTHS(GR_MODULE_ADAPTER), "width of the bottlenecks, in the same way"},
    {"prompts", WIDTHS(GR_MODULE_PROMPTS), "number of prompts; 0: those of the block before stay"},
    {"dropout", GR_SETTING(noah_config, dropout), GRAFT_SETTING_FLOAT, "0", NULL, 0, 0.99,
     "dropout in each module"},
    {"supernet", GR_SETTING(noah_config, supernet), GRAFT_SETTING_INTS, "0", NULL, 0, 1024,
     "each step trains random widths of these; 0: all of them"},
    {"depths", GR_SETTING(noah_config, depths), GRAFT_SETTING_INTS, "0", NULL, 0,
     GRAFT_INT_LIST_MAX,
     "a supernet has each module in so many first blocks; 0: a quarter, a half, .. of them"},
    {.key = NULL},
};

static bool is_masked(const noah_config *c, const gr_build *b)
{
    return gr_noah_is_supernet(c) && (b->training || b->drawn);
}

static gr_value *mask(const noah_config *c, gr_build *b, int64_t place, int64_t count)
{
    gr_value *all = gr_methods_input(b, &gr_method_noah, gr_noah_input_count(c, b->config));
    return gr_slice(all, 0, place, count);
}

static void draw(const void *config, const gr_model_config *model, uint64_t seed, uint64_t step,
                 float *out)
{
    gr_subnet subnet;
    gr_noah_draw(config, model, seed, step, &subnet);
    gr_noah_input(config, model, &subnet, out);
}

/* ---- The modules ---------------------------------------------------------------------------- */

static int block_of(const char *module)
{
    int block = 0;
    for (const char *at = module + strlen("blocks."); *at >= '0' && *at <= '9'; at++)
        block = 10 * block + (*at - '0');
    return block;
}

static gr_value *lora(const void *config, gr_build *b, const gr_linear_site *site, gr_value *x,
                      gr_value *y)
{
    const noah_config *c = config;
    if (site->target != GR_TARGET_QKV || !x || !site->weight)
        return y;
    int block = block_of(site->module), r = gr_noah_width(c, GR_MODULE_LORA, block);
    if (r == 0)
        return y;
    int64_t out = site->weight->shape.dim[0], in = site->weight->shape.dim[1];
    gr_init uniform = {GR_INIT_UNIFORM, 1.0f / sqrtf((float)in), 0.0f};
    gr_value *down = gr_build_param(b, gr_build_name(b, "%s.lora_A.weight", site->module),
                                    GR_SHAPE(r, in), uniform);
    gr_value *up = gr_build_param(b, gr_build_name(b, "%s.lora_B.weight", site->module),
                                  GR_SHAPE(out, r), (gr_init){GR_INIT_ZERO, 0.0f, 0.0f});
    gr_value *z = gr_linear(gr_build_dropout(b, x, c->dropout), down, NULL);
    if (is_masked(c, b))
        z = gr_mul(z, mask(c, b, gr_noah_places_of(c, b->config, block).lora, r));
    return gr_add(y, gr_linear(z, up, NULL));
}

static gr_value *adapter(const void *config, gr_build *b, const gr_block *at, gr_sublayer sublayer,
                         gr_value *x)
{
    const noah_config *c = config;
    int h = gr_noah_width(c, GR_MODULE_ADAPTER, at->index);
    if (sublayer != GR_SUBLAYER_MLP || h == 0 || !x)
        return x;
    gr_noah_places place = gr_noah_places_of(c, b->config, at->index);
    const char *name = gr_build_name(b, "%s.mlp.adapter", at->name);
    gr_init xavier = {GR_INIT_UNIFORM, sqrtf(6.0f / (float)(at->dim + h)), 0.0f};
    gr_init small = {GR_INIT_NORMAL, 0.0f, 1e-6f};
    gr_value *up =
        gr_build_param(b, gr_build_name(b, "%s.up.weight", name), GR_SHAPE(at->dim, h), xavier);
    gr_value *bias =
        gr_build_param(b, gr_build_name(b, "%s.up.bias", name), GR_SHAPE(at->dim), small);
    gr_value *z = gr_linear(
        x,
        gr_build_param(b, gr_build_name(b, "%s.down.weight", name), GR_SHAPE(h, at->dim), xavier),
        gr_build_param(b, gr_build_name(b, "%s.down.bias", name), GR_SHAPE(h), small));
    z = gr_quick_gelu(z);
    if (is_masked(c, b)) {
        z = gr_mul(z, mask(c, b, place.adapter, h));
        bias = gr_mul(bias, mask(c, b, place.bias, at->dim));
    }
    return gr_add(x, gr_linear(gr_build_dropout(b, z, c->dropout), up, bias));
}

/* [B, P, D] */
static gr_value *prompts_of(const noah_config *c, gr_build *b, int block, int64_t count)
{
    float fan = (float)(b->config->dim * (count + 1));
    gr_value *tokens = gr_build_param(b, gr_build_name(b, "prompts.%d.tokens", block),
                                      GR_SHAPE(count, b->config->dim),
                                      (gr_init){GR_INIT_UNIFORM, sqrtf(6.0f / fan), 0.0f});
    return gr_build_dropout(b, gr_repeated(b, tokens), c->dropout);
}

/* x [B, 1 + n + old, D] -> [B, 1 + n + P, D]; after the last block [B, 1 + n, D] */
static gr_value *prompts(const void *config, gr_build *b, int block, gr_value *x)
{
    const noah_config *c = config;
    if (!x)
        return NULL;
    bool last = block == b->config->depth;
    int64_t patches = gr_noah_patch_tokens(b->config), old = x->shape.dim[1] - patches;
    int64_t count = last ? 0 : gr_noah_width(c, GR_MODULE_PROMPTS, block);
    if (count == 0 && !(last && old))
        return x;
    gr_value *rest = old ? gr_slice(x, 1, 0, patches) : x;
    if (last)
        return rest;
    gr_value *tokens = prompts_of(c, b, block, count);
    if (is_masked(c, b) && old) {
        gr_noah_places place = gr_noah_places_of(c, b->config, block);
        gr_value *kept = gr_slice(x, 1, patches, old);
        tokens = gr_add(gr_mul(tokens, mask(c, b, place.new, b->config->dim)),
                        gr_mul(kept, mask(c, b, place.old, b->config->dim)));
    }
    return gr_concat((gr_value *[]){rest, tokens}, 2, 1);
}

static gr_value *scores(const void *config, gr_build *b, int block, gr_value *x)
{
    const noah_config *c = config;
    if (!x || !is_masked(c, b))
        return x;
    int64_t tokens = x->shape.dim[x->shape.rank - 1];
    return gr_add(x, mask(c, b, gr_noah_places_of(c, b->config, block).scores, tokens));
}

/* ---- What fits -------------------------------------------------------------------------------*/

static graft_status check_supernet(graft_log *log, const noah_config *c,
                                   const gr_model_config *model)
{
    int largest = gr_int_list_largest(&c->supernet);
    for (int m = 0; m < GR_MODULES; m++)
        if (c->width[m].count != 1 || c->width[m].at[0] != largest)
            return gr_fail(log, GRAFT_ERR_ARGUMENT,
                           "noah.%s: a supernet with widths up to %d needs it everywhere; set "
                           "noah.%s=%d",
                           gr_module_name(m), largest, gr_module_name(m), largest);
    if (gr_int_list_largest(&c->depths) > model->depth)
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "noah.depths: up to %d, but the backbone has %d blocks; set smaller ones",
                       gr_int_list_largest(&c->depths), model->depth);
    return GRAFT_OK;
}

static graft_status check(graft_log *log, const void *config, const gr_model_config *model,
                          const gr_methods *methods)
{
    const noah_config *c = config;
    if (model->family != GR_FAMILY_VIT)
        return gr_fail(log, GRAFT_ERR_UNSUPPORTED,
                       "noah: a Swin's windows have no room for prompts; choose another method, "
                       "such as ssf or convpass, or a plain ViT");
    if (model->depth > GRAFT_INT_LIST_MAX)
        return gr_fail(log, GRAFT_ERR_UNSUPPORTED,
                       "noah: the backbone has %d blocks, it takes up to %d; choose another method",
                       model->depth, GRAFT_INT_LIST_MAX);
    if (methods->count > 1)
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "noah: is a set of modules already; leave the other methods out");
    for (int m = 0; m < GR_MODULES; m++)
        if (c->width[m].count != 1 && c->width[m].count != model->depth)
            return gr_fail(log, GRAFT_ERR_ARGUMENT,
                           "noah.%s: has %d widths, the backbone has %d blocks; give one for each, "
                           "or one for all",
                           gr_module_name(m), c->width[m].count, model->depth);
    return gr_noah_is_supernet(c) ? check_supernet(log, c, model) : GRAFT_OK;
}

const gr_method gr_method_noah = {
    .name = "noah",
    .summary = "LoRA, adapters and prompts with widths for each block, as graft search finds them",
    .source = "arXiv 2206.04673",
    .options = options,
    .config_bytes = sizeof(noah_config),
    .check = check,
    .fused_on_vit = true,
    .linear = lora,
    .before_block = prompts,
    .addend = adapter,
    .scores = scores,
    .draw = draw,
    .not_foldable = "its prompts are tokens and its bottlenecks are not linear",
};
