/* The primary image of a HEIF file, as libheif gives it: HEIC of phones, AVIF where the library has
 * a decoder for it. */
#include "data/codec.h"

#include "base/log.h"

#include <libheif/heif.h>
#include <math.h>
#include <string.h>

static bool is_heif(const uint8_t *bytes, size_t size_bytes)
{
    static const char *const brands[] = {"heic", "heix", "heim", "heis", "mif1", "avif"};
    bool found = false;
    for (size_t i = 0; i < sizeof(brands) / sizeof(brands[0]); i++)
        found |= size_bytes >= 12 && !memcmp(bytes + 8, brands[i], 4);
    return found && !memcmp(bytes + 4, "ftyp", 4);
}

static graft_status check(const gr_decode_job *job, struct heif_error error)
{
    bool unsupported = error.code == heif_error_Unsupported_filetype ||
                       error.code == heif_error_Unsupported_feature;
    if (error.code == heif_error_Ok)
        return GRAFT_OK;
    if (error.code == heif_error_Memory_allocation_error)
        return gr_fail(job->log, GRAFT_ERR_MEMORY, "%s: no memory to decode it", job->name);
    return gr_fail(job->log, unsupported ? GRAFT_ERR_UNSUPPORTED : GRAFT_ERR_FORMAT,
                   "%s: libheif cannot read this HEIF file: %s", job->name, error.message);
}

static void copy_rows(const struct heif_image *decoded, gr_image *out)
{
    int stride;
    const uint8_t *from = heif_image_get_plane_readonly(decoded, heif_channel_interleaved, &stride);
    size_t row = (size_t)out->width * GR_IMAGE_CHANNELS;
    for (size_t y = 0; y < (size_t)out->height; y++)
        memcpy(out->pixels + y * row, from + y * (size_t)stride, row);
}

/* What the coded picture says of its size may be something else than what the file said. */
static graft_status decode_image(const gr_decode_job *job, const struct heif_image_handle *handle,
                                 gr_image *out)
{
    struct heif_image *decoded = NULL;
    GR_TRY(gr_image_alloc_within(job->log, job->name, heif_image_handle_get_width(handle),
                                 heif_image_handle_get_height(handle), job->max_pixels, out));
    graft_status status = check(job, heif_decode_image(handle, &decoded, heif_colorspace_RGB,
                                                       heif_chroma_interleaved_RGB, NULL));
    if (status == GRAFT_OK &&
        (heif_image_get_width(decoded, heif_channel_interleaved) != out->width ||
         heif_image_get_height(decoded, heif_channel_interleaved) != out->height))
        status =
            gr_fail(job->log, GRAFT_ERR_FORMAT,
                    "%s: damaged HEIF: its picture has another size than the file says", job->name);
    if (status == GRAFT_OK)
        copy_rows(decoded, out);
    heif_image_release(decoded);
    return status;
}

static graft_status decode_heif(const gr_decode_job *job, gr_image *out)
{
    struct heif_image_handle *handle = NULL;
    struct heif_context *context = heif_context_alloc();
    if (!context)
        return gr_fail(job->log, GRAFT_ERR_MEMORY, "%s: no memory to decode it", job->name);
    heif_context_set_maximum_image_size_limit(context, (int)sqrt((double)job->max_pixels) + 1);
    heif_context_set_max_decoding_threads(context, 0); /* images are decoded side by side */
    graft_status status = check(job, heif_context_read_from_memory_without_copy(
                                         context, job->bytes, job->size_bytes, NULL));
    if (status == GRAFT_OK)
        status = check(job, heif_context_get_primary_image_handle(context, &handle));
    if (status == GRAFT_OK)
        status = decode_image(job, handle, out);
    heif_image_handle_release(handle);
    heif_context_free(context);
    return status;
}

static const char *const endings[] = {".heic", ".heif", ".hif", ".avif", NULL};

/* No orientation: how an image is turned is a part of the file itself, which the library heeds, and
 * EXIF's tag beside it is for information only (ISO/IEC 23008-12, annex A). */
const gr_codec gr_codec_heif = {
    .name = "HEIF",
    .endings = endings,
    .is = is_heif,
    .decode = decode_heif,
};
