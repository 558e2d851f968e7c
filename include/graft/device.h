/* Devices: what can run graft on this machine. */
#ifndef GRAFT_DEVICE_H
#define GRAFT_DEVICE_H

#include <graft/log.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum graft_device_type {
    GRAFT_DEVICE_CPU,
    GRAFT_DEVICE_INTEGRATED,
    GRAFT_DEVICE_DISCRETE,
    GRAFT_DEVICE_VIRTUAL,
} graft_device_type;

typedef struct graft_device_info {
    char id[32];      /* "opencl:0": backend and index, what graft_device_open takes */
    char name[160];   /* as the driver tells it */
    char driver[160]; /* driver or platform, with version */
    graft_device_type type;
    uint64_t memory_bytes; /* 0 when unknown */
} graft_device_info;

/* One line of a device's sheet. */
typedef struct graft_device_fact {
    char name[48];   /* "shared_bytes", "kernel.softmax" */
    char value[112]; /* "65536", "yes", "lanes16: WG 16, LANES 16" */
} graft_device_fact;

/* What a device API has on this machine. */
typedef struct graft_api_info {
    char name[16]; /* "opencl", "vulkan": the first half of a device's id */
    int device_count;
    char missing[256]; /* "", or why there are none, in one line: what to install or to set */
} graft_api_info;

/* An open device. Thread-safety: one thread at a time. */
typedef struct graft_device graft_device;

GRAFT_BEGIN_DECLS

/* Writes up to `max` entries and returns how many devices there are, GPU APIs first. The
 * reference and null devices ("reference:0", "null:0") are never listed, but can be opened.
 * Thread-safety: safe. */
GRAFT_API int graft_device_list(graft_log *log, graft_device_info *infos, int max);

/* The device APIs of this build, found or not: writes up to `max` entries and returns how many
 * there are. The libraries of an API are opened when a machine has them: nothing is needed to start
 * a program. Thread-safety: safe. */
GRAFT_API int graft_api_list(graft_log *log, graft_api_info *infos, int max);

/* Opens a device by id, or the best one for "auto" (a discrete GPU, then an integrated one, then
 * a CPU driver). NULL means the environment variable GRAFT_DEVICE, or "auto" without it.
 * Compiled kernels are cached in `cache_dir`; NULL means GRAFT_CACHE_DIR, or
 * $XDG_CACHE_HOME/graft; "" switches the cache off. The device borrows `log`. Thread-safety: safe;
 * two devices may share a cache. */
GRAFT_API graft_status graft_device_open(graft_log *log, const char *id, const char *cache_dir,
                                         graft_device **out);

/* Closes the device and sets *device to NULL; NULL is accepted. Everything made on it must be gone.
 */
GRAFT_API void graft_device_close(graft_device **device);

/* Waits for everything that was queued on the device. GRAFT_ERR_DEVICE when the device was lost. */
GRAFT_API graft_status graft_device_wait(graft_device *device);

/* Facts about an open device; valid until it is closed. Thread-safety: safe. */
GRAFT_API const graft_device_info *graft_device_get_info(const graft_device *device);

/* Limits and features of an open device as graft uses it, after GRAFT_LIMITS and GRAFT_DISABLE, what
 * its self-test found, and which kernel with which tunables it takes for large problems. Fact
 * `index`; false past the last one. Thread-safety: safe. */
GRAFT_API bool graft_device_get_fact(const graft_device *device, int index, graft_device_fact *out);

/* Bytes of live device buffers now, and the most there have been. */
GRAFT_API uint64_t graft_device_memory(const graft_device *device, uint64_t *peak_bytes);

/* "cpu", "integrated", ..: a constant. Thread-safety: safe. */
GRAFT_API const char *graft_device_type_name(graft_device_type type);

GRAFT_END_DECLS

#endif
