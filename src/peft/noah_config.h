/* Private to the method noah: its options, and where the masks of a supernet lie in its input. */
#ifndef GR_NOAH_CONFIG_H
#define GR_NOAH_CONFIG_H

#include "peft/noah.h"

typedef struct noah_config {
    graft_int_list width[GR_MODULES];
    graft_int_list supernet, depths;
    float dropout;
} noah_config;

static inline int gr_noah_width(const noah_config *c, gr_module module, int block)
{
    const graft_int_list *list = &c->width[module];
    return list->count == 1 ? list->at[0] : list->at[block];
}

static inline bool gr_noah_is_supernet(const noah_config *c)
{
    return gr_int_list_largest(&c->supernet) > 0;
}

/* Where the masks of a block begin. */
typedef struct gr_noah_places {
    int64_t lora;     /* [rank] 0 or 1 */
    int64_t adapter;  /* [bottleneck] 0 or 1 */
    int64_t bias;     /* [dim] 1 where the block has an adapter at all */
    int64_t new, old; /* [dim] 1 and 0 where the block has prompts of its own, else 0 and 1 */
    int64_t scores;   /* [tokens] 0 or MASKED */
    int64_t end;
} gr_noah_places;

gr_noah_places gr_noah_places_of(const noah_config *c, const gr_model_config *model, int block);

/* The class token and the patches. */
static inline int64_t gr_noah_patch_tokens(const gr_model_config *model)
{
    return gr_model_prefix(model) + (int64_t)gr_model_grid(model) * gr_model_grid(model);
}

#endif
