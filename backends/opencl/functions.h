/* The OpenCL functions that graft calls. Nothing is linked: the loader is opened when a device is
 * first asked for, and each gr_opencl_device has a table of its own. */
#ifndef GR_OPENCL_FUNCTIONS_H
#define GR_OPENCL_FUNCTIONS_H

#include <stdbool.h>

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>

#define GR_OPENCL_FUNCTIONS(F)                                                                     \
    F(BuildProgram)                                                                                \
    F(CreateBuffer)                                                                                \
    F(CreateCommandQueue)                                                                          \
    F(CreateContext)                                                                               \
    F(CreateKernel)                                                                                \
    F(CreateProgramWithBinary)                                                                     \
    F(CreateProgramWithSource)                                                                     \
    F(EnqueueCopyBuffer)                                                                           \
    F(EnqueueCopyImageToBuffer)                                                                    \
    F(EnqueueFillBuffer)                                                                           \
    F(EnqueueMapBuffer)                                                                            \
    F(EnqueueMarkerWithWaitList)                                                                   \
    F(EnqueueNDRangeKernel)                                                                        \
    F(EnqueueReadBuffer)                                                                           \
    F(EnqueueUnmapMemObject)                                                                       \
    F(EnqueueWriteBuffer)                                                                          \
    F(Finish)                                                                                      \
    F(Flush)                                                                                       \
    F(GetCommandQueueInfo)                                                                         \
    F(GetContextInfo)                                                                              \
    F(GetDeviceIDs)                                                                                \
    F(GetDeviceInfo)                                                                               \
    F(GetEventProfilingInfo)                                                                       \
    F(GetImageInfo)                                                                                \
    F(GetMemObjectInfo)                                                                            \
    F(GetPlatformIDs)                                                                              \
    F(GetPlatformInfo)                                                                             \
    F(GetProgramBuildInfo)                                                                         \
    F(GetProgramInfo)                                                                              \
    F(ReleaseCommandQueue)                                                                         \
    F(ReleaseContext)                                                                              \
    F(ReleaseEvent)                                                                                \
    F(ReleaseKernel)                                                                               \
    F(ReleaseMemObject)                                                                            \
    F(ReleaseProgram)                                                                              \
    F(RetainCommandQueue)                                                                          \
    F(RetainContext)                                                                               \
    F(RetainMemObject)                                                                             \
    F(SetKernelArg)                                                                                \
    F(WaitForEvents)

/* Without their prefix: device->cl.Finish(...). */
typedef struct gr_opencl_functions {
#define GR_OPENCL_MEMBER(name) __typeof__(&cl##name) name;
    GR_OPENCL_FUNCTIONS(GR_OPENCL_MEMBER)
#undef GR_OPENCL_MEMBER
} gr_opencl_functions;

/* The name of the system's loader library. */
extern const char *const gr_opencl_loader_name;

/* Opens the system's loader and fills the table. False: there is no loader of OpenCL 1.2. */
bool gr_opencl_load(gr_opencl_functions *cl);

#endif
