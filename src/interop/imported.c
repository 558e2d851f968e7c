#include "interop/imported.h"

#include "base/log.h"

graft_status gr_interop_import(graft_log *log, const gr_interop *api, const void *params,
                               const char *cache_dir, graft_device **out)
{
    gr_device *device;
    if (!out || !params)
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "%s: no parameters", api->name);
    *out = NULL;
    GR_TRY(gr_device_import(log, api->make, params, cache_dir, &device));
    *out = gr_device_to_public(device);
    return GRAFT_OK;
}

graft_status gr_interop_device(const gr_interop *api, graft_device *device, gr_device **out)
{
    *out = gr_device_from_public(device);
    if (!device)
        return GRAFT_ERR_ARGUMENT;
    if (!api->is_imported(*out))
        return gr_fail((*out)->log, GRAFT_ERR_ARGUMENT, "%s: no device of %s()", (*out)->info.id,
                       api->function);
    return GRAFT_OK;
}
