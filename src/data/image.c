#include "data/image.h"

#include "base/log.h"
#include "data/codec.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

graft_status gr_image_alloc(graft_log *log, const char *name, int64_t width, int64_t height,
                            gr_image *out)
{
    *out = (gr_image){0};
    if (width < 1 || height < 1 || width > GR_IMAGE_MAX_SIDE || height > GR_IMAGE_MAX_SIDE ||
        width * height > GR_IMAGE_MAX_PIXELS)
        return gr_fail(log, GRAFT_ERR_FORMAT,
                       "%s: image of %lld x %lld pixels; sides of 1 to %d and at most %lld pixels "
                       "are accepted",
                       name, (long long)width, (long long)height, GR_IMAGE_MAX_SIDE,
                       (long long)GR_IMAGE_MAX_PIXELS);
    out->pixels = malloc((size_t)(width * height) * GR_IMAGE_CHANNELS);
    if (!out->pixels)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory for an image of %lld x %lld pixels",
                       name, (long long)width, (long long)height);
    out->width = (int)width;
    out->height = (int)height;
    return GRAFT_OK;
}

void gr_image_free(gr_image *image)
{
    if (!image)
        return;
    free(image->pixels);
    *image = (gr_image){0};
}

static bool starts_with(const void *bytes, size_t size_bytes, const char *magic, size_t length)
{
    return size_bytes >= length && !memcmp(bytes, magic, length);
}

graft_status gr_image_decode(graft_log *log, const char *name, const void *bytes, size_t size_bytes,
                             gr_image *out)
{
    *out = (gr_image){0};
    if (size_bytes == 0)
        return gr_fail(log, GRAFT_ERR_FORMAT, "%s: the image file is empty", name);
    if (starts_with(bytes, size_bytes, "\xFF\xD8\xFF", 3))
        return gr_jpeg_decode(log, name, bytes, size_bytes, out);
    if (starts_with(bytes, size_bytes, "\x89PNG\r\n\x1A\n", 8))
        return gr_png_decode(log, name, bytes, size_bytes, out);
    return gr_fail(log, GRAFT_ERR_FORMAT,
                   "%s: neither a JPEG nor a PNG file (by its first bytes); convert or remove it",
                   name);
}

/* The size of an open regular file within the limit, or a failure. */
static graft_status file_size(graft_log *log, const char *name, FILE *file, size_t *size_bytes)
{
    struct stat info;
    if (fstat(fileno(file), &info))
        return gr_fail(log, GRAFT_ERR_IO, "%s: %s", name, strerror(errno));
    if (!S_ISREG(info.st_mode))
        return gr_fail(log, GRAFT_ERR_IO, "%s: not a regular file", name);
    if ((uint64_t)info.st_size > GR_IMAGE_MAX_FILE_BYTES)
        return gr_fail(log, GRAFT_ERR_FORMAT,
                       "%s: file of %lld bytes; images of at most %zu bytes are accepted", name,
                       (long long)info.st_size, GR_IMAGE_MAX_FILE_BYTES);
    *size_bytes = (size_t)info.st_size;
    return GRAFT_OK;
}

static graft_status decode_file(graft_log *log, const char *name, FILE *file, gr_image *out)
{
    size_t size_bytes = 0;
    GR_TRY(file_size(log, name, file, &size_bytes));
    void *bytes = malloc(size_bytes + 1);
    if (!bytes)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory for %zu bytes", name, size_bytes);
    graft_status status = GRAFT_OK;
    if (fread(bytes, 1, size_bytes, file) != size_bytes)
        status = gr_fail(log, GRAFT_ERR_IO, "%s: could not read %zu bytes: %s", name, size_bytes,
                         ferror(file) ? strerror(errno) : "the file ended early");
    else
        status = gr_image_decode(log, name, bytes, size_bytes, out);
    free(bytes);
    return status;
}

graft_status gr_image_load(graft_log *log, const char *path, const char *name, gr_image *out)
{
    *out = (gr_image){0};
    if (!name)
        name = path;
    FILE *file = fopen(path, "rb");
    if (!file)
        return gr_fail(log, errno == ENOENT ? GRAFT_ERR_NOT_FOUND : GRAFT_ERR_IO, "%s: %s", name,
                       strerror(errno));
    graft_status status = decode_file(log, name, file, out);
    fclose(file);
    return status;
}
