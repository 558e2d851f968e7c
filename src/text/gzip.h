/* Text files, plain or compressed by gzip; only in builds that have zlib. Thread-safety: safe. */
#ifndef GR_TEXT_GZIP_H
#define GR_TEXT_GZIP_H

#include <graft/log.h>
#include <stddef.h>

/* The whole text and a NUL, as an allocation of `parent`. A file with more than max_bytes, or one
 * that zlib cannot read, is refused. */
graft_status gr_gzip_read(graft_log *log, void *parent, const char *path, size_t max_bytes,
                          char **text);

#endif
