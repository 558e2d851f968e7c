/* Matrix products by CLBlast, which is opened when a product first asks for it: only its header is
 * needed to build. It compiles its kernels at the first call and keeps them, in a cache of the
 * whole process. */
#include "backends/opencl/opencl.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/system.h"

#include <clblast_c.h>

#ifdef _WIN32
#define LIBRARY "clblast.dll"
#else
#define LIBRARY "libclblast.so.1"
#endif

typedef struct clblast {
    __typeof__(&CLBlastSgemm) sgemm;
    __typeof__(&CLBlastSgemmStridedBatched) sgemm_strided_batched;
    __typeof__(&CLBlastClearCache) clear_cache;
} clblast;

typedef struct gemm {
    gr_library base;
    gr_gemm_desc desc;
    clblast clblast;
} gemm;

/* False: it is not on this machine. */
static bool load(clblast *c)
{
    void *library = gr_shared_library_open(LIBRARY);
    if (!library)
        return false;
    c->sgemm = (__typeof__(c->sgemm))gr_shared_library_function(library, "CLBlastSgemm");
    c->sgemm_strided_batched = (__typeof__(c->sgemm_strided_batched))gr_shared_library_function(
        library, "CLBlastSgemmStridedBatched");
    c->clear_cache =
        (__typeof__(c->clear_cache))gr_shared_library_function(library, "CLBlastClearCache");
    return c->sgemm && c->sgemm_strided_batched && c->clear_cache;
}

/* The element of the buffer where an operand begins. */
static size_t first(const gr_binding *binding, uint64_t offset)
{
    return (size_t)(binding->offset / sizeof(float) + offset);
}

static CLBlastStatusCode multiply(gr_opencl_device *device, const gemm *g, const gr_binding *x)
{
    const gr_gemm_desc *d = &g->desc;
    CLBlastTranspose ta = d->transpose_a ? CLBlastTransposeYes : CLBlastTransposeNo;
    CLBlastTranspose tb = d->transpose_b ? CLBlastTransposeYes : CLBlastTransposeNo;
    size_t a = first(&x[0], d->offset_a), b = first(&x[1], d->offset_b);
    size_t c = first(&x[2], d->offset_c);
    if (d->batch == 1)
        return g->clblast.sgemm(CLBlastLayoutRowMajor, ta, tb, d->m, d->n, d->k, d->alpha,
                                x[0].buffer->memory, a, d->lda, x[1].buffer->memory, b, d->ldb,
                                d->beta, x[2].buffer->memory, c, d->ldc, &device->active, NULL);
    return g->clblast.sgemm_strided_batched(
        CLBlastLayoutRowMajor, ta, tb, d->m, d->n, d->k, d->alpha, x[0].buffer->memory, a, d->lda,
        (size_t)d->stride_a, x[1].buffer->memory, b, d->ldb, (size_t)d->stride_b, d->beta,
        x[2].buffer->memory, c, d->ldc, (size_t)d->stride_c, d->batch, &device->active, NULL);
}

static graft_status enqueue(gr_opencl_device *device, gr_library *library,
                            const gr_command *command)
{
    const gemm *g = (gemm *)library;
    device->gemms = true;
    CLBlastStatusCode code = multiply(device, g, command->binding);
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
    clblast functions;
    if (!load(&functions)) {
        gr_log(device->base.log, GRAFT_LOG_DEBUG, "%s: no " LIBRARY " here; own kernels are used",
               device->base.info.id);
        device->base.caps.gemm_library = false;
        return GRAFT_ERR_UNSUPPORTED;
    }
    gemm *g = gr_alloc(NULL, sizeof(*g));
    if (!g)
        return gr_fail(device->base.log, GRAFT_ERR_MEMORY, "%s: no memory for a matrix product",
                       device->base.info.id);
    *g = (gemm){{.enqueue = enqueue, .destroy = destroy}, *desc, functions};
    *out = &g->base;
    return GRAFT_OK;
}

void gr_opencl_gemm_close(gr_opencl_device *device)
{
    clblast functions;
    if (device->gemms && load(&functions))
        functions.clear_cache();
    device->gemms = false;
}
