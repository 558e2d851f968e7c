/* The on-disk cache of compiled kernels, shared by the backends.
 *
 * One file per entry, named after the kernel and the hash of the key. A file holds its whole key
 * and a checksum, so that a foreign, old, truncated or corrupt file reads as "not there" and is
 * replaced. Thread-safety: safe, also between processes: files appear complete or not at all.
 */
#ifndef GR_CACHE_H
#define GR_CACHE_H

#include "base/log.h"

#include <stdbool.h>
#include <stddef.h>

/* Looks up `key`: everything that the entry depends on, as text. `name` (letters, digits, '-', '_',
 * '.') only makes the file name readable. False when there is no valid entry or no memory;
 * otherwise *data is an allocation of `parent`. A directory of "" never has an entry. */
bool gr_cache_load(graft_log *log, void *parent, const char *directory, const char *name,
                   const char *key, void **data, size_t *size_bytes);

/* Creates the directory when it lacks. A directory of "" does nothing, successfully. */
graft_status gr_cache_store(graft_log *log, const char *directory, const char *name,
                            const char *key, const void *data, size_t size_bytes);

#endif
