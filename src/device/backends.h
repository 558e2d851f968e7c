/* Private to src/device: the backends compiled in. */
#ifndef GR_DEVICE_BACKENDS_H
#define GR_DEVICE_BACKENDS_H

#include "backends/backend.h"

/* NULL-terminated; first those that graft_device_list() shows. */
extern const gr_backend *const gr_backends[];

/* How many backends at the front of gr_backends are listed. */
extern const int gr_listed_backends;

#endif
