#include "data/format.h"

#include "data/codec.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

static bool is_one_of(const char *ending, const char *const *endings)
{
    for (; *endings; endings++)
        if (strcasecmp(ending, *endings) == 0)
            return true;
    return false;
}

gr_file_kind gr_file_kind_of(const char *path)
{
    static const char *const foreign[] = {".webp", ".bmp",  ".gif",  ".tif", ".tiff",
                                          ".heic", ".heif", ".avif", ".jp2", ".jxl",
                                          ".ppm",  ".pgm",  ".pnm",  ".tga", NULL};
    const char *dot = strrchr(path, '.');
    if (!dot)
        return GR_FILE_OTHER;
    for (int i = 0; gr_codec_at(i); i++)
        if (is_one_of(dot, gr_codec_at(i)->endings))
            return GR_FILE_IMAGE;
    return is_one_of(dot, foreign) ? GR_FILE_FOREIGN : GR_FILE_OTHER;
}
