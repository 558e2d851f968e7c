/* What the self-test (src/selftest) said of a device, kept in its cache directory: opening a device
 * reads it, so that rows of src/kernels which gave wrong results are never chosen again. It holds
 * for this driver, these kernels and these limits only.
 *
 * Thread-safety: one thread at a time for each device.
 */
#ifndef GR_DEVICE_VERDICT_H
#define GR_DEVICE_VERDICT_H

#include "backends/backend.h"
#include "kernels/choose.h"

typedef struct gr_tested {
    bool known;        /* false: never tested */
    bool disabled;     /* by GRAFT_DISABLE */
    char refused[256]; /* "", or what is wrong and has no other kernel */
} gr_tested;

/* Sets what is known of the device; nothing when nothing valid is kept. */
void gr_device_load_tested(gr_device *device);

/* Notes it, and keeps it with the rows that are banned now. Returns false when it could not be
 * kept: then the next process tests again. */
bool gr_device_keep_tested(gr_device *device, const gr_tested *tested);

const gr_tested *gr_device_tested(const gr_device *device);

/* From now on the row is not chosen; false when there is no room to note it. */
bool gr_device_ban(gr_device *device, const gr_variant *row);
void gr_device_unban(gr_device *device, const gr_variant *row);

/* Writes "softmax=lanes8,matmul=panel8", or "", cut to `size`. */
void gr_device_banned_text(const gr_device *device, char *text, size_t size);

#endif
