/* The .npy format: one array of numpy, as found inside .npz archives. */
#ifndef GR_WEIGHTS_NPY_H
#define GR_WEIGHTS_NPY_H

#include "base/log.h"
#include "base/shape.h"

/* Bytes before the header text: magic, version and header length, of which version 1 uses 10. */
#define GR_NPY_PREFIX_BYTES 12

/* Reads the prefix: the header text is header_bytes long and starts at byte *header_start.
 * `name` is for messages. GRAFT_ERR_FORMAT when it is no .npy file of version 1 to 3. */
graft_status gr_npy_parse_prefix(graft_log *log, const char *name,
                                 const unsigned char prefix[GR_NPY_PREFIX_BYTES],
                                 size_t *header_start, size_t *header_bytes);

/* Reads the NUL-terminated header text, a Python literal such as
 *     {'descr': '<f4', 'fortran_order': False, 'shape': (768, 12, 64), }
 * GRAFT_ERR_FORMAT when it is malformed; GRAFT_ERR_UNSUPPORTED for another byte order, Fortran
 * order, or an element type or rank that gr_tensor cannot hold. Thread-safety: safe. */
graft_status gr_npy_parse_header(graft_log *log, const char *name, const char *text,
                                 gr_dtype *dtype, gr_shape *shape);

#endif
