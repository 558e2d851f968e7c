/* Full disks, closed folders and signals: the command ends by itself, what is on the disk stays
 * whole, and the run continues when it may. */
#include "support.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* A run is not written over by mistake. */
static void folder_of_another_run(void **state)
{
    char *out = new_path("out");
    graft_train_params p = tiny_run(out);
    p.max_steps = 2;
    train_ok(((test_target *)*state)->device, &p);
    char *metrics = text_of(in_folder(out, "metrics.jsonl"));
    command c = {0};
    COMMAND_FAILS(&c, "--resume", "train", "--backbone", tiny_backbone(), "--data", tiny_images(),
                  "--method", "linear", "--out", out, "--device", test_device_of(state)->info.id);
    assert_string_equal(text_of(in_folder(out, "metrics.jsonl")), metrics);
    /* not even when only the checkpoint is left of it */
    assert_int_equal(remove(in_folder(out, "metrics.jsonl")), 0);
    COMMAND_FAILS(&c, "--resume", "train", "--backbone", tiny_backbone(), "--data", tiny_images(),
                  "--method", "linear", "--out", out, "--device", test_device_of(state)->info.id);
}

static void folder_that_cannot_be_written(void **state)
{
    char *closed = path_of(scratch(), "closed/x");
    command c = {0};
    COMMAND_FAILS(&c, "/proc/self/run", "train", "--backbone", tiny_backbone(), "--data",
                  tiny_images(), "--method", "lora", "--out", "/proc/self/run", "--device",
                  test_device_of(state)->info.id);
    if (geteuid() == 0)
        return; /* to whom every folder is open */
    assert_int_equal(chmod(path_of(scratch(), "closed"), 0555), 0);
    COMMAND_FAILS(&c, "closed", "train", "--backbone", tiny_backbone(), "--data", tiny_images(),
                  "--method", "lora", "--out", closed, "--device", test_device_of(state)->info.id);
    assert_int_equal(chmod(path_of(scratch(), "closed"), 0755), 0);
}

/* The disk is full when the first checkpoint is due: nothing half-written, the metrics so far. */
static void full_disk_at_first(void **state)
{
    char *out = new_path("out");
    command c = {.limit_bytes = 3000};
    COMMAND_FAILS(&c, "state.safetensors", "train", "--backbone", tiny_backbone(), "--data",
                  tiny_images(), "--method", "lora", "--out", out, "--checkpoint-every", "2",
                  "--batch-size", "4", "--device", test_device_of(state)->info.id);
    assert_int_equal(lines_of(in_folder(out, "metrics.jsonl")), 2);
    assert_int_equal(files_below(in_folder(out, "checkpoint")), 0);
    assert_no_temporaries(out);
}

/* The disk fills up later: the old checkpoint stays, and the run continues when there is room. */
static void full_disk_later(void **state)
{
    gr_device *device = ((test_target *)*state)->device;
    char *whole = new_path("whole"), *cut = new_path("cut");
    graft_train_params p = tiny_run(whole);
    p.checkpoint_every = 2;
    train_ok(device, &p);
    p.out = cut;
    p.max_steps = 4;
    train_ok(device, &p);
    char *state_file = in_folder(cut, "checkpoint/state.safetensors"), *kept = new_path("kept");
    FILE *copy = fopen(kept, "wb"), *old = fopen(state_file, "rb");
    assert_true(copy && old);
    for (int byte; (byte = getc(old)) != EOF;)
        putc(byte, copy);
    fclose(copy);
    fclose(old);
    command c = {.limit_bytes = 3000};
    COMMAND_FAILS(&c, "state.safetensors", "train", "--resume", "--out", cut);
    assert_same_bytes(state_file, kept, "the old checkpoint");
    assert_no_temporaries(cut);
    c.limit_bytes = 0;
    if (RUN_COMMAND(&c, "train", "--resume", "--out", cut))
        fail_msg("%s", text_of(c.errors));
    assert_same_run(whole, cut, "after a full disk");
}

/* No room for the lines of metrics.jsonl themselves. */
static void full_disk_for_metrics(void **state)
{
    char *out = new_path("out");
    command c = {.limit_bytes = 4096}; /* config.json fits */
    COMMAND_FAILS(&c, "metrics.jsonl", "train", "--backbone", tiny_backbone(), "--data",
                  tiny_images(), "--method", "lora", "--out", out, "--checkpoint-every", "1000",
                  "--epochs", "60", "--test-split", "", "--device", test_device_of(state)->info.id);
    assert_no_temporaries(out);
}

static void full_disk_for_merge(void **state)
{
    char *out = new_path("out"), *merged = new_path("merged.safetensors");
    graft_train_params p = tiny_run(out);
    p.max_steps = 1;
    train_ok(((test_target *)*state)->device, &p);
    command c = {.limit_bytes = 9000};
    COMMAND_FAILS(&c, merged, "merge", "--backbone", tiny_backbone(), "--adapter",
                  in_folder(out, "adapter.safetensors"), "--out", merged);
    assert_int_equal(access(merged, F_OK), -1);
    assert_no_temporaries(scratch()->directory);
}

/* ---- Signals ---------------------------------------------------------------------------- */

static void signalled_run_continues(void **state, int number)
{
    gr_device *device = ((test_target *)*state)->device;
    char *whole = new_path("whole"), *cut = new_path("cut");
    graft_train_params p = tiny_run(whole);
    p.epochs = 60;
    p.eval_every = 20;
    train_ok(device, &p);
    command c = {0};
    const char *config = in_folder(whole, "config.json");
    command_start(&c, (const char *const[]){"train", "--config", config, "--out", cut, NULL});
    while (lines_of(in_folder(cut, "metrics.jsonl")) < 3 && kill(c.pid, 0) == 0)
        usleep(500);
    kill(c.pid, number);
    assert_int_equal(command_wait(&c), 130);
    assert_non_null(strstr(text_of(c.errors), "--resume"));
    assert_no_temporaries(cut);
    assert_int_equal(access(in_folder(cut, "adapter.safetensors"), F_OK), 0);
    /* with another setting, refused in one line; with its own, to the end */
    COMMAND_FAILS(&c, "other settings", "train", "--resume", "--out", cut, "--lr", "0.5");
    if (RUN_COMMAND(&c, "train", "--resume", "--out", cut))
        fail_msg("%s", text_of(c.errors));
    assert_same_run(whole, cut, strsignal(number));
}

static void interrupted_run_continues(void **state)
{
    signalled_run_continues(state, SIGINT);
}

static void terminated_run_continues(void **state)
{
    signalled_run_continues(state, SIGTERM);
}

/* How the command fails does not depend on the device. */
int main(void)
{
#ifdef GRAFT_HAVE_REFERENCE
    setenv("GRAFT_TEST_DEVICES", "", 1);
#endif
    const test_case cases[] = {
        TEST_CASE(folder_of_another_run),     TEST_CASE(folder_that_cannot_be_written),
        TEST_CASE(full_disk_at_first),        TEST_CASE(full_disk_later),
        TEST_CASE(full_disk_for_metrics),     TEST_CASE(full_disk_for_merge),
        TEST_CASE(interrupted_run_continues), TEST_CASE(terminated_run_continues),
    };
    scratch_open();
    int failures = TEST_RUN("machine", cases, TEST_EXECUTING);
    scratch_close();
    return failures;
}
