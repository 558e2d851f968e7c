/* Codecs that the build left out: their files are known, and refused with what would read them. */
#include "data/codec.h"

#include "base/log.h"

#include <string.h>

#define ABSENT(id, text, option, magic, ...)                                                       \
    static bool is_##id(const uint8_t *bytes, size_t size_bytes)                                   \
    {                                                                                              \
        return size_bytes >= sizeof(magic) - 1 && !memcmp(bytes, magic, sizeof(magic) - 1);        \
    }                                                                                              \
    static graft_status refuse_##id(const gr_decode_job *job, gr_image *out)                       \
    {                                                                                              \
        return gr_fail(job->log, GRAFT_ERR_UNSUPPORTED,                                            \
                       "%s: a " text " file, which this build of graft cannot read: convert it, "  \
                       "or build with -D" option "=enabled",                                       \
                       job->name);                                                                 \
    }                                                                                              \
    static const char *const endings_##id[] = {__VA_ARGS__, NULL};                                 \
    const gr_codec gr_codec_##id = {                                                               \
        .name = text, .endings = endings_##id, .is = is_##id, .decode = refuse_##id};

#ifndef GRAFT_HAVE_JPEG
ABSENT(jpeg, "JPEG", "jpeg", "\xFF\xD8\xFF", ".jpg", ".jpeg", ".jpe", ".jfif")
#endif
#ifndef GRAFT_HAVE_PNG
ABSENT(png, "PNG", "png", "\x89PNG\r\n\x1A\n", ".png")
#endif

/* A build with all codecs has nothing here, which ISO C does not allow. */
typedef int gr_codec_absent;
