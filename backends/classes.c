#include "backends/classes.h"

#include <string.h>

/* OpenCL's ids differ from driver to driver, its texts begin alike. */
static const struct {
    uint32_t id;      /* in Vulkan */
    const char *text; /* what the vendor is called in OpenCL begins so */
    gr_device_class device_class;
} vendors[] = {
    {0x10de, "NVIDIA", GR_CLASS_DESKTOP},    {0x1002, "Advanced Micro Devices", GR_CLASS_DESKTOP},
    {0x1002, "AMD", GR_CLASS_DESKTOP},       {0x8086, "Intel", GR_CLASS_INTEL},
    {0x13b5, "ARM", GR_CLASS_PHONE},         {0x5143, "QUALCOMM", GR_CLASS_PHONE},
    {0x1010, "Imagination", GR_CLASS_PHONE}, {0x14e4, "Broadcom", GR_CLASS_PHONE},
};

enum { MESA = 0x10005 }; /* VK_VENDOR_ID_MESA */
enum { VENDORS = sizeof(vendors) / sizeof(vendors[0]) };

gr_device_class gr_class_of_vulkan(uint32_t vendor, graft_device_type type)
{
    /* SwiftShader has no id of Mesa's: it compiles large tiles for too long. */
    if (type == GRAFT_DEVICE_CPU)
        return vendor == MESA ? GR_CLASS_LANES : GR_CLASS_UNKNOWN;
    for (int i = 0; i < VENDORS; i++)
        if (vendors[i].id == vendor)
            return vendors[i].device_class;
    return GR_CLASS_UNKNOWN;
}

gr_device_class gr_class_of_opencl(const char *vendor, graft_device_type type)
{
    for (int i = 0; i < VENDORS && type != GRAFT_DEVICE_CPU; i++)
        if (strncmp(vendors[i].text, vendor, strlen(vendors[i].text)) == 0)
            return vendors[i].device_class;
    return GR_CLASS_UNKNOWN;
}
