/* Files and paths: whole reads, read-only mappings, and writes that appear complete or not at all.
 *
 * Errors are GRAFT_ERR_IO (GRAFT_ERR_MEMORY when out of memory) with a message "path: what failed:
 * errno text". Thread-safety: safe; one gr_file_writer is used by one thread at a time.
 */
#ifndef GR_BASE_FILE_H
#define GR_BASE_FILE_H

#include "base/log.h"

#include <stdbool.h>
#include <stddef.h>

/* A whole file, read-only, in memory. The file must not be truncated while it is mapped. */
typedef struct gr_mapping {
    const void *data; /* page-aligned; NULL when the file is empty */
    size_t size_bytes;
} gr_mapping;

/* Accepts regular files only. Release with gr_file_unmap(). */
graft_status gr_file_map(graft_log *log, const char *path, gr_mapping *mapping);
void gr_file_unmap(gr_mapping *mapping);

/* Reads a regular file of at most 1 GiB to its end into *data, an allocation of `parent`, and adds a NUL
 * that *size_bytes (may be NULL) does not count. */
graft_status gr_file_read(graft_log *log, void *parent, const char *path, char **data,
                          size_t *size_bytes);

/* Replaces `path` by the given bytes, atomically: see gr_file_writer. */
graft_status gr_file_write(graft_log *log, const char *path, const void *data, size_t size_bytes);

/* Reads the first `room` bytes of a regular file; *size_bytes: how many there are of them. */
graft_status gr_file_read_head(graft_log *log, const char *path, void *bytes, size_t room,
                               size_t *size_bytes);

bool gr_file_exists(const char *path);
bool gr_file_is_directory(const char *path);
bool gr_file_is_same(const char *a, const char *b); /* by whatever paths; false: one is not there */

/* Creates a directory and whatever lacks above it; succeeds when it exists already. */
graft_status gr_make_directories(graft_log *log, const char *path);

/* "directory/name"; `name` alone when it is absolute or `directory` is "". NULL: no memory. */
char *gr_path_join(void *parent, const char *directory, const char *name);

/* The directory that holds `path`: "a/b" -> "a", "/b" -> "/", "b" -> ".". NULL: no memory. */
char *gr_path_directory(void *parent, const char *path);

bool gr_path_has_suffix(const char *path, const char *suffix);

/* Reports "path: what: text of errno" and returns GRAFT_ERR_IO. */
graft_status gr_fail_errno(graft_log *log, const char *path, const char *what);

/* Streams a new file. Bytes go to a temporary file beside the target, which takes the target's name
 * on commit, once they are safe on disk; until then the target keeps its old content. The first
 * failure removes the temporary file and sticks: later calls return its status and do nothing. */
typedef struct gr_file_writer gr_file_writer;

/* Borrows `log`, copies `path`. Refuses a target that exists and is not a regular file; writes
 * through a symbolic link. */
graft_status gr_file_writer_open(graft_log *log, const char *path, gr_file_writer **writer);

graft_status gr_file_writer_write(gr_file_writer *writer, const void *data, size_t size_bytes);

/* Syncs, renames, destroys the writer and sets *writer to NULL, also on failure. */
graft_status gr_file_writer_commit(gr_file_writer **writer);

/* Removes the temporary files that writers left in a directory when their process was killed. Those
 * of living processes stay. Never fails: what cannot be removed stays. */
void gr_file_clear_temporaries(const char *directory);

/* Leaves no trace; NULL and a pointer to NULL are accepted, so that cleanup code may always call.
 */
void gr_file_writer_cancel(gr_file_writer **writer);

#endif
