/* Matrix products by CLBlast. It compiles its kernels at the first call and keeps them, in a cache
 * of the whole process. */
#include "backends/opencl/opencl.h"

#include "base/log.h"
#include "base/mem.h"

#include <clblast_c.h>

typedef struct gemm {
    gr_library base;
    gr_gemm_desc desc;
} gemm;

/* The element of the buffer where an operand begins. */
static size_t first(const gr_binding *binding, uint64_t offset)
{
    return (size_t)(binding->offset / sizeof(float) + offset);
}

static CLBlastStatusCode multiply(gr_opencl_device *device, const gr_gemm_desc *d,
                                  const gr_binding *x)
{
    CLBlastTranspose ta = d->transpose_a ? CLBlastTransposeYes : CLBlastTransposeNo;
    CLBlastTranspose tb = d->transpose_b ? CLBlastTransposeYes : CLBlastTransposeNo;
    size_t a = first(&x[0], d->offset_a), b = first(&x[1], d->offset_b);
    size_t c = first(&x[2], d->offset_c);
    if (d->batch == 1)
        return CLBlastSgemm(CLBlastLayoutRowMajor, ta, tb, d->m, d->n, d->k, d->alpha,
                            x[0].buffer->memory, a, d->lda, x[1].buffer->memory, b, d->ldb, d->beta,
                            x[2].buffer->memory, c, d->ldc, &device->active, NULL);
    return CLBlastSgemmStridedBatched(
        CLBlastLayoutRowMajor, ta, tb, d->m, d->n, d->k, d->alpha, x[0].buffer->memory, a, d->lda,
        (size_t)d->stride_a, x[1].buffer->memory, b, d->ldb, (size_t)d->stride_b, d->beta,
        x[2].buffer->memory, c, d->ldc, (size_t)d->stride_c, d->batch, &device->active, NULL);
}

static graft_status enqueue(gr_opencl_device *device, gr_library *library,
                            const gr_command *command)
{
    device->gemms = true;
    CLBlastStatusCode code = multiply(device, &((gemm *)library)->desc, command->binding);
    GR_OPENCL_TRY(device, "CLBlast: matrix product", (cl_int)code);
    return GRAFT_OK;
}

static void destroy(gr_opencl_device *device, gr_library *library)
{
    gr_free(library);
}

graft_status gr_opencl_gemm_create(gr_opencl_device *device, const gr_gemm_desc *desc,
                                   gr_library **out)
{
    gemm *g = gr_alloc(NULL, sizeof(*g));
    if (!g)
        return gr_fail(device->base.log, GRAFT_ERR_MEMORY, "%s: no memory for a matrix product",
                       device->base.info.id);
    *g = (gemm){{.enqueue = enqueue, .destroy = destroy}, *desc};
    *out = &g->base;
    return GRAFT_OK;
}

void gr_opencl_gemm_close(gr_opencl_device *device)
{
    if (device->gemms)
        CLBlastClearCache();
    device->gemms = false;
}
