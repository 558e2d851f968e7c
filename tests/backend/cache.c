/* The on-disk cache of compiled kernels: what is wrong on disk is rebuilt, never trusted. */
#include "devices.h"
#include "shaders/unary.gk.h"

#include "backends/cache.h"
#include "base/file.h"
#include "base/mem.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct fixture {
    graft_log *log;
    char directory[256];
    int loaded, built; /* kernels, as the log tells */
} fixture;

static void count_line(void *user, graft_log_level level, const char *text)
{
    fixture *f = user;
    f->loaded += strstr(text, "loaded from the cache") != NULL;
    f->built += strstr(text, "built") != NULL;
}

static int setup(void **state)
{
    fixture *f = calloc(1, sizeof(*f));
    *state = f;
    f->log = graft_log_create(
        &(graft_log_params){.callback = count_line, .user = f, .level = GRAFT_LOG_DEBUG});
    const char *temporary = getenv("TMPDIR");
    snprintf(f->directory, sizeof(f->directory), "%s/graft-cache-XXXXXX",
             temporary ? temporary : "/tmp");
    return f->log && mkdtemp(f->directory) ? 0 : -1;
}

/* Calls `visit` with the path of every file of the directory; returns how many. */
static int each_file(const fixture *f, void (*visit)(const char *path))
{
    int count = 0;
    DIR *dir = opendir(f->directory);
    for (struct dirent *e; dir && (e = readdir(dir));) {
        char path[512];
        snprintf(path, sizeof(path), "%s/%s", f->directory, e->d_name);
        if (e->d_name[0] == '.')
            continue;
        count++;
        if (visit)
            visit(path);
    }
    if (dir)
        closedir(dir);
    return count;
}

static void delete_file(const char *path)
{
    remove(path);
}

static int teardown(void **state)
{
    fixture *f = *state;
    unsetenv("GRAFT_DUMP_KERNELS");
    each_file(f, delete_file);
    rmdir(f->directory);
    graft_log_destroy(&f->log);
    free(f);
    return 0;
}

static const char payload[] = "compiled kernel";

/* The path of the only file, for gr_free(). */
static char *only_file(const fixture *f)
{
    DIR *dir = opendir(f->directory);
    char *path = NULL;
    for (struct dirent *e; dir && (e = readdir(dir));)
        if (e->d_name[0] != '.')
            path = gr_path_join(NULL, f->directory, e->d_name);
    if (dir)
        closedir(dir);
    assert_non_null(path);
    return path;
}

static bool load(const fixture *f, const char *key)
{
    void *data;
    size_t size = 0;
    bool found = gr_cache_load(f->log, NULL, f->directory, "k", key, &data, &size);
    if (found) {
        assert_int_equal(size, sizeof(payload));
        assert_memory_equal(data, payload, size);
    }
    gr_free(data);
    return found;
}

static void store(const fixture *f, const char *key)
{
    assert_int_equal(gr_cache_store(f->log, f->directory, "k", key, payload, sizeof(payload)),
                     GRAFT_OK);
}

static void entries_are_found_by_their_key(void **state)
{
    const fixture *f = *state;
    assert_false(load(f, "one"));
    store(f, "one");
    store(f, "two");
    assert_int_equal(each_file(f, NULL), 2);
    assert_true(load(f, "one"));
    assert_true(load(f, "two"));
    assert_false(load(f, "three"));
}

/* One flipped bit anywhere, and any shorter or longer file, is no entry. */
static void damaged_entries_are_not_found(void **state)
{
    const fixture *f = *state;
    store(f, "key");
    char *path = only_file(f), *good;
    size_t size;
    assert_int_equal(gr_file_read(NULL, NULL, path, &good, &size), GRAFT_OK);
    for (size_t i = 0; i < size; i++) {
        good[i] ^= 0x10;
        assert_int_equal(gr_file_write(NULL, path, good, size), GRAFT_OK);
        assert_false(load(f, "key"));
        good[i] ^= 0x10;
    }
    for (size_t shorter = 0; shorter < size; shorter++) {
        assert_int_equal(gr_file_write(NULL, path, good, shorter), GRAFT_OK);
        assert_false(load(f, "key"));
    }
    assert_int_equal(gr_file_write(NULL, path, good, size + 1), GRAFT_OK); /* with its NUL */
    assert_false(load(f, "key"));
    store(f, "key");
    assert_true(load(f, "key"));
    gr_free(good);
    gr_free(path);
}

/* A file under the name of another key: what a collision of hashes would look like. */
static void entries_of_another_key_are_not_found(void **state)
{
    const fixture *f = *state;
    store(f, "mine");
    char *mine = only_file(f), *good;
    size_t size;
    assert_int_equal(gr_file_read(NULL, NULL, mine, &good, &size), GRAFT_OK);
    delete_file(mine);
    store(f, "hers");
    char *hers = only_file(f);
    assert_int_equal(gr_file_write(NULL, hers, good, size), GRAFT_OK);
    assert_false(load(f, "hers"));
    gr_free(mine);
    gr_free(hers);
    gr_free(good);
}

static void things_that_are_not_files_are_not_found(void **state)
{
    const fixture *f = *state;
    store(f, "key");
    char *path = only_file(f);
    delete_file(path);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_false(load(f, "key"));
    assert_int_not_equal(gr_cache_store(f->log, f->directory, "k", "key", payload, 4), GRAFT_OK);
    gr_free(path);
}

static void no_directory_means_no_cache(void **state)
{
    const fixture *f = *state;
    void *data;
    size_t size;
    assert_int_equal(gr_cache_store(f->log, "", "k", "key", payload, 4), GRAFT_OK);
    assert_false(gr_cache_load(f->log, NULL, "", "k", "key", &data, &size));
    assert_int_not_equal(gr_cache_store(f->log, "/dev/null/x", "k", "key", payload, 4), GRAFT_OK);
    assert_false(gr_cache_load(f->log, NULL, "/dev/null/x", "k", "key", &data, &size));
}

/* Opens a device, doubles numbers with a kernel of its own, closes the device. */
static void use_device(fixture *f, const char *id)
{
    graft_device *handle;
    TEST_OK(f->log, graft_device_open(f->log, id, f->directory, &handle));
    gr_device *device = gr_device_from_public(handle);
    gr_pipeline_spec spec = {&gr_kernel_unary, {64, 0}};
    gr_pipeline *pipeline;
    gr_buffer *x, *y;
    gr_list *list;
    float values[100];
    for (int i = 0; i < 100; i++)
        values[i] = (float)i;
    gr_unary_params params = {.rows = 1, .cols = 100, .alpha = 2.0f};
    f->loaded = f->built = 0;
    TEST_OK(f->log, gr_device_pipelines(device, &spec, 1, &pipeline));
    TEST_OK(f->log, gr_device_buffer_create(device, 400, GR_MEMORY_DEVICE, &x));
    TEST_OK(f->log, gr_device_buffer_create(device, 400, GR_MEMORY_DEVICE, &y));
    TEST_OK(f->log, gr_device_buffer_write(device, x, 0, values, 400));
    gr_command command = {.kind = GR_COMMAND_DISPATCH,
                          .binding_count = 2,
                          .binding = {{x, 0, 400}, {y, 0, 400}},
                          .pipeline = pipeline,
                          .grid = {2, 1, 1}};
    memcpy(command.params, &params, sizeof(params));
    TEST_OK(f->log, gr_device_list_create(device, &command, 1, false, &list));
    TEST_OK(f->log, gr_device_submit(device, list));
    TEST_OK(f->log, gr_device_wait(device));
    TEST_OK(f->log, gr_device_buffer_read(device, y, 0, values, 400));
    for (int i = 0; i < 100; i++)
        assert_float_equal(values[i], 2.0f * (float)i, 0.0f);
    gr_device_list_destroy(device, &list);
    gr_device_buffer_destroy(device, &x);
    gr_device_buffer_destroy(device, &y);
    graft_device_close(&handle);
}

/* Flips a byte in the middle: the entry keeps its size and its header. */
static void damage_file(const char *path)
{
    char *data;
    size_t size;
    assert_int_equal(gr_file_read(NULL, NULL, path, &data, &size), GRAFT_OK);
    data[size / 2] = (char)~data[size / 2];
    assert_int_equal(gr_file_write(NULL, path, data, size), GRAFT_OK);
    gr_free(data);
}

static void fill_with_garbage(const char *path)
{
    assert_int_equal(gr_file_write(NULL, path, "garbage", 7), GRAFT_OK);
}

static void assert_not_garbage(const char *path)
{
    char *data;
    assert_int_equal(gr_file_read(NULL, NULL, path, &data, NULL), GRAFT_OK);
    assert_string_not_equal(data, "garbage");
    gr_free(data);
}

/* One kernel each: without that of the canary. */
static void devices_rebuild_a_damaged_cache(void **state)
{
    fixture *f = *state;
    setenv("GRAFT_DISABLE", "canary", 1);
    graft_device_info infos[TEST_MAX_DEVICES];
    int count = graft_device_list(f->log, infos, TEST_MAX_DEVICES);
    for (int i = 0; i < count && i < TEST_MAX_DEVICES; i++) {
        bool opencl = strncmp(infos[i].id, "opencl", 6) == 0;
        print_message("  %s\n", infos[i].id);
        each_file(f, delete_file);
        use_device(f, infos[i].id);
        assert_int_not_equal(each_file(f, NULL), 0);
        int built = f->built;
        use_device(f, infos[i].id);
        if (opencl) {
            assert_int_equal(built, 1);
            assert_int_equal(f->loaded, 1);
            assert_int_equal(f->built, 0);
        }
        each_file(f, damage_file);
        use_device(f, infos[i].id);
        if (opencl)
            assert_int_equal(f->built, 1);
        each_file(f, fill_with_garbage);
        use_device(f, infos[i].id);
        each_file(f, assert_not_garbage);
        use_device(f, infos[i].id);
        if (opencl)
            assert_int_equal(f->loaded, 1);
    }
    unsetenv("GRAFT_DISABLE");
}

static void devices_work_without_a_writable_cache(void **state)
{
    fixture *f = *state;
    graft_device_info infos[TEST_MAX_DEVICES];
    int count = graft_device_list(f->log, infos, TEST_MAX_DEVICES);
    char *directory = gr_strdup(NULL, f->directory);
    snprintf(f->directory, sizeof(f->directory), "/dev/null/cache");
    for (int i = 0; i < count && i < TEST_MAX_DEVICES; i++)
        use_device(f, infos[i].id);
    snprintf(f->directory, sizeof(f->directory), "%s", directory);
    gr_free(directory);
}

static void kernels_are_dumped(void **state)
{
    fixture *f = *state;
    graft_device_info info;
    if (graft_device_list(f->log, &info, 1) == 0 || strncmp(info.id, "opencl", 6) != 0)
        skip();
    char *dump = gr_printf(NULL, "%s/dump", f->directory);
    char *path = gr_path_join(dump, dump, "unary.WG=64.FUNC=0.cl"), *text;
    setenv("GRAFT_DUMP_KERNELS", dump, 1);
    use_device(f, info.id);
    assert_int_equal(gr_file_read(f->log, dump, path, &text, NULL), GRAFT_OK);
    size_t before = strlen(gr_opencl_dialect);
    assert_memory_equal(text, gr_opencl_dialect, before);
    assert_string_equal(text + before, gr_kernel_unary.opencl_source);
    remove(path);
    gr_free(dump);
}

static void a_kernel_that_does_not_build_is_one_clear_line(void **state)
{
    fixture *f = *state;
    graft_device_info infos[TEST_MAX_DEVICES];
    int count = graft_device_list(f->log, infos, TEST_MAX_DEVICES);
    gr_kernel broken = gr_kernel_unary;
    broken.name = "broken";
    broken.hash = 1;
    broken.opencl_source = "__kernel void broken(__global float *x)\n{\n    x[0] = nothing;\n}\n";
    const gr_pipeline_spec specs[2] = {{&gr_kernel_unary, {64, 0}}, {&broken, {64, 0}}};
    for (int i = 0; i < count && i < TEST_MAX_DEVICES; i++) {
        if (strncmp(infos[i].id, "opencl", 6) != 0)
            continue;
        graft_device *device;
        gr_pipeline *pipelines[2];
        TEST_OK(f->log, graft_device_open(f->log, infos[i].id, f->directory, &device));
        assert_int_equal(gr_device_pipelines(gr_device_from_public(device), specs, 2, pipelines),
                         GRAFT_ERR_DEVICE);
        assert_null(pipelines[0]);
        assert_null(pipelines[1]);
        test_assert_error(f->log, "cannot build kernel broken.WG=64.FUNC=0: ");
        test_assert_error(f->log, "nothing");
        graft_device_close(&device);
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(entries_are_found_by_their_key),
        TEST(damaged_entries_are_not_found),
        TEST(entries_of_another_key_are_not_found),
        TEST(things_that_are_not_files_are_not_found),
        TEST(no_directory_means_no_cache),
        TEST(devices_rebuild_a_damaged_cache),
        TEST(devices_work_without_a_writable_cache),
        TEST(kernels_are_dumped),
        TEST(a_kernel_that_does_not_build_is_one_clear_line),
    };
    return cmocka_run_group_tests_name("cache", tests, NULL, NULL);
}
