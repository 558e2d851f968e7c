/* Finding and opening devices: ids, environment variables, the cache directory, and errors. */
#include "devices.h"

#include "base/mem.h"
#include "backends/classes.h"
#include "kernels/choose.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct fixture {
    graft_log *log;
    graft_device *device;
} fixture;

static int setup(void **state)
{
    fixture *f = gr_alloc(NULL, sizeof(*f));
    *state = f;
    const char *variables[] = {"GRAFT_LIMITS", "GRAFT_DISABLE", "GRAFT_KERNELS", "GRAFT_DEVICE",
                               "GRAFT_CACHE_DIR"};
    for (int i = 0; i < 5; i++)
        unsetenv(variables[i]);
    f->log = test_log_create();
    return f->log ? 0 : -1;
}

static int teardown(void **state)
{
    fixture *f = *state;
    graft_device_close(&f->device);
    graft_log_destroy(&f->log);
    gr_free(f);
    return 0;
}

/* Opens a device that must open. */
static gr_device *open_device(fixture *f, const char *id, const char *cache_dir)
{
    TEST_OK(f->log, graft_device_open(f->log, id, cache_dir, &f->device));
    return gr_device_from_public(f->device);
}

static void assert_refused(fixture *f, const char *id, graft_status status, const char *text)
{
    f->device = (graft_device *)(uintptr_t)1;
    assert_int_equal(graft_device_open(f->log, id, NULL, &f->device), status);
    assert_null(f->device);
    test_assert_error(f->log, text);
}

static void wrong_ids_are_named(void **state)
{
    fixture *f = *state;
    assert_refused(f, "cuda:0", GRAFT_ERR_NO_DEVICE, "device \"cuda:0\": no such backend");
    assert_refused(f, "cuda:0", GRAFT_ERR_NO_DEVICE, "null");
    assert_refused(f, "null:1", GRAFT_ERR_NO_DEVICE, "device \"null:1\": null has 1 device");
    const char *malformed[] = {"null",    "null:",   ":0",          "null:x",
                               "null:0x", "null:-1", "opencl:99999"};
    for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
        graft_status status = malformed[i][0] == ':' ? GRAFT_ERR_NO_DEVICE : GRAFT_ERR_ARGUMENT;
        assert_refused(f, malformed[i], status, malformed[i]);
    }
#ifdef GRAFT_HAVE_OPENCL
    assert_refused(f, "opencl:99", GRAFT_ERR_NO_DEVICE, "device \"opencl:99\": opencl has ");
#endif
#ifdef GRAFT_HAVE_VULKAN
    assert_refused(f, "vulkan:99", GRAFT_ERR_NO_DEVICE, "device \"vulkan:99\": vulkan has ");
#endif
}

static void the_variable_chooses_the_device(void **state)
{
    fixture *f = *state;
    setenv("GRAFT_DEVICE", "null:0", 1);
    assert_string_equal(open_device(f, NULL, NULL)->info.id, "null:0");
    graft_device_close(&f->device);
    setenv("GRAFT_DEVICE", "null:7", 1);
    assert_refused(f, NULL, GRAFT_ERR_NO_DEVICE, "null:7");
}

/* The reference has no limit of its own, but kernels count floats in 32 bits. */
static void bindings_are_within_the_reach_of_indices(void **state)
{
    fixture *f = *state;
    const gr_device *device = open_device(f, "reference:0", NULL);
    assert_int_equal(device->caps.max_binding_bytes, (uint64_t)16 << 30);
    graft_device_close(&f->device);
}

static void listed_devices_are_consistent(void **state)
{
    fixture *f = *state;
    graft_device_info infos[TEST_MAX_DEVICES], first;
    int count = graft_device_list(f->log, infos, TEST_MAX_DEVICES);
    assert_int_equal(graft_device_list(f->log, NULL, 0), count);
    if (count > 0) {
        assert_int_equal(graft_device_list(f->log, &first, 1), count);
        assert_string_equal(first.id, infos[0].id);
    }
    for (int i = 0; i < count && i < TEST_MAX_DEVICES; i++) {
        assert_int_not_equal(strlen(infos[i].name), 0);
        assert_int_not_equal(strlen(infos[i].driver), 0);
        assert_string_not_equal(graft_device_type_name(infos[i].type), "unknown");
        assert_null(strstr(infos[i].id, "null"));
        const gr_device *device = open_device(f, infos[i].id, NULL);
        const graft_device_info *info = graft_device_get_info(f->device);
        assert_string_equal(info->id, infos[i].id);
        assert_string_equal(info->name, infos[i].name);
        assert_true(device->caps.max_workgroup >= 64);
        assert_true(device->caps.max_binding_bytes >= 128 << 20);
        assert_true(device->caps.max_buffer_bytes >= 128 << 20);
        assert_true(device->caps.shared_bytes >= 16 << 10);
        assert_int_equal(device->caps.offset_align & (device->caps.offset_align - 1), 0);
        assert_true(device->caps.executes);
        graft_device_close(&f->device);
    }
}

static void auto_prefers_a_gpu_and_then_wide_vectors(void **state)
{
    fixture *f = *state;
    graft_device_info infos[TEST_MAX_DEVICES];
    int count = graft_device_list(f->log, infos, TEST_MAX_DEVICES);
    if (count == 0) {
        assert_refused(f, "auto", GRAFT_ERR_NO_DEVICE, "no OpenCL or Vulkan device");
        return;
    }
    bool gpu = false, wide = false;
    for (int i = 0; i < count && i < TEST_MAX_DEVICES; i++) {
        gpu = gpu || infos[i].type != GRAFT_DEVICE_CPU;
        wide = wide || open_device(f, infos[i].id, NULL)->caps.vector_bits;
        graft_device_close(&f->device);
    }
    const gr_device *device = open_device(f, "auto", NULL);
    assert_int_equal(device->info.type != GRAFT_DEVICE_CPU, gpu);
    if (!gpu)
        assert_int_equal(device->caps.vector_bits > 0, wide);
}

static void limits_clamp_every_device(void **state)
{
    fixture *f = *state;
    setenv("GRAFT_LIMITS", "vulkan11-min", 1);
    const gr_caps *caps = &open_device(f, "null:0", NULL)->caps;
    assert_int_equal(caps->max_workgroup, 128);
    assert_int_equal(caps->max_groups[0], 65535);
    assert_int_equal(caps->shared_bytes, 16384);
    assert_int_equal(caps->max_binding_bytes, 128 << 20);
    assert_int_equal(caps->max_buffer_bytes, 1 << 30);
    assert_int_equal(caps->offset_align, 256);
    graft_device_close(&f->device);

    setenv("GRAFT_LIMITS", "mali-mid", 1);
    caps = &open_device(f, "null:0", NULL)->caps;
    assert_int_equal(caps->max_workgroup, 256);
    assert_int_equal(caps->memory_bytes, (uint64_t)2 << 30);
    graft_device_close(&f->device);

    setenv("GRAFT_LIMITS", "opencl12-min", 1);
    caps = &open_device(f, "null:0", NULL)->caps;
    assert_int_equal(caps->max_workgroup, 64);
    assert_int_equal(caps->offset_align, 128);
    graft_device_close(&f->device);

    setenv("GRAFT_LIMITS", "toaster", 1);
    assert_refused(f, "null:0", GRAFT_ERR_ARGUMENT, "GRAFT_LIMITS=toaster: no such profile");
    test_assert_error(f->log, "mali-mid");
}

static void capabilities_are_switched_off(void **state)
{
    fixture *f = *state;
    setenv("GRAFT_DISABLE", "libraries,timestamps,", 1);
    gr_device *device = open_device(f, "null:0", NULL);
    assert_false(device->caps.timestamps);
    gr_library *library;
    assert_int_equal(gr_device_library_create(device, &(gr_library_desc){0}, &library),
                     GRAFT_ERR_UNSUPPORTED);
    graft_device_close(&f->device);
    setenv("GRAFT_DISABLE", "mapping,f61", 1);
    assert_refused(f, "null:0", GRAFT_ERR_ARGUMENT, "GRAFT_DISABLE: f61: no such capability");
    test_assert_error(f->log, "wide_vectors");
#ifdef GRAFT_HAVE_OPENCL
    setenv("GRAFT_DISABLE", "wide_vectors,timestamps", 1);
    graft_device_info info;
    if (graft_device_list(f->log, &info, 1) == 0)
        return;
    device = open_device(f, info.id, NULL);
    assert_int_equal(device->caps.vector_bits, 0);
    assert_false(device->caps.timestamps);
    gr_list *list;
    assert_int_equal(gr_device_list_create(device, NULL, 0, true, &list), GRAFT_ERR_UNSUPPORTED);
#endif
}

/* Null keeps no cache, so this needs a device that does. */
static void rows_of_kernels_are_forced(void **state)
{
    fixture *f = *state;
    setenv("GRAFT_KERNELS", "matmul=portable,permute=portable", 1);
    const gr_device *device = open_device(f, "null:0", NULL);
    assert_string_equal(gr_variant_next(device, "matmul", NULL, NULL)->name, "portable");
    graft_device_close(&f->device);
    setenv("GRAFT_KERNELS", "matmul=panel9", 1);
    assert_refused(f, "null:0", GRAFT_ERR_ARGUMENT, "GRAFT_KERNELS: matmul=panel9: no such row");
    test_assert_error(f->log, "panel8small");
    setenv("GRAFT_KERNELS", "matmul=portable,softmax", 1);
    assert_refused(f, "null:0", GRAFT_ERR_ARGUMENT, "GRAFT_KERNELS: softmax: no such row");
    setenv("GRAFT_KERNELS", "toast=lanes8", 1);
    assert_refused(f, "null:0", GRAFT_ERR_ARGUMENT, "expected kernel=row");
    setenv("GRAFT_KERNELS", "matmul=panel8", 1);
    assert_refused(f, "null:0", GRAFT_ERR_ARGUMENT, "null:0 cannot run it: it needs OpenCL");
}

/* So that a device can be compared with it whatever is forced. */
static void nothing_is_forced_on_the_reference(void **state)
{
    fixture *f = *state;
    setenv("GRAFT_KERNELS", "matmul=direct4x4,softmax=lanes8", 1);
    const gr_device *device = open_device(f, "reference:0", NULL);
    assert_string_equal(gr_variant_next(device, "matmul", NULL, NULL)->name, "portable");
}

static void vectors_are_taken_by_their_class(void **state)
{
    fixture *f = *state;
    gr_device *device = open_device(f, "null:0", NULL);
    device->caps.shared_bytes = 1 << 20;
    static const struct {
        uint32_t bits, registers;
        const char *matmul, *softmax;
    } classes[] = {{512, 32, "panel16", "lanes16"},
                   {256, 16, "panel8", "lanes8"},
                   {128, 32, "panel4tall", "lanes4"},
                   {128, 16, "panel4", "lanes4"},
                   {0, 0, "portable", "portable"}};
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        device->caps.vector_bits = classes[i].bits;
        device->caps.vector_registers = classes[i].registers;
        assert_string_equal(gr_variant_next(device, "matmul", NULL, NULL)->name, classes[i].matmul);
        assert_string_equal(gr_variant_next(device, "softmax", NULL, NULL)->name,
                            classes[i].softmax);
    }
    device->caps.gemm_library = true;
    gr_problem small = {63, 1e9}, large = {64, 1e9};
    assert_string_equal(gr_variant_next(device, "matmul", &small, NULL)->name, "portable");
    assert_string_equal(gr_variant_next(device, "matmul", &large, NULL)->name, "library");
    assert_null(gr_variant_next(device, "copy", NULL, NULL));
}

static void products_go_by_the_class_of_a_device(void **state)
{
    fixture *f = *state;
    gr_device *device = open_device(f, "null:0", NULL);
    gr_problem small = {4, 1e3}, large = {64, 1e9};
    device->caps.device_class = gr_class_of_vulkan(0x10005, GRAFT_DEVICE_CPU);
    assert_string_equal(gr_variant_next(device, "matmul", &large, NULL)->name, "direct16x8");
    assert_string_equal(gr_variant_next(device, "matmul", &small, NULL)->name, "direct4x4");
    device->caps.device_class = gr_class_of_vulkan(0x1ae0, GRAFT_DEVICE_CPU); /* SwiftShader */
    assert_string_equal(gr_variant_next(device, "matmul", &large, NULL)->name, "portable");
    device->caps.device_class = gr_class_of_vulkan(0x10de, GRAFT_DEVICE_DISCRETE);
    assert_string_equal(gr_variant_next(device, "matmul", &large, NULL)->name, "tile8x8");
    device->caps.device_class = gr_class_of_vulkan(0x8086, GRAFT_DEVICE_INTEGRATED);
    assert_string_equal(gr_variant_next(device, "matmul", &large, NULL)->name, "tile4x8");
    device->caps.device_class = gr_class_of_vulkan(0x13b5, GRAFT_DEVICE_INTEGRATED);
    assert_string_equal(gr_variant_next(device, "matmul", &large, NULL)->name, "direct4x4wide");
    assert_int_equal(gr_class_of_opencl("QUALCOMM", GRAFT_DEVICE_DISCRETE), GR_CLASS_PHONE);
    assert_int_equal(gr_class_of_opencl("GenuineIntel", GRAFT_DEVICE_CPU), GR_CLASS_UNKNOWN);
    device->caps.device_class = gr_class_of_vulkan(0xffff, GRAFT_DEVICE_DISCRETE);
    assert_string_equal(gr_variant_next(device, "matmul", &large, NULL)->name, "portable");
}

static void assert_cache_dir(fixture *f, const char *id, const char *argument, const char *expected)
{
    assert_string_equal(open_device(f, id, argument)->cache_dir, expected);
    graft_device_close(&f->device);
}

static void the_cache_directory_is_resolved(void **state)
{
    fixture *f = *state;
    graft_device_info info;
    if (graft_device_list(f->log, &info, 1) == 0)
        skip();
    char *home = gr_strdup(f, getenv("HOME") ? getenv("HOME") : "");
    setenv("HOME", "/home/nobody", 1);
    unsetenv("XDG_CACHE_HOME");
    assert_cache_dir(f, info.id, NULL, "/home/nobody/.cache/graft");
    setenv("XDG_CACHE_HOME", "/var/cache/x", 1);
    assert_cache_dir(f, info.id, NULL, "/var/cache/x/graft");
    setenv("GRAFT_CACHE_DIR", "/var/cache/y", 1);
    assert_cache_dir(f, info.id, NULL, "/var/cache/y");
    assert_cache_dir(f, info.id, "/var/cache/z", "/var/cache/z");
    assert_cache_dir(f, info.id, "", "");
    char too_long[2000];
    memset(too_long, 'x', sizeof(too_long));
    too_long[sizeof(too_long) - 1] = '\0';
    assert_cache_dir(f, info.id, too_long, "");
    setenv("HOME", home, 1);
    unsetenv("XDG_CACHE_HOME");
}

static void closing_nothing_is_fine(void **state)
{
    fixture *f = *state;
    graft_device_close(NULL);
    graft_device_close(&f->device);
    open_device(f, "null:0", NULL);
    graft_device_close(&f->device);
    assert_null(f->device);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(wrong_ids_are_named),
        TEST(the_variable_chooses_the_device),
        TEST(listed_devices_are_consistent),
        TEST(bindings_are_within_the_reach_of_indices),
        TEST(auto_prefers_a_gpu_and_then_wide_vectors),
        TEST(rows_of_kernels_are_forced),
        TEST(nothing_is_forced_on_the_reference),
        TEST(vectors_are_taken_by_their_class),
        TEST(products_go_by_the_class_of_a_device),
        TEST(limits_clamp_every_device),
        TEST(capabilities_are_switched_off),
        TEST(the_cache_directory_is_resolved),
        TEST(closing_nothing_is_fine),
    };
    return cmocka_run_group_tests_name("open", tests, NULL, NULL);
}
