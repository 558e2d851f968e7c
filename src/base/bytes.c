/* Bytes in memory, as a place to write to. */
#include <graft/io.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static graft_status append(void *user, const void *data, size_t size_bytes)
{
    graft_bytes *b = user;
    if (size_bytes > b->room_bytes - b->size_bytes) {
        size_t room = b->size_bytes + size_bytes + b->room_bytes;
        char *larger = size_bytes <= SIZE_MAX / 4 ? realloc(b->data, room) : NULL;
        if (!larger)
            return GRAFT_ERR_MEMORY;
        b->data = larger;
        b->room_bytes = room;
    }
    if (size_bytes)
        memcpy((char *)b->data + b->size_bytes, data, size_bytes);
    b->size_bytes += size_bytes;
    return GRAFT_OK;
}

graft_writer graft_bytes_writer(graft_bytes *bytes)
{
    return (graft_writer){append, bytes};
}

void graft_bytes_free(graft_bytes *bytes)
{
    free(bytes->data);
    *bytes = (graft_bytes){0};
}
