/* Bytes on their way out: what is written to a file can go to the application as well. */
#ifndef GRAFT_IO_H
#define GRAFT_IO_H

#include <graft/status.h>

#include <stddef.h>

/* Where bytes go. Used by one thread at a time. */
typedef struct graft_writer {
    /* Takes the next bytes, which are borrowed for the call. Another status than GRAFT_OK ends the
     * writing, which returns it. */
    graft_status (*write)(void *user, const void *data, size_t size_bytes);
    void *user;
} graft_writer;

/* Bytes in memory that grows; begins as {0}. */
typedef struct graft_bytes {
    void *data;
    size_t size_bytes;
    size_t room_bytes; /* of `data`; graft's own concern */
} graft_bytes;

GRAFT_BEGIN_DECLS

/* A writer that appends to `bytes`, which it borrows. GRAFT_ERR_MEMORY when there is no more. */
GRAFT_API graft_writer graft_bytes_writer(graft_bytes *bytes);

/* Frees the memory and makes *bytes {0}. */
GRAFT_API void graft_bytes_free(graft_bytes *bytes);

GRAFT_END_DECLS

#endif
