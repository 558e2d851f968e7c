/* What fine-tuning did: numbers about runs that have been trained, for figures and tables. */
#ifndef GRAFT_ANALYZE_H
#define GRAFT_ANALYZE_H

#include <graft/device.h>

/* All texts are borrowed for the duration of the call. */
typedef struct graft_analyze_params {
    const char *const *runs; /* folders that graft_train made */
    int run_count;
    const char *backbone; /* on which all of them were trained; NULL: nothing of it is analysed */
    const char *data;     /* images whose features are analysed, see docs/data.md; NULL: none */
    const char *split;    /* of the data; NULL: "test" */
    int images;           /* how many, chosen at random, always the same ones; 0: 64 */
    int batch_size;       /* images at once; 0: 16 */
    int threads;          /* that decode images; 0: as many as fit the machine */
} graft_analyze_params;

GRAFT_BEGIN_DECLS

/* Analyses runs and describes the result as a JSON object, which docs/analysis.md explains: curves
 * and accuracies of the runs, singular values of weights, power spectra of features, learned
 * filters. What cannot be computed is left out, with a line in "notes" that says why. `device` is
 * for features; NULL: there are none. The caller frees *json by free(). Blocks. Thread-safety: one
 * thread at a time for each device. */
GRAFT_API graft_status graft_analyze(graft_log *log, graft_device *device,
                                     const graft_analyze_params *params, char **json);

GRAFT_END_DECLS

#endif
