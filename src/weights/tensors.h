/* Named tensors in host memory: what weight files are read into and written from.
 *
 * A gr_tensors is an ordered dictionary of tensors and of string metadata. It owns the mappings and
 * buffers that its tensors point into: a tensor is valid until its gr_tensors is destroyed.
 * Thread-safety: reading is safe from many threads; changing needs exclusive access.
 */
#ifndef GR_WEIGHTS_TENSORS_H
#define GR_WEIGHTS_TENSORS_H

#include "base/file.h"
#include "base/log.h"
#include "base/shape.h"

/* Row-major and dense, little-endian. */
typedef struct gr_tensor {
    const char *name;
    gr_dtype dtype;
    gr_shape shape;
    const void *data; /* of any alignment; NULL: its values are elsewhere or were dropped */
    size_t size_bytes;
    bool owned; /* made by gr_tensors_add_new() */
    bool hashed;
    uint64_t hash; /* see gr_tensor_hash() */
} gr_tensor;

typedef struct gr_tensors gr_tensors;

/* NULL when out of memory. */
gr_tensors *gr_tensors_create(void);
void gr_tensors_destroy(gr_tensors **tensors);

/* Where the tensors came from, for messages; "tensors" when unknown. The text is copied. */
graft_status gr_tensors_set_source(graft_log *log, gr_tensors *tensors, const char *source);
const char *gr_tensors_source(const gr_tensors *tensors);

size_t gr_tensors_count(const gr_tensors *tensors);
const gr_tensor *gr_tensors_at(const gr_tensors *tensors, size_t index);

/* NULL when there is none of that name. */
const gr_tensor *gr_tensors_find(const gr_tensors *tensors, const char *name);

/* Finds a tensor that must be there, of any shape or of the given one. A missing one is
 * GRAFT_ERR_NOT_FOUND, another shape GRAFT_ERR_SHAPE; the message names source and tensor, and
 * *tensor becomes NULL. */
graft_status gr_tensors_get(graft_log *log, const gr_tensors *tensors, const char *name,
                            const gr_tensor **tensor);
graft_status gr_tensors_get_shaped(graft_log *log, const gr_tensors *tensors, const char *name,
                                   gr_shape shape, const gr_tensor **tensor);

/* Appends a tensor that borrows `data` (may be NULL) and copies `name`. A name that exists already
 * is GRAFT_ERR_FORMAT, a shape whose size overflows GRAFT_ERR_SHAPE. */
graft_status gr_tensors_add(graft_log *log, gr_tensors *tensors, const char *name, gr_dtype dtype,
                            gr_shape shape, const void *data);

/* A tensor of a type or shape that nothing here can hold, and `why` ("dtype F8_E4M3 is not
 * supported"): it is none of the others, and has no values. Both texts are copied. */
graft_status gr_tensors_add_strange(graft_log *log, gr_tensors *tensors, const char *name,
                                    const char *why);
size_t gr_tensors_strange_count(const gr_tensors *tensors);
void gr_tensors_strange_at(const gr_tensors *tensors, size_t index, const char **name,
                           const char **why);

/* The same with zeroed memory of its own, aligned to 16 bytes, that *data lets the caller fill. */
graft_status gr_tensors_add_new(graft_log *log, gr_tensors *tensors, const char *name,
                                gr_dtype dtype, gr_shape shape, void **data);

/* Frees the values of a tensor made by gr_tensors_add_new(); name and shape stay. Of another one,
 * does nothing. */
void gr_tensors_drop_data(gr_tensors *tensors, const gr_tensor *tensor);

/* Takes a mapping that tensors borrow from; unmaps it on failure too. */
graft_status gr_tensors_take_mapping(graft_log *log, gr_tensors *tensors, gr_mapping *mapping);

/* Whether data that a tensor of this set has lies in such a mapping. */
bool gr_tensors_is_mapped(const gr_tensors *tensors, const void *data);

/* Takes another set, the only one, that tensors borrow from, and sets *lender to NULL. */
void gr_tensors_borrow_from(gr_tensors *tensors, gr_tensors **lender);

/* Metadata: copies both texts; an existing key gets the new value. */
graft_status gr_tensors_set_metadata(graft_log *log, gr_tensors *tensors, const char *key,
                                     const char *value);
const char *gr_tensors_metadata(const gr_tensors *tensors, const char *key); /* NULL: none */

/* The same for what is no metadata of the file but told by something else, `from`, a literal:
 * "config.json", "names", .. Of the file's own it is "metadata"; NULL for a key without a value. */
graft_status gr_tensors_set_metadata_from(graft_log *log, gr_tensors *tensors, const char *key,
                                          const char *value, const char *from);
const char *gr_tensors_metadata_from(const gr_tensors *tensors, const char *key);
size_t gr_tensors_metadata_count(const gr_tensors *tensors);
void gr_tensors_metadata_at(const gr_tensors *tensors, size_t index, const char **key,
                            const char **value);

/* GRAFT_ERR_NUMERIC, which names the file and the first tensor with a NaN or an infinity. Reads all
 * values. */
graft_status gr_tensors_check_finite(graft_log *log, const gr_tensors *tensors);

/* The same, and the hash of each tensor is found on the way, while its values are at hand. */
graft_status gr_tensors_check_and_hash(graft_log *log, gr_tensors *tensors);

/* A hash (base/hash.h) of name, type, shape and values: that of gr_tensors_check_and_hash, or made
 * now. */
uint64_t gr_tensor_hash(const gr_tensor *tensor);
void gr_tensors_set_hash(gr_tensors *tensors, size_t index, uint64_t hash);

/* dtype size times element count; false when that overflows or a dimension is negative. */
bool gr_tensor_bytes(gr_dtype dtype, const gr_shape *shape, size_t *size_bytes);

int64_t gr_tensor_count(const gr_tensor *tensor);

/* Converts all elements, from any type, into out[gr_tensor_count(tensor)]. */
void gr_tensor_to_f32(const gr_tensor *tensor, float *out);

/* The same for integer types; a floating-point tensor is GRAFT_ERR_SHAPE. */
graft_status gr_tensor_to_i64(graft_log *log, const gr_tensor *tensor, int64_t *out);

#endif
