/* Modules: there, not there, and of another build. Called with the folder of wrong ones, and with
 * GRAFT_MODULE_DIR set to that of the right ones. */
#include "backends/module.h"
#include "devices.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *modules_of_another_build;

static graft_status create(gr_device *device, gr_library **library)
{
    gr_library_desc desc = {.kind = GR_LIBRARY_FFT, .fft = {.batch = 2, .length = 66, .inner = 1}};
    device->caps.fft_library = true;
    return device->backend->library_create(device, &desc, library);
}

static const char *modules_of_this_build;

static void look_in(const char *folder)
{
    setenv("GRAFT_MODULE_DIR", folder, 1);
}

/* Not an error, and the device is not asked again. */
static void assert_without(gr_device *device, const char *folder)
{
    gr_library *library = NULL;
    look_in(folder);
    graft_status status = create(device, &library);
    look_in(modules_of_this_build);
    assert_int_equal(status, GRAFT_ERR_UNSUPPORTED);
    assert_null(library);
    assert_false(device->caps.fft_library);
    char text[64];
    graft_log_error(device->log, text, sizeof(text));
    assert_string_equal(text, "");
}

static void a_missing_module_is_not_missed(void **state)
{
    if (strstr(test_device_of(state)->info.name, "SwiftShader"))
        skip(); /* it is never asked there */
    assert_without(test_device_of(state), "/nonexistent");
}

static void a_module_of_another_build_is_refused(void **state)
{
    gr_device *device = test_device_of(state);
    look_in(modules_of_another_build);
    const gr_module *same = gr_module_open(device, "other", 1);
    const gr_module *larger = gr_module_open(device, "other", 2);
    const gr_module *newer = gr_module_open(device, "other-version", 1);
    look_in(modules_of_this_build);
    assert_non_null(same); /* it is a module, of that size */
    assert_null(larger);
    assert_null(newer);
}

/* What the build made must open: MODULES lists it. */
static void a_module_that_was_built_opens(void **state)
{
    gr_device *device = test_device_of(state);
    char name[64];
    snprintf(name, sizeof(name), " vkfft-%s ", device->backend->name);
    if (!strstr(" " MODULES " ", name) || strstr(device->info.name, "SwiftShader"))
        skip();
    gr_library *library = NULL;
    TEST_OK(device->log, create(device, &library));
    assert_true(device->caps.fft_library);
    device->backend->library_destroy(device, library);
}

int main(int argc, char **argv)
{
    modules_of_this_build = getenv("GRAFT_MODULE_DIR");
    if (argc < 2 || !modules_of_this_build)
        return 2;
    modules_of_another_build = argv[1];
    const test_case cases[] = {TEST_CASE(a_module_that_was_built_opens),
                               TEST_CASE(a_missing_module_is_not_missed),
                               TEST_CASE(a_module_of_another_build_is_refused)};
    return TEST_RUN("modules", cases, TEST_GPU);
}
