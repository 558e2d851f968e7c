/* Bad input, end to end: the command fails by itself, says why in one line, and leaves nothing. */
#include "support.h"

#include "base/mem.h"
#include "weights/safetensors.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Any device will do; the reference needs no compiler. */
static const char *device_id(void **state)
{
    return ((test_target *)*state)->device->info.id;
}

/* The command that trains on the given inputs must fail and leave no file in its folder. */
static void train_fails(void **state, const char *backbone, const char *data, const char *telling)
{
    char *out = new_path("out");
    command c = {0};
    COMMAND_FAILS(&c, telling, "train", "--backbone", backbone, "--data", data, "--method", "lora",
                  "--out", out, "--device", device_id(state));
    assert_int_equal(files_below(out), 0);
}

/* ---- Weights ---------------------------------------------------------------------------- */

/* A copy of the good backbone with `size` bytes of it, and `extra` zeros after them. */
static char *altered_backbone(const char *name, size_t drop, size_t extra, const char *replace,
                              const char *by)
{
    char *text, *path = path_of(scratch(), name);
    bytes b = bytes_of(scratch());
    static const char zeros[64];
    FILE *file = fopen(tiny_backbone(), "rb");
    assert_non_null(file);
    for (int c; (c = getc(file)) != EOF;) {
        char byte = (char)c;
        append(&b, &byte, 1);
    }
    fclose(file);
    if (replace) {
        text = memmem(b.data, b.size, replace, strlen(replace));
        assert_non_null(text);
        assert_int_equal(strlen(replace), strlen(by));
        memcpy(text, by, strlen(by));
    }
    append(&b, zeros, extra);
    put_bytes(path, b.data, b.size - drop);
    return path;
}

static void lying_weight_files(void **state)
{
    fixture *f = scratch();
    static const char huge[] = "\xff\xff\xff\xff\xff\xff\xff\x7f{}";
    char *path = path_of(f, "huge.safetensors");
    put_bytes(path, huge, sizeof(huge) - 1);
    train_fails(state, path, tiny_images(), "huge.safetensors");
    path = path_of(f, "empty.safetensors");
    put_bytes(path, "", 0);
    train_fails(state, path, tiny_images(), "empty.safetensors");
    path = path_of(f, "broken.npz");
    put_text(path, "PK\3\4 and then nothing of an archive");
    train_fails(state, path, tiny_images(), "broken.npz");
    train_fails(state, path_of(f, "missing.safetensors"), tiny_images(), "missing.safetensors");
    train_fails(state, f->directory, tiny_images(), f->directory);
    train_fails(state, altered_backbone("cut.safetensors", 100, 0, NULL, NULL), tiny_images(),
                "cut.safetensors");
    train_fails(state, altered_backbone("long.safetensors", 0, 64, NULL, NULL), tiny_images(),
                "long.safetensors");
    train_fails(state, altered_backbone("lie.safetensors", 0, 0, "[32,3,8,8]", "[32,3,8,9]"),
                tiny_images(), "patch_embed.proj.weight");
    train_fails(state,
                altered_backbone("heads.safetensors", 0, 0, "\"graft.heads\":\"2\"",
                                 "\"graft.heads\":\"5\""),
                tiny_images(), "heads");
}

static void incomplete_backbones(void **state)
{
    fixture *f = scratch();
    static const char *const names[] = {"blocks.1.attn.qkv.weight", "norm.weight", "pos_embed",
                                        "patch_embed.proj.weight", "blocks.0.mlp.fc1.weight"};
    char *path = path_of(f, "incomplete.safetensors");
    for (int i = 0; i < 10; i++) {
        gr_tensors *tensors = tiny_tensors(names[i / 2], i % 2);
        check_ok(f, gr_safetensors_write(f->log, path, tensors, NULL));
        gr_tensors_destroy(&tensors);
        if (i == 7) /* another width, which the heads do not divide */
            train_fails(state, path, tiny_images(), "width 33");
        else if (i == 9) /* another hidden width: its own bias disagrees */
            train_fails(state, path, tiny_images(), "blocks.0.mlp.fc1");
        else
            train_fails(state, path, tiny_images(), names[i / 2]);
    }
}

/* ---- Data ------------------------------------------------------------------------------- */

/* A folder of lists with one odd line or image. */
static char *listed_data(const char *name, const char *odd_line, const char *image)
{
    fixture *f = scratch();
    char file[80], *folder = path_of(f, name), *path;
    snprintf(file, sizeof(file), "%s/images/good.png", name);
    put_image(f, file, 8, 8, 90);
    path = in_folder(folder, "images/odd.png");
    if (image)
        put_text(path, image);
    char *list = gr_printf(f, "images/good.png 0\nimages/good.png 1\n%s\n", odd_line);
    assert_non_null(list);
    put_text(in_folder(folder, "train800val200.txt"), list);
    put_text(in_folder(folder, "test.txt"), "images/good.png 1\n");
    return folder;
}

static void broken_data(void **state)
{
    fixture *f = scratch();
    static const struct {
        const char *line, *image, *telling;
    } cases[] = {
        {"images/odd.png 1", "", "odd.png"},
        {"images/odd.png 1", "this is no image", "odd.png"},
        {"images/odd.png 1", "\x89PNG\r\n\x1a\n", "odd.png"},
        {"images/none.png 1", NULL, "none.png"},
        {"images/good.png -1", NULL, "label -1"},
        {"images/good.png 99999999999", NULL, "99999999999"},
        {"images/good.png two", NULL, "'two'"},
        {"images/good.png", NULL, "train800val200.txt:3"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char name[32];
        snprintf(name, sizeof(name), "listed%zu", i);
        train_fails(state, tiny_backbone(), listed_data(name, cases[i].line, cases[i].image),
                    cases[i].telling);
    }
    put_text(in_folder(listed_data("named", "images/good.png 2", NULL), "classes.txt"), "a\nb\n");
    train_fails(state, tiny_backbone(), path_of(f, "named"), "label 2");
    assert_int_equal(mkdir(path_of(f, "nothing"), 0777), 0);
    train_fails(state, tiny_backbone(), path_of(f, "nothing"), "nothing");
    train_fails(state, tiny_backbone(), path_of(f, "nowhere"), "nowhere");
}

/* Two classes learned, three met. */
static void labels_beyond_the_model(void **state)
{
    char *out = new_path("out");
    graft_train_params p = tiny_run(out);
    p.data = listed_data("two", "images/good.png 0", NULL);
    p.epochs = 1;
    train_ok(((test_target *)*state)->device, &p);
    command c = {0};
    COMMAND_FAILS(&c, "label", "eval", "--backbone", tiny_backbone(), "--adapter",
                  in_folder(out, "adapter.safetensors"), "--data",
                  listed_data("three", "images/good.png 2", NULL), "--split", "train", "--device",
                  device_id(state));
}

/* ---- The command line and the machine --------------------------------------------------- */

static void refused_settings(void **state)
{
    static const struct {
        const char *option, *value, *telling;
    } cases[] = {
        {"--method", "lara", "lara"},
        {"--method", "lora+lora", "twice"},
        {"--set", "lora.rank=4", "lora.rank"},
        {"--set", "convpass.h=4", "convpass"},
        {"--device", "opencl:99", "opencl:99"},
        {"--device", "cuda:0", "cuda"},
        {"--memory-budget", "20K", "memory budget"},
        {"--memory-budget", "4", "memory budget"},
        {"--image-size", "33", "33"},
        {"--optimizer", "adam", "adam"},
        {"--schedule", "step", "step"},
        {"--normalization", "none", "none"},
        {"--train-split", "tain", "tain"},
        {"--init-adapter", "/nowhere/adapter.safetensors", "/nowhere/adapter.safetensors"},
        {"--warmup-epochs", "11", "warm-up"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *out = new_path("out");
        command c = {0};
        COMMAND_FAILS(&c, cases[i].telling, "train", "--device", device_id(state), "--backbone",
                      tiny_backbone(), "--data", tiny_images(), "--method", "lora", "--out", out,
                      cases[i].option, cases[i].value);
        assert_int_equal(files_below(out), 0);
    }
}

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
                  "--method", "linear", "--out", out, "--device", device_id(state));
    assert_string_equal(text_of(in_folder(out, "metrics.jsonl")), metrics);
    /* not even when only the checkpoint is left of it */
    assert_int_equal(remove(in_folder(out, "metrics.jsonl")), 0);
    COMMAND_FAILS(&c, "--resume", "train", "--backbone", tiny_backbone(), "--data", tiny_images(),
                  "--method", "linear", "--out", out, "--device", device_id(state));
}

static void folder_that_cannot_be_written(void **state)
{
    char *closed = path_of(scratch(), "closed/x");
    command c = {0};
    COMMAND_FAILS(&c, "/proc/self/run", "train", "--backbone", tiny_backbone(), "--data",
                  tiny_images(), "--method", "lora", "--out", "/proc/self/run", "--device",
                  device_id(state));
    if (geteuid() == 0)
        return; /* to whom every folder is open */
    assert_int_equal(chmod(path_of(scratch(), "closed"), 0555), 0);
    COMMAND_FAILS(&c, "closed", "train", "--backbone", tiny_backbone(), "--data", tiny_images(),
                  "--method", "lora", "--out", closed, "--device", device_id(state));
    assert_int_equal(chmod(path_of(scratch(), "closed"), 0755), 0);
}

/* The disk is full when the first checkpoint is due: nothing half-written, the metrics so far. */
static void full_disk_at_first(void **state)
{
    char *out = new_path("out");
    command c = {.limit_bytes = 3000};
    COMMAND_FAILS(&c, "state.safetensors", "train", "--backbone", tiny_backbone(), "--data",
                  tiny_images(), "--method", "lora", "--out", out, "--checkpoint-every", "2",
                  "--batch-size", "4", "--device", device_id(state));
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
    command c = {.limit_bytes = 900}; /* config.json fits */
    COMMAND_FAILS(&c, "metrics.jsonl", "train", "--backbone", tiny_backbone(), "--data",
                  tiny_images(), "--method", "lora", "--out", out, "--checkpoint-every", "100",
                  "--epochs", "20", "--test-split", "", "--device", device_id(state));
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
        TEST_CASE(lying_weight_files),
        TEST_CASE(incomplete_backbones),
        TEST_CASE(broken_data),
        TEST_CASE(labels_beyond_the_model),
        TEST_CASE(refused_settings),
        TEST_CASE(folder_of_another_run),
        TEST_CASE(folder_that_cannot_be_written),
        TEST_CASE(full_disk_at_first),
        TEST_CASE(full_disk_later),
        TEST_CASE(full_disk_for_metrics),
        TEST_CASE(full_disk_for_merge),
        TEST_CASE(interrupted_run_continues),
        TEST_CASE(terminated_run_continues),
    };
    scratch_open();
    int failures = TEST_RUN("failures", cases, TEST_EXECUTING);
    scratch_close();
    return failures;
}
