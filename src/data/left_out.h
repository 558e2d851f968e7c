/* What a reader of images passed over, counted so that it can be said. */
#ifndef GR_DATA_LEFT_OUT_H
#define GR_DATA_LEFT_OUT_H

#include <stddef.h>

enum { GR_LEFT_OUT_FORMATS = 12 };

/* Zeroed at first. */
typedef struct gr_left_out {
    struct {
        char ending[8]; /* ".webp", in small letters */
        size_t count;
    } formats[GR_LEFT_OUT_FORMATS]; /* images that nothing here decodes */
    size_t format_count;
    size_t unplaced;  /* images that are in no class folder of a split */
    char example[96]; /* the first path of them, cut */
    size_t links;     /* that lead to no file */
    size_t hidden;    /* files and folders */
    size_t special;   /* pipes, sockets, devices */
    size_t others;    /* no images by their names */
} gr_left_out;

/* One image of a format, by its path. */
void gr_left_out_format(gr_left_out *out, const char *path);
void gr_left_out_unplaced(gr_left_out *out, const char *path);

/* "8 .webp, 2 images outside of class folders (a/1.jpg, ..)"; "" when nothing was. An allocation of
 * `parent`; NULL: no memory. */
char *gr_left_out_text(void *parent, const gr_left_out *out);

#endif
