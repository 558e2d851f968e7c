/* Which files are images, by the ending of their names. */
#ifndef GR_DATA_FORMAT_H
#define GR_DATA_FORMAT_H

typedef enum gr_file_kind {
    GR_FILE_IMAGE,   /* of a format that is decoded here */
    GR_FILE_FOREIGN, /* an image of another format */
    GR_FILE_OTHER,   /* no image */
} gr_file_kind;

gr_file_kind gr_file_kind_of(const char *path);

#endif
