/* A trained supernet on a device, of which any sub-network can be measured. */
#ifndef GR_MEASURE_H
#define GR_MEASURE_H

#include "peft/subnet.h"
#include "adapter/evaluate.h"

struct gr_device;

typedef struct gr_measure_params {
    struct gr_device *device;
    const char *backbone, *supernet; /* files; the second made by training a supernet */
    const char *data, *split;
    int batch, threads;
    bool (*progress)(void *user, size_t done, size_t total); /* see gr_evaluation */
    void *user;
} gr_measure_params;

typedef struct gr_measure gr_measure;

graft_status gr_measure_open(graft_log *log, const gr_measure_params *params, gr_measure **out);
void gr_measure_close(gr_measure *measure); /* NULL is accepted */

/* Only the sub-network acts from now on. */
graft_status gr_measure_choose(gr_measure *measure, const gr_subnet *subnet);

/* Of the chosen one: logits [count, classes] of images [count, 3, S, S], and accuracy on the
 * split. */
graft_status gr_measure_logits(gr_measure *measure, const float *images, int count, float *logits);
graft_status gr_measure_accuracy(gr_measure *measure, double *accuracy);

#endif
