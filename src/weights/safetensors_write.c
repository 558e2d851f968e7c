#include "weights/safetensors.h"

#include "base/json.h"

#include "base/f16.h"
#include "base/hash.h"
#include "base/mem.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Elements converted at a time. */
#define CHUNK 8192

typedef struct writer {
    graft_log *log;
    const char *path;
    const gr_tensors *tensors;
    gr_safetensors_params params;
    const gr_tensor **order;
    gr_file_writer *file;
    gr_stream_hash *hash; /* of what was written; NULL: no checksum */
} writer;

static gr_dtype stored_dtype(const writer *w, const gr_tensor *tensor)
{
    if (tensor->dtype != GR_F32 || w->params.type == GR_WRITE_UNCHANGED)
        return tensor->dtype;
    return w->params.type == GR_WRITE_F16 ? GR_F16 : GR_BF16;
}

static int by_size_and_name(const void *a, const void *b)
{
    const gr_tensor *x = *(const gr_tensor *const *)a, *y = *(const gr_tensor *const *)b;
    size_t x_size = gr_dtype_size(x->dtype), y_size = gr_dtype_size(y->dtype);
    if (x_size != y_size)
        return x_size > y_size ? -1 : 1;
    return strcmp(x->name, y->name);
}

static graft_status no_memory(const writer *w)
{
    return gr_fail(w->log, GRAFT_ERR_MEMORY, "%s: no memory to write it", w->path);
}

/* Also fails for a text that is not UTF-8. */
static bool set_string(json_t *object, const char *key, const char *value)
{
    return json_object_set_new(object, key, json_string(value)) == 0;
}

static graft_status describe_metadata(const writer *w, json_t *header)
{
    size_t count = gr_tensors_metadata_count(w->tensors);
    if (count == 0 && !w->hash)
        return GRAFT_OK;
    json_t *metadata = json_object();
    if (json_object_set_new(header, "__metadata__", metadata) < 0)
        return no_memory(w);
    for (size_t i = 0; i < count; i++) {
        const char *key, *value;
        gr_tensors_metadata_at(w->tensors, i, &key, &value);
        if (!set_string(metadata, key, value))
            return gr_fail(w->log, GRAFT_ERR_ARGUMENT, "%s: metadata %s is not UTF-8 text", w->path,
                           key);
    }
    return w->hash && !set_string(metadata, GR_CHECKSUM, "1") ? no_memory(w) : GRAFT_OK;
}

static graft_status describe_tensor(const writer *w, json_t *header, const gr_tensor *tensor,
                                    size_t *offset)
{
    if (strcmp(tensor->name, "__metadata__") == 0)
        return gr_fail(w->log, GRAFT_ERR_ARGUMENT, "%s: tensor __metadata__: the name is reserved",
                       w->path);
    gr_dtype dtype = stored_dtype(w, tensor);
    size_t size = tensor->size_bytes / gr_dtype_size(tensor->dtype) * gr_dtype_size(dtype);
    json_t *entry = json_object(), *shape = json_array();
    bool ok = entry && shape;
    for (int i = 0; ok && i < tensor->shape.rank; i++)
        ok = json_array_append_new(shape, json_integer(tensor->shape.dim[i])) == 0;
    ok = ok && set_string(entry, "dtype", gr_dtype_name(dtype));
    ok = json_object_set_new(entry, "shape", shape) == 0 && ok;
    json_t *range = json_pack("[I, I]", (json_int_t)*offset, (json_int_t)(*offset + size));
    ok = json_object_set_new(entry, "data_offsets", range) == 0 && ok;
    if (!ok) {
        json_decref(entry);
        return no_memory(w);
    }
    *offset += size;
    if (json_object_set_new(header, tensor->name, entry) < 0)
        return gr_fail(w->log, GRAFT_ERR_ARGUMENT, "%s: tensor %s: its name is not UTF-8 text",
                       w->path, tensor->name);
    return GRAFT_OK;
}

static const gr_tensor checksum_tensor = {
    .name = GR_CHECKSUM, .dtype = GR_U8, .shape = {.rank = 1, .dim = {8}}, .size_bytes = 8};

/* The header as JSON text; the caller frees it with free(). */
static graft_status describe(const writer *w, char **text)
{
    json_t *header = json_object();
    if (!header)
        return no_memory(w);
    graft_status status = describe_metadata(w, header);
    size_t offset = 0;
    for (size_t i = 0; status == GRAFT_OK && i < gr_tensors_count(w->tensors); i++)
        status = describe_tensor(w, header, w->order[i], &offset);
    if (status == GRAFT_OK && w->hash)
        status = describe_tensor(w, header, &checksum_tensor, &offset);
    if (status == GRAFT_OK) {
        *text = gr_json_text(header, JSON_COMPACT);
        if (!*text)
            status = no_memory(w);
    }
    json_decref(header);
    return status;
}

static graft_status put(const writer *w, const void *data, size_t size_bytes)
{
    const graft_writer *to = w->params.writer;
    if (w->hash)
        gr_stream_hash_add(w->hash, data, size_bytes);
    if (!to)
        return gr_file_writer_write(w->file, data, size_bytes);
    graft_status status = to->write(to->user, data, size_bytes);
    return status == GRAFT_OK ? GRAFT_OK
                              : gr_fail(w->log, status, "%s: writing failed: %s", w->path,
                                        graft_status_text(status));
}

/* Spaces after the JSON make the data section start at a multiple of 8 bytes. */
static graft_status write_header(const writer *w)
{
    char *text = NULL;
    GR_TRY(describe(w, &text));
    size_t length = strlen(text), padding = (8 - length % 8) % 8;
    uint64_t header_bytes = length + padding;
    graft_status status = put(w, &header_bytes, sizeof(header_bytes));
    if (status == GRAFT_OK)
        status = put(w, text, length);
    if (status == GRAFT_OK)
        status = put(w, "        ", padding);
    free(text);
    return status;
}

static graft_status write_narrowed(const writer *w, const gr_tensor *tensor, const char *data)
{
    bool f16 = w->params.type == GR_WRITE_F16;
    float values[CHUNK];
    uint16_t halves[CHUNK];
    size_t count = tensor->size_bytes / sizeof(float);
    for (size_t start = 0; start < count; start += CHUNK) {
        size_t n = count - start < CHUNK ? count - start : CHUNK;
        memcpy(values, data + start * sizeof(float), n * sizeof(float));
        (f16 ? gr_f32_to_f16_array : gr_f32_to_bf16_array)(values, halves, n);
        for (size_t i = 0; f16 && i < n; i++)
            if ((halves[i] & 0x7fff) == 0x7c00 && isfinite(values[i]))
                return gr_fail(w->log, GRAFT_ERR_NUMERIC,
                               "%s: tensor %s: value %g is beyond F16; store as BF16 or F32",
                               w->path, tensor->name, (double)values[i]);
        GR_TRY(put(w, halves, 2 * n));
    }
    return GRAFT_OK;
}

static graft_status write_data(const writer *w, const gr_tensor *tensor, const void *data)
{
    if (stored_dtype(w, tensor) != tensor->dtype)
        return write_narrowed(w, tensor, data);
    return put(w, data, tensor->size_bytes);
}

static graft_status write_tensor(const writer *w, const gr_tensor *tensor)
{
    if (tensor->data || tensor->size_bytes == 0)
        return write_data(w, tensor, tensor->data);
    if (!w->params.fetch)
        return gr_fail(w->log, GRAFT_ERR_ARGUMENT, "%s: tensor %s has no data", w->path,
                       tensor->name);
    void *data = gr_alloc(NULL, tensor->size_bytes);
    if (!data)
        return no_memory(w);
    graft_status status = w->params.fetch(w->params.user, tensor, data);
    if (status == GRAFT_OK)
        status = write_data(w, tensor, data);
    gr_free(data);
    return status;
}

static graft_status write_checksum(const writer *w)
{
    unsigned char bytes[8];
    if (!w->hash)
        return GRAFT_OK;
    uint64_t hash = gr_stream_hash_end(w->hash);
    for (int i = 0; i < 8; i++)
        bytes[i] = (unsigned char)(hash >> 8 * i);
    return put(w, bytes, sizeof(bytes));
}

static graft_status write_file(writer *w)
{
    size_t count = gr_tensors_count(w->tensors);
    for (size_t i = 0; i < count; i++)
        w->order[i] = gr_tensors_at(w->tensors, i);
    if (w->params.sorted)
        qsort(w->order, count, sizeof(*w->order), by_size_and_name);
    if (!w->params.writer)
        GR_TRY(gr_file_writer_open(w->log, w->path, &w->file));
    GR_TRY(write_header(w));
    for (size_t i = 0; i < count; i++)
        GR_TRY(write_tensor(w, w->order[i]));
    GR_TRY(write_checksum(w));
    return w->params.writer ? GRAFT_OK : gr_file_writer_commit(&w->file);
}

graft_status gr_safetensors_write(graft_log *log, const char *path, const gr_tensors *tensors,
                                  const gr_safetensors_params *params)
{
    writer w = {.log = log, .path = path, .tensors = tensors};
    gr_stream_hash hash = {0};
    if (params)
        w.params = *params;
    if (w.params.checksum)
        w.hash = &hash;
    w.order = gr_alloc_array(NULL, gr_tensors_count(tensors), sizeof(*w.order));
    graft_status status = w.order ? write_file(&w) : no_memory(&w);
    gr_file_writer_cancel(&w.file);
    gr_free(w.order);
    return status;
}
