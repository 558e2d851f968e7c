/* A set of methods on one backbone: "freqfit+lora" is a list, applied in the order of list.h. */
#ifndef GR_COMPOSE_H
#define GR_COMPOSE_H

#include "peft/method.h"

enum { GR_MAX_METHODS = 8 };

typedef struct gr_methods {
    int count;
    struct {
        const gr_method *method;
        void *config; /* owned by the set */
    } item[GR_MAX_METHODS];
} gr_methods;

int gr_method_count(void);
const gr_method *gr_method_at(int index);

/* Parses "name+name"; unknown and repeated names are one-line errors that list the valid ones. */
graft_status gr_methods_parse(graft_log *log, const char *list, gr_methods **out);
void gr_methods_destroy(gr_methods *methods); /* NULL is accepted */

/* Sets "method.option" to a value given as text, checked against the option's table. */
graft_status gr_methods_set(graft_log *log, gr_methods *methods, const char *key,
                            const char *value);

/* The same for items "method.option=value". */
graft_status gr_methods_set_all(graft_log *log, gr_methods *methods, const graft_text_list *items);

/* "freqfit+lora" */
void gr_methods_name(const gr_methods *methods, char *text, size_t size);

/* Whether the weight of a linear is the method's business: that of the fused qkv is for those that
 * take it as one, those of q, k and v are for the others. */
bool gr_method_takes(const gr_method *method, const gr_model_config *model,
                     gr_linear_target target);

/* What each method does at a graft point; see method.h for the hooks. */
bool gr_methods_train(const gr_methods *methods, const char *tensor);
bool gr_methods_keep(const gr_methods *methods, const char *tensor);
bool gr_methods_change_weights(const gr_build *b, gr_linear_target target);
gr_value *gr_methods_linear(gr_linear_site *site, gr_build *b, gr_value *x);
gr_value *gr_methods_scale_input(const gr_linear_site *site, gr_build *b, gr_value *x);
gr_value *gr_methods_add(const gr_linear_site *site, gr_build *b, gr_value *x, gr_value *y);
void gr_methods_weight(gr_linear_site *site, gr_build *b);
gr_value *gr_methods_before_block(gr_build *b, int block, gr_value *x);
gr_value *gr_methods_output(gr_build *b, gr_point point, const char *module, gr_value *y);

gr_value *gr_methods_addend(gr_build *b, const gr_block *block, gr_sublayer sublayer, gr_value *z);
gr_value *gr_methods_scores(gr_build *b, int block, gr_value *scores);

/* The input of numbers that a method draws anew for each step: [count], made by its first use in
 * the graph. NULL on error. */
gr_value *gr_methods_input(gr_build *b, const gr_method *method, int64_t count);

/* The same of a graph that is built; NULL: it has none. */
gr_value *gr_methods_find_input(const gr_graph *graph, const gr_method *method);

/* `sum` plus every method's branch; x is the stream that entered the sublayer, y its norm. */
gr_value *gr_methods_branch(gr_build *b, const gr_block *block, gr_sublayer sublayer, gr_value *x,
                            gr_value *y, gr_value *sum);

/* Whether a method is in the set; for checks of who goes with whom. */
bool gr_methods_have(const gr_methods *methods, const char *name);

/* Whether all methods fit the backbone and each other. */
graft_status gr_methods_check(graft_log *log, const gr_methods *methods,
                              const gr_model_config *model);

#endif
