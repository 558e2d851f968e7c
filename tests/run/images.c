/* Images that cannot be read, in runs: found before training, left out, or met on the way. */
#include "support.h"

#include "base/file.h"
#include "base/mem.h"

#include <stdlib.h>
#include <unistd.h>

/* A copy of the tiny images in which one file holds other bytes; *bad is its path. */
static char *images_with(const char *name, const void *data, size_t size, char **bad)
{
    fixture *f = scratch();
    char *folder = new_path("data");
    char *copy = gr_printf(f->memory, "cp -r '%s' '%s'", tiny_images(), folder);
    assert_int_equal(system(copy), 0);
    *bad = in_folder(folder, name);
    assert_int_equal(access(*bad, F_OK), 0);
    put_bytes(*bad, data, size);
    return folder;
}

static graft_status train(gr_device *device, graft_log *log, const graft_train_params *p)
{
    return graft_train(log, gr_device_to_public(device), p, NULL);
}

static const char pdf[] = "%PDF-1.7, whatever its name says";

/* Before anything is trained, also when it is a test image. */
static void other_format_is_found_first(void **state)
{
    const test_target *target = *state;
    char *bad, *out = new_path("out"), text[1024];
    graft_train_params p = tiny_run(out);
    p.data = images_with("test/a/12.png", pdf, sizeof(pdf), &bad);
    graft_log *log = graft_log_create(NULL);
    assert_int_equal(train(target->device, log, &p), GRAFT_ERR_FORMAT);
    graft_log_error(log, text, sizeof(text));
    assert_non_null(strstr(text, "test/a/12.png: PDF by its first bytes"));
    assert_int_equal(files_below(out), 0);
    graft_log_destroy(&log);
}

static void bad_images_are_skipped(void **state)
{
    const test_target *target = *state;
    char *bad, *test;
    static const char cut[] = "\xFF\xD8\xFF\xE0 and then nothing";
    graft_train_params p = tiny_run(new_path("out"));
    p.data = images_with("train/b/1.png", cut, sizeof(cut), &bad);
    test = in_folder(p.data, "test/a/12.png");
    put_bytes(test, pdf, sizeof(pdf));
    p.input.bad_images = GRAFT_BAD_IMAGES_SKIP;
    listener l;
    listener_open(&l);
    check_ok(scratch(), train(target->device, l.log, &p));
    assert_int_equal(l.warnings, 2);
    assert_non_null(strstr(l.text, "left out: "));
    assert_non_null(strstr(l.text, "train/b/1.png: "));
    assert_non_null(strstr(l.text, "test/a/12.png: PDF"));
    listener_close(&l);
}

/* Its first bytes are right. The epoch before it is kept, and the run goes on once it is mended. */
static void evaluation_that_fails_loses_nothing(void **state)
{
    const test_target *target = *state;
    fixture *f = scratch();
    char *bad, *whole = new_path("whole"), *out = new_path("out"), *data;
    size_t size;
    graft_log *log = graft_log_create(NULL);
    graft_train_params p = tiny_run(out);
    check_ok(f, gr_file_read(f->log, f, in_folder(tiny_images(), "test/a/12.png"), &data, &size));
    p.data = images_with("test/a/12.png", data, size / 2, &bad);
    for (uint64_t every = 0; every < 3; every += 2) { /* checkpoints at the end of epochs, or not */
        p.out = out = new_path("out");
        p.checkpoint_every = every;
        put_bytes(bad, data, size / 2);
        assert_int_equal(train(target->device, log, &p), GRAFT_ERR_FORMAT);
        assert_int_equal(access(in_folder(out, "checkpoint/state.safetensors"), F_OK), 0);
        put_bytes(bad, data, size);
        p.resume = true;
        train_ok(target->device, &p);
        p.resume = false;
        p.out = whole = new_path("whole");
        train_ok(target->device, &p);
        assert_same_run(whole, out, "a run whose evaluation failed once");
    }
    graft_log_destroy(&log);
}

int main(void)
{
    const test_case cases[] = {
        TEST_CASE(other_format_is_found_first),
        TEST_CASE(bad_images_are_skipped),
        TEST_CASE(evaluation_that_fails_loses_nothing),
    };
    scratch_open();
    int failures = TEST_RUN("images", cases, TEST_EXECUTING);
    scratch_close();
    return failures;
}
