/* The contract between dataset.c and the sources, one file each. */
#ifndef GR_DATA_SOURCE_H
#define GR_DATA_SOURCE_H

#include "data/codec.h"
#include "data/dataset.h"
#include "data/left_out.h"
#include <stdbool.h>

/* The first bytes of an image file. */
typedef struct gr_image_head {
    char *name; /* whom errors name; of gr_alloc(), the caller frees it */
    uint8_t bytes[GR_CODEC_HEAD];
    size_t size_bytes;
} gr_image_head;

typedef struct gr_source {
    /* As gr_dataset_image(), index in range. Called by several threads at once. */
    graft_status (*image)(graft_log *log, const gr_dataset *dataset, size_t index, gr_image *out);
    /* Likewise, but only the first bytes. Nothing at all for images that are no files. */
    graft_status (*head)(graft_log *log, const gr_dataset *dataset, size_t index,
                         gr_image_head *out);
    /* optional: releases what the allocation tree does not */
    void (*close)(gr_dataset *dataset);
} gr_source;

typedef struct gr_sample {
    const char *name;
    int32_t label;
} gr_sample;

/* A split of the data, chosen or not. */
typedef struct gr_part {
    const char *name;
    size_t images;
} gr_part;

/* First member of each source's own struct, which is a root of gr_alloc(). */
struct gr_dataset {
    const gr_source *source;
    const char *title; /* the file or folder that errors name */
    size_t count;
    int classes;
    gr_decode_options decode;
    bool drawn;               /* the list was made for so many shots: nothing is left to be drawn */
    gr_sample *samples;       /* [count] */
    const char **class_names; /* [classes] or NULL */

    /* What gr_dataset_report() tells. */
    const char *origin; /* where the split's images are from, "Testing/" */
    const char *part;   /* which of `parts` that is; NULL: none of them */
    gr_part *parts;     /* [part_count] all splits of a tree */
    size_t part_count;
    const char *note; /* more to be told; NULL: nothing */
    size_t outside;   /* images of a list that lie outside of the data's folder */
    gr_left_out left_out;
};

/* Each opens `spec` and returns a dataset to be closed by gr_dataset_close(). `split` is not NULL,
 * and holds no '/'. */
graft_status gr_file_list_open(graft_log *log, const char *spec, const gr_dataset_params *params,
                               gr_dataset **out);
graft_status gr_image_folder_open(graft_log *log, const char *spec, const gr_dataset_params *params,
                                  gr_dataset **out);
graft_status gr_tar_open(graft_log *log, const char *spec, const gr_dataset_params *params,
                         gr_dataset **out);
graft_status gr_dsprites_open(graft_log *log, const char *spec, const gr_dataset_params *params,
                              gr_dataset **out);

/* The paths of all images in a folder, at any depth, sorted: allocations of `parent`. Says what is
 * left out. Without any GRAFT_ERR_NOT_FOUND. */
graft_status gr_image_folder_list(graft_log *log, void *parent, const char *folder,
                                  const char ***paths, size_t *count);

/* What splits a tree of folders has: bits 1 << gr_split_role. 0 also when it cannot be read. */
unsigned gr_image_folder_roles(const char *spec);

/* Whether the folder holds train.tar. */
bool gr_tar_probe(const char *directory);

#define GR_DSPRITES_PREFIX "dsprites:"

#endif
