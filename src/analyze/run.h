/* A run folder, read back. */
#ifndef GR_ANALYZE_RUN_H
#define GR_ANALYZE_RUN_H

#include "adapter/file.h"

#include <jansson.h>

typedef struct gr_analyzed_run {
    const char *path;    /* borrowed */
    gr_tensors *adapter; /* as of the last epoch; NULL: the run has not come to one */
    gr_adapter_info info;
    json_t *config;  /* config.json */
    json_t *metrics; /* see include/graft/analyze.h: steps and evaluations */
} gr_analyzed_run;

/* A folder that is none of a run, and files that are damaged, are errors that name them. The last
 * line of metrics.jsonl may be incomplete. Call gr_analyzed_run_release also after a failure. */
graft_status gr_analyzed_run_open(graft_log *log, const char *path, gr_analyzed_run *out);
void gr_analyzed_run_release(gr_analyzed_run *run);

#endif
