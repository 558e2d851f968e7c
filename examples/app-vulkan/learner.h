/* graft's part of the example: an adapter trained on the application's pictures, on its device. */
#ifndef LEARNER_H
#define LEARNER_H

#include "renderer.h"

#include <graft/graft.h>
#include <graft/vulkan.h>

enum { LEARNER_MAX_BATCH = 64, LEARNER_MAX_CLASSES = 16 };

typedef struct learner {
    app *app;
    graft_device *device;
    graft_trainer *trainer;
    graft_buffer *pixels; /* [batch, size, size], four bytes each */
    int32_t labels[LEARNER_MAX_BATCH];
    int batch;
    uint32_t size; /* of the pictures, pixels */
} learner;

/* For pictures of size x size pixels and `classes` shapes, `batch` at a time, up to the limits
 * above. */
bool learner_open(learner *l, graft_log *log, app *a, const char *backbone, uint32_t size,
                  int batch, int classes);
void learner_close(learner *l);

/* The pictures become the next batch; nothing waits. */
bool learner_take(learner *l, const picture *pictures, const int32_t *labels);

/* At most so many milliseconds of the step at hand; *done: the batch has been learned. */
bool learner_slice(learner *l, double milliseconds, bool *done, float *loss);

/* The shapes that the network sees in `batch` pictures. */
bool learner_name(learner *l, const picture *pictures, int *shapes);

#endif
