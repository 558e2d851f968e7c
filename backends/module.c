#include "backends/module.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/system.h"

#include <stdlib.h>

#define TEXT(symbol)  TEXT_(symbol)
#define TEXT_(symbol) #symbol

static char *module_path(void *parent, const char *name)
{
    const char *folder = getenv("GRAFT_MODULE_DIR");
    if (!folder || !folder[0])
        folder = gr_own_folder(parent);
    /* Where libgraft lies in no folder, as inside an Android package, the linker knows the name. */
    return gr_printf(parent, "%s%s" GR_SHARED_LIBRARY_NAME, folder ? folder : "", folder ? "/" : "",
                     name);
}

static const gr_module *open_at(const gr_device *device, const char *path, size_t device_bytes)
{
    void *library = gr_shared_library_open(path);
    const gr_module *module =
        library ? gr_shared_library_data(library, TEXT(GR_MODULE_SYMBOL)) : NULL;
    if (!module)
        gr_log(device->log, GRAFT_LOG_DEBUG, "%s: cannot be opened; own kernels are used", path);
    if (!module || (module->version == GRAFT_VERSION && module->device_bytes == device_bytes))
        return module;
    gr_log(device->log, GRAFT_LOG_WARN, "%s: is of another build of graft; own kernels are used",
           path);
    return NULL;
}

const gr_module *gr_module_open(const gr_device *device, const char *name, size_t device_bytes)
{
    void *scratch = gr_alloc(NULL, 1);
    char *path = scratch ? module_path(scratch, name) : NULL;
    const gr_module *module = path ? open_at(device, path, device_bytes) : NULL;
    gr_free(scratch);
    return module;
}
