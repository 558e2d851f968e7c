/* A labelled set of images, wherever it comes from.
 *
 * What a `spec` may be, tried in this order:
 *   dsprites:location, dsprites:orientation    generated, see dsprites.c
 *   DIR with lists, see list_find.h:
 *     VTAB-1k    train800val200.txt, train800.txt, val200.txt, test.txt: lines "path label"
 *     few-shot   annotations/train_meta.list.num_shot_K.seed_S, train_meta.list, val_meta.list,
 *                test_meta.list: the same, below images/, train/, val/ or DIR
 *     FGVC       train.json, val.json, test.json: {"path": class}, below images/, Images/ or DIR
 *   DIR with train.tar and perhaps val.tar, test.tar, see tar.c
 *   DIR                                        DIR/<class>/<file>, DIR/train/<class>/<file>, ..
 *   FILE.tar                                   the same tree in one uncompressed archive
 *
 * What a `split` means:
 *            lists                            trees and archives           dsprites
 *   train    train800val200.txt, train.*      train/                       images 0..999
 *   test     test.*, few-shot also val        test/, else val/             the images from 1000 on
 *   val      val200.txt, val.*                val/, else test/             images 800..999
 *   X        X.txt, X.json                    X/                           train800, val200, ...
 *   all      -                                every image                  -
 *   train80  of train all but every fifth image of each class
 *   val20    these fifth ones
 * val200 is a part of train800val200: VTAB-1k tunes on train800 / val200, then trains on both.
 * Folders go by what their names mean, see split_name.h: Training/ is train/, valid/ is val/. One
 * that holds images instead of class folders is a class, whatever its name; where both readings are
 * plausible, or two folders may be the split, the data is refused.
 * A tree that has neither test/ nor val/ is split by rule: of each class, sorted by path, images 4,
 * 9, 14, ... are held out for "test" and "val", and "train" has the rest.
 *
 * Labels are 0 .. classes-1. In trees a label is the index of its class folder, sorted by bytes.
 */
#ifndef GR_DATA_DATASET_H
#define GR_DATA_DATASET_H

#include "data/image.h"

/* Thread-safety: once open, all functions but gr_dataset_close() are safe. */
typedef struct gr_dataset gr_dataset;

typedef struct gr_dataset_params {
    const char *split; /* "train" when NULL */
    int classes;       /* labels must be below; 0: as many as the data has */
    size_t test_count; /* images in the test split of a generated set; 0: 2000 */
    int shots;         /* so many images of each class; 0: all */
    uint64_t seed;     /* of drawing these */
    gr_decode_options decode;
} gr_dataset_params;

/* Opens and indexes; no image is decoded. `params` may be NULL. Errors name the file, and in lists
 * the line. */
graft_status gr_dataset_open(graft_log *log, const char *spec, const gr_dataset_params *params,
                             gr_dataset **out);

/* Says in one line of level INFO how `data` was read: its classes, the images of each split and how
 * they were chosen, what is left out. Either may be NULL. */
void gr_dataset_report(graft_log *log, const char *data, const gr_dataset *train,
                       const gr_dataset *test);

/* Sets *dataset to NULL; NULL and a pointer to NULL are accepted. */
void gr_dataset_close(gr_dataset **dataset);

size_t gr_dataset_count(const gr_dataset *dataset);
int gr_dataset_classes(const gr_dataset *dataset);

/* NULL when the data does not name its classes. Borrowed, as the next. */
const char *gr_dataset_class_name(const gr_dataset *dataset, int label);

/* The image's path as the source writes it. */
const char *gr_dataset_name(const gr_dataset *dataset, size_t index);
int gr_dataset_label(const gr_dataset *dataset, size_t index);

/* Looks at the first bytes of image `index`: GRAFT_ERR_FORMAT when no codec takes them. */
graft_status gr_dataset_probe(graft_log *log, const gr_dataset *dataset, size_t index);

/* Reads and decodes image `index`; the caller frees *out by gr_image_free(). */
graft_status gr_dataset_image(graft_log *log, const gr_dataset *dataset, size_t index,
                              gr_image *out);

#endif
