/* Buffers on every device: host access, copies and fills keep every byte where it belongs. */
#include "devices.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define GUARD 0xabu

/* A buffer of `size` bytes, all GUARD. */
static gr_buffer *make_buffer(gr_device *device, size_t size, gr_memory memory)
{
    gr_buffer *buffer;
    TEST_OK(device->log, gr_device_buffer_create(device, size, memory, &buffer));
    unsigned char *bytes = malloc(size);
    assert_non_null(bytes);
    memset(bytes, GUARD, size);
    TEST_OK(device->log, gr_device_buffer_write(device, buffer, 0, bytes, size));
    free(bytes);
    return buffer;
}

static void fill_pattern(unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)(i * 7 + i / 251);
}

static void run_commands(gr_device *device, const gr_command *commands, int count)
{
    gr_list *list;
    TEST_OK(device->log, gr_device_list_create(device, commands, count, false, &list));
    TEST_OK(device->log, gr_device_submit(device, list));
    TEST_OK(device->log, gr_device_wait(device));
    gr_device_list_destroy(device, &list);
    assert_null(list);
}

static void written_bytes_read_back(void **state)
{
    gr_device *device = test_device_of(state);
    const size_t sizes[] = {4, 8, 12, 252, 256, 260, 4096 + 4, 1000004};
    for (int memory = GR_MEMORY_DEVICE; memory <= GR_MEMORY_HOST; memory++) {
        for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
            size_t size = sizes[s];
            unsigned char *in = malloc(size), *out = malloc(size);
            assert_true(in && out);
            fill_pattern(in, size);
            gr_buffer *buffer = make_buffer(device, size, (gr_memory)memory);
            TEST_OK(device->log, gr_device_buffer_write(device, buffer, 0, in, size));
            TEST_OK(device->log, gr_device_buffer_read(device, buffer, 0, out, size));
            assert_memory_equal(in, out, size);
            gr_device_buffer_destroy(device, &buffer);
            free(in);
            free(out);
        }
    }
}

static void parts_of_a_buffer_are_written_and_read(void **state)
{
    gr_device *device = test_device_of(state);
    unsigned char in[100], out[1024];
    fill_pattern(in, sizeof(in));
    gr_buffer *buffer = make_buffer(device, sizeof(out), GR_MEMORY_DEVICE);
    TEST_OK(device->log, gr_device_buffer_write(device, buffer, 516, in, 100));
    TEST_OK(device->log, gr_device_buffer_read(device, buffer, 0, out, sizeof(out)));
    for (size_t i = 0; i < sizeof(out); i++)
        assert_int_equal(out[i], i >= 516 && i < 616 ? in[i - 516] : GUARD);
    TEST_OK(device->log, gr_device_buffer_read(device, buffer, 520, out, 8));
    assert_memory_equal(out, in + 4, 8);
    gr_device_buffer_destroy(device, &buffer);
}

static void copies_move_a_range_and_nothing_else(void **state)
{
    gr_device *device = test_device_of(state);
    const size_t size = 4096, from = 512, to = 1284, moved = 1028;
    unsigned char in[4096], out[4096];
    fill_pattern(in, size);
    gr_buffer *a = make_buffer(device, size, GR_MEMORY_HOST);
    gr_buffer *b = make_buffer(device, size, GR_MEMORY_DEVICE);
    TEST_OK(device->log, gr_device_buffer_write(device, a, 0, in, size));
    run_commands(device,
                 &(gr_command){.kind = GR_COMMAND_COPY,
                               .binding_count = 2,
                               .binding = {{a, from, moved}, {b, to, moved}}},
                 1);
    TEST_OK(device->log, gr_device_buffer_read(device, b, 0, out, size));
    for (size_t i = 0; i < size; i++)
        assert_int_equal(out[i], i >= to && i < to + moved ? in[from + i - to] : GUARD);
    gr_device_buffer_destroy(device, &a);
    gr_device_buffer_destroy(device, &b);
}

/* Bytes that do not wait for the queue: what was submitted before has its own, what is submitted
 * then has these. */
static void bytes_go_beside_what_is_at_work(void **state)
{
    gr_device *device = test_device_of(state);
    enum { WORDS = 1 << 16, ROUNDS = 6 };
    uint32_t *in = malloc(WORDS * sizeof(*in)), *out = malloc(WORDS * sizeof(*out));
    gr_buffer *staged[2], *kept[ROUNDS];
    gr_list *lists[ROUNDS];
    assert_non_null(in);
    assert_non_null(out);
    for (int i = 0; i < 2; i++)
        TEST_OK(device->log,
                gr_device_buffer_create(device, WORDS * sizeof(*in), GR_MEMORY_HOST, &staged[i]));
    for (int i = 0; i < ROUNDS; i++) {
        TEST_OK(device->log,
                gr_device_buffer_create(device, WORDS * sizeof(*in), GR_MEMORY_DEVICE, &kept[i]));
        gr_command copy = {.kind = GR_COMMAND_COPY,
                           .binding_count = 2,
                           .binding = {{staged[i % 2], 0, WORDS * sizeof(*in)},
                                       {kept[i], 0, WORDS * sizeof(*in)}}};
        TEST_OK(device->log, gr_device_list_create(device, &copy, 1, false, &lists[i]));
    }
    for (int i = 0; i < ROUNDS; i++) {
        for (uint32_t k = 0; k < WORDS; k++)
            in[k] = k * 7u + (uint32_t)i;
        if (i % 2 == 0 && i > 0) /* both are at work */
            TEST_OK(device->log, gr_device_wait(device));
        TEST_OK(device->log,
                gr_device_buffer_write_now(device, staged[i % 2], 0, in, WORDS * sizeof(*in)));
        TEST_OK(device->log, gr_device_submit(device, lists[i]));
    }
    for (int i = 0; i < ROUNDS; i++) {
        TEST_OK(device->log, gr_device_buffer_read(device, kept[i], 0, out, WORDS * sizeof(*in)));
        for (uint32_t k = 0; k < WORDS; k++)
            assert_int_equal(out[k], k * 7u + (uint32_t)i);
        gr_device_list_destroy(device, &lists[i]);
        gr_device_buffer_destroy(device, &kept[i]);
    }
    gr_device_buffer_destroy(device, &staged[0]);
    gr_device_buffer_destroy(device, &staged[1]);
    free(in);
    free(out);
}

static void fills_write_a_range_and_nothing_else(void **state)
{
    gr_device *device = test_device_of(state);
    const uint32_t pattern = 0x7fc01234;
    const size_t first = 256, filled = 772;
    uint32_t out[1024];
    gr_buffer *buffer = make_buffer(device, sizeof(out), GR_MEMORY_DEVICE);
    run_commands(device,
                 &(gr_command){.kind = GR_COMMAND_FILL,
                               .binding_count = 1,
                               .binding = {{buffer, first, filled}},
                               .fill = pattern},
                 1);
    TEST_OK(device->log, gr_device_buffer_read(device, buffer, 0, out, sizeof(out)));
    for (size_t i = 0; i < 1024; i++)
        assert_int_equal(out[i], i >= first / 4 && i < (first + filled) / 4 ? pattern : 0xabababab);
    gr_device_buffer_destroy(device, &buffer);
}

/* Fill, copy onward, overwrite the source: only barriers keep the order right. */
static void barriers_order_commands(void **state)
{
    gr_device *device = test_device_of(state);
    const size_t size = 1 << 20;
    gr_buffer *a = make_buffer(device, size, GR_MEMORY_DEVICE);
    gr_buffer *b = make_buffer(device, size, GR_MEMORY_DEVICE);
    const gr_binding whole_a = {a, 0, size}, whole_b = {b, 0, size};
    const gr_command commands[] = {
        {.kind = GR_COMMAND_FILL, .binding_count = 1, .binding = {whole_a}, .fill = 1},
        {.kind = GR_COMMAND_COPY,
         .barrier = true,
         .binding_count = 2,
         .binding = {whole_a, whole_b}},
        {.kind = GR_COMMAND_FILL,
         .barrier = true,
         .binding_count = 1,
         .binding = {whole_a},
         .fill = 2},
    };
    run_commands(device, commands, 3);
    uint32_t *words = malloc(size);
    assert_non_null(words);
    TEST_OK(device->log, gr_device_buffer_read(device, b, 0, words, size));
    for (size_t i = 0; i < size / 4; i++)
        assert_int_equal(words[i], 1);
    TEST_OK(device->log, gr_device_buffer_read(device, a, 0, words, size));
    for (size_t i = 0; i < size / 4; i++)
        assert_int_equal(words[i], 2);
    free(words);
    gr_device_buffer_destroy(device, &a);
    gr_device_buffer_destroy(device, &b);
}

int main(void)
{
    const test_case cases[] = {
        TEST_CASE(written_bytes_read_back),
        TEST_CASE(parts_of_a_buffer_are_written_and_read),
        TEST_CASE(copies_move_a_range_and_nothing_else),
        TEST_CASE(bytes_go_beside_what_is_at_work),
        TEST_CASE(fills_write_a_range_and_nothing_else),
        TEST_CASE(barriers_order_commands),
    };
    return TEST_RUN("buffers", cases, TEST_EXECUTING);
}
