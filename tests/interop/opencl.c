/* graft on the context of an application: its buffers, its order, its queue beside a busy thread.
 */
#include "devices.h"

#include <graft/graft.h>
#include <graft/opencl.h>

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { COUNT = 256, OFFSET = 4096 };

#define CL(call) assert_int_equal(call, CL_SUCCESS)

typedef struct session {
    graft_log *log;
    cl_platform_id platform;
    cl_device_id id;
    cl_context context;
    cl_command_queue queue, other; /* the application has two */
    cl_mem memory;                 /* x at 0, y at OFFSET */
    graft_device *device;
    graft_graph *graph;
    graft_value *x, *y; /* y = 3 x + 1 */
    graft_program *program;
    graft_buffer *in, *out;
} session;

static bool open_app(session *s)
{
    cl_platform_id platforms[8];
    cl_uint count = 0, found = 0;
    cl_int code;
    if (clGetPlatformIDs(8, platforms, &count) != CL_SUCCESS)
        return false;
    for (cl_uint i = 0; i < count && !found; i++) {
        s->platform = platforms[i];
        if (clGetDeviceIDs(platforms[i], CL_DEVICE_TYPE_ALL, 1, &s->id, &found) != CL_SUCCESS)
            found = 0;
    }
    if (!found)
        return false;
    s->context = clCreateContext(NULL, 1, &s->id, NULL, NULL, &code);
    CL(code);
    s->queue = clCreateCommandQueue(s->context, s->id, 0, &code);
    CL(code);
    s->other = clCreateCommandQueue(s->context, s->id, 0, &code);
    CL(code);
    s->memory = clCreateBuffer(s->context, CL_MEM_READ_WRITE, 2 * OFFSET, NULL, &code);
    CL(code);
    return true;
}

static graft_opencl_params params_of(const session *s)
{
    graft_opencl_params p;
    graft_opencl_defaults(&p);
    p.context = s->context;
    p.device = s->id;
    p.queue = s->queue;
    return p;
}

static void make_program(session *s)
{
    static float three[COUNT], one[COUNT];
    for (int i = 0; i < COUNT; i++)
        three[i] = 3.0f, one[i] = 1.0f;
    s->graph = graft_graph_create(s->log);
    s->x = graft_input(s->graph, "x", GRAFT_F32, GRAFT_SHAPE(COUNT));
    graft_value *a = graft_constant(s->graph, "a", GRAFT_F32, GRAFT_SHAPE(COUNT), three);
    graft_value *b = graft_constant(s->graph, "b", GRAFT_F32, GRAFT_SHAPE(COUNT), one);
    s->y = graft_add(graft_mul(s->x, a), b, 1.0f);
    graft_program_params params;
    graft_program_defaults(&params);
    params.outputs = &s->y;
    params.output_count = 1;
    TEST_OK(s->log, graft_program_create(s->log, s->device, &params, &s->program));
    TEST_OK(s->log, graft_program_bind(s->program, s->x, s->in, 0));
    TEST_OK(s->log, graft_program_bind(s->program, s->y, s->out, 0));
}

static int open_session(void **state)
{
    session *s = calloc(1, sizeof(*s));
    s->log = test_log_create();
    *state = s;
    if (!open_app(s))
        return 0;
    graft_opencl_params params = params_of(s);
    uint64_t size = COUNT * sizeof(float);
    TEST_OK(s->log, graft_opencl_import(s->log, &params, &s->device));
    TEST_OK(s->log, graft_opencl_wrap(s->device, s->memory, 0, size, &s->in));
    TEST_OK(s->log, graft_opencl_wrap(s->device, s->memory, OFFSET, size, &s->out));
    make_program(s);
    return 0;
}

static cl_uint references(cl_mem memory)
{
    cl_uint count = 0;
    CL(clGetMemObjectInfo(memory, CL_MEM_REFERENCE_COUNT, sizeof(count), &count, NULL));
    return count;
}

/* Everything is as it was, and still works. */
static void close_app(session *s)
{
    float value = 1.0f;
    assert_int_equal(references(s->memory), 1);
    CL(clEnqueueWriteBuffer(s->queue, s->memory, CL_TRUE, 0, sizeof(value), &value, 0, NULL, NULL));
    CL(clReleaseMemObject(s->memory));
    CL(clReleaseCommandQueue(s->queue));
    CL(clReleaseCommandQueue(s->other));
    CL(clReleaseContext(s->context));
}

static int close_session(void **state)
{
    session *s = *state;
    if (s->device) {
        graft_program_destroy(&s->program);
        graft_graph_destroy(&s->graph);
        graft_buffer_destroy(&s->in);
        graft_buffer_destroy(&s->out);
        graft_device_close(&s->device);
        close_app(s);
    }
    graft_log_destroy(&s->log);
    free(s);
    return 0;
}

#define NEEDS_OPENCL(s)                                                                            \
    if (!(s)->device) {                                                                            \
        print_message("no OpenCL device: skipped\n");                                              \
        skip();                                                                                    \
    }

static void fill(session *s, cl_command_queue queue, float value, cl_event *event)
{
    CL(clEnqueueFillBuffer(queue, s->memory, &value, sizeof(value), 0, COUNT * sizeof(float), 0,
                           NULL, event));
    CL(clFlush(queue));
}

static void wrapped_buffers_are_used_in_place(void **state)
{
    session *s = *state;
    NEEDS_OPENCL(s);
    float y[COUNT], app[COUNT];
    fill(s, s->queue, 2.0f, NULL);
    TEST_OK(s->log, graft_program_run(s->program));
    TEST_OK(s->log, graft_program_read(s->program, s->y, y, sizeof(y)));
    CL(clEnqueueReadBuffer(s->queue, s->memory, CL_TRUE, OFFSET, sizeof(app), app, 0, NULL, NULL));
    assert_memory_equal(y, app, sizeof(y));
    for (int i = 0; i < COUNT; i++)
        assert_float_equal(y[i], 7.0f, 1e-5);
    TEST_OK(s->log, graft_buffer_write(s->out, 16, app, 16));
    TEST_OK(s->log, graft_buffer_read(s->out, 0, y, sizeof(y)));
    assert_float_equal(y[COUNT - 1], 7.0f, 1e-5);
}

/* Another queue of the application fills x and reads y: only events stand between. */
static void events_order(void **state)
{
    session *s = *state;
    NEEDS_OPENCL(s);
    for (int n = 0; n < 20; n++) {
        float y[COUNT];
        cl_event filled, computed;
        fill(s, s->other, (float)n, &filled);
        TEST_OK(s->log, graft_opencl_wait(s->device, &filled, 1));
        CL(clReleaseEvent(filled));
        TEST_OK(s->log, graft_program_run(s->program));
        TEST_OK(s->log, graft_opencl_signal(s->device, &computed));
        CL(clEnqueueReadBuffer(s->other, s->memory, CL_TRUE, OFFSET, sizeof(y), y, 1, &computed,
                               NULL));
        CL(clReleaseEvent(computed));
        for (int i = 0; i < COUNT; i++)
            assert_float_equal(y[i], 3.0f * (float)n + 1.0f, 1e-4);
    }
}

#define REFUSED(s, call, status, text)                                                             \
    do {                                                                                           \
        assert_int_equal(call, status);                                                            \
        test_assert_error((s)->log, text);                                                         \
    } while (0)

enum { WIDTH = 12, HEIGHT = 5 };

static cl_mem image_of(session *s, cl_channel_order order, cl_channel_type type, cl_int *code)
{
    const cl_image_format format = {order, type};
    const cl_image_desc desc = {
        .image_type = CL_MEM_OBJECT_IMAGE2D, .image_width = WIDTH, .image_height = HEIGHT};
    return clCreateImage(s->context, CL_MEM_READ_WRITE, &format, &desc, NULL, code);
}

/* The mean colour of an image that the application fills on its own queue. */
static void images_become_input(void **state)
{
    session *s = *state;
    NEEDS_OPENCL(s);
    cl_bool images = CL_FALSE;
    cl_int code;
    clGetDeviceInfo(s->id, CL_DEVICE_IMAGE_SUPPORT, sizeof(images), &images, NULL);
    if (!images) {
        print_message("the device has no images: skipped\n");
        skip();
    }
    cl_mem image = image_of(s, CL_RGBA, CL_UNORM_INT8, &code);
    CL(code);
    const float none[3] = {0}, full[3] = {1, 1, 1};
    graft_graph *graph = graft_graph_create(s->log);
    graft_value *pixels = graft_input(graph, "pixels", GRAFT_I32, GRAFT_SHAPE(1, HEIGHT, WIDTH));
    graft_value *mean = graft_resize_rgba8(pixels, 1, 1, none, full, false);
    graft_program_params params;
    graft_program_defaults(&params);
    params.outputs = &mean;
    params.output_count = 1;
    graft_program *program;
    graft_buffer *staging;
    TEST_OK(s->log, graft_program_create(s->log, s->device, &params, &program));
    TEST_OK(s->log,
            graft_buffer_create(s->device, WIDTH * HEIGHT * 4, GRAFT_MEMORY_DEVICE, &staging));
    TEST_OK(s->log, graft_program_bind(program, pixels, staging, 0));
    for (int frame = 0; frame < 5; frame++) {
        const size_t origin[3] = {0}, region[3] = {WIDTH, HEIGHT, 1};
        float colour[4] = {(float)frame / 5.0f, 0.2f, 1.0f, 0.0f}, found[3];
        CL(clEnqueueFillImage(s->queue, image, colour, origin, region, 0, NULL, NULL));
        TEST_OK(s->log, graft_opencl_copy_image(s->device, image, staging, 0));
        TEST_OK(s->log, graft_program_run(program));
        TEST_OK(s->log, graft_program_read(program, mean, found, sizeof(found)));
        for (int c = 0; c < 3; c++)
            assert_float_equal(found[c], colour[c], 1e-6); /* multiples of 51 of 255 */
    }
    REFUSED(s, graft_opencl_copy_image(s->device, image, s->in, 900), GRAFT_ERR_ARGUMENT,
            "image: bound at byte 900");
    REFUSED(s, graft_opencl_copy_image(s->device, s->memory, staging, 0), GRAFT_ERR_ARGUMENT,
            "no two-dimensional image");
    REFUSED(s, graft_opencl_copy_image(s->device, NULL, staging, 0), GRAFT_ERR_ARGUMENT,
            "`image` is NULL");
    CL(clReleaseMemObject(image));
    image = image_of(s, CL_BGRA, CL_UNORM_INT8, &code);
    if (code == CL_SUCCESS) { /* blue comes first in the buffer, as it does in the image */
        const size_t origin[3] = {0}, region[3] = {WIDTH, HEIGHT, 1};
        const float colour[4] = {0.2f, 0.4f, 0.8f, 1.0f};
        uint8_t first[4];
        CL(clEnqueueFillImage(s->queue, image, colour, origin, region, 0, NULL, NULL));
        TEST_OK(s->log, graft_opencl_copy_image(s->device, image, staging, 0));
        TEST_OK(s->log, graft_buffer_read(staging, 0, first, sizeof(first)));
        assert_int_equal(first[0], 204);
        assert_int_equal(first[1], 102);
        assert_int_equal(first[2], 51);
        CL(clReleaseMemObject(image));
    } else {
        print_message("the device has no CL_BGRA: skipped\n");
    }
    image = image_of(s, CL_RGBA, CL_FLOAT, &code);
    CL(code);
    REFUSED(s, graft_opencl_copy_image(s->device, image, staging, 0), GRAFT_ERR_ARGUMENT,
            "expected CL_RGBA or CL_BGRA");
    CL(clReleaseMemObject(image));
    graft_program_destroy(&program);
    graft_graph_destroy(&graph);
    graft_buffer_destroy(&staging);
}

typedef struct renderer {
    session *s;
    atomic_int stop;
    int frames;
} renderer;

static void *render(void *user)
{
    renderer *r = user;
    const float zero = 0.0f;
    while (!atomic_load(&r->stop)) {
        clEnqueueFillBuffer(r->s->queue, r->s->memory, &zero, sizeof(zero), 2 * OFFSET - 256, 256,
                            0, NULL, NULL);
        clFinish(r->s->queue);
        r->frames++;
    }
    return NULL;
}

static void shares_the_queue_with_a_busy_thread(void **state)
{
    session *s = *state;
    NEEDS_OPENCL(s);
    renderer r = {.s = s};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, render, &r), 0);
    for (int n = 0; n < 100; n++) {
        float x[COUNT], y[COUNT];
        for (int i = 0; i < COUNT; i++)
            x[i] = (float)n;
        TEST_OK(s->log, graft_program_write(s->program, s->x, x, sizeof(x)));
        TEST_OK(s->log, graft_program_run(s->program));
        TEST_OK(s->log, graft_program_read(s->program, s->y, y, sizeof(y)));
        assert_float_equal(y[n % COUNT], 3.0f * (float)n + 1.0f, 1e-3);
    }
    atomic_store(&r.stop, 1);
    pthread_join(thread, NULL);
    assert_true(r.frames > 0);
}

static void imports_that_cannot_be(void **state)
{
    session *s = *state;
    NEEDS_OPENCL(s);
    cl_int code;
    graft_device *device;
    graft_opencl_params p = params_of(s);
    p.queue = NULL;
    REFUSED(s, graft_opencl_import(s->log, &p, &device), GRAFT_ERR_ARGUMENT, "`queue` is NULL");
    assert_null(device);
    cl_context context = clCreateContext(NULL, 1, &s->id, NULL, NULL, &code);
    CL(code);
    p = params_of(s);
    p.context = context;
    REFUSED(s, graft_opencl_import(s->log, &p, &device), GRAFT_ERR_ARGUMENT,
            "`queue` is of another context");
    CL(clReleaseContext(context));
    cl_command_queue queue =
        clCreateCommandQueue(s->context, s->id, CL_QUEUE_OUT_OF_ORDER_EXEC_MODE_ENABLE, &code);
    if (code == CL_SUCCESS) {
        p = params_of(s);
        p.queue = queue;
        REFUSED(s, graft_opencl_import(s->log, &p, &device), GRAFT_ERR_UNSUPPORTED,
                "runs out of order");
        CL(clReleaseCommandQueue(queue));
    }
    assert_int_equal(graft_opencl_import(s->log, NULL, NULL), GRAFT_ERR_ARGUMENT);
}

static void refuse_memory(session *s, cl_mem memory, cl_int code, const char *text)
{
    graft_buffer *buffer;
    CL(code);
    REFUSED(s, graft_opencl_wrap(s->device, memory, 0, 64, &buffer), GRAFT_ERR_ARGUMENT, text);
    assert_null(buffer);
    CL(clReleaseMemObject(memory));
}

static void memory_that_cannot_be(void **state)
{
    session *s = *state;
    NEEDS_OPENCL(s);
    cl_int code;
    graft_buffer *buffer;
    graft_device *null;
    REFUSED(s, graft_opencl_wrap(s->device, s->memory, OFFSET, OFFSET + 64, &buffer),
            GRAFT_ERR_ARGUMENT, "up to byte 8256 of a buffer that has 8192");
    REFUSED(s, graft_opencl_wrap(s->device, s->memory, 2, 64, &buffer), GRAFT_ERR_ARGUMENT,
            "64 bytes at 2");
    REFUSED(s, graft_opencl_wrap(s->device, NULL, 0, 64, &buffer), GRAFT_ERR_ARGUMENT,
            "`memory` is NULL");
    cl_mem memory = clCreateBuffer(s->context, CL_MEM_READ_ONLY, 64, NULL, &code);
    refuse_memory(s, memory, code, "not CL_MEM_READ_WRITE");
    cl_context context = clCreateContext(NULL, 1, &s->id, NULL, NULL, &code);
    CL(code);
    memory = clCreateBuffer(context, CL_MEM_READ_WRITE, 64, NULL, &code);
    refuse_memory(s, memory, code, "of another context");
    CL(clReleaseContext(context));
    TEST_OK(s->log, graft_device_open(s->log, "null:0", NULL, &null));
    REFUSED(s, graft_opencl_wrap(null, s->memory, 0, 64, &buffer), GRAFT_ERR_ARGUMENT,
            "null:0: no device of graft_opencl_import()");
    graft_device_close(&null);
    cl_event event = NULL;
    REFUSED(s, graft_opencl_wait(s->device, &event, 1), GRAFT_ERR_ARGUMENT, "an event is NULL");
    REFUSED(s, graft_opencl_wait(s->device, NULL, 1), GRAFT_ERR_ARGUMENT, "`events` is NULL");
    REFUSED(s, graft_opencl_signal(s->device, NULL), GRAFT_ERR_ARGUMENT, "`event` is NULL");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_session, close_session)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(wrapped_buffers_are_used_in_place),
        TEST(events_order),
        TEST(shares_the_queue_with_a_busy_thread),
        TEST(images_become_input),
        TEST(imports_that_cannot_be),
        TEST(memory_that_cannot_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
