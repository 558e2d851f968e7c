/* The self-test finds a kernel that is wrong, does without it, remembers that, and refuses a device
 * that has nothing else. The wrong kernels are made here: a backend that skips their dispatches
 * without a word, as some drivers do. */
#include "../devices.h"
#include "../fixture.h"
#include "device/verdict.h"

#include <graft/selftest.h>
#include <unistd.h>

enum { MAX_SKIPPED = 256 };

/* The device's own backend, and what is skipped. */
static struct {
    const gr_backend *real;
    const char *prefix; /* of the names of kernels */
    const gr_pipeline *skipped[MAX_SKIPPED];
    int count;
} fault;

static graft_status pipelines_create(gr_device *device, const gr_pipeline_spec *specs, int count,
                                     gr_pipeline **out)
{
    GR_TRY(fault.real->pipelines_create(device, specs, count, out));
    for (int i = 0; i < count; i++)
        if (strncmp(specs[i].kernel->name, fault.prefix, strlen(fault.prefix)) == 0 &&
            fault.count < MAX_SKIPPED)
            fault.skipped[fault.count++] = out[i];
    return GRAFT_OK;
}

static bool is_skipped(const gr_command *command)
{
    for (int i = 0; i < fault.count; i++)
        if (command->kind == GR_COMMAND_DISPATCH && command->pipeline == fault.skipped[i])
            return true;
    return false;
}

static graft_status list_create(gr_device *device, const gr_command *commands, int count,
                                bool profile, gr_list **out)
{
    gr_command kept[64];
    int kept_count = 0;
    assert_true(count <= 64);
    for (int i = 0; i < count; i++) {
        if (is_skipped(&commands[i]))
            continue;
        kept[kept_count] = commands[i];
        kept[kept_count++].barrier = true;
    }
    return fault.real->list_create(device, kept, kept_count, profile, out);
}

/* Opens the target's device anew, so that kernels of this name do nothing. What is found belongs to
 * a driver called `driver`, of this process: not to the machine's own. */
static gr_device *open_faulty(void **state, const char *driver, const char *prefix)
{
    static gr_backend faulty;
    gr_device *device;
    const test_target *target = *state;
    graft_log *log = target->devices->log;
    TEST_OK(log, gr_device_open(log, target->device->info.id, target->device->cache_dir, &device));
    snprintf(device->info.driver, sizeof(device->info.driver), "%s %d", driver, (int)getpid());
    gr_device_load_tested(device);
    fault.real = device->backend;
    fault.prefix = prefix;
    fault.count = 0;
    faulty = *device->backend;
    faulty.pipelines_create = pipelines_create;
    faulty.list_create = list_create;
    device->backend = &faulty;
    return device;
}

static void close_faulty(gr_device **device)
{
    (*device)->backend = fault.real;
    graft_device *opened = gr_device_to_public(*device);
    graft_device_close(&opened);
    *device = NULL;
}

static graft_status selftest(void **state, gr_device *device, graft_selftest_result *result)
{
    graft_selftest_params params;
    graft_selftest_defaults(&params);
    return graft_selftest(((const test_target *)*state)->devices->log, gr_device_to_public(device),
                          &params, result);
}

static void a_good_device_passes_and_is_remembered(void **state)
{
    graft_selftest_result result;
    gr_device *device = open_faulty(state, "good", "no kernel is called so");
    graft_selftest_known(gr_device_to_public(device), &result);
    assert_false(result.known);
    TEST_OK(device->log, selftest(state, device, &result));
    assert_true(result.known && result.checks > 20 && result.failed == 0);
    assert_string_equal(result.banned, "");
    close_faulty(&device);
    device = open_faulty(state, "good", "none");
    graft_selftest_known(gr_device_to_public(device), &result);
    assert_true(result.known);
    close_faulty(&device);
}

/* A row that another one can stand in for: vectors on CPUs. */
static void a_wrong_row_is_banned_and_stays_so(void **state)
{
    graft_selftest_result result;
    gr_device *device = open_faulty(state, "wrong row", "softmax_wide");
    const gr_variant *row = gr_variant_next(device, "softmax", NULL, NULL);
    if (!row || !row->runs || strcmp(row->runs->name, "softmax_wide") != 0) {
        print_message("SKIP: %s has one softmax only\n", device->info.id);
        close_faulty(&device);
        return;
    }
    TEST_OK(device->log, selftest(state, device, &result));
    assert_true(result.failed > 0);
    assert_non_null(strstr(result.banned, "softmax=lanes"));
    assert_null(strstr(result.banned, "layer_norm"));
    assert_string_equal(gr_variant_next(device, "softmax", NULL, NULL)->name, "portable");
    close_faulty(&device);
    device = open_faulty(state, "wrong row", "none");
    assert_string_equal(gr_variant_next(device, "softmax", NULL, NULL)->name, "portable");
    close_faulty(&device);
}

static void a_device_without_another_kernel_is_refused(void **state)
{
    graft_selftest_result result;
    gr_device *device = open_faulty(state, "refused", "cross_entropy");
    assert_int_equal(selftest(state, device, &result), GRAFT_ERR_DEVICE);
    assert_non_null(strstr(result.refused, "cross_entropy"));
    close_faulty(&device);
    device = open_faulty(state, "refused", "none");
    graft_selftest_known(gr_device_to_public(device), &result);
    assert_true(result.known);
    assert_non_null(strstr(result.refused, "cross_entropy"));
    close_faulty(&device);
}

int main(void)
{
    const test_case cases[] = {
        TEST_CASE(a_good_device_passes_and_is_remembered),
        TEST_CASE(a_wrong_row_is_banned_and_stays_so),
        TEST_CASE(a_device_without_another_kernel_is_refused),
    };
    return TEST_RUN("selftest", cases, TEST_GPU);
}
