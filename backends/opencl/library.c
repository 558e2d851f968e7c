/* Which library does what, among those that this machine has. */
#include "backends/opencl/opencl.h"

#include "backends/module.h"

static graft_status create_fft(gr_device *base, const gr_fft_desc *desc, gr_library **out)
{
    const gr_module *vkfft = gr_module_open(base, "vkfft-opencl", sizeof(gr_opencl_device));
    base->caps.fft_library = vkfft != NULL;
    return vkfft ? vkfft->fft_create(base, desc, out) : GRAFT_ERR_UNSUPPORTED;
}

graft_status gr_opencl_library_create(gr_device *base, const gr_library_desc *desc,
                                      gr_library **out)
{
    switch (desc->kind) {
#ifdef GRAFT_HAVE_CLBLAST
    case GR_LIBRARY_GEMM:
        return gr_opencl_gemm_create(gr_opencl_device_of(base), &desc->gemm, out);
#endif
    case GR_LIBRARY_FFT:
        return create_fft(base, &desc->fft, out);
    default:
        return GRAFT_ERR_UNSUPPORTED;
    }
}

void gr_opencl_library_destroy(gr_device *base, gr_library *library)
{
    library->destroy(gr_opencl_device_of(base), library);
}
