/* Low-rank factors beside linears, which lora and dora have in common: A [r, in] starts random and
 * B [out, r] at zero (Hu et al., arXiv 2106.09685).
 *
 * A pattern "mlp.fc1=16,blocks.0=0" gives modules a number of their own: the first whose name is a
 * run of whole parts of the module's ("attn.q" and "blocks.3" of "blocks.3.attn.q") counts. */
#ifndef GR_LOW_RANK_H
#define GR_LOW_RANK_H

#include "peft/method.h"

typedef struct gr_low_rank {
    int r, rslora;
    float alpha, dropout;
    unsigned targets;
    const char *rank_pattern, *alpha_pattern; /* NULL: none */
} gr_low_rank;

/* clang-format off */

/* Rows of a struct that has a gr_low_rank `low`. */
#define GR_LOW_RANK_SETTINGS(type)                                                                  \
    {"r", GR_SETTING(type, low.r), GRAFT_SETTING_INT, "8", NULL, 1, 4096, "rank of the update"},    \
    {"alpha", GR_SETTING(type, low.alpha), GRAFT_SETTING_FLOAT, "8", NULL, -1e6, 1e6,               \
     "the update is scaled by alpha / r"},                                                          \
    {"targets", GR_SETTING(type, low.targets), GRAFT_SETTING_FLAGS, "q,v", GR_TARGET_NAMES, 0, 0,   \
     "adapted linears"},                                                                            \
    {"dropout", GR_SETTING(type, low.dropout), GRAFT_SETTING_FLOAT, "0", NULL, 0, 0.99,             \
     "dropout on the input of A"},                                                                  \
    {"rslora", GR_SETTING(type, low.rslora), GRAFT_SETTING_INT, "0", NULL, 0, 1,                    \
     "1: the scale is alpha / sqrt(r) (arXiv 2312.03732)"},                                         \
    {"rank_pattern", GR_SETTING(type, low.rank_pattern), GRAFT_SETTING_TEXT, NULL, "MODULE=R,..",   \
     0, 0, "ranks of modules such as mlp.fc1 or blocks.3; 0 leaves one out", "all have rank r"},    \
    {"alpha_pattern", GR_SETTING(type, low.alpha_pattern), GRAFT_SETTING_TEXT, NULL,                \
     "MODULE=ALPHA,..", 0, 0, "alphas of modules, in the same way", "all have alpha"}

/* clang-format on */

/* Whether both patterns can be read; `method` names whose they are. */
graft_status gr_low_rank_check(graft_log *log, const gr_low_rank *c, const char *method);

/* 0: the module has no factors. */
int gr_low_rank_of(const gr_low_rank *c, const gr_linear_site *site);

/* What B (A x) is multiplied with. */
float gr_low_rank_scale(const gr_low_rank *c, const gr_linear_site *site);

/* The same of a module that has factors of that rank. */
float gr_low_rank_module_scale(const gr_low_rank *c, const char *module, int rank);

/* The factors "module.lora_A.weight" and "module.lora_B.weight" of a rank above 0. */
void gr_low_rank_factors(gr_build *b, const gr_linear_site *site, int rank, gr_value **down,
                         gr_value **up);

#endif
