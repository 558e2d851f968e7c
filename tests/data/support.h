/* What the tests of images and datasets share: synthetic images, and writers of image files and
 * archives. */
#ifndef TESTS_DATA_SUPPORT_H
#define TESTS_DATA_SUPPORT_H

#include "fixture.h"

#include <stdbool.h>

#include "data/image.h"
#include "data/dataset.h"

/* A growing block of bytes, owned by the fixture. */
typedef struct bytes {
    void *owner;
    uint8_t *data;
    size_t size;
} bytes;

bytes bytes_of(fixture *f);
void append(bytes *b, const void *data, size_t size);

/* A picture with edges, gradients and noise; the same formula as in pillow.py. */
uint8_t synthetic(int x, int y, int channel);
gr_image synthetic_image(fixture *f, int width, int height);

/* Few levels, some of them often: low_contrast in pillow.py. */
void lower_contrast(gr_image *image);

/* The set must be exactly these "name label" pairs (the list ends with NULL), and its images
 * readable. */
void check_set(fixture *f, const char *spec, gr_dataset_params params, int classes,
               const char *const *expected);
#define SPLIT(name) ((gr_dataset_params){.split = name})

/* FNV-1a, 64 bits. */
uint64_t hash_bytes(const void *data, size_t size);

/* Encoders. `samples` of a JPEG are `components` bytes a pixel (1, 3 or 4); of a PNG they are whole
 * rows as the format wants them. */
bytes encode_jpeg(fixture *f, const uint8_t *samples, int width, int height, int components,
                  bool progressive);

typedef struct png_kind {
    int depth, color_type; /* PNG_COLOR_TYPE_* */
    bool interlaced;
    bool transparent; /* add a tRNS chunk */
} png_kind;
bytes encode_png(fixture *f, const uint8_t *rows, int width, int height, png_kind kind);

/* Appends a chunk of a PNG. */
void png_chunk(bytes *png, const char *type, const void *data, size_t size);

/* Rewrites the size in a PNG's first chunk: width and height, big-endian. */
void set_png_size(bytes *png, const char size[8]);

/* An RGB PNG, or a JPEG for names ending in .jpg, of the given size and brightness. */
void put_image(fixture *f, const char *name, int width, int height, int brightness);
bytes image_file(fixture *f, const char *name, int width, int height, int brightness);

/* Appends a tar header, and the data padded to blocks. type '0' is a file, '5' a directory. The
 * announced size may differ from the real one. */
void tar_member(bytes *tar, const char *name, char type, const void *data, size_t size,
                uint64_t announced_size);
/* type '1': a hard link, whose target is a path in the archive; '2': a symbolic one. */
void tar_link(bytes *tar, char type, const char *name, const char *target);
void tar_file(bytes *tar, const char *name, const bytes *content);
void tar_end(bytes *tar);

#endif
