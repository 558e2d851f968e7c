/* An OpenCL layer that makes a driver fail or misbehave, see fault.h: OPENCL_LAYERS=this library.
 * What lies between two flushes is a submission. */
#include "fault.h"

#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <CL/cl_layer.h>

static const cl_icd_dispatch *next;
static cl_icd_dispatch layer;
static int allocations, submissions, waits, dispatches, programs, binaries;
static bool lost, dropping, begun;
static cl_program wrong;
static unsigned char *first_binary;
static size_t first_size;

/* Each command of a submission asks; the first one decides for all. */
static cl_int enqueue(void)
{
    if (!begun) {
        begun = true;
        lost |= fault_is_due("lost", &submissions);
        dropping = fault_is_due("drop", &submissions);
    }
    return lost ? CL_OUT_OF_RESOURCES : CL_SUCCESS;
}

/* What was left out is done at once, for those who wait for its event. */
static cl_int leave_out(cl_command_queue queue, cl_event *event)
{
    return event ? next->clEnqueueMarkerWithWaitList(queue, 0, NULL, event) : CL_SUCCESS;
}

static cl_mem CL_API_CALL create_buffer(cl_context context, cl_mem_flags flags, size_t size,
                                        void *data, cl_int *code)
{
    if (!fault_is_due("memory", &allocations))
        return next->clCreateBuffer(context, flags, size, data, code);
    if (code)
        *code = CL_MEM_OBJECT_ALLOCATION_FAILURE;
    return NULL;
}

static cl_program CL_API_CALL create_program(cl_context context, cl_uint count, const char **text,
                                             const size_t *lengths, cl_int *code)
{
    cl_program program = next->clCreateProgramWithSource(context, count, text, lengths, code);
    if (fault_is_due("wrong", &programs))
        wrong = program;
    return program;
}

static cl_program CL_API_CALL create_from_binary(cl_context context, cl_uint count,
                                                 const cl_device_id *devices, const size_t *sizes,
                                                 const unsigned char **data, cl_int *status,
                                                 cl_int *code)
{
    if (!first_binary) {
        first_size = sizes[0];
        first_binary = malloc(first_size);
        memcpy(first_binary, data[0], first_size);
    } else if (fault_is_due("stale", &binaries)) {
        const unsigned char *binary = first_binary;
        return next->clCreateProgramWithBinary(context, count, devices, &first_size, &binary,
                                               status, code);
    }
    cl_program program =
        next->clCreateProgramWithBinary(context, count, devices, sizes, data, status, code);
    if (fault_is_due("wrong", &programs))
        wrong = program;
    return program;
}

static bool is_wrong(cl_kernel kernel)
{
    cl_program program = NULL;
    next->clGetKernelInfo(kernel, CL_KERNEL_PROGRAM, sizeof(program), (void *)&program, NULL);
    return wrong && program == wrong;
}

static cl_int CL_API_CALL enqueue_kernel(cl_command_queue queue, cl_kernel kernel, cl_uint dims,
                                         const size_t *offset, const size_t *global,
                                         const size_t *local, cl_uint count, const cl_event *events,
                                         cl_event *event)
{
    cl_int code = enqueue();
    if (code != CL_SUCCESS)
        return code;
    if (dropping || fault_is_due("skip", &dispatches))
        return leave_out(queue, event);
    size_t size[3] = {1, 1, 1};
    unsigned groups[3] = {1, 1, 1};
    for (cl_uint axis = 0; axis < dims; axis++)
        groups[axis] = (unsigned)(global[axis] / local[axis]);
    if (is_wrong(kernel) && !fault_halve(groups))
        return leave_out(queue, event);
    for (cl_uint axis = 0; axis < dims; axis++)
        size[axis] = groups[axis] * local[axis];
    return next->clEnqueueNDRangeKernel(queue, kernel, dims, offset, size, local, count, events,
                                        event);
}

static cl_int CL_API_CALL enqueue_copy(cl_command_queue queue, cl_mem from, cl_mem to,
                                       size_t from_offset, size_t to_offset, size_t size,
                                       cl_uint count, const cl_event *events, cl_event *event)
{
    cl_int code = enqueue();
    if (code != CL_SUCCESS)
        return code;
    return dropping ? leave_out(queue, event)
                    : next->clEnqueueCopyBuffer(queue, from, to, from_offset, to_offset, size,
                                                count, events, event);
}

static cl_int CL_API_CALL enqueue_fill(cl_command_queue queue, cl_mem buffer, const void *pattern,
                                       size_t pattern_size, size_t offset, size_t size,
                                       cl_uint count, const cl_event *events, cl_event *event)
{
    cl_int code = enqueue();
    if (code != CL_SUCCESS)
        return code;
    return dropping ? leave_out(queue, event)
                    : next->clEnqueueFillBuffer(queue, buffer, pattern, pattern_size, offset, size,
                                                count, events, event);
}

static cl_int CL_API_CALL flush(cl_command_queue queue)
{
    begun = dropping = false;
    return lost ? CL_OUT_OF_RESOURCES : next->clFlush(queue);
}

static cl_int CL_API_CALL finish(cl_command_queue queue)
{
    begun = dropping = false;
    if (lost || fault_is_due("wait", &waits))
        return CL_OUT_OF_RESOURCES;
    return next->clFinish(queue);
}

static cl_int CL_API_CALL read_buffer(cl_command_queue queue, cl_mem buffer, cl_bool blocking,
                                      size_t offset, size_t size, void *data, cl_uint count,
                                      const cl_event *events, cl_event *event)
{
    if (lost || fault_is_due("wait", &waits))
        return CL_OUT_OF_RESOURCES;
    return next->clEnqueueReadBuffer(queue, buffer, blocking, offset, size, data, count, events,
                                     event);
}

static cl_int CL_API_CALL device_info(cl_device_id device, cl_device_info name, size_t size,
                                      void *value, size_t *written)
{
    cl_int code = next->clGetDeviceInfo(device, name, size, value, written);
    if (code != CL_SUCCESS || !value || !fault_is("limits"))
        return code;
    if (name == CL_DEVICE_MAX_WORK_GROUP_SIZE)
        *(size_t *)value *= 8;
    if (name == CL_DEVICE_LOCAL_MEM_SIZE || name == CL_DEVICE_MAX_MEM_ALLOC_SIZE)
        *(cl_ulong *)value *= 8;
    if (name == CL_DEVICE_MAX_WORK_ITEM_SIZES)
        for (size_t i = 0; i < size / sizeof(size_t); i++)
            ((size_t *)value)[i] *= 8;
    return code;
}

FAULT_EXPORT CL_API_ENTRY cl_int CL_API_CALL clGetLayerInfo(cl_layer_info name, size_t size,
                                                            void *value, size_t *written)
{
    cl_layer_api_version version = CL_LAYER_API_VERSION_100;
    if (name != CL_LAYER_API_VERSION || (value && size < sizeof(version)))
        return CL_INVALID_VALUE;
    if (value)
        memcpy(value, &version, sizeof(version));
    if (written)
        *written = sizeof(version);
    return CL_SUCCESS;
}

FAULT_EXPORT CL_API_ENTRY cl_int CL_API_CALL clInitLayer(cl_uint count,
                                                         const cl_icd_dispatch *target,
                                                         cl_uint *count_out,
                                                         const cl_icd_dispatch **out)
{
    if (count < sizeof(layer) / sizeof(void *))
        return CL_INVALID_VALUE;
    next = target;
    layer = *target;
    layer.clCreateBuffer = create_buffer;
    layer.clCreateProgramWithSource = create_program;
    layer.clCreateProgramWithBinary = create_from_binary;
    layer.clEnqueueNDRangeKernel = enqueue_kernel;
    layer.clEnqueueCopyBuffer = enqueue_copy;
    layer.clEnqueueFillBuffer = enqueue_fill;
    layer.clEnqueueReadBuffer = read_buffer;
    layer.clFlush = flush;
    layer.clFinish = finish;
    layer.clGetDeviceInfo = device_info;
    *count_out = sizeof(layer) / sizeof(void *);
    *out = &layer;
    return CL_SUCCESS;
}
