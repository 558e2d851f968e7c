/* The first frame of a GIF, on its canvas. */
#include "data/codec.h"

#include "base/log.h"

#include <gif_lib.h>
#include <stdlib.h>
#include <string.h>

typedef struct decoder {
    const gr_decode_job *job;
    size_t used_bytes;
    GifFileType *gif;
    GifPixelType *row;
    gr_image image;
} decoder;

static bool is_gif(const uint8_t *bytes, size_t size_bytes)
{
    return size_bytes >= 6 && !memcmp(bytes, "GIF8", 4) && bytes[5] == 'a';
}

static int on_read(GifFileType *gif, GifByteType *to, int count)
{
    decoder *d = gif->UserData;
    size_t left = d->job->size_bytes - d->used_bytes, wanted = (size_t)count;
    size_t size = wanted < left ? wanted : left;
    memcpy(to, d->job->bytes + d->used_bytes, size);
    d->used_bytes += size;
    return (int)size;
}

static graft_status damaged(const decoder *d)
{
    const char *why = d->gif ? GifErrorString(d->gif->Error) : NULL;
    return gr_fail(d->job->log, GRAFT_ERR_FORMAT, "%s: damaged or truncated GIF%s%s", d->job->name,
                   why ? ": " : "", why ? why : "");
}

static void put(uint8_t *pixel, const ColorMapObject *map, int index)
{
    GifColorType color = {0};
    if (map && index < map->ColorCount)
        color = map->Colors[index];
    pixel[0] = color.Red;
    pixel[1] = color.Green;
    pixel[2] = color.Blue;
}

/* What lies outside of the canvas is not seen. */
static void put_row(const decoder *d, int y)
{
    const GifImageDesc *frame = &d->gif->Image;
    const ColorMapObject *map = frame->ColorMap ? frame->ColorMap : d->gif->SColorMap;
    y += frame->Top;
    for (int i = 0; y < d->image.height && i < frame->Width; i++) {
        int x = frame->Left + i;
        if (x < d->image.width)
            put(d->image.pixels + ((size_t)y * (size_t)d->image.width + (size_t)x) * 3, map,
                d->row[i]);
    }
}

static graft_status read_frame(decoder *d)
{
    static const int start[] = {0, 4, 2, 1}, step[] = {8, 8, 4, 2};
    const GifImageDesc *frame = &d->gif->Image;
    int passes = frame->Interlace ? 4 : 1;
    d->row = malloc((size_t)frame->Width + 1);
    if (!d->row)
        return gr_fail(d->job->log, GRAFT_ERR_MEMORY, "%s: no memory for a row", d->job->name);
    for (int pass = 0; pass < passes; pass++)
        for (int y = passes > 1 ? start[pass] : 0;
             y<frame->Height; y += passes> 1 ? step[pass] : 1) {
            if (DGifGetLine(d->gif, d->row, frame->Width) != GIF_OK)
                return damaged(d);
            put_row(d, y);
        }
    return GRAFT_OK;
}

/* Comments and the like stand before the frame. */
static graft_status find_frame(decoder *d)
{
    for (;;) {
        GifRecordType type;
        GifByteType *extension;
        int code;
        if (DGifGetRecordType(d->gif, &type) != GIF_OK || type == TERMINATE_RECORD_TYPE)
            return damaged(d);
        if (type == IMAGE_DESC_RECORD_TYPE)
            return DGifGetImageDesc(d->gif) == GIF_OK ? GRAFT_OK : damaged(d);
        if (type != EXTENSION_RECORD_TYPE)
            continue;
        if (DGifGetExtension(d->gif, &code, &extension) != GIF_OK)
            return damaged(d);
        while (extension)
            if (DGifGetExtensionNext(d->gif, &extension) != GIF_OK)
                return damaged(d);
    }
}

static graft_status decode(decoder *d)
{
    int error;
    d->gif = DGifOpen(d, on_read, &error);
    if (!d->gif)
        return damaged(d);
    GR_TRY(find_frame(d));
    GR_TRY(gr_image_alloc_within(d->job->log, d->job->name, d->gif->SWidth, d->gif->SHeight,
                                 d->job->max_pixels, &d->image));
    size_t pixels = (size_t)d->image.width * (size_t)d->image.height;
    for (size_t i = 0; i < pixels; i++)
        put(d->image.pixels + 3 * i, d->gif->SColorMap, d->gif->SBackGroundColor);
    return read_frame(d);
}

static graft_status decode_gif(const gr_decode_job *job, gr_image *out)
{
    decoder d = {.job = job};
    graft_status status = decode(&d);
    if (d.gif)
        DGifCloseFile(d.gif, NULL);
    free(d.row);
    *out = d.image;
    return status;
}

static const char *const endings[] = {".gif", NULL};

const gr_codec gr_codec_gif = {
    .name = "GIF",
    .endings = endings,
    .is = is_gif,
    .decode = decode_gif,
};
