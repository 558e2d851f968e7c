/* Classifying by the nearest features. */
#ifndef CLI_KNN_H
#define CLI_KNN_H

#include "command/console/command.h"

/* Prints the accuracy of a vote of the `neighbours` nearest images of the split "train" for each of
 * the split "test" (weights e^(cosine / 0.07), as in DINO, arXiv 2104.14294). */
graft_status cli_knn(cli *c, graft_device *device, graft_model *model, const char *data,
                     int neighbours, bool json);

#endif
