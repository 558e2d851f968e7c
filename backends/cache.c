#include "backends/cache.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"

#include <stdint.h>
#include <string.h>

#define MAGIC "graftpc"

/* In the byte order of the machine: a cache is not meant to travel. */
typedef struct header {
    char magic[8];
    uint32_t version;
    uint32_t key_bytes;
    uint64_t data_bytes;
    uint64_t checksum; /* of key and data */
} header;

static header make_header(const char *key, const void *data, size_t size)
{
    header h = {.magic = MAGIC, .version = 2};
    h.key_bytes = (uint32_t)strlen(key);
    h.data_bytes = size;
    h.checksum = gr_hash(gr_hash_text(0, key), data, size);
    return h;
}

static char *entry_path(void *parent, const char *directory, const char *name, const char *key)
{
    unsigned long long digest = gr_hash_text(0, key);
    return gr_printf(parent, "%s/%s-%016llx.bin", directory, name, digest);
}

/* Finds the payload of a mapped entry; NULL when the entry is not exactly that of `key`. */
static const void *payload(const gr_mapping *file, const char *key, size_t *size)
{
    header h;
    size_t key_bytes = strlen(key);
    if (file->size_bytes <= sizeof(h) + key_bytes)
        return NULL;
    const char *bytes = file->data;
    memcpy(&h, bytes, sizeof(h));
    *size = file->size_bytes - sizeof(h) - key_bytes;
    const char *data = bytes + sizeof(h) + key_bytes;
    header expected = make_header(key, data, *size);
    bool valid =
        memcmp(&h, &expected, sizeof(h)) == 0 && memcmp(bytes + sizeof(h), key, key_bytes) == 0;
    return valid ? data : NULL;
}

bool gr_cache_load(graft_log *log, void *parent, const char *directory, const char *name,
                   const char *key, void **data, size_t *size_bytes)
{
    *data = NULL;
    if (!directory[0])
        return false;
    char *path = entry_path(NULL, directory, name, key);
    gr_mapping file = {0};
    if (path && gr_file_exists(path) && gr_file_map(NULL, path, &file) == GRAFT_OK) {
        const void *found = payload(&file, key, size_bytes);
        if (found)
            *data = gr_alloc(parent, *size_bytes);
        else
            gr_log(log, GRAFT_LOG_INFO, "%s: not a valid cache entry; rebuilding it", path);
        if (*data)
            memcpy(*data, found, *size_bytes);
    }
    gr_file_unmap(&file);
    gr_free(path);
    return *data != NULL;
}

static graft_status write_entry(graft_log *log, const char *path, const char *key, const void *data,
                                size_t size)
{
    header h = make_header(key, data, size);
    gr_file_writer *writer;
    GR_TRY(gr_file_writer_open(log, path, &writer));
    gr_file_writer_write(writer, &h, sizeof(h));
    gr_file_writer_write(writer, key, h.key_bytes);
    gr_file_writer_write(writer, data, size);
    return gr_file_writer_commit(&writer);
}

graft_status gr_cache_store(graft_log *log, const char *directory, const char *name,
                            const char *key, const void *data, size_t size_bytes)
{
    if (!directory[0])
        return GRAFT_OK;
    GR_TRY(gr_make_directories(log, directory));
    char *path = entry_path(NULL, directory, name, key);
    if (!path)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory for a cache entry", directory);
    graft_status status = write_entry(log, path, key, data, size_bytes);
    gr_free(path);
    return status;
}
