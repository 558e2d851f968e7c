/* Reads the table of contents of an uncompressed tar archive: POSIX ustar, with GNU long names and
 * pax "path", "linkpath" and "size" records. Nothing is ever extracted. */
#ifndef GR_DATA_TAR_SCAN_H
#define GR_DATA_TAR_SCAN_H

#include <graft/log.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct gr_tar_member {
    const char *path; /* valid during the call, as the next */
    const char *link; /* what a link names; NULL: it is none */
    bool hard;        /* the link names a path from the archive's root, not from its own folder */
    bool directory;
    uint64_t offset, size_bytes; /* of the data, always inside the archive; 0 of a link */
} gr_tar_member;

/* Calls `visit` for each file, directory and link, in order, until one call fails. `title` is whom
 * errors name. Devices are skipped. */
graft_status gr_tar_scan(graft_log *log, const char *title, const uint8_t *bytes, size_t size_bytes,
                         graft_status (*visit)(void *user, const gr_tar_member *member),
                         void *user);

#endif
