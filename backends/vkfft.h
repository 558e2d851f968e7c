/* VkFFT, as the two backends that use it include it: with VKFFT_BACKEND defined, in one file each.
 *
 * VkFFT is a header that writes programs with sprintf. It changes the locale of the process while
 * it does, and prints what does not compile: here it does neither. And where a device has no limit,
 * it takes 2^64 - 1 and rounds that up, out of range: here it is a power of two.
 */
#ifndef GR_VKFFT_H
#define GR_VKFFT_H

#include "backends/backend.h"
#include "base/log.h"

#include <locale.h>
#include <stdio.h>

static inline char *gr_vkfft_no_locale(void)
{
    return NULL;
}

#define printf(...)                 ((void)0)
#define setlocale(category, locale) gr_vkfft_no_locale()
#pragma push_macro("UINT64_MAX")
#undef UINT64_MAX
#define UINT64_MAX (1ull << 62)
#include <vkFFT.h>
#pragma pop_macro("UINT64_MAX")
#undef printf
#undef setlocale

/* Configures a plan for one direction of `desc`: [batch, length, inner] is an image of inner x
 * length, transformed along its second axis. `size_bytes` is that of the data, and stays. */
static void gr_vkfft_configure(VkFFTConfiguration *config, const gr_fft_desc *desc,
                               uint64_t *size_bytes)
{
    bool strided = desc->inner > 1;
    *size_bytes = (uint64_t)desc->batch * desc->length * desc->inner * 2 * sizeof(float);
    config->FFTdim = strided ? 2 : 1;
    config->size[0] = strided ? desc->inner : desc->length;
    config->size[1] = strided ? desc->length : 1;
    config->size[2] = 1;
    config->omitDimension[0] = strided;
    config->numberBatches = desc->batch;
    config->bufferSize = size_bytes;
    config->makeForwardPlanOnly = !desc->inverse;
    config->makeInversePlanOnly = desc->inverse;
}

/* Makes the plan: writes and compiles programs. VkFFT has cleaned up when it fails. */
static graft_status gr_vkfft_open(const gr_device *device, VkFFTApplication *app,
                                  const VkFFTConfiguration *config)
{
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!plain)
        return gr_fail(device->log, GRAFT_ERR_MEMORY, "%s: no memory for an FFT", device->info.id);
    locale_t before = uselocale(plain);
    VkFFTResult result = initializeVkFFT(app, *config);
    uselocale(before);
    freelocale(plain);
    if (result == VKFFT_SUCCESS)
        return GRAFT_OK;
    gr_log(device->log, GRAFT_LOG_INFO, "%s: VkFFT refuses length %u: code %d", device->info.id,
           (unsigned)(config->FFTdim == 2 ? config->size[1] : config->size[0]), (int)result);
    return GRAFT_ERR_UNSUPPORTED;
}

/* Queues or records the transform. */
static graft_status gr_vkfft_append(const gr_device *device, VkFFTApplication *app,
                                    const gr_fft_desc *desc, VkFFTLaunchParams *params)
{
    VkFFTResult result = VkFFTAppend(app, desc->inverse ? 1 : -1, params);
    if (result == VKFFT_SUCCESS)
        return GRAFT_OK;
    return gr_fail(device->log, GRAFT_ERR_DEVICE, "%s: VkFFT: a transform of length %u: code %d",
                   device->info.id, desc->length, (int)result);
}

#endif
