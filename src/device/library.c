/* Operations of vendor libraries: candidates, which must prove themselves before they may win. */
#include "device/device.h"

#include "base/log.h"
#include "base/mem.h"
#include "device/state.h"

#include <string.h>

static bool same_gemm(const gr_gemm_desc *a, const gr_gemm_desc *b)
{
    return a->m == b->m && a->n == b->n && a->k == b->k && a->batch == b->batch &&
           a->transpose_a == b->transpose_a && a->transpose_b == b->transpose_b &&
           a->lda == b->lda && a->ldb == b->ldb && a->ldc == b->ldc && a->offset_a == b->offset_a &&
           a->offset_b == b->offset_b && a->offset_c == b->offset_c && a->stride_a == b->stride_a &&
           a->stride_b == b->stride_b && a->stride_c == b->stride_c && a->alpha == b->alpha &&
           a->beta == b->beta;
}

static bool same_fft(const gr_fft_desc *a, const gr_fft_desc *b)
{
    return a->batch == b->batch && a->length == b->length && a->inner == b->inner &&
           a->inverse == b->inverse;
}

static bool same(const gr_library_desc *a, const gr_library_desc *b)
{
    if (a->kind != b->kind)
        return false;
    return a->kind == GR_LIBRARY_GEMM ? same_gemm(&a->gemm, &b->gemm) : same_fft(&a->fft, &b->fft);
}

static const gr_verdict *find_verdict(const gr_device_state *state, const gr_library_desc *desc)
{
    for (size_t i = 0; i < state->verdict_count; i++)
        if (same(&state->verdicts[i].desc, desc))
            return &state->verdicts[i];
    return NULL;
}

/* Without memory to note it, or to run the check, the case is checked again next time. */
static void note_verdict(gr_device_state *state, const gr_library_desc *desc, bool accepted)
{
    gr_verdict *place =
        gr_push(state, (void **)&state->verdicts, &state->verdict_count, sizeof(*place));
    if (place)
        *place = (gr_verdict){*desc, accepted};
}

static bool is_candidate(const gr_device *device, const gr_library_desc *desc)
{
    const gr_caps *caps = &device->caps;
    bool wanted = desc->kind == GR_LIBRARY_GEMM ? caps->gemm_library : caps->fft_library;
    return wanted && device->backend->library_create &&
           gr_library_operand_bytes(desc) <= caps->max_binding_bytes;
}

/* Makes the library and, the first time, checks it. */
static graft_status create_checked(gr_device *device, const gr_library_desc *desc, bool trusted,
                                   gr_library **out)
{
    GR_TRY(device->backend->library_create(device, desc, out));
    gr_object_add(device->state, GR_OBJECT_LIBRARY,
                  (gr_object){.handle = *out, .library = desc->kind});
    graft_status status = trusted ? GRAFT_OK : gr_library_check(device, desc, *out);
    if (status != GRAFT_OK)
        gr_device_library_destroy(device, out);
    return status;
}

graft_status gr_device_library_create(gr_device *device, const gr_library_desc *desc,
                                      gr_library **out)
{
    *out = NULL;
    const gr_verdict *verdict = find_verdict(device->state, desc);
    if (!is_candidate(device, desc) || (verdict && !verdict->accepted))
        return GRAFT_ERR_UNSUPPORTED;
    if (!gr_object_reserve(device->state, GR_OBJECT_LIBRARY, 1))
        return gr_fail(device->log, GRAFT_ERR_MEMORY, "%s: no memory for a device object",
                       device->info.id);
    graft_status status = create_checked(device, desc, verdict != NULL, out);
    if (!verdict && (status == GRAFT_OK || status == GRAFT_ERR_UNSUPPORTED))
        note_verdict(device->state, desc, status == GRAFT_OK);
    return status;
}

void gr_device_library_destroy(gr_device *device, gr_library **library)
{
    if (!*library)
        return;
    gr_object_forget(device->state, GR_OBJECT_LIBRARY, *library);
    device->backend->library_destroy(device, *library);
    *library = NULL;
}
