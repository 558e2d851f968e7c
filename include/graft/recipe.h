/* The papers' training recipes: every setting of a run as the official code has it, by name.
 *
 *     graft_train_params p;
 *     const char *set[GRAFT_RECIPE_MAX_SET];
 *     int set_count;
 *     graft_train_defaults(&p);
 *     p.method = NULL, p.batch_size = 0; // the recipe's
 *     graft_recipe_apply(log, "convpass", "cifar", &p, set, &set_count);
 *     p.set = (graft_text_list){set, set_count};
 *
 * Mixed precision is not reproduced: graft computes in 32 bits.
 */
#ifndef GRAFT_RECIPE_H
#define GRAFT_RECIPE_H

#include <graft/train.h>

enum { GRAFT_RECIPE_MAX_SET = 16 };

/* All texts live as long as the library. */
typedef struct graft_recipe_info {
    const char *name;
    const char *summary; /* one line */
    const char *source;  /* the paper */
    const char *method;  /* that it trains unless told otherwise */
    const char *notes;   /* what of the official code differs or is left out; NULL: nothing */
    int task_count;
} graft_recipe_info;

GRAFT_BEGIN_DECLS

/* Recipe `index`. False when there is none. Thread-safety: all functions are safe. */
GRAFT_API bool graft_recipe_get_info(int index, graft_recipe_info *info);

/* The name of task `task` of recipe `index`; NULL when there is none. */
GRAFT_API const char *graft_recipe_task(int index, int task);

/* Sets what the recipe settles in `params`, which holds the defaults: optimiser, schedule, batch,
 * regularisation, start of the head, input, augmentation. `task` NULL or "": what its tasks have in
 * common. Data, backbone and output stay. Where the caller has a wish of its own, params->method is
 * not NULL and params->batch_size not 0: the rest then follows these (a learning rate may be
 * proportional to the batch). Options of the chosen methods go to set[*set_count].
 * An unknown recipe or task is GRAFT_ERR_ARGUMENT with one line that lists the valid ones. */
GRAFT_API graft_status graft_recipe_apply(graft_log *log, const char *name, const char *task,
                                          graft_train_params *params,
                                          const char *set[GRAFT_RECIPE_MAX_SET], int *set_count);

GRAFT_END_DECLS

#endif
