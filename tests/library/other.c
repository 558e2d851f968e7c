/* A module that does nothing, for a device of one byte. */
#include "backends/module.h"

__attribute__((visibility("default"))) extern const gr_module GR_MODULE_SYMBOL;

const gr_module GR_MODULE_SYMBOL = {.version = GRAFT_VERSION + NEWER, .device_bytes = 1};
