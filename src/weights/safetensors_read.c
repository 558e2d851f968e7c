#include "weights/safetensors.h"

#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The limit that the format itself sets. */
#define MAX_HEADER_BYTES 100000000

typedef struct entry {
    const char *name; /* borrowed from the JSON */
    gr_dtype dtype;
    gr_shape shape;
    int64_t begin, end;
    char why[96]; /* it is strange; "": it is not */
} entry;

typedef struct reader {
    graft_log *log;
    const char *path;
    gr_tensors *tensors;
    const char *data; /* the data section */
    int64_t data_bytes;
    entry *entries;
    size_t count;
    const void *file;       /* all of it, up to the end of the data */
    bool promises_checksum; /* by its metadata */
} reader;

static bool parse_dtype(const json_t *value, gr_dtype *dtype)
{
    for (int i = 0; json_is_string(value) && i < GR_DTYPE_COUNT; i++) {
        *dtype = (gr_dtype)i;
        if (strcmp(json_string_value(value), gr_dtype_name(*dtype)) == 0)
            return true;
    }
    return false;
}

static graft_status parse_shape(const reader *r, const char *name, const json_t *value, entry *e)
{
    gr_shape *shape = &e->shape;
    size_t rank = json_array_size(value);
    if (!json_is_array(value))
        return gr_fail(r->log, GRAFT_ERR_FORMAT, "%s: tensor %s: shape is not a list", r->path,
                       name);
    if (rank > GR_MAX_RANK) {
        snprintf(e->why, sizeof(e->why), "expected at most %d dimensions, found %zu", GR_MAX_RANK,
                 rank);
        return GRAFT_OK;
    }
    shape->rank = (int)rank;
    for (size_t i = 0; i < rank; i++) {
        const json_t *dim = json_array_get(value, i);
        if (!json_is_integer(dim) || json_integer_value(dim) < 0)
            return gr_fail(r->log, GRAFT_ERR_FORMAT,
                           "%s: tensor %s: shape[%zu] is not a count of elements", r->path, name,
                           i);
        shape->dim[i] = json_integer_value(dim);
    }
    return GRAFT_OK;
}

static graft_status parse_offsets(const reader *r, const char *name, const json_t *value, entry *e)
{
    const json_t *begin = json_array_get(value, 0), *end = json_array_get(value, 1);
    if (json_array_size(value) != 2 || !json_is_integer(begin) || !json_is_integer(end))
        return gr_fail(r->log, GRAFT_ERR_FORMAT, "%s: tensor %s: data_offsets is not [begin, end]",
                       r->path, name);
    e->begin = json_integer_value(begin);
    e->end = json_integer_value(end);
    if (e->begin < 0 || e->end < e->begin)
        return gr_fail(r->log, GRAFT_ERR_FORMAT,
                       "%s: tensor %s: data_offsets [%" PRId64 ", %" PRId64 "] run backwards",
                       r->path, name, e->begin, e->end);
    if (e->end > r->data_bytes)
        return gr_fail(r->log, GRAFT_ERR_FORMAT,
                       "%s: tensor %s: its data ends at byte %" PRId64 " of %" PRId64
                       "; the file is truncated",
                       r->path, name, e->end, r->data_bytes);
    return GRAFT_OK;
}

static graft_status parse_entry(const reader *r, const char *name, const json_t *value, entry *e)
{
    e->name = name;
    if (!json_is_object(value))
        return gr_fail(r->log, GRAFT_ERR_FORMAT, "%s: tensor %s: expected a JSON object", r->path,
                       name);
    const json_t *dtype = json_object_get(value, "dtype");
    if (!json_is_string(dtype))
        return gr_fail(r->log, GRAFT_ERR_UNSUPPORTED, "%s: tensor %s: unknown dtype (none)",
                       r->path, name);
    if (!parse_dtype(dtype, &e->dtype))
        snprintf(e->why, sizeof(e->why), "unknown dtype %.40s", json_string_value(dtype));
    GR_TRY(parse_shape(r, name, json_object_get(value, "shape"), e));
    GR_TRY(parse_offsets(r, name, json_object_get(value, "data_offsets"), e));
    if (*e->why)
        return GRAFT_OK;
    char text[GR_SHAPE_TEXT];
    size_t size_bytes;
    if (!gr_tensor_bytes(e->dtype, &e->shape, &size_bytes))
        return gr_fail(r->log, GRAFT_ERR_FORMAT, "%s: tensor %s: the size of shape %s overflows",
                       r->path, name, gr_shape_text(&e->shape, text));
    if ((uint64_t)(e->end - e->begin) != size_bytes)
        return gr_fail(
            r->log, GRAFT_ERR_FORMAT,
            "%s: tensor %s: %s of shape %s needs %zu bytes, its data_offsets give %" PRId64,
            r->path, name, gr_dtype_name(e->dtype), gr_shape_text(&e->shape, text), size_bytes,
            e->end - e->begin);
    return GRAFT_OK;
}

static graft_status parse_metadata(reader *r, json_t *metadata)
{
    if (!json_is_object(metadata))
        return gr_fail(r->log, GRAFT_ERR_FORMAT, "%s: __metadata__ is not a JSON object", r->path);
    const char *key;
    json_t *value;
    json_object_foreach(metadata, key, value)
    {
        if (!json_is_string(value))
            return gr_fail(r->log, GRAFT_ERR_FORMAT, "%s: __metadata__: %s is not a string",
                           r->path, key);
        if (strcmp(key, GR_CHECKSUM) == 0) {
            r->promises_checksum = true;
            continue;
        }
        GR_TRY(gr_tensors_set_metadata(r->log, r->tensors, key, json_string_value(value)));
    }
    return GRAFT_OK;
}

/* Empty tensors sort before the one that begins at the same byte. */
static int by_offset(const void *a, const void *b)
{
    const entry *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

/* The format allows neither overlaps nor gaps: a gap could hide foreign data. */
static graft_status check_coverage(const reader *r)
{
    int64_t end = 0;
    for (size_t i = 0; i < r->count; i++) {
        const entry *e = &r->entries[i];
        if (e->begin < end)
            return gr_fail(r->log, GRAFT_ERR_FORMAT, "%s: tensor %s: its data overlaps that of %s",
                           r->path, e->name, e[-1].name);
        if (e->begin > end)
            return gr_fail(r->log, GRAFT_ERR_FORMAT,
                           "%s: tensor %s: gap of %" PRId64 " bytes before its data", r->path,
                           e->name, e->begin - end);
        end = e->end;
    }
    if (end != r->data_bytes)
        return gr_fail(r->log, GRAFT_ERR_FORMAT,
                       "%s: %" PRId64 " bytes after the last tensor belong to none", r->path,
                       r->data_bytes - end);
    return GRAFT_OK;
}

static uint64_t read_u64(const unsigned char bytes[8])
{
    uint64_t value = 0;
    for (int i = 7; i >= 0; i--)
        value = value << 8 | bytes[i];
    return value;
}

/* Takes the checksum off the entries, and checks it. */
static graft_status check_checksum(reader *r)
{
    const entry *last = r->count ? &r->entries[r->count - 1] : NULL;
    bool has_one = last && strcmp(last->name, GR_CHECKSUM) == 0 && last->dtype == GR_U8 &&
                   last->end - last->begin == 8;
    if (!has_one && !r->promises_checksum)
        return GRAFT_OK;
    gr_stream_hash hash = {0};
    if (has_one) {
        const char *end = r->data + last->begin;
        gr_stream_hash_add(&hash, r->file, (size_t)(end - (const char *)r->file));
        r->count--;
        if (gr_stream_hash_end(&hash) == read_u64((const unsigned char *)end))
            return GRAFT_OK;
    }
    return gr_fail(r->log, GRAFT_ERR_FORMAT,
                   "%s: its checksum differs: the file was changed since it was written, or is "
                   "damaged; take a copy, or make it again",
                   r->path);
}

static graft_status read_entries(reader *r, json_t *header)
{
    const char *name;
    json_t *value;
    json_object_foreach(header, name, value)
    {
        if (strcmp(name, "__metadata__") == 0)
            GR_TRY(parse_metadata(r, value));
        else
            GR_TRY(parse_entry(r, name, value, &r->entries[r->count++]));
    }
    qsort(r->entries, r->count, sizeof(*r->entries), by_offset);
    GR_TRY(check_coverage(r));
    GR_TRY(check_checksum(r));
    for (size_t i = 0; i < r->count; i++) {
        const entry *e = &r->entries[i];
        GR_TRY(*e->why ? gr_tensors_add_strange(r->log, r->tensors, e->name, e->why)
                       : gr_tensors_add(r->log, r->tensors, e->name, e->dtype, e->shape,
                                        r->data + e->begin));
    }
    return GRAFT_OK;
}

static graft_status check_size(graft_log *log, const char *path, const void *bytes,
                               size_t size_bytes, uint64_t *header_bytes)
{
    if (size_bytes < sizeof(*header_bytes))
        return gr_fail(log, GRAFT_ERR_FORMAT, "%s: %zu bytes are too few for a safetensors file",
                       path, size_bytes);
    memcpy(header_bytes, bytes, sizeof(*header_bytes));
    size_t rest = size_bytes - sizeof(*header_bytes);
    if (*header_bytes > rest || *header_bytes > MAX_HEADER_BYTES)
        return gr_fail(log, GRAFT_ERR_FORMAT,
                       "%s: the header claims %" PRIu64 " bytes, %zu follow: truncated, or not a "
                       "safetensors file",
                       path, *header_bytes, rest);
    return GRAFT_OK;
}

graft_status gr_safetensors_parse(graft_log *log, const char *path, const void *bytes,
                                  size_t size_bytes, gr_tensors *tensors)
{
    uint64_t header_bytes = 0;
    GR_TRY(check_size(log, path, bytes, size_bytes, &header_bytes));
    const char *text = (const char *)bytes + sizeof(header_bytes);
    json_t *header;
    GR_TRY(gr_json_parse(log, path, text, header_bytes, &header));

    reader r = {
        .log = log, .path = path, .tensors = tensors, .data = text + header_bytes, .file = bytes};
    r.data_bytes = (int64_t)(size_bytes - sizeof(header_bytes) - header_bytes);
    r.entries = gr_alloc_array(NULL, json_object_size(header), sizeof(*r.entries));
    graft_status status = r.entries ? read_entries(&r, header)
                                    : gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory", path);
    gr_free(r.entries);
    json_decref(header);
    return status;
}

graft_status gr_safetensors_read(graft_log *log, const char *path, gr_tensors *tensors)
{
    gr_mapping file;
    GR_TRY(gr_file_map(log, path, &file));
    GR_TRY(gr_tensors_take_mapping(log, tensors, &file));
    return gr_safetensors_parse(log, path, file.data, file.size_bytes, tensors);
}
