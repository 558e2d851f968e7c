/* Folders as people have them: what is a split and what a class, and the line that tells it. */
#include "support.h"

#include "base/mem.h"

#include <graft/data.h>

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char told[2048];

static void keep_line(void *user, graft_log_level level, const char *text)
{
    (void)user;
    if (level == GRAFT_LOG_INFO)
        snprintf(told, sizeof(told), "%s", text);
}

/* What is said about training and testing on the fixture's folder, or a file in it. */
static const char *report(fixture *f, const char *name, const char *train, const char *test)
{
    graft_log_params params = {.callback = keep_line, .level = GRAFT_LOG_INFO};
    graft_log *log = graft_log_create(&params);
    gr_dataset *a = NULL, *b = NULL;
    const char *data = name ? path_of(f, name) : f->directory;
    check_ok(f, gr_dataset_open(f->log, data, &SPLIT(train), &a));
    check_ok(f, gr_dataset_open(f->log, data, &SPLIT(test), &b));
    gr_dataset_report(log, "data", a, b);
    gr_dataset_close(&a);
    gr_dataset_close(&b);
    graft_log_destroy(&log);
    return told;
}

#define PUT(...) put_all(f, (const char *const[]){__VA_ARGS__, NULL})
static void put_all(fixture *f, const char *const *names)
{
    for (; *names; names++)
        put_image(f, *names, 2, 2, 9);
}

#define SET(split, classes, ...)                                                                   \
    check_set(f, f->directory, SPLIT(split), classes, (const char *const[]){__VA_ARGS__, NULL})

static void refused(fixture *f, const char *a, const char *b)
{
    gr_dataset *d = NULL;
    assert_error(f, gr_dataset_open(f->log, f->directory, &SPLIT("train"), &d), GRAFT_ERR_FORMAT, a,
                 b);
    assert_null(d);
}

/* ---- Splits ------------------------------------------------------------------------------ */

static void names_of_splits(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *train, *test, *as;
    } cases[] = {
        {"Training", "Testing", "test"},
        {"Train", "Test", "test"},
        {"training_set", "test_set", "test"},
        {"train", "valid", "val"},
        {"TRAIN", "Val", "val"},
        {"train-images", "dev", "val"},
        {"train", "validation", "val"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *set = gr_printf(f->memory, "%zu", i), *root = path_of(f, set);
        char *a = gr_printf(f->memory, "%s/a/1.png", cases[i].train),
             *b = gr_printf(f->memory, "%s/b/1.png", cases[i].train),
             *t = gr_printf(f->memory, "%s/b/2.png", cases[i].test);
        put_image(f, gr_printf(f->memory, "%s/%s", set, a), 2, 2, 1);
        put_image(f, gr_printf(f->memory, "%s/%s", set, b), 2, 2, 1);
        put_image(f, gr_printf(f->memory, "%s/%s", set, t), 2, 2, 1);
        const char *train[] = {gr_printf(f->memory, "%s 0", a), gr_printf(f->memory, "%s 1", b),
                               NULL};
        const char *test[] = {gr_printf(f->memory, "%s 1", t), NULL};
        check_set(f, root, SPLIT("train"), 2, train);
        check_set(f, root, SPLIT("test"), 2, test); /* also where it has only validation images */
        check_set(f, root, SPLIT(cases[i].as), 2, test);
        check_set(f, root, SPLIT(cases[i].test), 2, test);
        assert_string_equal(
            report(f, set, "train", "test"),
            gr_printf(f->memory,
                      "data: 2 classes, 2 images to train on (%s/), 1 image to test "
                      "on (%s/)",
                      cases[i].train, cases[i].test));
        assert_string_equal(graft_data_foreign_test(root), "test");
        assert_false(graft_data_has_validation(root));
    }
}

static void validation_of_any_name(void **state)
{
    fixture *f = *state;
    PUT("set/Train/a/1.png", "set/Dev/a/2.png", "set/Test/a/3.png");
    assert_true(graft_data_has_validation(path_of(f, "set")));
    SET("val", 1, "set/Dev/a/2.png 0");
    SET("test", 1, "set/Test/a/3.png 0");
    assert_string_equal(report(f, NULL, "train", "test"),
                        "data: 1 class, 1 image to train on (Train/), 1 image to test on (Test/); "
                        "not used: 1 image of Dev/");
}

/* Folders of that name which hold images are classes. */
static void classes_called_like_splits(void **state)
{
    fixture *f = *state;
    PUT("bus/1.png", "test/1.png", "train/1.png", "train/steam/2.png");
    SET("train", 3, "bus/1.png 0", "test/1.png 1", "train/1.png 2", "train/steam/2.png 2");
    assert_false(graft_data_has_validation(f->directory));
    assert_string_equal(graft_data_foreign_test(f->directory), "all");
}

static void classes_called_like_splits_in_splits(void **state)
{
    fixture *f = *state;
    PUT("train/bus/1.png", "train/train/1.png", "test/train/1.png");
    SET("train", 2, "train/bus/1.png 0", "train/train/1.png 1");
    SET("test", 2, "test/train/1.png 1");
}

/* The outer folder may be called so, too. */
static void splits_in_a_folder_called_test(void **state)
{
    fixture *f = *state;
    PUT("test/train/a/1.png", "test/val/a/2.png");
    SET("train", 1, "test/train/a/1.png 0");
    SET("val", 1, "test/val/a/2.png 0");
}

static void two_readings(void **state)
{
    fixture *f = *state;
    PUT("train/steam/1.png", "bus/1.png");
    refused(f, "'train' may be a split of class folders", "a class beside 'bus'");
}

static void two_folders_for_a_split(void **state)
{
    fixture *f = *state;
    gr_dataset *d = NULL;
    PUT("train/a/1.png", "valid/a/1.png", "dev/a/1.png");
    assert_error(f, gr_dataset_open(f->log, f->directory, &SPLIT("test"), &d), GRAFT_ERR_FORMAT,
                 "'dev'", "'valid'");
    SET("dev", 1, "dev/a/1.png 0"); /* by its name it is clear */
    SET("train", 1, "train/a/1.png 0");
}

static void splits_without_classes(void **state)
{
    fixture *f = *state;
    PUT("train/cat.1.png", "train/dog.1.png", "test/1.png");
    refused(f, "'test' is called like a split, but holds images", "test/<class>/<image>");
}

static void splits_inside_of_classes(void **state)
{
    fixture *f = *state;
    PUT("cat/train/1.png", "cat/test/2.png", "dog/train/1.png", "dog/test/2.png");
    refused(f, "'cat' may be a class with splits inside", "<split>/<class>/<image>");
}

/* ---- What is left out -------------------------------------------------------------------- */

static void endings(void **state)
{
    fixture *f = *state;
    PUT("a/1.jpg", "a/2.JFIF", "a/3.jpe", "a/4.jpeg", "b/5.PNG", "b/deep/er/6.jfif");
    put_text(path_of(f, "b/7.xcf"), "no image");
    put_text(path_of(f, "b/8.jxl"), "left out");
    put_text(path_of(f, "b/9.JXL"), "left out");
    put_text(path_of(f, "b/.hidden.png"), "left out");
    put_text(path_of(f, ".git/a.png"), "left out");
    put_image(f, "cover.png", 2, 2, 9);
    assert_int_equal(mkfifo(path_of(f, "a/pipe.jpg"), 0600), 0);
    SET("all", 2, "a/1.jpg 0", "a/2.JFIF 0", "a/3.jpe 0", "a/4.jpeg 0", "b/5.PNG 1",
        "b/deep/er/6.jfif 1");
    assert_string_equal(
        report(f, NULL, "train", "all"),
        "data: 2 classes, 6 images to train on (without every fifth of each class), "
        "6 images to test on (all images); left out: 2 .jxl, 1 image in no class "
        "folder (cover.png), 1 special file, 2 hidden files, 1 other file");
}

static void unlabelled_test_images(void **state)
{
    fixture *f = *state;
    PUT("train/a/1.png", "train/a/2.png", "train/a/3.png", "train/a/4.png", "train/a/5.png",
        "test/1.png", "test/2.png");
    assert_string_equal(
        report(f, NULL, "train", "test"),
        "data: 1 class, 4 images to train on (without every fifth of each class), 1 "
        "image to test on (every fifth of each class); left out: 2 images in no "
        "class folder (test/1.png, ..)");
}

/* Two of a class that has nothing else. */
static void class_of_foreign_images(void **state)
{
    fixture *f = *state;
    PUT("a/1.png");
    put_text(path_of(f, "b/1.jxl"), "left out");
    refused(f, "class folder 'b' has no images that can be read", "left out: 1 .jxl");
}

static void gaps_in_a_list(void **state)
{
    fixture *f = *state;
    PUT("a.png", "set/b.png");
    put_text(path_of(f, "set/train.txt"), "b.png 0\n../a.png 5\n");
    put_text(path_of(f, "set/test.txt"),
             gr_printf(f->memory, "b.png 0\n./b.png 0\n%s 5\n", path_of(f, "a.png")));
    assert_string_equal(report(f, "set", "train", "test"),
                        "data: 6 classes (4 without images to train on), 2 images to train on "
                        "(train.txt), 3 images to test on (test.txt); 2 of the images are outside "
                        "of the folder");
}

static void parts_of_parts(void **state)
{
    fixture *f = *state;
    PUT("train/a/1.png", "train/a/2.png", "train/a/3.png", "train/a/4.png", "train/a/5.png",
        "test/a/1.png");
    assert_string_equal(report(f, NULL, "train80", "val20"),
                        "data: 1 class, 4 images to train on (train/, without every fifth of each "
                        "class), 1 image to test on (train/, every fifth of each class); not used: "
                        "1 image of test/");
}

/* ---- Names that cannot be kept ----------------------------------------------------------- */

static void names_that_are_not_utf8(void **state)
{
    fixture *f = *state;
    PUT("set/aaa/1.png", "set/caf\xe9/1.png", "list/1.png");
    gr_dataset *d = NULL;
    assert_error(f, gr_dataset_open(f->log, path_of(f, "set"), &SPLIT("train"), &d),
                 GRAFT_ERR_FORMAT, "class 1, 'caf\xe9', is not UTF-8");
    put_text(path_of(f, "list/train.txt"), "1.png 2\n");
    put_text(path_of(f, "list/classes.txt"), "caf\xe9\nna\xefve\nzebra\n");
    assert_error(f, gr_dataset_open(f->log, path_of(f, "list"), &SPLIT("train"), &d),
                 GRAFT_ERR_FORMAT, "class 0, 'caf\xe9', is not UTF-8");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(names_of_splits),
        TEST(validation_of_any_name),
        TEST(classes_called_like_splits),
        TEST(classes_called_like_splits_in_splits),
        TEST(splits_in_a_folder_called_test),
        TEST(two_readings),
        TEST(two_folders_for_a_split),
        TEST(splits_without_classes),
        TEST(splits_inside_of_classes),
        TEST(endings),
        TEST(unlabelled_test_images),
        TEST(class_of_foreign_images),
        TEST(gaps_in_a_list),
        TEST(parts_of_parts),
        TEST(names_that_are_not_utf8),
    };
    return RUN_TESTS(tests);
}
