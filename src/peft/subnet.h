/* Sub-networks of the neural prompt search (Zhang et al., arXiv 2206.04673): how wide each module
 * of each block is.
 *
 * A supernet holds all of them: a sub-network has the first rows, columns or tokens of its tensors.
 */
#ifndef GR_SUBNET_H
#define GR_SUBNET_H

#include "data/random.h"
#include "peft/method.h"

typedef enum gr_module {
    GR_MODULE_LORA,    /* rank */
    GR_MODULE_ADAPTER, /* width of the bottleneck */
    GR_MODULE_PROMPTS, /* tokens */
    GR_MODULES
} gr_module;

/* 0: the block has no such module. Entries past the last block are 0. */
typedef struct gr_subnet {
    int width[GR_MODULES][GRAFT_INT_LIST_MAX];
} gr_subnet;

/* Each module is in the first blocks only, as many as one of `depths`; its width there is one of
 * `widths`, for each block alone. */
typedef struct gr_subnet_space {
    graft_int_list widths, depths;
} gr_subnet_space;

const char *gr_module_name(gr_module module); /* "lora", "adapter", "prompts" */

/* A sub-network with every choice equally likely. */
void gr_subnet_draw(const gr_subnet_space *space, gr_random *random, gr_subnet *out);

/* One of the numbers, each equally likely. */
int gr_int_list_draw(const graft_int_list *list, gr_random *random);
int gr_int_list_largest(const graft_int_list *list);

/* Parameters without those of the head, for tokens of width `dim`: LoRA 4 dim k, adapter
 * (2 dim + 1) k + dim, prompts dim k. */
int64_t gr_subnet_params(const gr_subnet *subnet, int64_t dim);

/* One module's widths as the method's option has them, "8,8,0". Returns text. */
const char *gr_subnet_text(const gr_subnet *subnet, gr_module module, int blocks,
                           char text[GRAFT_SETTING_TEXT_SIZE]);

#endif
