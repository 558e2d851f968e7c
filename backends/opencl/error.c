#include "backends/opencl/opencl.h"

#include "base/log.h"

#define ERROR_LIST(F)                                                                              \
    F(CL_DEVICE_NOT_FOUND)                                                                         \
    F(CL_DEVICE_NOT_AVAILABLE)                                                                     \
    F(CL_COMPILER_NOT_AVAILABLE)                                                                   \
    F(CL_MEM_OBJECT_ALLOCATION_FAILURE)                                                            \
    F(CL_OUT_OF_RESOURCES)                                                                         \
    F(CL_OUT_OF_HOST_MEMORY)                                                                       \
    F(CL_PROFILING_INFO_NOT_AVAILABLE)                                                             \
    F(CL_MEM_COPY_OVERLAP)                                                                         \
    F(CL_BUILD_PROGRAM_FAILURE)                                                                    \
    F(CL_MISALIGNED_SUB_BUFFER_OFFSET)                                                             \
    F(CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST)                                                \
    F(CL_COMPILE_PROGRAM_FAILURE)                                                                  \
    F(CL_LINKER_NOT_AVAILABLE)                                                                     \
    F(CL_LINK_PROGRAM_FAILURE)                                                                     \
    F(CL_KERNEL_ARG_INFO_NOT_AVAILABLE)                                                            \
    F(CL_INVALID_VALUE)                                                                            \
    F(CL_INVALID_PLATFORM)                                                                         \
    F(CL_INVALID_DEVICE)                                                                           \
    F(CL_INVALID_CONTEXT)                                                                          \
    F(CL_INVALID_QUEUE_PROPERTIES)                                                                 \
    F(CL_INVALID_COMMAND_QUEUE)                                                                    \
    F(CL_INVALID_MEM_OBJECT)                                                                       \
    F(CL_INVALID_BINARY)                                                                           \
    F(CL_INVALID_BUILD_OPTIONS)                                                                    \
    F(CL_INVALID_PROGRAM)                                                                          \
    F(CL_INVALID_PROGRAM_EXECUTABLE)                                                               \
    F(CL_INVALID_KERNEL_NAME)                                                                      \
    F(CL_INVALID_KERNEL_DEFINITION)                                                                \
    F(CL_INVALID_KERNEL)                                                                           \
    F(CL_INVALID_ARG_INDEX)                                                                        \
    F(CL_INVALID_ARG_VALUE)                                                                        \
    F(CL_INVALID_ARG_SIZE)                                                                         \
    F(CL_INVALID_KERNEL_ARGS)                                                                      \
    F(CL_INVALID_WORK_DIMENSION)                                                                   \
    F(CL_INVALID_WORK_GROUP_SIZE)                                                                  \
    F(CL_INVALID_WORK_ITEM_SIZE)                                                                   \
    F(CL_INVALID_GLOBAL_OFFSET)                                                                    \
    F(CL_INVALID_EVENT_WAIT_LIST)                                                                  \
    F(CL_INVALID_EVENT)                                                                            \
    F(CL_INVALID_OPERATION)                                                                        \
    F(CL_INVALID_BUFFER_SIZE)                                                                      \
    F(CL_INVALID_GLOBAL_WORK_SIZE)

const char *gr_opencl_error_name(cl_int code)
{
    switch (code) {
#define ERROR_CASE(name)                                                                           \
    case name:                                                                                     \
        return #name;
        ERROR_LIST(ERROR_CASE)
#undef ERROR_CASE
    }
    return "unknown OpenCL error";
}

static graft_status status_of(cl_int code)
{
    switch (code) {
    case CL_MEM_OBJECT_ALLOCATION_FAILURE:
    case CL_INVALID_BUFFER_SIZE:
        return GRAFT_ERR_DEVICE_MEMORY;
    case CL_OUT_OF_HOST_MEMORY:
        return GRAFT_ERR_MEMORY;
    case CL_DEVICE_NOT_FOUND:
    case CL_DEVICE_NOT_AVAILABLE:
        return GRAFT_ERR_NO_DEVICE;
    }
    return GRAFT_ERR_DEVICE;
}

graft_status gr_opencl_fail(const gr_opencl_device *device, cl_int code, const char *what)
{
    return gr_fail(device->base.log, status_of(code), "%s: %s: %s (%d)", device->base.info.id, what,
                   gr_opencl_error_name(code), code);
}
