/* Which library does what, among those that this build has. */
#include "backends/opencl/opencl.h"

graft_status gr_opencl_library_create(gr_device *base, const gr_library_desc *desc,
                                      gr_library **out)
{
    switch (desc->kind) {
#ifdef GRAFT_HAVE_CLBLAST
    case GR_LIBRARY_GEMM:
        return gr_opencl_gemm_create(gr_opencl_device_of(base), &desc->gemm, out);
#endif
#ifdef GRAFT_HAVE_OPENCL_VKFFT
    case GR_LIBRARY_FFT:
        return gr_opencl_fft_create(gr_opencl_device_of(base), &desc->fft, out);
#endif
    default:
        return GRAFT_ERR_UNSUPPORTED;
    }
}

void gr_opencl_library_destroy(gr_device *base, gr_library *library)
{
    library->destroy(gr_opencl_device_of(base), library);
}
