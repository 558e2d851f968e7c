/* Fourier transforms by VkFFT: a module of its own, see backends/module.h. A plan costs about a
 * second of the driver's compiler, and what it runs on is set at each launch: equal operations
 * share one. */
#define VKFFT_BACKEND 3
#include "backends/module.h"
#include "backends/opencl/opencl.h"
#include "backends/vkfft.h"

#include "base/mem.h"

typedef struct gr_opencl_fft {
    struct gr_opencl_fft *next;
    int users;
    gr_fft_desc desc;
    uint64_t size_bytes;
    VkFFTApplication app;
    cl_mem data; /* VkFFT keeps the address of this */
} gr_opencl_fft;

typedef struct fft {
    gr_library base;
    gr_opencl_fft *plan;
} fft;

static graft_status enqueue(gr_opencl_device *device, gr_library *library,
                            const gr_command *command)
{
    gr_opencl_fft *plan = ((fft *)library)->plan;
    plan->data = command->binding[0].buffer->memory;
    VkFFTLaunchParams params = {
        .commandQueue = &device->active,
        .buffer = &plan->data,
        .bufferOffset = command->binding[0].offset,
    };
    return gr_vkfft_append(&device->base, &plan->app, &plan->desc, &params);
}

static void release(gr_opencl_device *device, gr_opencl_fft *plan)
{
    if (--plan->users > 0)
        return;
    gr_opencl_fft **link = &device->ffts;
    while (*link != plan)
        link = &(*link)->next;
    *link = plan->next;
    deleteVkFFT(&plan->app);
    gr_free(plan);
}

static void destroy(gr_opencl_device *device, gr_library *library)
{
    release(device, ((fft *)library)->plan);
    gr_free(library);
}

static graft_status open_plan(gr_opencl_device *device, const gr_fft_desc *desc,
                              gr_opencl_fft *plan)
{
    VkFFTConfiguration config = {
        .device = &device->id,
        .context = &device->context,
        .commandQueue = &device->queue,
        .specifyOffsetsAtLaunch = 1,
    };
    *plan = (gr_opencl_fft){.desc = *desc};
    gr_vkfft_configure(&config, desc, &plan->size_bytes);
    return gr_vkfft_open(&device->base, &plan->app, &config);
}

/* A plan for the operation, in use once more. */
static graft_status find_plan(gr_opencl_device *device, const gr_fft_desc *desc,
                              gr_opencl_fft **out)
{
    gr_opencl_fft *plan = device->ffts;
    while (plan && (plan->desc.batch != desc->batch || plan->desc.length != desc->length ||
                    plan->desc.inner != desc->inner || plan->desc.inverse != desc->inverse))
        plan = plan->next;
    if (!plan) {
        plan = gr_alloc(NULL, sizeof(*plan));
        graft_status status = plan ? open_plan(device, desc, plan) : GRAFT_ERR_MEMORY;
        if (status != GRAFT_OK) {
            gr_free(plan);
            return status;
        }
        plan->next = device->ffts;
        device->ffts = plan;
    }
    plan->users++;
    *out = plan;
    return GRAFT_OK;
}

static graft_status fft_create(gr_device *base, const gr_fft_desc *desc, gr_library **out)
{
    gr_opencl_device *device = gr_opencl_device_of(base);
    fft *f = gr_alloc(NULL, sizeof(*f));
    if (!f)
        return gr_fail(device->base.log, GRAFT_ERR_MEMORY, "%s: no memory for an FFT",
                       device->base.info.id);
    f->base = (gr_library){.enqueue = enqueue, .destroy = destroy};
    graft_status status = find_plan(device, desc, &f->plan);
    if (status == GRAFT_OK)
        *out = &f->base;
    else
        gr_free(f);
    return status;
}

GR_MODULE_DEFINE(gr_opencl_device, .fft_create = fft_create);
