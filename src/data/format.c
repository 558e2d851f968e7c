#include "data/format.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

static int is_one_of(const char *ending, const char *const *endings)
{
    for (; *endings; endings++)
        if (strcasecmp(ending, *endings) == 0)
            return 1;
    return 0;
}

gr_file_kind gr_file_kind_of(const char *path)
{
    static const char *const own[] = {".jpg", ".jpeg", ".jpe", ".jfif", ".png", NULL};
    static const char *const foreign[] = {".webp", ".bmp",  ".gif",  ".tif", ".tiff",
                                          ".heic", ".heif", ".avif", ".jp2", ".jxl",
                                          ".ppm",  ".pgm",  ".pnm",  ".tga", NULL};
    const char *dot = strrchr(path, '.');
    if (!dot)
        return GR_FILE_OTHER;
    return is_one_of(dot, own)       ? GR_FILE_IMAGE
           : is_one_of(dot, foreign) ? GR_FILE_FOREIGN
                                     : GR_FILE_OTHER;
}
