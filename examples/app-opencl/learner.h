/* graft's part of the example: an adapter trained on the application's images, in its context. */
#ifndef LEARNER_H
#define LEARNER_H

#include "painter.h"

#include <graft/graft.h>
#include <graft/opencl.h>

enum { BATCH = 6 };

typedef struct learner {
    graft_device *device;
    graft_trainer *trainer;
    graft_buffer *pixels; /* [BATCH, HEIGHT, WIDTH], four bytes each */
    int32_t labels[BATCH];
} learner;

bool learner_open(learner *l, graft_log *log, const painter *p, const char *backbone);
void learner_close(learner *l);

/* The image becomes picture `place` of the batch, with its label; nothing waits. */
bool learner_take(learner *l, cl_mem image, int place, int label);

/* At most so many milliseconds of the step at hand; *done: the batch has been learned. */
bool learner_slice(learner *l, double milliseconds, bool *done, float *loss);

/* The shapes that the network sees in the batch. */
bool learner_name(learner *l, int shapes[BATCH]);

#endif
