/* Memory of a device, for what programs read and write. */
#ifndef GRAFT_BUFFER_H
#define GRAFT_BUFFER_H

#include <graft/device.h>

typedef enum graft_memory {
    GRAFT_MEMORY_DEVICE = 0, /* fastest for kernels; host access may go through a staging copy */
    GRAFT_MEMORY_HOST = 1,   /* written or read by the host in every run */
} graft_memory;

/* A range of bytes on one device. Thread-safety: one thread at a time, as its device. */
typedef struct graft_buffer graft_buffer;

GRAFT_BEGIN_DECLS

/* Makes a buffer of size_bytes, a positive multiple of 4. Contents are undefined. The buffer
 * borrows `device`, which must outlive it. GRAFT_ERR_DEVICE_MEMORY when the device has no room for
 * it or does not make buffers of that size; *out is NULL on failure. */
GRAFT_API graft_status graft_buffer_create(graft_device *device, uint64_t size_bytes,
                                           graft_memory memory, graft_buffer **out);

/* Lets the buffer go and sets *buffer to NULL; NULL is accepted. Its memory is freed once no
 * program is bound to it any more. */
GRAFT_API void graft_buffer_destroy(graft_buffer **buffer);

/* Bytes; 0 for NULL. */
GRAFT_API uint64_t graft_buffer_size(const graft_buffer *buffer);

/* Copies size_bytes between `data` and the buffer from offset_bytes on. Both block until the copy
 * is done, after all that was queued on the device before; GRAFT_ERR_ARGUMENT when the range does
 * not lie in the buffer. Where the memory is not GRAFT_MEMORY_HOST offsets and sizes that are
 * multiples of 4 are fastest. */
GRAFT_API graft_status graft_buffer_write(graft_buffer *buffer, uint64_t offset_bytes,
                                          const void *data, uint64_t size_bytes);
GRAFT_API graft_status graft_buffer_read(graft_buffer *buffer, uint64_t offset_bytes, void *data,
                                         uint64_t size_bytes);

/* What offsets of a program's values in a buffer must be a multiple of, in bytes: a power of two.
 */
GRAFT_API uint32_t graft_buffer_alignment(const graft_device *device);

GRAFT_END_DECLS

#endif
