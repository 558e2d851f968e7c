/* Status codes: what every function returns that input, files or a device can make fail. (Those
 * that make small objects return NULL when memory is out, and those that look one up by an index
 * NULL or false when there is none.)
 *
 * A status says what kind of thing went wrong; the readable detail (which file, which tensor,
 * expected and found) goes to the graft_log of the object at hand, see log.h.
 */
#ifndef GRAFT_STATUS_H
#define GRAFT_STATUS_H

#include <graft/export.h>

/* F(enumerator, value, text) */
#define GRAFT_STATUS_LIST(F)                                                                       \
    F(OK, 0, "success")                                                                            \
    F(ERR_ARGUMENT, -1, "invalid argument")                                                        \
    F(ERR_MEMORY, -2, "out of host memory")                                                        \
    F(ERR_DEVICE_MEMORY, -3, "out of device memory")                                               \
    F(ERR_DEVICE, -4, "device or driver failure")                                                  \
    F(ERR_NO_DEVICE, -5, "no such device")                                                         \
    F(ERR_UNSUPPORTED, -6, "not supported here")                                                   \
    F(ERR_IO, -7, "input or output failed")                                                        \
    F(ERR_FORMAT, -8, "malformed data")                                                            \
    F(ERR_SHAPE, -9, "wrong tensor shape or type")                                                 \
    F(ERR_NOT_FOUND, -10, "not found")                                                             \
    F(ERR_NUMERIC, -11, "NaN or infinity")                                                         \
    F(ERR_INTERRUPTED, -12, "interrupted")

typedef enum graft_status {
#define GRAFT_STATUS_ENUM(name, value, text) GRAFT_##name = value,
    GRAFT_STATUS_LIST(GRAFT_STATUS_ENUM)
#undef GRAFT_STATUS_ENUM
} graft_status;

GRAFT_BEGIN_DECLS

/* The text of a status, never NULL. Thread-safety: safe. */
GRAFT_API const char *graft_status_text(graft_status status);

GRAFT_END_DECLS

#endif
