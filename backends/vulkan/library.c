/* Which library does what, among those that this machine has. */
#include "backends/vulkan/vulkan.h"

#include "backends/module.h"

#include <string.h>

/* A transform of length 206 ends the whole process there: nothing that could be found by trying. */
static bool crashes(const gr_vk_device *vk)
{
    return strstr(vk->physical.properties.deviceName, "SwiftShader");
}

/* VkFFT calls the system's loader by name. */
static bool by_the_loader(const gr_vk_device *vk)
{
    return vk->fn.GetInstanceProcAddr == gr_vk_loader_open();
}

graft_status gr_vk_library_create(gr_device *device, const gr_library_desc *desc, gr_library **out)
{
    gr_vk_device *vk = gr_vk(device);
    if (desc->kind != GR_LIBRARY_FFT || crashes(vk) || !by_the_loader(vk))
        return GRAFT_ERR_UNSUPPORTED;
    const gr_module *vkfft = gr_module_open(device, "vkfft-vulkan", sizeof(*vk));
    device->caps.fft_library = vkfft != NULL;
    return vkfft ? vkfft->fft_create(device, &desc->fft, out) : GRAFT_ERR_UNSUPPORTED;
}

void gr_vk_library_destroy(gr_device *device, gr_library *library)
{
    gr_vk_drain(gr_vk(device));
    library->destroy(library, gr_vk(device));
}
