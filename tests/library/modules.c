/* Modules: there, not there, and of another build. Called with the folder of a wrong one. */
#include "backends/module.h"
#include "devices.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
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

/* Not an error, and the device is not asked again. */
static void assert_without(gr_device *device, const char *folder)
{
    char *before = getenv("GRAFT_MODULE_DIR");
    gr_library *library = NULL;
    before = before ? strdup(before) : NULL;
    setenv("GRAFT_MODULE_DIR", folder, 1);
    graft_status status = create(device, &library);
    unsetenv("GRAFT_MODULE_DIR");
    if (before)
        setenv("GRAFT_MODULE_DIR", before, 1);
    free(before);
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
    const gr_module *other = NULL;
    setenv("GRAFT_MODULE_DIR", modules_of_another_build, 1);
    other = gr_module_open(device, "other", 1);
    assert_non_null(other); /* it is a module, of that size */
    assert_null(gr_module_open(device, "other", 2));
    assert_null(gr_module_open(device, "other-version", 1));
    unsetenv("GRAFT_MODULE_DIR");
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    modules_of_another_build = argv[1];
    const test_case cases[] = {TEST_CASE(a_missing_module_is_not_missed),
                               TEST_CASE(a_module_of_another_build_is_refused)};
    return TEST_RUN("modules", cases, TEST_GPU);
}
