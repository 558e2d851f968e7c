/* The safetensors format: a JSON header, then the bytes of all tensors without gaps.
 *
 * File: u64 N (little-endian) | N bytes of JSON {"name": {"dtype", "shape", "data_offsets"}, ..,
 * "__metadata__": {text: text}} | data, to which the offsets are relative.
 *
 * A file may carry a checksum: its last 8 bytes are the data of a tensor GR_CHECKSUM, U8 [8], the
 * hash (base/hash.h) of all bytes before, little-endian, and its metadata have that key, too, so
 * that neither can be lost alone. Readers check it and keep neither; a difference is
 * GRAFT_ERR_FORMAT.
 */
#ifndef GR_WEIGHTS_SAFETENSORS_H
#define GR_WEIGHTS_SAFETENSORS_H

#include <graft/io.h>

#include "weights/tensors.h"

#define GR_CHECKSUM "graft.checksum"

/* Maps the file and appends its tensors, in the order of their data, and its metadata. Everything
 * that the header says is checked before it is believed: GRAFT_ERR_FORMAT when it lies,
 * GRAFT_ERR_UNSUPPORTED for an element type or rank that gr_tensor cannot hold. On failure
 * `tensors` may hold a part of the file: destroy it. */
graft_status gr_safetensors_read(graft_log *log, const char *path, gr_tensors *tensors);

/* The same of bytes in memory, which are borrowed until `tensors` is destroyed. `name` is whom
 * messages name. */
graft_status gr_safetensors_parse(graft_log *log, const char *name, const void *bytes,
                                  size_t size_bytes, gr_tensors *tensors);

/* A checkpoint cut into several files: `path` is the index, {"weight_map": {name: file}}, with file
 * names relative to it. Every tensor of the map must be found, and in the file that it names. */
graft_status gr_safetensors_read_sharded(graft_log *log, const char *path, gr_tensors *tensors);

/* Reads model.safetensors.index.json, else model.safetensors, else the only .safetensors file. */
graft_status gr_safetensors_read_directory(graft_log *log, const char *path, gr_tensors *tensors);

/* The name that libraries look for in a folder. */
#define GR_MODEL_FILE "model.safetensors"

/* How tensors are written. */
typedef enum gr_write_type {
    GR_WRITE_UNCHANGED,
    GR_WRITE_F16, /* F32 tensors become F16; a finite value that overflows is GRAFT_ERR_NUMERIC */
    GR_WRITE_BF16,
} gr_write_type;

typedef struct gr_safetensors_params {
    bool
        sorted; /* by element size, largest first, then name; otherwise in the order of `tensors` */
    gr_write_type type;
    /* Called for each tensor whose data is NULL to write its size_bytes bytes into `data`, so that
     * values held elsewhere need host memory for one tensor at a time. May be NULL. */
    graft_status (*fetch)(void *user, const gr_tensor *tensor, void *data);
    void *user;
    bool checksum;
    const graft_writer *writer; /* takes the bytes in the place of a file; NULL: the file */
} gr_safetensors_params;

/* Writes tensors and metadata atomically (gr_file_writer). The data section starts at a multiple of
 * 8 bytes; when sorted, every tensor is aligned to its element size. NULL params: all zero. With a
 * writer `path` is but the name in messages. */
graft_status gr_safetensors_write(graft_log *log, const char *path, const gr_tensors *tensors,
                                  const gr_safetensors_params *params);

#endif
