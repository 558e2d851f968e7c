/* Bytes on their way in and out: what is read from and written to files may as well be the
 * application's. */
#ifndef GRAFT_IO_H
#define GRAFT_IO_H

#include <graft/status.h>

#include <stddef.h>
#include <stdint.h>

/* Where bytes go. Used by one thread at a time. */
typedef struct graft_writer {
    /* Takes the next bytes, which are borrowed for the call. Another status than GRAFT_OK ends the
     * writing, which returns it. */
    graft_status (*write)(void *user, const void *data, size_t size_bytes);
    void *user;
} graft_writer;

/* Where bytes come from, such as an asset of an application's package. Used within the call that it
 * is given to, by one thread at a time. */
typedef struct graft_reader {
    /* Fills `data` with size_bytes from offset_bytes on, which lie within the file. Another status
     * than GRAFT_OK ends the reading, which returns it. */
    graft_status (*read)(void *user, uint64_t offset_bytes, void *data, size_t size_bytes);
    uint64_t size_bytes; /* of the whole file */
    void *user;
} graft_reader;

/* A file: the first of `path`, `data` and `reader` that is not NULL. Those that are no path hold a
 * safetensors file. */
typedef struct graft_source {
    const char *path;  /* as graft_train_params.backbone */
    const void *data;  /* bytes in memory, borrowed as long as what is made of them lives */
    size_t size_bytes; /* of `data` */
    const graft_reader *reader; /* its bytes are copied */
    const char *name;           /* whom messages name where there is no path; NULL: "memory" */
} graft_source;

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
