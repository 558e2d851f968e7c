/* Creates, trains and destroys a trainer again and again, plainly and in slices of a time budget,
 * and fails when host or device memory grows in the second half of the cycles.
 *
 *     run_cycles [CYCLES]
 *
 * on the devices of GRAFT_TEST_DEVICES. Without a number: 20, on null, reference and the first
 * device of an API. What threads take counts where malloc has one arena and no caches, see
 * tools/check-cycles. */
#include "support.h"

#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static int cycles = 20;
static bool quick = true;

/* Bytes that the heap may gain: once, and with each cycle. */
enum { LOOKS = 3 };
static const double allowed_once = 8192, allowed_each = 64;

static graft_trainer *create(gr_device *device)
{
    graft_train_params settings = tiny_run("");
    graft_trainer_params params = {.settings = &settings, .classes = RUN_CLASSES};
    graft_trainer *t = NULL;
    check_ok(scratch(),
             graft_trainer_create(scratch()->log, gr_device_to_public(device), &params, &t));
    return t;
}

/* Three steps; with a budget each of them in many calls. */
static void train(gr_device *device, const graft_budget *budget)
{
    static float images[RUN_BATCH * 3 * RUN_SIZE * RUN_SIZE];
    static const int32_t labels[RUN_BATCH] = {0, 1, 2, 0};
    const graft_batch batch = {.count = RUN_BATCH, .images = images, .labels = labels};
    graft_trainer *t = create(device);
    for (int step = 0; step < 3; step++) {
        graft_step_result result = {.done = false};
        while (!result.done)
            check_ok(scratch(), graft_trainer_step(t, &batch, budget, &result));
    }
    graft_trainer_destroy(&t);
}

/* Bytes that the heap has given out: with one arena, as the tool has it, those of all threads. */
static size_t used(void)
{
    struct mallinfo2 heap = mallinfo2();
    return heap.uordblks + heap.hblkhd;
}

static void train_often(gr_device *device, const graft_budget *budget, int times)
{
    for (int i = 0; i < times; i++)
        train(device, budget);
}

static void run(void **state, const graft_budget *budget, const char *how)
{
    const test_target *target = *state;
    gr_device *device = target->device;
    const test_devices *all = target->devices;
    if (quick && device->caps.executes && !test_is_reference(target) && device != all->gpu[0])
        skip();
    if (getenv("VK_INSTANCE_LAYERS") && strncmp(device->info.id, "vulkan:", 7) == 0) {
        print_message("SKIP: %s: layers of Vulkan keep what they saw in memory\n", device->info.id);
        skip();
    }
    /* A driver's threads may hold memory at the moment of looking; what leaks is there each time.
     */
    double grown = INFINITY, allowed = allowed_once + allowed_each * (cycles - cycles / 2);
    train_often(device, budget, cycles / 2);
    for (int i = 0; i < LOOKS && grown > allowed; i++) {
        uint64_t device_bytes = device->allocated_bytes;
        size_t host_bytes = used();
        train_often(device, budget, cycles - cycles / 2);
        grown = (double)used() - (double)host_bytes;
        print_message("%s, %s: %.0f bytes more after the last %d cycles\n", device->info.id, how,
                      grown, cycles - cycles / 2);
        assert_int_equal(device->allocated_bytes, device_bytes);
    }
    assert_true(grown <= allowed);
}

static void whole_steps(void **state)
{
    run(state, NULL, "whole steps");
}

static void steps_in_slices(void **state)
{
    run(state, &(graft_budget){.milliseconds = 0.5}, "slices");
}

int main(int argc, char **argv)
{
    const test_case cases[] = {TEST_CASE(whole_steps), TEST_CASE(steps_in_slices)};
    quick = argc < 2;
    if (!quick && (cycles = atoi(argv[1])) < 2) {
        fprintf(stderr, "usage: run_cycles [CYCLES, at least 2]\n");
        return 2;
    }
    scratch_open();
    int failures = TEST_RUN("cycles", cases, TEST_ALL);
    scratch_close();
    return failures;
}
