/* What a sweep is to run: methods x data sets x shots x learning rates x seeds, from JSON.
 *
 *     {
 *       "out": "sweeps/one",
 *       "settings": {"backbone": "vit.safetensors", "epochs": 20},
 *       "methods": ["linear", {"name": "tuned", "method": "lora", "set": ["lora.r=4"]}],
 *       "data": [{"name": "eurosat", "data": "data/eurosat", "group": "specialized"}],
 *       "lr": [0.001, 0.01], "seeds": [1, 2], "shots": [], "devices": ["opencl:0"],
 *       "select": {"train-split": "train800", "test-split": "val200", "seeds": [1]}
 *     }
 *
 * "settings" and the items hold options of graft train; an item of "data" wins over the settings,
 * an item of "methods" over both, their lists "set" are joined. With several learning rates each
 * is tried on the validation split first. docs/sweeps.md has the whole story.
 */
#ifndef SWEEP_SPEC_H
#define SWEEP_SPEC_H

#include "command/console/command.h"

#include <jansson.h>

enum { SWEEP_MAX_DEVICES = 64 };

/* A method or a data set. */
typedef struct sweep_item {
    const char *name;
    const char *group;      /* of a data set; or NULL */
    const json_t *options;  /* of graft train; also name and group */
    const json_t *evaluate; /* of a data set: others to test on, objects of name, data, split */
    bool missing;           /* the data set is not there */
} sweep_item;

/* All but the root and the items is borrowed from the root. */
typedef struct sweep_spec {
    json_t *root;
    const char *out;
    const json_t *settings;
    sweep_item *methods, *data;
    int method_count, data_count;
    json_t *lr, *shots, *seeds, *devices;   /* arrays */
    const char *select_train, *select_test; /* NULL: as the data set's layout tells */
    json_t *select_seeds;                   /* array */
} sweep_spec;

/* Checks `root` and takes it, also on failure. Anything unknown or missing is a one-line error,
 * except data sets that are not there: these are marked. Call sweep_spec_release() in any case. */
graft_status sweep_spec_read(cli *c, json_t *root, sweep_spec *out);
void sweep_spec_release(sweep_spec *spec);

/* The splits that choose a learning rate for a data set: parts of its training images. */
graft_status sweep_select_splits(cli *c, const sweep_spec *spec, const sweep_item *data,
                                 const char **train, const char **test);

/* A text of an item of an "evaluate" list; "" when it has none. */
const char *sweep_target_text(const json_t *target, const char *key);

/* Whether its data set is not there. */
bool sweep_target_missing(const json_t *target);

#endif
