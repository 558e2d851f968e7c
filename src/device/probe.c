/* Checks of a library's operation: it runs as asked for on known numbers, and samples of the
 * result are compared with direct sums in double. Drivers miscompile the code that libraries
 * generate, for one length and not for the next, so every case is checked by itself. */
#include "device/device.h"

#include "base/log.h"
#include "device/state.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Of the largest value expected. Rounding is two orders below, wrong results are far above. */
#define MAX_ERROR 1e-4

#define SAMPLES      16 /* lines of an FFT */
#define GEMM_SAMPLES 256

/* A hash of the index, as a number in [-1, 1): neighbours, rows and batches all differ. */
static float number(uint64_t i)
{
    uint64_t x = (i + 1) * 0x9e3779b97f4a7c15ull;
    x = (x ^ x >> 32) * 0xd6e8feb86659fd93ull;
    return (float)(int32_t)(x >> 32) * 0x1p-31f;
}

/* One operand on the device, and the host's copy of what it held at first. */
typedef struct operand {
    uint64_t count;
    float *data;
    gr_buffer *buffer;
} operand;

static graft_status make_operand(gr_device *device, uint64_t count, uint64_t seed, bool nan,
                                 operand *o)
{
    o->count = count;
    o->data = malloc(count * sizeof(*o->data));
    if (!o->data)
        return GRAFT_ERR_MEMORY;
    for (uint64_t i = 0; i < count; i++)
        o->data[i] = nan ? NAN : number(seed + i);
    GR_TRY(gr_device_buffer_create(device, count * 4, GR_MEMORY_DEVICE, &o->buffer));
    return gr_device_buffer_write(device, o->buffer, 0, o->data, count * 4);
}

static void free_operands(gr_device *device, operand *operands, int count)
{
    for (int i = 0; i < count; i++) {
        free(operands[i].data);
        gr_device_buffer_destroy(device, &operands[i].buffer);
    }
}

/* Runs the operation once and reads the last operand, the result. */
static graft_status run(gr_device *device, gr_library *library, const operand *operands, int count,
                        float *result)
{
    gr_command command = {
        .kind = GR_COMMAND_LIBRARY,
        .label = "library check",
        .binding_count = (uint32_t)count,
        .library = library,
    };
    gr_list *list = NULL;
    const operand *last = &operands[count - 1];
    for (int i = 0; i < count; i++)
        command.binding[i] = (gr_binding){operands[i].buffer, 0, operands[i].count * 4};
    GR_TRY(gr_device_list_create(device, &command, 1, false, &list));
    graft_status status = gr_device_submit(device, list);
    if (status == GRAFT_OK)
        status = gr_device_wait(device);
    gr_device_list_destroy(device, &list);
    if (status == GRAFT_OK)
        status = gr_device_buffer_read(device, last->buffer, 0, result, last->count * 4);
    return status;
}

/* The largest error and the largest value so far. */
typedef struct deviation {
    double most, scale;
} deviation;

static void note(deviation *e, double expected, float got)
{
    double off = fabs(got - expected);
    e->most = isnan(off) ? INFINITY : fmax(e->most, off);
    e->scale = fmax(e->scale, fabs(expected));
}

/* One line of an FFT, of all its outputs. */
static void check_line(const gr_fft_desc *d, const float *x, const float *y, uint64_t line,
                       deviation *e)
{
    uint64_t n = d->length, inner = d->inner;
    uint64_t base = line / inner * n * inner + line % inner;
    double w = (d->inverse ? 2.0 : -2.0) * 3.14159265358979323846 / (double)n;
    for (uint64_t k = 0; k < n; k++) {
        double re = 0, im = 0;
        for (uint64_t t = 0; t < n; t++) {
            const float *v = &x[2 * (base + t * inner)];
            double angle = w * (double)(k * t % n), c = cos(angle), s = sin(angle);
            re += v[0] * c - v[1] * s;
            im += v[0] * s + v[1] * c;
        }
        note(e, re, y[2 * (base + k * inner)]);
        note(e, im, y[2 * (base + k * inner) + 1]);
    }
}

static graft_status probe_fft(gr_device *device, const gr_fft_desc *d, gr_library *library,
                              deviation *e)
{
    uint64_t lines = (uint64_t)d->batch * d->inner, count = 2 * lines * d->length;
    operand x = {0};
    float *y = malloc(count * sizeof(*y));
    graft_status status = y ? make_operand(device, count, 0, false, &x) : GRAFT_ERR_MEMORY;
    if (status == GRAFT_OK)
        status = run(device, library, &x, 1, y);
    uint64_t samples = lines < SAMPLES ? lines : SAMPLES;
    for (uint64_t i = 0; i < samples && status == GRAFT_OK; i++)
        check_line(d, x.data, y, samples > 1 ? i * (lines - 1) / (samples - 1) : 0, e);
    free_operands(device, &x, 1);
    free(y);
    return status;
}

/* Elements from the start to the end of the last matrix. */
static uint64_t extent(uint64_t offset, uint32_t batch, uint64_t stride, uint64_t rows,
                       uint64_t cols, uint64_t ld)
{
    return offset + (batch - 1) * stride + (rows - 1) * ld + cols;
}

/* Element (i, j) of matrix z, where `transpose` swaps i and j. */
static double element(const float *x, uint64_t start, bool transpose, uint64_t ld, uint64_t i,
                      uint64_t j)
{
    return x[start + (transpose ? j * ld + i : i * ld + j)];
}

static void check_product(const gr_gemm_desc *d, const operand *o, const float *c, uint64_t z,
                          uint64_t i, uint64_t j, deviation *e)
{
    uint64_t a = d->offset_a + z * d->stride_a, b = d->offset_b + z * d->stride_b;
    uint64_t at = d->offset_c + z * d->stride_c + i * d->ldc + j;
    double sum = 0;
    for (uint64_t k = 0; k < d->k; k++)
        sum += element(o[0].data, a, d->transpose_a, d->lda, i, k) *
               element(o[1].data, b, d->transpose_b, d->ldb, k, j);
    double before = d->beta != 0 ? o[2].data[at] : 0;
    note(e, d->alpha * sum + d->beta * before, c[at]);
}

/* Of a, b and c. */
static void count_elements(const gr_gemm_desc *d, uint64_t count[3])
{
    uint64_t rows_a = d->transpose_a ? d->k : d->m, rows_b = d->transpose_b ? d->n : d->k;
    count[0] = extent(d->offset_a, d->batch, d->stride_a, rows_a, d->m + d->k - rows_a, d->lda);
    count[1] = extent(d->offset_b, d->batch, d->stride_b, rows_b, d->n + d->k - rows_b, d->ldb);
    count[2] = extent(d->offset_c, d->batch, d->stride_c, d->m, d->n, d->ldc);
}

static graft_status make_matrices(gr_device *device, const gr_gemm_desc *d, operand *o)
{
    uint64_t n[3];
    count_elements(d, n);
    GR_TRY(make_operand(device, n[0], 0, false, &o[0]));
    GR_TRY(make_operand(device, n[1], n[0], false, &o[1]));
    /* what c held must not count */
    return make_operand(device, n[2], n[0] + n[1], d->beta == 0, &o[2]);
}

/* Samples all over the result: its corners, and places that a hash chooses. */
static graft_status probe_gemm(gr_device *device, const gr_gemm_desc *d, gr_library *library,
                               deviation *e)
{
    operand o[3] = {0};
    float *c = NULL;
    graft_status status = make_matrices(device, d, o);
    if (status == GRAFT_OK)
        status = (c = malloc(o[2].count * sizeof(*c))) ? GRAFT_OK : GRAFT_ERR_MEMORY;
    if (status == GRAFT_OK)
        status = run(device, library, o, 3, c);
    for (uint64_t s = 0; s < GEMM_SAMPLES && status == GRAFT_OK; s++) {
        uint64_t hash = s * 0x9e3779b97f4a7c15ull >> 16, z = s % d->batch;
        if (s < 4)
            check_product(d, o, c, z, s & 1 ? d->m - 1 : 0, s & 2 ? d->n - 1 : 0, e);
        else
            check_product(d, o, c, z, hash % d->m, hash / d->m % d->n, e);
    }
    free_operands(device, o, 3);
    free(c);
    return status;
}

static void describe(const gr_library_desc *desc, char *text, size_t size)
{
    const gr_gemm_desc *g = &desc->gemm;
    const gr_fft_desc *f = &desc->fft;
    if (desc->kind == GR_LIBRARY_GEMM)
        snprintf(text, size, "GEMM %u x %u x %u x %u", g->batch, g->m, g->n, g->k);
    else
        snprintf(text, size, "FFT [%u, %u, %u]", f->batch, f->length, f->inner);
}

uint64_t gr_library_operand_bytes(const gr_library_desc *desc)
{
    if (desc->kind == GR_LIBRARY_FFT)
        return (uint64_t)desc->fft.batch * desc->fft.inner * desc->fft.length * 8;
    uint64_t count[3], most = 0;
    count_elements(&desc->gemm, count);
    for (int i = 0; i < 3; i++)
        most = count[i] > most ? count[i] : most;
    return 4 * most;
}

graft_status gr_library_check(gr_device *device, const gr_library_desc *desc, gr_library *library)
{
    deviation e = {0};
    graft_status status = desc->kind == GR_LIBRARY_GEMM
                              ? probe_gemm(device, &desc->gemm, library, &e)
                              : probe_fft(device, &desc->fft, library, &e);
    double relative = e.most / e.scale;
    bool right = status == GRAFT_OK && relative <= MAX_ERROR;
    char what[96];
    describe(desc, what, sizeof(what));
    if (status != GRAFT_OK)
        gr_log(device->log, GRAFT_LOG_INFO,
               "%s: the library's %s does not run; own kernels are used", device->info.id, what);
    else
        gr_log(device->log, right ? GRAFT_LOG_DEBUG : GRAFT_LOG_INFO,
               "%s: the library's %s has an error of %.1e of the largest value%s", device->info.id,
               what, relative, right ? "" : "; own kernels are used");
    bool no_room = status == GRAFT_ERR_MEMORY || status == GRAFT_ERR_DEVICE_MEMORY;
    return right ? GRAFT_OK : no_room ? status : GRAFT_ERR_UNSUPPORTED;
}
