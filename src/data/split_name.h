/* Which split a folder's name speaks of: "Training", "val", "test_set", "dev" .. */
#ifndef GR_DATA_SPLIT_NAME_H
#define GR_DATA_SPLIT_NAME_H

#include "data/span.h"

typedef enum gr_split_role {
    GR_SPLIT_NONE, /* a name of something else */
    GR_SPLIT_TRAIN,
    GR_SPLIT_VAL,
    GR_SPLIT_TEST,
} gr_split_role;

/* In any case, with or without "set", "data" or "images" behind it: train, training; val, valid,
 * validation, dev; test, testing. */
gr_split_role gr_split_role_of(gr_span name);

#endif
