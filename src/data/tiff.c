/* The first page of a TIFF, as libtiff's RGBA interface gives it. */
#include "data/codec.h"

#include "base/log.h"
#include "data/exif.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tiffio.h>

typedef struct decoder {
    const gr_decode_job *job;
    toff_t at;
    char error[160]; /* the first one */
} decoder;

static bool is_tiff(const uint8_t *bytes, size_t size_bytes)
{
    return size_bytes >= 8 && (!memcmp(bytes, "II*\0", 4) || !memcmp(bytes, "MM\0*", 4) ||
                               !memcmp(bytes, "II+\0", 4) || !memcmp(bytes, "MM\0+", 4));
}

static int on_error(TIFF *tiff, void *user, const char *module, const char *format, va_list args)
{
    decoder *d = user;
    (void)tiff, (void)module;
    if (!*d->error)
        vsnprintf(d->error, sizeof(d->error), format, args);
    return 1; /* handled: nothing is printed */
}

static int on_warning(TIFF *tiff, void *user, const char *module, const char *format, va_list args)
{
    (void)tiff, (void)user, (void)module, (void)format, (void)args;
    return 1;
}

static tmsize_t on_read(thandle_t handle, void *to, tmsize_t count)
{
    decoder *d = handle;
    size_t left = d->at < d->job->size_bytes ? d->job->size_bytes - (size_t)d->at : 0;
    size_t size = (size_t)count < left ? (size_t)count : left;
    memcpy(to, d->job->bytes + (left ? d->at : 0), size);
    d->at += size;
    return (tmsize_t)size;
}

static tmsize_t on_write(thandle_t handle, void *from, tmsize_t count)
{
    (void)handle, (void)from, (void)count;
    return 0;
}

static toff_t on_seek(thandle_t handle, toff_t offset, int whence)
{
    decoder *d = handle;
    toff_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? d->at : d->job->size_bytes;
    return d->at = from + offset;
}

static int on_close(thandle_t handle)
{
    (void)handle;
    return 0;
}

static toff_t on_size(thandle_t handle)
{
    return ((decoder *)handle)->job->size_bytes;
}

static TIFF *open_tiff(decoder *d)
{
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
    if (!options)
        return NULL;
    TIFFOpenOptionsSetMaxSingleMemAlloc(options, (tmsize_t)(d->job->max_pixels * 4 + (1 << 20)));
    TIFFOpenOptionsSetErrorHandlerExtR(options, on_error, d);
    TIFFOpenOptionsSetWarningHandlerExtR(options, on_warning, NULL);
    TIFF *tiff = TIFFClientOpenExt(d->job->name, "rm", d, on_read, on_write, on_seek, on_close,
                                   on_size, NULL, NULL, options);
    TIFFOpenOptionsFree(options);
    return tiff;
}

/* As the pixels lie: the orientation is applied by whoever asks for it. */
static graft_status read_pixels(const decoder *d, TIFF *tiff, gr_image *out)
{
    uint32_t width = 0, height = 0;
    uint16_t orientation = ORIENTATION_TOPLEFT;
    TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &width);
    TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &height);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_ORIENTATION, &orientation);
    GR_TRY(
        gr_image_alloc_within(d->job->log, d->job->name, width, height, d->job->max_pixels, out));
    size_t pixels = (size_t)width * height;
    uint32_t *raster = malloc(pixels * sizeof(*raster));
    if (!raster)
        return gr_fail(d->job->log, GRAFT_ERR_MEMORY, "%s: no memory to decode it", d->job->name);
    bool read = TIFFReadRGBAImageOriented(tiff, width, height, raster, orientation, 1);
    for (size_t i = 0; read && i < pixels; i++) {
        out->pixels[3 * i] = (uint8_t)TIFFGetR(raster[i]);
        out->pixels[3 * i + 1] = (uint8_t)TIFFGetG(raster[i]);
        out->pixels[3 * i + 2] = (uint8_t)TIFFGetB(raster[i]);
    }
    free(raster);
    return read ? GRAFT_OK
                : gr_fail(d->job->log, GRAFT_ERR_FORMAT, "%s: damaged or truncated TIFF: %s",
                          d->job->name, d->error);
}

static graft_status decode_tiff(const gr_decode_job *job, gr_image *out)
{
    decoder d = {.job = job};
    TIFF *tiff = open_tiff(&d);
    if (!tiff)
        return gr_fail(job->log, GRAFT_ERR_FORMAT, "%s: damaged or truncated TIFF: %s", job->name,
                       d.error);
    graft_status status = read_pixels(&d, tiff, out);
    TIFFClose(tiff);
    return status;
}

static const char *const endings[] = {".tif", ".tiff", NULL};

/* EXIF data is a TIFF file, and keeps the orientation where this one does. */
const gr_codec gr_codec_tiff = {
    .name = "TIFF",
    .endings = endings,
    .is = is_tiff,
    .decode = decode_tiff,
    .orientation = gr_exif_orientation,
};
