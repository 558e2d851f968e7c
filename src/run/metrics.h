/* metrics.jsonl: one JSON object for each step and for each evaluation. */
#ifndef GR_METRICS_H
#define GR_METRICS_H

#include "base/log.h"

#include <stdint.h>

typedef struct gr_metrics gr_metrics;

/* Opens `path` and keeps its first `keep_bytes` bytes: a resumed run drops the lines after its
 * checkpoint and writes them again. A file that is shorter is GRAFT_ERR_FORMAT. */
graft_status gr_metrics_open(graft_log *log, const char *path, uint64_t keep_bytes,
                             gr_metrics **out);

/* Closes the file; NULL and a pointer to NULL are accepted. */
void gr_metrics_close(gr_metrics **metrics);

graft_status gr_metrics_step(gr_metrics *metrics, uint64_t step, double epoch, double loss,
                             double lr, double images_per_s);
graft_status gr_metrics_evaluation(gr_metrics *metrics, int epoch, const char *split,
                                   double accuracy, double loss);

/* Bytes written so far. */
uint64_t gr_metrics_bytes(const gr_metrics *metrics);

/* Makes them safe from a crash of the machine: a checkpoint that counts them comes after. */
graft_status gr_metrics_sync(gr_metrics *metrics);

#endif
