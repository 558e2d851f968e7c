#include "text/gzip.h"

#include "base/file.h"
#include "base/mem.h"

#include <zlib.h>

graft_status gr_gzip_read(graft_log *log, void *parent, const char *path, size_t max_bytes,
                          char **text)
{
    gzFile file = gzopen(path, "rb");
    if (!file)
        return gr_fail_errno(log, path, "cannot open");
    size_t room = 1 << 20, used = 0;
    graft_status status = GRAFT_OK;
    *text = gr_alloc(parent, room + 1);
    while (*text) {
        int got = gzread(file, *text + used, (unsigned)(room - used));
        if (got < 0 || used > max_bytes)
            status = gr_fail(log, GRAFT_ERR_FORMAT, "%s: cannot be read as a vocabulary", path);
        if (got <= 0 || status != GRAFT_OK)
            break;
        used += (size_t)got;
        if (used == room)
            *text = gr_realloc(parent, *text, (room *= 2) + 1);
    }
    gzclose(file);
    if (!*text)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: out of memory", path);
    (*text)[used] = '\0';
    return status;
}
