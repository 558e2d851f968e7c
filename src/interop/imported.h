/* What the ways in of all APIs begin with. */
#ifndef GR_IMPORTED_H
#define GR_IMPORTED_H

#include "device/device.h"

/* One API: what its devices are called, who makes one of an application's handles, and whether a
 * device is of those. */
typedef struct gr_interop {
    const char *name;     /* "vulkan:app" */
    const char *function; /* "graft_vulkan_import" */
    graft_status (*make)(graft_log *log, const void *params, const char *cache_dir,
                         gr_device **out);
    bool (*is_imported)(const gr_device *device);
} gr_interop;

/* GRAFT_ERR_ARGUMENT without params or a place for the device. */
graft_status gr_interop_import(graft_log *log, const gr_interop *api, const void *params,
                               const char *cache_dir, graft_device **out);

/* The device, if it was imported by this API: GRAFT_ERR_ARGUMENT. */
graft_status gr_interop_device(const gr_interop *api, graft_device *device, gr_device **out);

#endif
