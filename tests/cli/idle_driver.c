/* A layer of the OpenCL loader (OPENCL_LAYERS) that stands in for a faulty driver: what kernels
 * should do is not done, without a word. */
#define CL_TARGET_OPENCL_VERSION 300
#include <CL/cl.h>
#include <CL/cl_layer.h>

#define EXPORT __attribute__((visibility("default")))

static const struct _cl_icd_dispatch *below;
static struct _cl_icd_dispatch table;

static cl_int CL_API_CALL enqueue(cl_command_queue queue, cl_kernel kernel, cl_uint dims,
                                  const size_t *offset, const size_t *global, const size_t *local,
                                  cl_uint count, const cl_event *wait, cl_event *event)
{
    (void)kernel, (void)dims, (void)offset, (void)global, (void)local;
    return below->clEnqueueMarkerWithWaitList(queue, count, wait, event);
}

EXPORT cl_int CL_API_CALL clGetLayerInfo(cl_layer_info name, size_t size, void *value,
                                         size_t *written)
{
    if (name != CL_LAYER_API_VERSION)
        return CL_INVALID_VALUE;
    if (value && size >= sizeof(cl_layer_api_version))
        *(cl_layer_api_version *)value = CL_LAYER_API_VERSION_100;
    if (written)
        *written = sizeof(cl_layer_api_version);
    return CL_SUCCESS;
}

EXPORT cl_int CL_API_CALL clInitLayer(cl_uint count, const struct _cl_icd_dispatch *target,
                                      cl_uint *written, const struct _cl_icd_dispatch **result)
{
    (void)count;
    below = target;
    table = *target;
    table.clEnqueueNDRangeKernel = enqueue;
    *result = &table;
    *written = sizeof(table) / sizeof(void *);
    return CL_SUCCESS;
}
