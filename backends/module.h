/* Modules: vendor libraries that are compiled with graft (VkFFT, and with it glslang), each in a
 * shared library of its own beside libgraft, opened when an operation first asks for it. A program
 * that is shipped without them loses speed, never function.
 */
#ifndef GR_BACKENDS_MODULE_H
#define GR_BACKENDS_MODULE_H

#include "backends/backend.h"

#include <graft/version.h>

/* What a module exports, under the name GR_MODULE_SYMBOL. */
typedef struct gr_module {
    uint32_t version;    /* GRAFT_VERSION of its build, */
    size_t device_bytes; /* and the size of the backend's device: it shares that struct */
    graft_status (*fft_create)(gr_device *device, const gr_fft_desc *desc, gr_library **out);
} gr_module;

#define GR_MODULE_SYMBOL graft_module

/* Defines what a module exports. */
#define GR_MODULE_DEFINE(device_type, ...)                                                         \
    __attribute__((visibility("default"))) extern const gr_module GR_MODULE_SYMBOL;                \
    const gr_module GR_MODULE_SYMBOL = {                                                           \
        .version = GRAFT_VERSION, .device_bytes = sizeof(device_type), __VA_ARGS__}

/* Opens "vkfft-opencl" and the like: from the folder that GRAFT_MODULE_DIR names, else from the one
 * that holds libgraft (or the program, where graft is linked statically). NULL, with the reason at
 * debug level: not there, or of another build. It stays open as long as the process.
 * Thread-safety: safe. */
const gr_module *gr_module_open(const gr_device *device, const char *name, size_t device_bytes);

#endif
