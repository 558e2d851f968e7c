/* graft on the device of an application: its buffers, its order, its command buffer, its queue. */
#include "devices.h"
#include "vulkan_app.h"

#include <graft/graft.h>
#include <graft/vulkan.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { COUNT = 256, OFFSET = 4096 };

typedef struct session {
    graft_log *log;
    vulkan_app app;
    graft_device *device;
    graft_graph *graph;
    graft_value *x, *y; /* y = 3 x + 1 */
    graft_program *program;
    app_buffer memory; /* x at 0, y at OFFSET */
    graft_buffer *in, *out;
    atomic_int held; /* by lock */
} session;

static void lock(void *user)
{
    session *s = user;
    pthread_mutex_lock(&s->app.mutex);
    assert_int_equal(atomic_fetch_add(&s->held, 1), 0);
}

static void unlock(void *user)
{
    session *s = user;
    atomic_fetch_sub(&s->held, 1);
    pthread_mutex_unlock(&s->app.mutex);
}

static const VkPhysicalDeviceTimelineSemaphoreFeatures timeline_feature = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES,
    .timelineSemaphore = VK_TRUE,
};
static const VkPhysicalDeviceFeatures2 features = {
    .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
    .pNext = (void *)&timeline_feature,
};

static graft_vulkan_params params_of(session *s)
{
    graft_vulkan_params p;
    graft_vulkan_defaults(&p);
    p.get_instance_proc_addr = vkGetInstanceProcAddr;
    p.instance = s->app.instance;
    p.api_version = VK_API_VERSION_1_2;
    p.physical_device = s->app.physical;
    p.device = s->app.device;
    p.queue_family = s->app.family;
    p.features = s->app.timelines ? &features : NULL;
    p.lock = lock;
    p.unlock = unlock;
    p.user = s;
    return p;
}

static graft_buffer *wrap(session *s, uint64_t offset)
{
    graft_vulkan_range range = {s->memory.buffer, APP_USAGE, offset, COUNT * sizeof(float)};
    graft_buffer *buffer;
    TEST_OK(s->log, graft_vulkan_wrap(s->device, &range, &buffer));
    return buffer;
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
    if (!app_open(&s->app))
        return 0;
    graft_vulkan_params params = params_of(s);
    TEST_OK(s->log, graft_vulkan_import(s->log, &params, &s->device));
    s->memory = app_buffer_create(&s->app, 2 * OFFSET);
    s->in = wrap(s, 0);
    s->out = wrap(s, OFFSET);
    make_program(s);
    return 0;
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
        app_buffer_destroy(&s->app, &s->memory);
        app_close(&s->app);
    }
    graft_log_destroy(&s->log);
    free(s);
    return 0;
}

#define NEEDS_VULKAN(s)                                                                            \
    if (!(s)->device) {                                                                            \
        print_message("no Vulkan 1.2 device: skipped\n");                                          \
        skip();                                                                                    \
    }

static const float *y_of(const session *s)
{
    return s->memory.mapped + OFFSET / sizeof(float);
}

static void expect_y(const session *s, float x)
{
    for (int i = 0; i < COUNT; i++)
        assert_float_equal(y_of(s)[i], 3.0f * x + 1.0f, 1e-5);
}

static void wrapped_buffers_are_used_in_place(void **state)
{
    session *s = *state;
    NEEDS_VULKAN(s);
    float two[COUNT], y[COUNT];
    for (int i = 0; i < COUNT; i++)
        s->memory.mapped[i] = 2.0f;
    TEST_OK(s->log, graft_program_run(s->program));
    TEST_OK(s->log, graft_program_read(s->program, s->y, y, sizeof(y)));
    expect_y(s, 2.0f);
    assert_memory_equal(y, y_of(s), sizeof(y));
    for (int i = 0; i < COUNT; i++)
        two[i] = 5.0f;
    TEST_OK(s->log, graft_buffer_write(s->in, 0, two, sizeof(two)));
    assert_float_equal(s->memory.mapped[COUNT - 1], 5.0f, 0);
    assert_float_equal(s->memory.mapped[COUNT], 0.0f, 0);
    TEST_OK(s->log, graft_buffer_read(s->out, 0, y, sizeof(y)));
    assert_float_equal(y[7], 7.0f, 1e-5);
}

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

/* The application fills x, graft computes, the application copies y back to x: nobody waits between
 * on the host. */
static void check_order(session *s, bool timeline)
{
    VkSemaphore filled = app_semaphore(&s->app, timeline),
                computed = app_semaphore(&s->app, timeline);
    uint64_t value = timeline ? 7 : 0;
    app_begin(&s->app);
    vkCmdFillBuffer(s->app.commands, s->memory.buffer, 0, COUNT * 4, bits_of(4.0f));
    app_submit(&s->app, VK_NULL_HANDLE, filled, value, VK_NULL_HANDLE);
    TEST_OK(s->log, graft_vulkan_wait(s->device, &(graft_vulkan_semaphore){filled, value}, 1));
    TEST_OK(s->log, graft_program_run(s->program));
    TEST_OK(s->log, graft_vulkan_signal(s->device, &(graft_vulkan_semaphore){computed, value}, 1));
    app_wait_idle(&s->app); /* its one command buffer is used again */
    app_begin(&s->app);
    vkCmdCopyBuffer(s->app.commands, s->memory.buffer, s->memory.buffer, 1,
                    &(VkBufferCopy){OFFSET, 0, COUNT * 4});
    app_barrier(&s->app);
    app_submit(&s->app, computed, VK_NULL_HANDLE, value, VK_NULL_HANDLE);
    app_wait_idle(&s->app);
    assert_float_equal(s->memory.mapped[3], 13.0f, 1e-5);
    vkDestroySemaphore(s->app.device, filled, NULL);
    vkDestroySemaphore(s->app.device, computed, NULL);
}

static void binary_semaphores_order(void **state)
{
    session *s = *state;
    NEEDS_VULKAN(s);
    check_order(s, false);
}

static void timeline_semaphores_order(void **state)
{
    session *s = *state;
    NEEDS_VULKAN(s);
    if (!s->app.timelines)
        skip();
    check_order(s, true);
}

/* Fill, run, run again on the result, copy: one command buffer, one submit, all the application's.
 */
static void recorded_into_the_command_buffer(void **state)
{
    session *s = *state;
    NEEDS_VULKAN(s);
    app_begin(&s->app);
    vkCmdFillBuffer(s->app.commands, s->memory.buffer, 0, COUNT * 4, bits_of(1.0f));
    TEST_OK(s->log, graft_vulkan_record(s->program, s->app.commands));
    vkCmdCopyBuffer(s->app.commands, s->memory.buffer, s->memory.buffer, 1,
                    &(VkBufferCopy){OFFSET, 0, COUNT * 4});
    TEST_OK(s->log, graft_vulkan_record(s->program, s->app.commands));
    app_barrier(&s->app);
    for (int i = 0; i < COUNT; i++)
        assert_float_equal(y_of(s)[i], 0.0f, 0); /* nothing was submitted */
    app_submit(&s->app, VK_NULL_HANDLE, VK_NULL_HANDLE, 0, VK_NULL_HANDLE);
    app_wait_idle(&s->app);
    expect_y(s, 4.0f);
}

/* A program that trains, with dropout. */
typedef struct trained {
    graft_graph *graph;
    graft_value *weight, *loss;
    graft_program *program;
} trained;

static void make_trained(session *s, trained *t)
{
    static const float numbers[] = {0.5f, -1, 2, 1, 0.25f, -0.5f, 1.5f, 3};
    t->graph = graft_graph_create(s->log);
    graft_value *x = graft_constant(t->graph, "x", GRAFT_F32, GRAFT_SHAPE(4, 2), numbers);
    t->weight = graft_parameter(t->graph, "weight", GRAFT_SHAPE(2, 4), numbers);
    graft_value *y = graft_dropout(graft_matmul(x, t->weight, NULL, 1.0f), 0.5f, false);
    t->loss = graft_mean(graft_mul(y, y), 0);
    graft_program_params params;
    graft_program_defaults(&params);
    params.outputs = &t->loss;
    params.output_count = 1;
    params.loss = t->loss;
    params.seed = 7;
    params.optimizer.lr = 0.1f;
    TEST_OK(s->log, graft_program_create(s->log, s->device, &params, &t->program));
}

static void destroy_trained(trained *t)
{
    graft_program_destroy(&t->program);
    graft_graph_destroy(&t->graph);
}

/* Steps that the application submits, mixed with others, are those of graft_program_run: the same
 * draws, the same rates. */
static void training_is_recorded(void **state)
{
    session *s = *state;
    NEEDS_VULKAN(s);
    trained run, recorded;
    float expected[8], found[8], losses[2];
    make_trained(s, &run);
    make_trained(s, &recorded);
    for (int step = 0; step < 5; step++) {
        TEST_OK(s->log, graft_program_set_lr(run.program, 0.1f / (float)(step + 1)));
        TEST_OK(s->log, graft_program_set_lr(recorded.program, 0.1f / (float)(step + 1)));
        TEST_OK(s->log, graft_program_run(run.program));
        TEST_OK(s->log, graft_program_read(run.program, run.loss, &losses[0], sizeof(float)));
        if (step == 2) {
            TEST_OK(s->log, graft_program_run(recorded.program));
        } else {
            app_begin(&s->app);
            TEST_OK(s->log, graft_vulkan_record(recorded.program, s->app.commands));
            app_submit(&s->app, VK_NULL_HANDLE, VK_NULL_HANDLE, 0, VK_NULL_HANDLE);
            app_wait_idle(&s->app);
        }
        TEST_OK(s->log,
                graft_program_read(recorded.program, recorded.loss, &losses[1], sizeof(float)));
        assert_true(losses[0] == losses[1]);
    }
    TEST_OK(s->log, graft_program_read(run.program, run.weight, expected, sizeof(expected)));
    TEST_OK(s->log, graft_program_read(recorded.program, recorded.weight, found, sizeof(found)));
    assert_memory_equal(found, expected, sizeof(found));
    destroy_trained(&run);
    destroy_trained(&recorded);
}

enum { WIDTH = 12, HEIGHT = 5 };

/* The mean colour of the application's image, as network input: its value for each frame. */
typedef struct mean_colour {
    graft_graph *graph;
    graft_value *pixels, *mean;
    graft_program *program;
    graft_buffer *staging;
    app_image image;
    graft_vulkan_image described;
} mean_colour;

static mean_colour open_mean(session *s, VkFormat format)
{
    bool bgra = format == VK_FORMAT_B8G8R8A8_UNORM || format == VK_FORMAT_B8G8R8A8_SRGB;
    const float none[3] = {0}, full[3] = {1, 1, 1};
    mean_colour m = {.graph = graft_graph_create(s->log)};
    m.pixels = graft_input(m.graph, "pixels", GRAFT_I32, GRAFT_SHAPE(1, HEIGHT, WIDTH));
    m.mean = graft_resize_rgba8(m.pixels, 1, 1, none, full, bgra);
    graft_program_params params;
    graft_program_defaults(&params);
    params.outputs = &m.mean;
    params.output_count = 1;
    TEST_OK(s->log, graft_program_create(s->log, s->device, &params, &m.program));
    TEST_OK(s->log,
            graft_buffer_create(s->device, WIDTH * HEIGHT * 4, GRAFT_MEMORY_DEVICE, &m.staging));
    TEST_OK(s->log, graft_program_bind(m.program, m.pixels, m.staging, 0));
    m.image = app_image_create(&s->app, format, WIDTH, HEIGHT);
    m.described = (graft_vulkan_image){m.image.image,
                                       format,
                                       APP_IMAGE_USAGE,
                                       VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL,
                                       WIDTH,
                                       HEIGHT,
                                       0,
                                       0};
    return m;
}

static void close_mean(session *s, mean_colour *m)
{
    graft_program_destroy(&m->program);
    graft_graph_destroy(&m->graph);
    graft_buffer_destroy(&m->staging);
    app_image_destroy(&s->app, &m->image);
}

/* One colour, with its bytes for red, green and blue. */
static void draw(session *s, const mean_colour *m, uint32_t colour)
{
    uint32_t *pixels = (uint32_t *)s->memory.mapped;
    for (int i = 0; i < WIDTH * HEIGHT; i++)
        pixels[i] = colour;
    app_begin(&s->app);
    app_draw(&s->app, &m->image, s->memory.buffer, WIDTH, HEIGHT);
}

static void expect_mean(session *s, mean_colour *m, uint32_t colour)
{
    float mean[3];
    TEST_OK(s->log, graft_program_read(m->program, m->mean, mean, sizeof(mean)));
    for (int c = 0; c < 3; c++)
        assert_float_equal(mean[c], (float)(colour >> 8 * c & 255) / 255.0f, 1e-6);
}

/* Frame after frame, more of them than graft has command buffers; no pixel on the host. */
static void images_become_input(void **state)
{
    session *s = *state;
    NEEDS_VULKAN(s);
    mean_colour m = open_mean(s, VK_FORMAT_R8G8B8A8_UNORM);
    for (uint32_t frame = 0; frame < 20; frame++) {
        draw(s, &m, 0xff000000 | frame * 0x070a0b);
        app_submit(&s->app, VK_NULL_HANDLE, VK_NULL_HANDLE, 0, VK_NULL_HANDLE);
        TEST_OK(s->log, graft_vulkan_copy_image(s->device, &m.described, m.staging, 0));
        TEST_OK(s->log, graft_program_run(m.program));
        if (frame % 10 == 9)
            expect_mean(s, &m, frame * 0x070a0b);
        app_wait_idle(&s->app); /* its one command buffer is used again */
    }
    close_mean(s, &m);
}

/* Bytes as they are, whichever comes first: those of sRGB are not made linear, as files' are not.
 */
static void formats_become_input(void **state)
{
    static const VkFormat formats[] = {VK_FORMAT_R8G8B8A8_UNORM, VK_FORMAT_R8G8B8A8_SRGB,
                                       VK_FORMAT_B8G8R8A8_UNORM, VK_FORMAT_B8G8R8A8_SRGB};
    session *s = *state;
    NEEDS_VULKAN(s);
    for (int i = 0; i < 4; i++) {
        mean_colour m = open_mean(s, formats[i]);
        draw(s, &m, i < 2 ? 0xff6040a0 : 0xffa04060); /* in memory: red, or blue, is lowest */
        app_submit(&s->app, VK_NULL_HANDLE, VK_NULL_HANDLE, 0, VK_NULL_HANDLE);
        TEST_OK(s->log, graft_vulkan_copy_image(s->device, &m.described, m.staging, 0));
        TEST_OK(s->log, graft_program_run(m.program));
        expect_mean(s, &m, 0x6040a0);
        app_wait_idle(&s->app);
        close_mean(s, &m);
    }
}

static void images_are_recorded(void **state)
{
    session *s = *state;
    NEEDS_VULKAN(s);
    mean_colour m = open_mean(s, VK_FORMAT_R8G8B8A8_UNORM);
    draw(s, &m, 0xff204060);
    TEST_OK(s->log,
            graft_vulkan_record_image(s->device, &m.described, m.staging, 0, s->app.commands));
    TEST_OK(s->log, graft_vulkan_record(m.program, s->app.commands));
    app_submit(&s->app, VK_NULL_HANDLE, VK_NULL_HANDLE, 0, VK_NULL_HANDLE);
    app_wait_idle(&s->app);
    expect_mean(s, &m, 0xff204060);
    close_mean(s, &m);
}

typedef struct renderer {
    session *s;
    atomic_int stop;
    int frames;
} renderer;

/* A busy thread of the application's on the same queue. */
static void *render(void *user)
{
    renderer *r = user;
    vulkan_app *app = &r->s->app;
    VkFenceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    VkFence fence;
    vkCreateFence(app->device, &info, NULL, &fence);
    while (!atomic_load(&r->stop)) {
        app_begin(app);
        vkCmdFillBuffer(app->commands, r->s->memory.buffer, 2 * OFFSET - 256, 256, 0);
        app_submit(app, VK_NULL_HANDLE, VK_NULL_HANDLE, 0, fence);
        vkWaitForFences(app->device, 1, &fence, VK_TRUE, UINT64_MAX);
        vkResetFences(app->device, 1, &fence);
        r->frames++;
    }
    vkDestroyFence(app->device, fence, NULL);
    return NULL;
}

static void shares_the_queue_with_a_busy_thread(void **state)
{
    session *s = *state;
    NEEDS_VULKAN(s);
    renderer r = {.s = s};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, render, &r), 0);
    for (int n = 0; n < 200; n++) {
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

#define REFUSED(s, call, status, text)                                                             \
    do {                                                                                           \
        assert_int_equal(call, status);                                                            \
        test_assert_error((s)->log, text);                                                         \
    } while (0)

static void refuse_import(session *s, const graft_vulkan_params *p, graft_status status,
                          const char *text)
{
    graft_device *device;
    REFUSED(s, graft_vulkan_import(s->log, p, &device), status, text);
    assert_null(device);
}

static void imports_that_cannot_be(void **state)
{
    session *s = *state;
    NEEDS_VULKAN(s);
    graft_vulkan_params p = params_of(s);
    p.device = VK_NULL_HANDLE;
    refuse_import(s, &p, GRAFT_ERR_ARGUMENT, "`device` is NULL");
    p = params_of(s);
    p.get_instance_proc_addr = NULL;
    refuse_import(s, &p, GRAFT_ERR_ARGUMENT, "`get_instance_proc_addr` is NULL");
    p = params_of(s);
    p.unlock = NULL;
    refuse_import(s, &p, GRAFT_ERR_ARGUMENT, "one of `lock` and `unlock`");
    p = params_of(s);
    p.queue_family = 99;
    refuse_import(s, &p, GRAFT_ERR_ARGUMENT, "`queue_family` 99");
    p = params_of(s);
    p.api_version = VK_API_VERSION_1_0;
    refuse_import(s, &p, GRAFT_ERR_UNSUPPORTED, "made for Vulkan 1.0");
    p = params_of(s);
    p.physical_device = (VkPhysicalDevice)s; /* no handle at all */
    refuse_import(s, &p, GRAFT_ERR_ARGUMENT, "none of the instance's");
    assert_int_equal(graft_vulkan_import(s->log, NULL, NULL), GRAFT_ERR_ARGUMENT);
}

static void ranges_that_cannot_be(void **state)
{
    session *s = *state;
    NEEDS_VULKAN(s);
    graft_buffer *buffer;
    graft_vulkan_range range = {s->memory.buffer, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, 0, 64};
    REFUSED(s, graft_vulkan_wrap(s->device, &range, &buffer), GRAFT_ERR_ARGUMENT, "usage 0x20");
    range = (graft_vulkan_range){s->memory.buffer, APP_USAGE, 2, 64};
    REFUSED(s, graft_vulkan_wrap(s->device, &range, &buffer), GRAFT_ERR_ARGUMENT, "64 bytes at 2");
    range = (graft_vulkan_range){s->memory.buffer, APP_USAGE, OFFSET, 1 << 20};
    REFUSED(s, graft_vulkan_wrap(s->device, &range, &buffer), GRAFT_ERR_ARGUMENT,
            "of a buffer that takes");
    range = (graft_vulkan_range){VK_NULL_HANDLE, APP_USAGE, 0, 64};
    REFUSED(s, graft_vulkan_wrap(s->device, &range, &buffer), GRAFT_ERR_ARGUMENT,
            "`buffer` is NULL");
    range = (graft_vulkan_range){s->memory.buffer, APP_USAGE, 0, 64};
    graft_device *null;
    TEST_OK(s->log, graft_device_open(s->log, "null:0", NULL, &null));
    REFUSED(s, graft_vulkan_wrap(null, &range, &buffer), GRAFT_ERR_ARGUMENT,
            "null:0: no device of graft_vulkan_import()");
    graft_device_close(&null);
    TEST_OK(s->log, graft_vulkan_wrap(s->device, &range, &buffer));
    REFUSED(s, graft_program_bind(s->program, s->x, buffer, 0), GRAFT_ERR_ARGUMENT,
            "x: takes 1024 bytes at 0; the buffer has 64");
    float many[32] = {0};
    REFUSED(s, graft_buffer_write(buffer, 0, many, sizeof(many)), GRAFT_ERR_ARGUMENT,
            "the buffer has 64");
    graft_buffer_destroy(&buffer);
}

/* ---- A device that is lost ------------------------------------------------------------------- */

static bool is_lost;
static int submits; /* while it is */

static VKAPI_ATTR VkResult VKAPI_CALL losing_submit(VkQueue queue, uint32_t count,
                                                    const VkSubmitInfo *infos, VkFence fence)
{
    submits += is_lost;
    return is_lost ? VK_ERROR_DEVICE_LOST : vkQueueSubmit(queue, count, infos, fence);
}

static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL losing_device_function(VkDevice device,
                                                                       const char *name)
{
    return strcmp(name, "vkQueueSubmit") == 0 ? (PFN_vkVoidFunction)losing_submit
                                              : vkGetDeviceProcAddr(device, name);
}

/* The application's loader, whose queue can lose its device. */
static VKAPI_ATTR PFN_vkVoidFunction VKAPI_CALL losing_function(VkInstance instance,
                                                                const char *name)
{
    if (strcmp(name, "vkQueueSubmit") == 0)
        return (PFN_vkVoidFunction)losing_submit;
    if (strcmp(name, "vkGetDeviceProcAddr") == 0)
        return (PFN_vkVoidFunction)losing_device_function;
    return vkGetInstanceProcAddr(instance, name);
}

/* Each call is a status with one line, nothing waits for what never ends, and what is the
 * application's is left alone: it works as before once graft is gone. */
static void a_lost_device_is_a_status(void **state)
{
    session *s = *state;
    NEEDS_VULKAN(s);
    graft_vulkan_params p = params_of(s);
    p.get_instance_proc_addr = losing_function;
    session lost = {.log = s->log};
    is_lost = false;
    submits = 0;
    TEST_OK(s->log, graft_vulkan_import(s->log, &p, &lost.device));
    graft_vulkan_range x = {s->memory.buffer, APP_USAGE, 0, COUNT * sizeof(float)};
    graft_vulkan_range y = {s->memory.buffer, APP_USAGE, OFFSET, COUNT * sizeof(float)};
    TEST_OK(s->log, graft_vulkan_wrap(lost.device, &x, &lost.in));
    TEST_OK(s->log, graft_vulkan_wrap(lost.device, &y, &lost.out));
    make_program(&lost);
    TEST_OK(s->log, graft_program_run(lost.program));
    float values[COUNT];
    TEST_OK(s->log, graft_program_read(lost.program, lost.y, values, sizeof(values)));
    is_lost = true;
    graft_status status = graft_program_run(lost.program); /* or when it is waited for */
    assert_true(status == GRAFT_OK || status == GRAFT_ERR_DEVICE);
    REFUSED(s, graft_program_read(lost.program, lost.y, values, sizeof(values)), GRAFT_ERR_DEVICE,
            "the device was lost");
    assert_int_equal(submits, 1); /* a device that is lost is not asked again */
    REFUSED(s, graft_program_run(lost.program), GRAFT_ERR_DEVICE, "the device was lost");
    REFUSED(s, graft_buffer_write(lost.in, 0, values, sizeof(values)), GRAFT_ERR_DEVICE,
            "the device was lost");
    graft_program_destroy(&lost.program);
    graft_graph_destroy(&lost.graph);
    graft_buffer_destroy(&lost.in);
    graft_buffer_destroy(&lost.out);
    graft_device_close(&lost.device);
    assert_int_equal(s->held, 0);
    is_lost = false;
    s->memory.mapped[0] = 5.0f; /* the application's memory, and its other import of the device */
    TEST_OK(s->log, graft_program_run(s->program));
    TEST_OK(s->log, graft_program_read(s->program, s->y, values, sizeof(values)));
    assert_float_equal(values[0], 16.0f, 1e-5);
}

static void order_that_cannot_be(void **state)
{
    session *s = *state;
    NEEDS_VULKAN(s);
    graft_vulkan_params p = params_of(s);
    graft_device *plain;
    p.features = NULL;
    TEST_OK(s->log, graft_vulkan_import(s->log, &p, &plain));
    VkSemaphore semaphore = app_semaphore(&s->app, false);
    REFUSED(s, graft_vulkan_wait(plain, &(graft_vulkan_semaphore){semaphore, 3}, 1),
            GRAFT_ERR_UNSUPPORTED, "`features` has no timelineSemaphore");
    REFUSED(s, graft_vulkan_signal(plain, &(graft_vulkan_semaphore){VK_NULL_HANDLE, 0}, 1),
            GRAFT_ERR_ARGUMENT, "a semaphore is NULL");
    REFUSED(s, graft_vulkan_signal(plain, NULL, 1), GRAFT_ERR_ARGUMENT, "`semaphores` is NULL");
    vkDestroySemaphore(s->app.device, semaphore, NULL);
    graft_device_close(&plain);

    REFUSED(s, graft_vulkan_record(s->program, VK_NULL_HANDLE), GRAFT_ERR_ARGUMENT,
            "`commands` is NULL");
}

static void images_that_cannot_be(void **state)
{
    session *s = *state;
    NEEDS_VULKAN(s);
    mean_colour m = open_mean(s, VK_FORMAT_R8G8B8A8_UNORM);
    graft_vulkan_image i = m.described;
    i.format = VK_FORMAT_R16G16B16A16_SFLOAT;
    REFUSED(s, graft_vulkan_copy_image(s->device, &i, m.staging, 0), GRAFT_ERR_ARGUMENT,
            "expected R8G8B8A8 or B8G8R8A8");
    i = m.described;
    i.usage = VK_IMAGE_USAGE_SAMPLED_BIT;
    REFUSED(s, graft_vulkan_copy_image(s->device, &i, m.staging, 0), GRAFT_ERR_ARGUMENT,
            "usage 0x4; expected transfer source");
    i = m.described;
    i.layout = VK_IMAGE_LAYOUT_UNDEFINED;
    REFUSED(s, graft_vulkan_copy_image(s->device, &i, m.staging, 0), GRAFT_ERR_ARGUMENT,
            "layout is undefined");
    i = m.described;
    i.height++;
    REFUSED(s, graft_vulkan_copy_image(s->device, &i, m.staging, 0), GRAFT_ERR_ARGUMENT,
            "image: takes 288 bytes at 0; the buffer has 240");
    REFUSED(s, graft_vulkan_copy_image(s->device, &m.described, NULL, 0), GRAFT_ERR_ARGUMENT,
            "image: no buffer");
    REFUSED(s, graft_vulkan_record_image(s->device, &m.described, m.staging, 0, VK_NULL_HANDLE),
            GRAFT_ERR_ARGUMENT, "`commands` is NULL");
    close_mean(s, &m);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_session, close_session)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(wrapped_buffers_are_used_in_place),
        TEST(binary_semaphores_order),
        TEST(timeline_semaphores_order),
        TEST(recorded_into_the_command_buffer),
        TEST(training_is_recorded),
        TEST(shares_the_queue_with_a_busy_thread),
        TEST(images_become_input),
        TEST(formats_become_input),
        TEST(images_are_recorded),
        TEST(images_that_cannot_be),
        TEST(imports_that_cannot_be),
        TEST(ranges_that_cannot_be),
        TEST(order_that_cannot_be),
        TEST(a_lost_device_is_a_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
