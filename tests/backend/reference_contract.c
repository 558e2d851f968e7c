#include "reference_support.h"

#include "shaders/dft.gk.h"
#include "shaders/softmax.gk.h"
#include "shaders/unary.gk.h"

#include <math.h>
#include <string.h>

static const gr_backend *const backend = &gr_backend_reference;

static gr_binding new_binding(fixture *f, uint64_t count)
{
    gr_binding binding = {.size = 4 * count};
    assert_int_equal(
        backend->buffer_create(f->device, binding.size, GR_MEMORY_DEVICE, &binding.buffer),
        GRAFT_OK);
    return binding;
}

static void check_error_holds(fixture *f, const char *text)
{
    char error[256];
    graft_log_error(f->log, error, sizeof(error));
    if (!strstr(error, text))
        fail_msg("\"%s\" does not hold \"%s\"", error, text);
}

static void test_device(void **state)
{
    fixture *f = *state;
    graft_device_info info;
    assert_int_equal(backend->enumerate(f->log, &info, 1, (char[GR_WHY_BYTES]){0}), 1);
    assert_string_equal(info.id, "reference:0");
    assert_int_equal(info.type, GRAFT_DEVICE_CPU);
    assert_true(f->device->caps.executes);
    gr_device *none;
    assert_int_equal(backend->device_create(f->log, 1, "", &none), GRAFT_ERR_NO_DEVICE);
    assert_null(none);
}

/* What nobody wrote reads as NaN, and neither copies nor writes may leave the buffer. */
static void test_buffers(void **state)
{
    fixture *f = *state;
    gr_binding b = new_binding(f, 2);
    float x[] = {0, 0}, one = 1;
    assert_int_equal(backend->buffer_read(f->device, b.buffer, 0, x, 8), GRAFT_OK);
    assert_true(isnan(x[0]) && isnan(x[1]));
    assert_int_equal(backend->buffer_write(f->device, b.buffer, 4, &one, 4), GRAFT_OK);
    assert_int_equal(backend->buffer_read(f->device, b.buffer, 0, x, 8), GRAFT_OK);
    assert_true(isnan(x[0]) && x[1] == 1);
    assert_int_equal(backend->buffer_write(f->device, b.buffer, 8, &one, 4), GRAFT_ERR_ARGUMENT);
    assert_int_equal(backend->buffer_read(f->device, b.buffer, 4, x, 8), GRAFT_ERR_ARGUMENT);
    backend->buffer_destroy(f->device, b.buffer);
}

static void test_unknown_kernel(void **state)
{
    fixture *f = *state;
    static const gr_kernel kernel = {.name = "sing", .tunables = {{"WG", 1}}, .tunable_count = 1};
    const gr_pipeline_spec specs[] = {{.kernel = &gr_kernel_softmax}, {.kernel = &kernel}};
    gr_pipeline *pipelines[2];
    assert_int_equal(backend->pipelines_create(f->device, specs, 2, pipelines),
                     GRAFT_ERR_UNSUPPORTED);
    assert_null(pipelines[0]);
    check_error_holds(f, "sing");
}

/* A list of fill, dispatch and copy on parts of one buffer, run twice. */
static void test_list(void **state)
{
    fixture *f = *state;
    gr_binding all = new_binding(f, 6);
    gr_binding head = {all.buffer, 0, 8}, body = {all.buffer, 8, 8}, tail = {all.buffer, 16, 8};
    const gr_pipeline_spec spec = {.kernel = &gr_kernel_unary, .tunables = {256, 0}};
    gr_command commands[] = {
        {.kind = GR_COMMAND_FILL, .binding_count = 1, .binding = {head}, .fill = 0x40400000},
        {.kind = GR_COMMAND_DISPATCH,
         .binding_count = 2,
         .binding = {head, body},
         .grid = {1, 1, 1}},
        {.kind = GR_COMMAND_COPY, .binding_count = 2, .binding = {body, tail}},
    };
    const gr_unary_params p = {.rows = 1, .cols = 2, .alpha = 2};
    memcpy(commands[1].params, &p, sizeof(p));
    assert_int_equal(backend->pipelines_create(f->device, &spec, 1, &commands[1].pipeline),
                     GRAFT_OK);
    gr_list *list;
    assert_int_equal(backend->list_create(f->device, commands, 3, true, &list), GRAFT_OK);
    memset(&commands[0], 0, sizeof(commands[0])); /* the list has its own copy */
    assert_int_equal(backend->submit(f->device, list), GRAFT_OK);
    assert_int_equal(backend->submit(f->device, list), GRAFT_OK);
    assert_int_equal(backend->wait(f->device), GRAFT_OK);
    float x[6];
    assert_int_equal(backend->buffer_read(f->device, all.buffer, 0, x, sizeof(x)), GRAFT_OK);
    CHECK(x, 3, 3, 6, 6, 6, 6);
    double ns[3] = {-1, -1, -1};
    assert_int_equal(backend->list_times(f->device, list, ns), GRAFT_OK);
    assert_true(ns[0] >= 0 && ns[1] > 0 && ns[2] >= 0);
    backend->list_destroy(f->device, list);
    backend->pipeline_destroy(f->device, commands[1].pipeline);
    backend->buffer_destroy(f->device, all.buffer);
}

static void test_bad_commands(void **state)
{
    fixture *f = *state;
    gr_binding b = new_binding(f, 4);
    const gr_command bad[] = {
        {.kind = GR_COMMAND_FILL, .binding_count = 1, .binding = {{b.buffer, 8, 12}}},
        {.kind = GR_COMMAND_FILL, .binding_count = 1, .binding = {{b.buffer, 2, 4}}},
        {.kind = GR_COMMAND_FILL, .binding_count = 1, .binding = {{NULL, 0, 4}}},
        {.kind = GR_COMMAND_FILL, .binding_count = 2, .binding = {b, b}},
        {.kind = GR_COMMAND_COPY, .binding_count = 2, .binding = {b, {b.buffer, 0, 4}}},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        gr_list *list;
        assert_int_equal(backend->list_create(f->device, &bad[i], 1, false, &list),
                         GRAFT_ERR_ARGUMENT);
        assert_null(list);
    }
    backend->buffer_destroy(f->device, b.buffer);
}

/* One element too many, on either side; the message names kernel, binding and element. */
static void test_out_of_bounds(void **state)
{
    float x[4] = {0}, y[8] = {0}, small[3] = {0};
    gr_softmax_params p = {.rows = 2, .cols = 3, .scale = 1};
    FAULT(*state, TEXTS("softmax", "reads element 4 of binding 0", "has 4"), softmax, .params = &p,
          .arrays = {ARRAY(x), ARRAY(y)});
    p.rows = 1;
    p.cols = 4;
    FAULT(*state, TEXTS("softmax", "writes element 3 of binding 1", "has 3"), softmax, .params = &p,
          .arrays = {ARRAY(x), ARRAY(small)});
}

/* The buffer is larger than the binding: what lies beyond is out of bounds, and is not touched. */
static void test_binding_is_the_bound(void **state)
{
    fixture *f = *state;
    gr_binding all = new_binding(f, 4);
    const float one[] = {1, 1, 1, 1};
    assert_int_equal(backend->buffer_write(f->device, all.buffer, 0, one, sizeof(one)), GRAFT_OK);
    const gr_pipeline_spec spec = {.kernel = &gr_kernel_unary, .tunables = {256, 0}};
    gr_command command = {.kind = GR_COMMAND_DISPATCH, .binding_count = 2, .grid = {1, 1, 1}};
    command.binding[0] = all;
    command.binding[1] = (gr_binding){all.buffer, 4, 8};
    const gr_unary_params p = {.rows = 1, .cols = 3, .alpha = 2};
    memcpy(command.params, &p, sizeof(p));
    assert_int_equal(backend->pipelines_create(f->device, &spec, 1, &command.pipeline), GRAFT_OK);
    gr_list *list;
    assert_int_equal(backend->list_create(f->device, &command, 1, false, &list), GRAFT_OK);
    assert_int_equal(backend->submit(f->device, list), GRAFT_ERR_ARGUMENT);
    check_error_holds(f, "writes element 2 of binding 1");
    float x[4];
    assert_int_equal(backend->buffer_read(f->device, all.buffer, 0, x, sizeof(x)), GRAFT_OK);
    assert_true(x[3] == 1);
    backend->list_destroy(f->device, list);
    backend->pipeline_destroy(f->device, command.pipeline);
    backend->buffer_destroy(f->device, all.buffer);
}

/* An index that would wrap in 32 bits does not come back to the start of the buffer. */
static void test_index_beyond_32_bits(void **state)
{
    float x[2] = {0}, y[4] = {0};
    gr_unary_params p = {.rows = 2, .cols = 1, .x_offset = 1, .x_stride = UINT32_MAX};
    FAULT(*state, TEXTS("unary", "reads element 4294967296 of binding 0"), unary, .params = &p,
          .arrays = {ARRAY(x), ARRAY(y)});
}

static void test_read_only_binding(void **state)
{
    float x[2] = {0}, y[2] = {0};
    gr_kernel kernel = gr_kernel_unary;
    kernel.written = 0;
    const gr_unary_params p = {.rows = 1, .cols = 1};
    const dispatch d = {.kernel = &kernel, .params = &p, .arrays = {ARRAY(x), ARRAY(y)}};
    assert_int_equal(try_dispatch(*state, &d), GRAFT_ERR_ARGUMENT);
    check_error_holds(*state, "read-only");
}

static void test_meaningless_tunable(void **state)
{
    float x[2] = {0}, y[2] = {0};
    const gr_unary_params p = {.rows = 1, .cols = 1};
    FAULT(*state, TEXTS("unary", "FUNC 6"), unary, .params = &p, .tunables = {{"FUNC", 6}},
          .arrays = {ARRAY(x), ARRAY(y)});
    float twiddle[2] = {0};
    const gr_dft_params q = {.outer = 1, .n = 1, .bins = 1, .inner = 1};
    FAULT(*state, TEXTS("dft", "MODE 6"), dft, .params = &q, .tunables = {{"MODE", 6}},
          .arrays = {ARRAY(x), ARRAY(twiddle), ARRAY(y)});
}

int reference_contract_tests(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_device),
        TEST(test_buffers),
        TEST(test_unknown_kernel),
        TEST(test_list),
        TEST(test_bad_commands),
        TEST(test_out_of_bounds),
        TEST(test_binding_is_the_bound),
        TEST(test_index_beyond_32_bits),
        TEST(test_read_only_binding),
        TEST(test_meaningless_tunable),
    };
    return cmocka_run_group_tests_name("reference: contract", tests, NULL, NULL);
}
