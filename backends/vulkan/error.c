#include "backends/vulkan/vulkan.h"

/* F(result, status, text) */
#define RESULT_LIST(F)                                                                             \
    F(VK_NOT_READY, DEVICE, "not ready")                                                           \
    F(VK_TIMEOUT, DEVICE, "timeout")                                                               \
    F(VK_INCOMPLETE, DEVICE, "incomplete result")                                                  \
    F(VK_ERROR_OUT_OF_HOST_MEMORY, MEMORY, "out of host memory")                                   \
    F(VK_ERROR_OUT_OF_DEVICE_MEMORY, DEVICE_MEMORY, "out of device memory")                        \
    F(VK_ERROR_INITIALIZATION_FAILED, DEVICE, "initialisation failed")                             \
    F(VK_ERROR_DEVICE_LOST, DEVICE,                                                                \
      "the device was lost (a driver reset, or a watchdog that found a command too long); close "  \
      "and reopen it, with a smaller batch")                                                       \
    F(VK_ERROR_MEMORY_MAP_FAILED, DEVICE, "mapping memory failed")                                 \
    F(VK_ERROR_LAYER_NOT_PRESENT, UNSUPPORTED, "a layer is not there")                             \
    F(VK_ERROR_EXTENSION_NOT_PRESENT, UNSUPPORTED, "an extension is not there")                    \
    F(VK_ERROR_FEATURE_NOT_PRESENT, UNSUPPORTED, "a feature is not there")                         \
    F(VK_ERROR_INCOMPATIBLE_DRIVER, NO_DEVICE, "no Vulkan driver is installed")                    \
    F(VK_ERROR_TOO_MANY_OBJECTS, DEVICE_MEMORY, "too many objects")                                \
    F(VK_ERROR_FRAGMENTED_POOL, DEVICE_MEMORY, "fragmented pool")                                  \
    F(VK_ERROR_OUT_OF_POOL_MEMORY, DEVICE_MEMORY, "out of pool memory")                            \
    F(VK_ERROR_FRAGMENTATION, DEVICE_MEMORY, "fragmented descriptor pool")                         \
    F(VK_ERROR_INVALID_SHADER_NV, DEVICE, "the driver refuses the shader")                         \
    F(VK_ERROR_UNKNOWN, DEVICE, "unknown error of the driver")

graft_status gr_vk_check(graft_log *log, VkResult result, const char *call)
{
    graft_status status = GRAFT_ERR_DEVICE;
    const char *text = "unexpected result";
    switch ((int)result) {
    case VK_SUCCESS:
        return GRAFT_OK;
#define RESULT_CASE(code, name, words)                                                             \
    case code:                                                                                     \
        status = GRAFT_ERR_##name;                                                                 \
        text = words;                                                                              \
        break;
        RESULT_LIST(RESULT_CASE)
#undef RESULT_CASE
    }
    return gr_fail(log, status, "vulkan: %s: %s (%d)", call, text, (int)result);
}
