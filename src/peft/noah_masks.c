/* The input of NOAH's supernets: masks of each block, one after the other, drawn for each step or
 * told by a sub-network. */
#include "peft/noah_config.h"

#include <string.h>

/* Added to the scores of tokens that nothing shall attend to: their softmax is exactly zero. */
static const float MASKED = -1e9f;

/* Masks begin at multiples of this: enough for the binding offsets of every API. */
enum { ALIGN = 64 };

/* Keys the draws of training steps; no other stream of random numbers has it. */
static const uint32_t STREAM_SUPERNET = 0x6e6f6168;

static int64_t advance(int64_t *at, int64_t count)
{
    int64_t place = *at;
    *at += (count + ALIGN - 1) / ALIGN * ALIGN;
    return place;
}

gr_noah_places gr_noah_places_of(const noah_config *c, const gr_model_config *model, int block)
{
    int64_t at = 0;
    gr_noah_places p = {
        .lora = advance(&at, gr_noah_width(c, GR_MODULE_LORA, 0)),
        .adapter = advance(&at, gr_noah_width(c, GR_MODULE_ADAPTER, 0)),
        .bias = advance(&at, model->dim),
        .new = advance(&at, model->dim),
        .old = advance(&at, model->dim),
        .scores =
            advance(&at, gr_noah_patch_tokens(model) + gr_noah_width(c, GR_MODULE_PROMPTS, 0)),
    };
    int64_t start = block * at;
    return (gr_noah_places){p.lora + start, p.adapter + start, p.bias + start, p.new + start,
                            p.old + start,  p.scores + start,  at + start};
}

static void fill(float *out, int64_t first, int64_t end, float value)
{
    for (int64_t i = first; i < end; i++)
        out[i] = value;
}

int64_t gr_noah_input_count(const void *config, const gr_model_config *model)
{
    return gr_noah_places_of(config, model, model->depth - 1).end;
}

void gr_noah_input(const void *config, const gr_model_config *model, const gr_subnet *subnet,
                   float *out)
{
    const noah_config *c = config;
    int64_t dim = model->dim, patches = gr_noah_patch_tokens(model), seen = 0;
    memset(out, 0, (size_t)gr_noah_input_count(c, model) * sizeof(*out));
    for (int i = 0; i < model->depth; i++) {
        gr_noah_places p = gr_noah_places_of(c, model, i);
        int prompts = subnet->width[GR_MODULE_PROMPTS][i];
        int adapter = subnet->width[GR_MODULE_ADAPTER][i];
        seen = prompts ? prompts : seen;
        fill(out, p.lora, p.lora + subnet->width[GR_MODULE_LORA][i], 1.0f);
        fill(out, p.adapter, p.adapter + adapter, 1.0f);
        fill(out, p.bias, p.bias + dim, adapter ? 1.0f : 0.0f);
        fill(out, p.new, p.new + dim, prompts ? 1.0f : 0.0f);
        fill(out, p.old, p.old + dim, prompts ? 0.0f : 1.0f);
        fill(out, p.scores + patches + seen,
             p.scores + patches + gr_noah_width(c, GR_MODULE_PROMPTS, i), MASKED);
    }
}

/* 3, 6, 9 and 12 of 12 blocks, as in the paper; rounded up, and none twice. */
static graft_int_list quarters(int blocks)
{
    graft_int_list list = {0};
    for (int i = 1; i <= 4; i++) {
        int depth = (i * blocks + 3) / 4;
        if (list.count == 0 || depth > list.at[list.count - 1])
            list.at[list.count++] = depth;
    }
    return list;
}

bool gr_noah_space(const void *config, const gr_model_config *model, gr_subnet_space *out)
{
    const noah_config *c = config;
    *out = (gr_subnet_space){c->supernet, c->depths};
    if (c->depths.count == 1 && c->depths.at[0] == 0)
        out->depths = quarters(model->depth);
    return gr_noah_is_supernet(c);
}

void gr_noah_draw(const void *config, const gr_model_config *model, uint64_t seed, uint64_t step,
                  gr_subnet *out)
{
    gr_subnet_space space;
    gr_random_key key = {seed, (uint32_t)(step >> 32), (uint32_t)step};
    gr_random random = gr_random_stream(key, STREAM_SUPERNET);
    gr_noah_space(config, model, &space);
    gr_subnet_draw(&space, &random, out);
}
