/* Operations of vendor libraries, by themselves: results against direct sums in double, offsets,
 * guard words, two uses at once. The libraries are switched on also where they would not be tried;
 * a case that a library refuses is printed. */
#include "compare.h"
#include "devices.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A NaN that no arithmetic makes. */
static const uint32_t GUARD = 0x7fc0deadu;

/* A buffer with `count` floats between two guards. */
typedef struct guarded {
    gr_device *device;
    gr_buffer *buffer;
    uint64_t count, guard; /* floats */
} guarded;

static guarded guarded_open(gr_device *device, const float *data, uint64_t count)
{
    uint64_t align = device->caps.offset_align / 4;
    guarded g = {.device = device, .count = count, .guard = align > 64 ? align : 64};
    uint64_t size = count + 2 * g.guard;
    uint32_t *words = malloc(size * 4);
    assert_non_null(words);
    for (uint64_t i = 0; i < size; i++)
        words[i] = GUARD;
    memcpy(words + g.guard, data, count * 4);
    TEST_OK(device->log, gr_device_buffer_create(device, size * 4, GR_MEMORY_DEVICE, &g.buffer));
    TEST_OK(device->log, gr_device_buffer_write(device, g.buffer, 0, words, size * 4));
    free(words);
    return g;
}

static gr_binding guarded_binding(const guarded *g)
{
    return (gr_binding){g->buffer, g->guard * 4, g->count * 4};
}

static void guarded_close(guarded *g, float *data)
{
    uint64_t size = g->count + 2 * g->guard;
    uint32_t *words = malloc(size * 4);
    assert_non_null(words);
    TEST_OK(g->device->log, gr_device_buffer_read(g->device, g->buffer, 0, words, size * 4));
    for (uint64_t i = 0; i < g->guard; i++) {
        assert_int_equal(words[i], GUARD);
        assert_int_equal(words[size - 1 - i], GUARD);
    }
    memcpy(data, words + g->guard, g->count * 4);
    free(words);
    gr_device_buffer_destroy(g->device, &g->buffer);
}

static void run(gr_device *device, const gr_command *commands, int count)
{
    gr_list *list;
    TEST_OK(device->log, gr_device_list_create(device, commands, count, false, &list));
    TEST_OK(device->log, gr_device_submit(device, list));
    TEST_OK(device->log, gr_device_wait(device));
    gr_device_list_destroy(device, &list);
}

static float *numbers(uint64_t count, uint64_t seed)
{
    float *x = malloc(count * sizeof(*x));
    assert_non_null(x);
    fill_uniform(x, count, -1.0f, 1.0f, seed);
    return x;
}

static void expect(const char *what, const float *got, const float *expected, uint64_t count,
                   double absolute)
{
    comparison c = compare_floats(got, expected, count, (tolerance){.absolute = absolute});
    char text[256];
    compare_describe(&c, text, sizeof(text));
    if (c.wrong)
        fail_msg("%s: %s", what, text);
}

/* GRAFT_ERR_UNSUPPORTED is a library's right: false then. */
static bool open_library(gr_device *device, const gr_library_desc *desc, const char *what,
                         gr_library **out)
{
    graft_status status = gr_device_library_create(device, desc, out);
    if (status != GRAFT_ERR_UNSUPPORTED)
        TEST_OK(device->log, status);
    else
        print_message("%s: %s: refused\n", device->info.id, what);
    return status == GRAFT_OK;
}

/* FFT */

static void transform(const gr_fft_desc *d, const float *x, float *y)
{
    double w = (d->inverse ? 2 : -2) * acos(-1.0) / d->length;
    for (uint64_t line = 0; line < (uint64_t)d->batch * d->inner; line++) {
        uint64_t base = line / d->inner * d->length * d->inner + line % d->inner;
        for (uint64_t k = 0; k < d->length; k++) {
            double re = 0, im = 0;
            for (uint64_t t = 0; t < d->length; t++) {
                const float *v = &x[2 * (base + t * d->inner)];
                double c = cos(w * (double)(k * t)), s = sin(w * (double)(k * t));
                re += v[0] * c - v[1] * s;
                im += v[0] * s + v[1] * c;
            }
            y[2 * (base + k * d->inner)] = (float)re;
            y[2 * (base + k * d->inner) + 1] = (float)im;
        }
    }
}

/* Rounding grows with the logarithm of the length in a fast transform, and results with its
 * root. */
static double fft_error(uint32_t length)
{
    return 4e-7 * sqrt(length) * log2(length);
}

/* Two buffers, each transformed by an operation of its own in the same list. */
static void check_fft(gr_device *device, gr_fft_desc desc)
{
    gr_library_desc library_desc = {.kind = GR_LIBRARY_FFT, .fft = desc};
    gr_library *library[2];
    char what[64];
    snprintf(what, sizeof(what), "%s FFT [%u, %u, %u]", desc.inverse ? "inverse" : "forward",
             desc.batch, desc.length, desc.inner);
    if (!open_library(device, &library_desc, what, &library[0]))
        return;
    assert_true(open_library(device, &library_desc, what, &library[1]));
    uint64_t count = 2ull * desc.batch * desc.length * desc.inner;
    gr_command commands[2];
    float *x[2], *y = numbers(count, 0), *expected = numbers(count, 0);
    guarded data[2];
    for (int i = 0; i < 2; i++) {
        x[i] = numbers(count, 77 + (uint64_t)i);
        data[i] = guarded_open(device, x[i], count);
        commands[i] = (gr_command){.kind = GR_COMMAND_LIBRARY,
                                   .library = library[i],
                                   .binding_count = 1,
                                   .binding = {guarded_binding(&data[i])}};
    }
    run(device, commands, 2);
    for (int i = 0; i < 2; i++) {
        guarded_close(&data[i], y);
        transform(&desc, x[i], expected);
        expect(what, y, expected, count, fft_error(desc.length));
        gr_device_library_destroy(device, &library[i]);
        free(x[i]);
    }
    free(y);
    free(expected);
}

static gr_device *with_libraries(void **state)
{
    gr_device *device = ((const test_target *)*state)->device;
    device->caps.gemm_library = device->caps.fft_library = true;
    return device;
}

static void check_lengths(void **state, const uint32_t *lengths, int count, gr_fft_desc desc)
{
    for (int i = 0; i < count; i++) {
        desc.length = lengths[i];
        check_fft(with_libraries(state), desc);
    }
}

static void transforms_lines(void **state)
{
    check_lengths(state, (const uint32_t[]){14, 197, 206, 256}, 4,
                  (gr_fft_desc){.batch = 3, .inner = 1});
}

static void transforms_strided_lines(void **state)
{
    check_lengths(state, (const uint32_t[]){14, 197, 206}, 3,
                  (gr_fft_desc){.batch = 2, .inner = 5});
}

static void transforms_back(void **state)
{
    check_lengths(state, (const uint32_t[]){197, 256}, 2,
                  (gr_fft_desc){.batch = 2, .inner = 3, .inverse = true});
}

/* Both axes of [batch, 14, 14, channels], one operation after the other. */
static void transforms_planes(void **state)
{
    gr_device *device = with_libraries(state);
    const gr_fft_desc axes[2] = {{.batch = 2, .length = 14, .inner = 14 * 3},
                                 {.batch = 2 * 14, .length = 14, .inner = 3}};
    uint64_t count = 2 * 2 * 14 * 14 * 3;
    float *x = numbers(count, 5), *half = numbers(count, 0), *expected = numbers(count, 0);
    gr_library *library[2] = {NULL, NULL};
    gr_command commands[2];
    guarded data = guarded_open(device, x, count);
    for (int i = 0; i < 2; i++) {
        gr_library_desc desc = {.kind = GR_LIBRARY_FFT, .fft = axes[i]};
        commands[i] = (gr_command){.kind = GR_COMMAND_LIBRARY,
                                   .barrier = i > 0,
                                   .binding_count = 1,
                                   .binding = {guarded_binding(&data)}};
        if (open_library(device, &desc, "14x14", &library[i]))
            commands[i].library = library[i];
    }
    bool both = library[0] && library[1];
    if (both)
        run(device, commands, 2);
    transform(&axes[0], x, half);
    transform(&axes[1], half, expected);
    guarded_close(&data, x);
    if (both)
        expect("14x14", x, expected, count, fft_error(14 * 14));
    for (int i = 0; i < 2; i++)
        gr_device_library_destroy(device, &library[i]);
    free(x);
    free(half);
    free(expected);
}

/* An operation may be many commands of the driver: its time is that of all. */
static void tells_times(void **state)
{
    gr_device *device = with_libraries(state);
    const gr_fft_desc fft = {.batch = 64, .length = 197, .inner = 64};
    gr_library_desc desc = {.kind = GR_LIBRARY_FFT, .fft = fft};
    uint64_t count = 2ull * fft.batch * fft.length * fft.inner;
    gr_library *library;
    if (!device->caps.timestamps || !open_library(device, &desc, "times", &library))
        skip();
    float *x = numbers(count, 1);
    guarded data = guarded_open(device, x, count);
    gr_command command = {.kind = GR_COMMAND_LIBRARY,
                          .library = library,
                          .binding_count = 1,
                          .binding = {guarded_binding(&data)}};
    gr_list *list;
    double ns = 0;
    TEST_OK(device->log, gr_device_list_create(device, &command, 1, true, &list));
    TEST_OK(device->log, gr_device_submit(device, list));
    TEST_OK(device->log, gr_device_wait(device));
    TEST_OK(device->log, gr_device_list_times(device, list, &ns));
    gr_device_list_destroy(device, &list);
    gr_device_library_destroy(device, &library);
    guarded_close(&data, x);
    free(x);
    /* 1.6 million values: faster than a microsecond is no time, longer than a minute is none
     * either. */
    assert_true(ns > 1e3 && ns < 60e9);
}

/* GEMM */

static double element(const float *x, bool transposed, uint64_t ld, uint64_t i, uint64_t j)
{
    return transposed ? x[j * ld + i] : x[i * ld + j];
}

static void multiply(const gr_gemm_desc *d, const float *a, const float *b, float *c)
{
    for (uint64_t z = 0; z < d->batch; z++)
        for (uint64_t i = 0; i < d->m; i++)
            for (uint64_t j = 0; j < d->n; j++) {
                const float *az = a + d->offset_a + z * d->stride_a;
                const float *bz = b + d->offset_b + z * d->stride_b;
                float *to = c + d->offset_c + z * d->stride_c + i * d->ldc + j;
                double sum = 0;
                for (uint64_t k = 0; k < d->k; k++)
                    sum += element(az, d->transpose_a, d->lda, i, k) *
                           element(bz, d->transpose_b, d->ldb, k, j);
                *to = (float)(d->alpha * sum + d->beta * *to);
            }
}

static void check_gemm(gr_device *device, gr_gemm_desc d, const uint64_t sizes[3])
{
    gr_library_desc library_desc = {.kind = GR_LIBRARY_GEMM, .gemm = d};
    gr_library *library;
    char what[64];
    snprintf(what, sizeof(what), "GEMM %u x %u x %u x %u", d.batch, d.m, d.n, d.k);
    if (!open_library(device, &library_desc, what, &library))
        return;
    gr_command command = {.kind = GR_COMMAND_LIBRARY, .library = library, .binding_count = 3};
    float *x[3];
    guarded data[3];
    for (int i = 0; i < 3; i++) {
        x[i] = numbers(sizes[i], 7 + (uint64_t)i);
        data[i] = guarded_open(device, x[i], sizes[i]);
        command.binding[i] = guarded_binding(&data[i]);
    }
    run(device, &command, 1);
    multiply(&d, x[0], x[1], x[2]);
    for (int i = 0; i < 3; i++) {
        float *got = numbers(sizes[i], 0);
        guarded_close(&data[i], got);
        expect(what, got, x[i], sizes[i], i == 2 ? 1e-6 * d.k : 0);
        free(got);
        free(x[i]);
    }
    gr_device_library_destroy(device, &library);
}

static void multiplies(void **state)
{
    gr_device *device = with_libraries(state);
    gr_gemm_desc d = {
        .m = 65, .n = 70, .k = 33, .batch = 1, .alpha = 0.5f, .lda = 33, .ldb = 70, .ldc = 70};
    check_gemm(device, d, (const uint64_t[]){65 * 33, 33 * 70, 65 * 70});
}

/* Rows wider than the matrix, offsets, a batch with gaps, a sum: what lies between stays. */
static void multiplies_parts_of_tensors(void **state)
{
    gr_device *device = with_libraries(state);
    gr_gemm_desc d = {.m = 17,
                      .n = 19,
                      .k = 23,
                      .batch = 3,
                      .alpha = -1.5f,
                      .beta = 1.0f,
                      .transpose_b = true,
                      .lda = 30,
                      .ldb = 24,
                      .ldc = 21,
                      .offset_a = 3,
                      .offset_b = 5,
                      .offset_c = 2,
                      .stride_a = 17 * 30,
                      .stride_b = 19 * 24 + 1,
                      .stride_c = 17 * 21 + 2};
    check_gemm(device, d, (const uint64_t[]){3 * 17 * 30 + 9, 3 * 19 * 25 + 9, 3 * 17 * 22 + 9});
}

static void multiplies_transposed(void **state)
{
    gr_device *device = with_libraries(state);
    gr_gemm_desc d = {.m = 40,
                      .n = 8,
                      .k = 197,
                      .batch = 2,
                      .alpha = 1.0f,
                      .transpose_a = true,
                      .lda = 40,
                      .ldb = 8,
                      .ldc = 8,
                      .stride_a = 197 * 40,
                      .stride_b = 0,
                      .stride_c = 320};
    check_gemm(device, d, (const uint64_t[]){2 * 197 * 40, 197 * 8, 640});
}

int main(void)
{
    const test_case cases[] = {
        TEST_CASE(transforms_lines),      TEST_CASE(transforms_strided_lines),
        TEST_CASE(transforms_back),       TEST_CASE(transforms_planes),
        TEST_CASE(tells_times),           TEST_CASE(multiplies),
        TEST_CASE(multiplies_transposed), TEST_CASE(multiplies_parts_of_tensors),
    };
    return TEST_RUN("library", cases, TEST_GPU);
}
