#include "data/codec.h"

#include "base/log.h"

#include <stdio.h>
#include <string.h>

/* Images of the last four count as left out where their library is missing. */
static const gr_codec *const codecs[] = {
    &gr_codec_jpeg, &gr_codec_png, &gr_codec_bmp,
#ifdef GRAFT_HAVE_WEBP
    &gr_codec_webp,
#endif
#ifdef GRAFT_HAVE_GIF
    &gr_codec_gif,
#endif
#ifdef GRAFT_HAVE_TIFF
    &gr_codec_tiff,
#endif
#ifdef GRAFT_HAVE_HEIF
    &gr_codec_heif,
#endif
};

enum { CODECS = sizeof(codecs) / sizeof(codecs[0]) };

const gr_codec *gr_codec_at(int index)
{
    return index < CODECS ? codecs[index] : NULL;
}

const gr_codec *gr_codec_of(const uint8_t *bytes, size_t size_bytes)
{
    for (int i = 0; i < CODECS; i++)
        if (codecs[i]->is(bytes, size_bytes))
            return codecs[i];
    return NULL;
}

/* A format by its first bytes; NULL: an unknown one. */
static const char *known_format(const uint8_t *bytes, size_t size_bytes)
{
    static const struct {
        int at;
        const char *magic, *name;
    } known[] = {
        {0, "GIF8", "GIF"},          {8, "WEBP", "WebP"},      {0, "BM", "BMP"},
        {0, "II*", "TIFF"},          {0, "MM", "TIFF"},        {4, "ftypheic", "HEIC"},
        {4, "ftyp", "HEIF or AVIF"}, {0, "<", "text or HTML"}, {0, "%PDF", "PDF"},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        size_t length = strlen(known[i].magic), at = (size_t)known[i].at;
        if (size_bytes >= at + length && !memcmp(bytes + at, known[i].magic, length))
            return known[i].name;
    }
    return NULL;
}

graft_status gr_codec_refuse(graft_log *log, const char *name, const uint8_t *bytes,
                             size_t size_bytes)
{
    char names[96] = "";
    const char *format = known_format(bytes, size_bytes);
    if (size_bytes == 0)
        return gr_fail(log, GRAFT_ERR_FORMAT, "%s: the image file is empty", name);
    for (int i = 0; i < CODECS; i++) {
        size_t used = strlen(names);
        snprintf(names + used, sizeof(names) - used, "%s%s",
                 i == 0            ? ""
                 : i == CODECS - 1 ? " or "
                                   : ", ",
                 codecs[i]->name);
    }
    return gr_fail(log, GRAFT_ERR_FORMAT,
                   "%s: %s%s by its first bytes, expected %s; convert or "
                   "remove it",
                   name, format ? format : "no image", format ? "" : "", names);
}
