/* Neural prompt search (NOAH, Zhang et al., arXiv 2206.04673): finds how wide LoRA, adapter and
 * prompts of each block should be.
 *
 *     graft_search_params p;
 *     graft_search_defaults(&p);
 *     p.train.backbone = "vit.safetensors", p.train.data = "photos", p.train.out = "search";
 *     p.limit = 500000;
 *     graft_search_result r;
 *     if (graft_search(log, device, &p, &r) != GRAFT_OK) ...
 *
 * Three phases: a supernet is trained, a random part of it in each step; an evolution looks for its
 * best part under a limit of parameters; that part is trained on from the supernet's weights.
 */
#ifndef GRAFT_SEARCH_H
#define GRAFT_SEARCH_H

#include <graft/train.h>

typedef enum graft_search_phase {
    GRAFT_SEARCH_SUPERNET,
    GRAFT_SEARCH_EVOLUTION,
    GRAFT_SEARCH_RETRAIN,
} graft_search_phase;

typedef struct graft_search_progress {
    graft_search_phase phase;
    const graft_train_progress
        *train;                  /* of the supernet or the retraining; NULL in the evolution */
    int generation, generations; /* running one from 1, in all */
    int candidate, candidates;   /* of the generation: measured so far, in all */
    double best_accuracy;        /* so far; negative: none is known */
    double seconds_left;         /* of the phase */
} graft_search_progress;

/* All texts are borrowed for the duration of the call. */
typedef struct graft_search_params {
    /* Of the retraining, and of the supernet but for the fields below. `method`, `set`,
     * `init_adapter`, `progress` and `user` are not used. `out` is the folder of the search, which
     * `resume` continues. */
    graft_train_params train;
    int supernet_epochs;
    double supernet_lr;
    const char *supernet_split; /* NULL: of graft_data_selection, or `train`'s if that is set */
    const char *val_split;      /* that candidates are measured on; NULL: of the same function */
    graft_int_list widths;      /* of modules to choose from */
    graft_int_list depths;      /* numbers of first blocks that may have a module; a single 0:
                                 * quarters of the backbone's, 3, 6, 9 and 12 of 12 blocks */
    double dropout;             /* in each module */
    uint64_t limit;             /* parameters without the head; 0: any */
    int generations, population;
    int parents, mutations, crossovers;
    double mutation_rate, depth_rate;
    /* Called after each step and each batch of a candidate, on the caller's thread: true goes on,
     * false ends early. May be NULL. */
    bool (*progress)(void *user, const graft_search_progress *progress);
    void *user;
} graft_search_params;

typedef struct graft_search_result {
    graft_int_list lora, adapter, prompts; /* widths of the blocks */
    int64_t params;                        /* without the head */
    double val_accuracy;                   /* with the supernet's weights */
    int candidates;                        /* that were measured */
    graft_train_result retrained;
} graft_search_result;

GRAFT_BEGIN_DECLS

/* The settings of the paper's code for VTAB-1k. */
GRAFT_API void graft_search_defaults(graft_search_params *params);

/* The table of graft_search_params: row `index`, NULL past the last one. Thread-safety: safe. */
GRAFT_API const graft_setting *graft_search_setting(int index);

/* Searches, and leaves in `train.out`: supernet/ and subnet/, two runs as graft_train leaves them,
 * and search.json, all candidates with their accuracies. subnet/adapter.safetensors is the result.
 * Blocks. GRAFT_ERR_INTERRUPTED after `progress` ended it: call again with `train.resume` to go on
 * as if it had never stopped. `result` may be NULL. Thread-safety: as graft_train. */
GRAFT_API graft_status graft_search(graft_log *log, graft_device *device,
                                    const graft_search_params *params, graft_search_result *result);

GRAFT_END_DECLS

#endif
