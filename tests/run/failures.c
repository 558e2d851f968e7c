/* Bad input, end to end: the command fails by itself, says why in one line, and leaves nothing. */
#include "support.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "weights/safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* The command that trains on the given inputs must fail and leave no file in its folder. */
static void train_fails(void **state, const char *backbone, const char *data, const char *telling)
{
    char *out = new_path("out");
    command c = {0};
    COMMAND_FAILS(&c, telling, "train", "--backbone", backbone, "--data", data, "--method", "lora",
                  "--out", out, "--device", test_device_of(state)->info.id);
    assert_int_equal(files_below(out), 0);
}

/* ---- Weights ---------------------------------------------------------------------------- */

/* Writes the checksum of a file that has one anew: who lies on purpose can do that, too. */
static void sign(char *data, size_t size)
{
    gr_stream_hash hash = {0};
    if (!memmem(data, size, GR_CHECKSUM, strlen(GR_CHECKSUM)))
        return;
    gr_stream_hash_add(&hash, data, size - 8);
    uint64_t sum = gr_stream_hash_end(&hash);
    for (int i = 0; i < 8; i++)
        data[size - 8 + (size_t)i] = (char)(sum >> 8 * i);
}

/* A copy of a file with a text in it replaced by another of the same length (NULL: none), without
 * its last `drop` bytes and with `extra` zeros at the end. */
static char *altered_file(const char *from, const char *name, size_t drop, size_t extra,
                          const char *replace, const char *by)
{
    static const char zeros[64];
    fixture *f = scratch();
    char *data, *path = path_of(f, name);
    size_t size;
    check_ok(f, gr_file_read(f->log, f, from, &data, &size));
    if (replace) {
        char *found = memmem(data, size, replace, strlen(replace));
        assert_non_null(found);
        assert_int_equal(strlen(replace), strlen(by));
        memcpy(found, by, strlen(by));
        sign(data, size);
    }
    bytes b = bytes_of(f);
    append(&b, data, size - drop);
    append(&b, zeros, extra);
    put_bytes(path, b.data, b.size);
    gr_free(data);
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
    train_fails(state, altered_file(tiny_backbone(), "cut.safetensors", 100, 0, NULL, NULL),
                tiny_images(), "cut.safetensors");
    train_fails(state, altered_file(tiny_backbone(), "long.safetensors", 0, 64, NULL, NULL),
                tiny_images(), "long.safetensors");
    train_fails(state,
                altered_file(tiny_backbone(), "lie.safetensors", 0, 0, "[32,3,8,8]", "[32,3,8,9]"),
                tiny_images(), "patch_embed.proj.weight");
    train_fails(state,
                altered_file(tiny_backbone(), "heads.safetensors", 0, 0, "\"graft.heads\":\"2\"",
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

/* The adapter's own word about itself is checked before it is believed. */
static void lying_adapters(void **state)
{
    static const struct {
        const char *true_text, *lie, *telling;
    } cases[] = {
        {"\\\"dim\\\":32", "\\\"dim\\\":34", "on 2 of 34"},
        {"\\\"dim\\\":32", "\\\"dim\\\":-2", "width -2"},
        {"\\\"depth\\\":2", "\\\"depth\\\":3", "on 3 of 32"},
        {"\\\"depth\\\":2", "\\\"depth\\\":0", "depth 0"},
        {"\\\"heads\\\":2", "\\\"heads\\\":0", "heads"},
        {"\\\"classes\\\":3", "\\\"classes\\\":9", "head.weight"},
        {"\\\"patch_size\\\":8", "\\\"patch_size\\\":0", "patch size 0"},
        {"\\\"hidden\\\":64", "\\\"hidden\\\":65", "65"},
        {"\\\"image_size\\\"", "\\\"image_zise\\\"", "graft.model"},
        {"\\\"lora.r\\\":\\\"8\\\"", "\\\"lora.r\\\":\\\"9\\\"", "lora_A"},
        {"\\\"lora.r\\\":\\\"8\\\"", "\\\"lora.q\\\":\\\"8\\\"", "lora.q"},
        {"\"graft.methods\":\"lora\"", "\"graft.methods\":\"lira\"", "lira"},
        {"\\\"imagenet\\\"", "\\\"imagenot\\\"", "imagenot"},
        {"blocks.1.attn.q.lora_B", "blocks.1.attn.q.lora_C", "blocks.1.attn.q.lora_B"},
        {"adapter-1", "adapter-9", "adapter-9"},
    };
    char *out = new_path("out"), *merged = new_path("merged.safetensors");
    graft_train_params p = tiny_run(out);
    p.max_steps = 1;
    train_ok(((test_target *)*state)->device, &p);
    const char *adapter = in_folder(out, "adapter.safetensors");
    command c = {0};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *lie =
            altered_file(adapter, "lie.safetensors", 0, 0, cases[i].true_text, cases[i].lie);
        COMMAND_FAILS(&c, cases[i].telling, "eval", "--backbone", tiny_backbone(), "--adapter", lie,
                      "--data", tiny_images(), "--device", test_device_of(state)->info.id);
        COMMAND_FAILS(&c, "", "merge", "--backbone", tiny_backbone(), "--adapter", lie, "--out",
                      merged);
        assert_int_equal(access(merged, F_OK), -1);
    }
    COMMAND_FAILS(&c, "short.safetensors", "eval", "--backbone", tiny_backbone(), "--adapter",
                  altered_file(adapter, "short.safetensors", 10, 0, NULL, NULL), "--data",
                  tiny_images(), "--device", test_device_of(state)->info.id);
}

/* Nor is a checkpoint believed; the folder stays as it was. */
static void lying_checkpoints(void **state)
{
    char *out = new_path("out");
    graft_train_params p = tiny_run(out);
    p.max_steps = 2;
    train_ok(((test_target *)*state)->device, &p);
    char *file = in_folder(out, "checkpoint/state.safetensors"), *good = new_path("good");
    char *metrics = text_of(in_folder(out, "metrics.jsonl"));
    assert_int_equal(rename(file, good), 0);
    static const struct {
        const char *true_text, *lie, *telling;
    } cases[] = {
        {"\"graft.position\":\"2 ", "\"graft.position\":\"x ", "state.safetensors"},
        {"\"graft.position\":\"2 ", "\"graft.position\":\"-2", "state.safetensors"},
        {"checkpoint-1", "checkpoint-2", "state.safetensors"},
        {"moment2.head.bias", "moment3.head.bias", "moment3.head.bias"},
        {NULL, NULL, "state.safetensors"}, /* truncated */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *lie = altered_file(good, "lie.safetensors", cases[i].lie ? 0 : 4, 0,
                                 cases[i].true_text, cases[i].lie);
        assert_int_equal(rename(lie, file), 0);
        command c = {0};
        COMMAND_FAILS(&c, cases[i].telling, "train", "--resume", "--out", out);
        assert_string_equal(text_of(in_folder(out, "metrics.jsonl")), metrics);
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

/* A checkpoint that knows nothing of an option goes on where the option has its default. */
static void checkpoints_without_a_setting(void **state)
{
    gr_device *device = ((test_target *)*state)->device;
    fixture *f = scratch();
    char *out = new_path("out");
    graft_train_params p = tiny_run(out);
    p.max_steps = 4;
    train_ok(device, &p);
    char *file = in_folder(out, "checkpoint/state.safetensors");
    static const char setting[] = "\\\"ema\\\":0.0,";
    char blank[sizeof(setting)];
    memset(blank, ' ', sizeof(blank) - 1);
    blank[sizeof(blank) - 1] = '\0';
    char *older = altered_file(file, "older.safetensors", 0, 0, setting, blank);
    assert_int_equal(rename(older, file), 0);
    older = altered_file(file, "oldest.safetensors", 0, 0, "graft.state", "graft.other");
    assert_int_equal(rename(older, file), 0); /* 0.1.0 had the run's position alone */
    p.resume = true;
    p.max_steps = 0;
    p.ema = 0.9;
    graft_status status = graft_train(f->log, gr_device_to_public(device), &p, NULL);
    assert_error(f, status, GRAFT_ERR_ARGUMENT, "other settings");
    p.ema = 0.0;
    assert_int_equal(train_ok(device, &p).steps, 9);
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

/* A run that is further than its data can take it was not made with these data. */
static void data_that_shrank(void **state)
{
    fixture *f = scratch();
    gr_device *device = ((test_target *)*state)->device;
    graft_train_params p = tiny_run(new_path("out"));
    p.data = listed_data("shrinking", "images/good.png 1", NULL);
    p.batch_size = 1;
    p.max_steps = 8;
    train_ok(device, &p);
    put_text(in_folder(p.data, "train800val200.txt"), "images/good.png 1\n");
    p.resume = true;
    p.max_steps = 0;
    assert_error(f, graft_train(f->log, gr_device_to_public(device), &p, NULL), GRAFT_ERR_ARGUMENT,
                 "3 train images", "1 now");
    p.accept_changes = true;
    assert_error(f, graft_train(f->log, gr_device_to_public(device), &p, NULL), GRAFT_ERR_ARGUMENT,
                 "step 8", "3 steps");
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
                  test_device_of(state)->info.id);
}

/* ---- The command line ------------------------------------------------------------------- */

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
        {"--warmup-epochs", "11", "--warmup-epochs 11"},
        {"--crop", "centre", "none|random|random-resized"},
        {"--crop", "random", "--resize-to"},
        {"--resize-to", "20", "20 pixels"},
        {"--mixup", "-1", "--mixup -1"},
        {"--label-smoothing", "1", "--label-smoothing 1"},
        {"--ema", "1", "ema 1"},
        {"--color-jitter", "0.4,0.4", "--color-jitter 0.4,0.4"},
        {"--color-jitter", "0.4,", "--color-jitter 0.4,"},
        {"--color-jitter", "0.4,0.4,0.4,0.6", "0.5 for the hue"},
        {"--rand-augment", "rand-m9-x3", "--rand-augment rand-m9-x3"},
        {"--rand-augment", "rand-m11", "m 0 to 10"},
        {"--random-erasing", "2", "--random-erasing 2"},
        {"--head-norm", "--batch-size=5", "--drop-last"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *out = new_path("out");
        command c = {0};
        COMMAND_FAILS(&c, cases[i].telling, "train", "--device", test_device_of(state)->info.id,
                      "--backbone", tiny_backbone(), "--data", tiny_images(), "--method", "lora",
                      "--out", out, cases[i].option, cases[i].value);
        assert_int_equal(files_below(out), 0);
    }
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
        TEST_CASE(lying_adapters),
        TEST_CASE(lying_checkpoints),
        TEST_CASE(checkpoints_without_a_setting),
        TEST_CASE(broken_data),
        TEST_CASE(data_that_shrank),
        TEST_CASE(labels_beyond_the_model),
        TEST_CASE(refused_settings),
    };
    scratch_open();
    int failures = TEST_RUN("failures", cases, TEST_EXECUTING);
    scratch_close();
    return failures;
}
