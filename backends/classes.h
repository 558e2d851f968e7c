/* Classes of devices: which form of a kernel suits which, by who made them.
 *
 * A class decides speed alone: every form is right on every device that can run it, and
 * GRAFT_KERNELS takes any of them. Makers that are not listed are GR_CLASS_UNKNOWN and get the
 * portable forms.
 *
 * Thread-safety: constant data.
 */
#ifndef GR_CLASSES_H
#define GR_CLASSES_H

#include "backends/backend.h"

/* vendor: VkPhysicalDeviceProperties.vendorID, mostly a PCI id; of CPUs lavapipe is GR_CLASS_LANES.
 */
gr_device_class gr_class_of_vulkan(uint32_t vendor, graft_device_type type);

/* vendor: CL_DEVICE_VENDOR. CPUs are GR_CLASS_UNKNOWN: their vectors tell (vector_bits). */
gr_device_class gr_class_of_opencl(const char *vendor, graft_device_type type);

#endif
