/* Links in a tar archive. */
#ifndef GR_DATA_TAR_LINKS_H
#define GR_DATA_TAR_LINKS_H

#include "data/tar_scan.h"

/* Calls `visit` for each link that leads to a file of the archive, perhaps by other links: with the
 * link's path, and where the file's data is. *broken counts the others: they lead to folders, out
 * of the archive, to nothing, or round in a circle. */
graft_status gr_tar_links(graft_log *log, const char *title, const uint8_t *bytes,
                          size_t size_bytes,
                          graft_status (*visit)(void *user, const gr_tar_member *member),
                          void *user, size_t *broken);

#endif
