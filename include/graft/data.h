/* Data sets: which of their images to choose settings with. */
#ifndef GRAFT_DATA_H
#define GRAFT_DATA_H

#include <graft/export.h>
#include <stdbool.h>

GRAFT_BEGIN_DECLS

/* Whether a data set (docs/data.md) has validation images of its own. Where it has none, its split
 * "val" stands for the test images, with which nothing should be chosen. Looks at names of files
 * only. Thread-safety: safe. */
GRAFT_API bool graft_data_has_validation(const char *data);

/* The splits to train on and to compare on while a setting is chosen: "train800" and "val200" in
 * VTAB-1k's layout and of generated sets, "train" and "val" where there are validation images, else
 * "train80" and "val20". The texts are constants. Thread-safety: safe. */
GRAFT_API void graft_data_selection(const char *data, const char **train, const char **val);

/* The split to test a model on that was trained on other data: "all" in a folder of class folders
 * without test or validation images, since nothing of it was trained on, else "test". The text is a
 * constant. Thread-safety: safe. */
GRAFT_API const char *graft_data_foreign_test(const char *data);

GRAFT_END_DECLS

#endif
