/* The linears of a backbone by the names that Hugging Face peft knows them by: those of timm's or
 * transformers' modules, found through the tables of src/weights/layouts. */
#ifndef GR_PEFT_NAMES_H
#define GR_PEFT_NAMES_H

#include "peft/compose.h"
#include "peft/sites.h"
#include "weights/layout.h"

/* A linear that methods adapt. Where q, k and v are one linear to the library they are three of
 * these, one after the other, with the same peft_name. */
typedef struct gr_peft_module {
    gr_linear_site site;           /* weight: its shape only */
    char peft_name[GR_NAME_BYTES]; /* "": it is no torch.nn.Linear of its own there */
    int64_t rows, in;
    bool fused;
} gr_peft_module;

/* Texts and shapes live as long as the graph. */
typedef struct gr_peft_modules {
    gr_graph *graph;
    gr_sites *sites;
    gr_peft_module *items;
    size_t count;
    char head[GR_NAME_BYTES]; /* "classifier"; "": none that graft's is */
    bool head_sees_mean;      /* behind the class token's feature it gets the mean of the patches */
} gr_peft_modules;

/* What a linear belongs to: itself, or the three that are one. */
static inline size_t gr_peft_module_parts(const gr_peft_module *m)
{
    return m->fused ? 3 : 1;
}

/* Whether the library's model has a module "encoder.layer.3.intermediate.dense": where versions or
 * variants of it differ the first that it has counts. */
typedef bool gr_peft_has(const void *user, const char *module);

/* Names as they are in the library's model proper, below any prefix and tower. The caller gives
 * *out to gr_peft_modules_release, also on failure. */
graft_status gr_peft_modules_list(graft_log *log, const gr_model_config *config,
                                  const gr_layout *layout, gr_peft_has *has, const void *user,
                                  gr_peft_modules *out);
void gr_peft_modules_release(gr_peft_modules *modules);

#endif
