#include "weights/npz.h"

#include "base/mem.h"
#include "weights/npy.h"

#include <inttypes.h>
#include <string.h>
#include <zip.h>

/* numpy itself refuses longer headers. */
#define MAX_HEADER_BYTES 10000

/* Deflate cannot shrink further than this: a member that claims more lies. */
#define MAX_DEFLATE_RATIO 1040

typedef struct reader {
    graft_log *log;
    const char *path;
    gr_tensors *tensors;
    zip_t *archive;
    uint64_t archive_bytes;
    uint64_t stored_bytes; /* of the members so far, as the archive keeps them */
} reader;

/* One member while it is read; `label` is "path: member" for messages. */
typedef struct member {
    char *label;
    char *name; /* of the tensor */
    zip_file_t *file;
    uint64_t size_bytes;
} member;

static graft_status open_archive(graft_log *log, const char *path, zip_t **archive)
{
    int code = 0;
    *archive = zip_open(path, ZIP_RDONLY, &code);
    if (*archive)
        return GRAFT_OK;
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    bool io = code == ZIP_ER_OPEN || code == ZIP_ER_READ || code == ZIP_ER_NOENT;
    graft_status status =
        gr_fail(log, io ? GRAFT_ERR_IO : GRAFT_ERR_FORMAT, "%s: cannot open the zip archive: %s",
                path, zip_error_strerror(&error));
    zip_error_fini(&error);
    return status;
}

static graft_status read_exactly(const reader *r, const member *m, void *out, uint64_t size)
{
    char *bytes = out;
    while (size > 0) {
        zip_int64_t got = zip_fread(m->file, bytes, size);
        if (got < 0)
            return gr_fail(r->log, GRAFT_ERR_FORMAT, "%s: cannot read: %s", m->label,
                           zip_file_strerror(m->file));
        if (got == 0)
            return gr_fail(r->log, GRAFT_ERR_FORMAT, "%s: %" PRIu64 " bytes are missing", m->label,
                           size);
        bytes += got;
        size -= (uint64_t)got;
    }
    return GRAFT_OK;
}

/* The checksum is compared when the end is seen, which takes one read beyond it. */
static graft_status check_end(const reader *r, const member *m)
{
    char byte;
    zip_int64_t got = zip_fread(m->file, &byte, 1);
    if (got == 0)
        return GRAFT_OK;
    return gr_fail(r->log, GRAFT_ERR_FORMAT, "%s: %s", m->label,
                   got < 0 ? zip_file_strerror(m->file) : "more bytes than announced");
}

static graft_status read_array(const reader *r, const member *m)
{
    unsigned char prefix[GR_NPY_PREFIX_BYTES];
    char text[MAX_HEADER_BYTES + 1];
    size_t start, length;
    GR_TRY(read_exactly(r, m, prefix, sizeof(prefix)));
    GR_TRY(gr_npy_parse_prefix(r->log, m->label, prefix, &start, &length));
    if (length > MAX_HEADER_BYTES || start + length < sizeof(prefix) ||
        start + length > m->size_bytes)
        return gr_fail(r->log, GRAFT_ERR_FORMAT, "%s: its header claims %zu bytes", m->label,
                       length);
    size_t early = sizeof(prefix) - start; /* header bytes that came with the prefix */
    memcpy(text, prefix + start, early);
    GR_TRY(read_exactly(r, m, text + early, length - early));
    text[length] = '\0';

    gr_dtype dtype = GR_F32;
    gr_shape shape;
    GR_TRY(gr_npy_parse_header(r->log, m->label, text, &dtype, &shape));
    uint64_t data_bytes = m->size_bytes - start - length;
    size_t size_bytes;
    if (!gr_tensor_bytes(dtype, &shape, &size_bytes) || size_bytes != data_bytes) {
        char shape_text[GR_SHAPE_TEXT];
        return gr_fail(r->log, GRAFT_ERR_FORMAT,
                       "%s: shape %s of %s does not fit the %" PRIu64 " bytes of data", m->label,
                       gr_shape_text(&shape, shape_text), gr_dtype_name(dtype), data_bytes);
    }
    void *data;
    GR_TRY(gr_tensors_add_new(r->log, r->tensors, m->name, dtype, shape, &data));
    GR_TRY(read_exactly(r, m, data, size_bytes));
    return check_end(r, m);
}

/* Members that share their data could make gigabytes of kilobytes. */
static graft_status check_member(reader *r, const member *m, const zip_stat_t *info)
{
    const zip_uint64_t needed = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE;
    uint64_t stored = info->comp_size;
    if ((info->valid & needed) != needed || stored > r->archive_bytes ||
        info->size / MAX_DEFLATE_RATIO > stored)
        return gr_fail(r->log, GRAFT_ERR_FORMAT, "%s: its size cannot be right", m->label);
    r->stored_bytes += stored;
    if (r->stored_bytes > r->archive_bytes)
        return gr_fail(r->log, GRAFT_ERR_FORMAT, "%s: its data overlaps that of members before it",
                       m->label);
    return GRAFT_OK;
}

static graft_status read_member(reader *r, zip_uint64_t index)
{
    zip_stat_t info;
    zip_stat_init(&info);
    if (zip_stat_index(r->archive, index, 0, &info) < 0 || !(info.valid & ZIP_STAT_NAME))
        return gr_fail(r->log, GRAFT_ERR_FORMAT, "%s: member %" PRIu64 " has no entry", r->path,
                       (uint64_t)index);
    if (!gr_path_has_suffix(info.name, ".npy"))
        return GRAFT_OK;
    member m = {.size_bytes = info.size};
    m.label = gr_printf(NULL, "%s: %s", r->path, info.name);
    m.name = m.label ? gr_strdup(m.label, info.name) : NULL;
    if (!m.name) {
        gr_free(m.label);
        return gr_fail(r->log, GRAFT_ERR_MEMORY, "%s: no memory", r->path);
    }
    m.name[strlen(m.name) - strlen(".npy")] = '\0';
    graft_status status = check_member(r, &m, &info);
    if (status == GRAFT_OK) {
        m.file = zip_fopen_index(r->archive, index, 0);
        status = m.file ? read_array(r, &m)
                        : gr_fail(r->log, GRAFT_ERR_FORMAT, "%s: cannot open: %s", m.label,
                                  zip_strerror(r->archive));
    }
    if (m.file)
        zip_fclose(m.file);
    gr_free(m.label);
    return status;
}

graft_status gr_npz_read(graft_log *log, const char *path, gr_tensors *tensors)
{
    /* Only for its size, and for a plain message about what is not a readable file. */
    gr_mapping file;
    GR_TRY(gr_file_map(log, path, &file));
    reader r = {.log = log, .path = path, .tensors = tensors, .archive_bytes = file.size_bytes};
    gr_file_unmap(&file);

    GR_TRY(open_archive(log, path, &r.archive));
    size_t before = gr_tensors_count(tensors);
    zip_int64_t count = zip_get_num_entries(r.archive, 0);
    graft_status status = GRAFT_OK;
    for (zip_int64_t i = 0; i < count && status == GRAFT_OK; i++)
        status = read_member(&r, (zip_uint64_t)i);
    zip_discard(r.archive);
    if (status == GRAFT_OK && gr_tensors_count(tensors) == before)
        status = gr_fail(log, GRAFT_ERR_FORMAT, "%s: holds no .npy array", path);
    return status;
}
