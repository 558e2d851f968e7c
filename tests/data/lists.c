/* The layouts that papers' data sets come in, and parts of data sets: few shots, held out images.
 */
#include "support.h"

#include "base/mem.h"

#include <graft/data.h>

#include <stdio.h>
#include <stdlib.h>

static gr_dataset *open_ok(fixture *f, gr_dataset_params params)
{
    gr_dataset *d = NULL;
    check_ok(f, gr_dataset_open(f->log, f->directory, &params, &d));
    return d;
}

#define SET(params, classes, ...)                                                                  \
    check_set(f, f->directory, params, classes, (const char *const[]){__VA_ARGS__, NULL})
#define SHOTS(count, from) ((gr_dataset_params){.split = "train", .shots = count, .seed = from})

static void expect_error(fixture *f, gr_dataset_params params, graft_status status, const char *a,
                         const char *b)
{
    gr_dataset *d = NULL;
    assert_error(f, gr_dataset_open(f->log, f->directory, &params, &d), status, a, b);
    assert_null(d);
}

/* ---- FGVC -------------------------------------------------------------------------------- */

/* Classes are 3, 7 and 11: their ranks are the labels, also where a split lacks one. */
static void make_json(fixture *f)
{
    put_image(f, "images/a/1.jpg", 2, 2, 10);
    put_image(f, "images/b/1.jpg", 2, 2, 20);
    put_image(f, "images/c/1.jpg", 2, 2, 30);
    put_text(path_of(f, "train.json"), "{\"c/1.jpg\": 11, \"a/1.jpg\": 3, \"b/1.jpg\": \"7\"}");
    put_text(path_of(f, "val.json"), "{\"b/1.jpg\": 7}");
    put_text(path_of(f, "test.json"), "{\n \"c/1.jpg\": 11,\n \"b/1.jpg\": 7\n}\n");
}

static void json_lists(void **state)
{
    fixture *f = *state;
    make_json(f);
    SET(SPLIT("train"), 3, "c/1.jpg 2", "a/1.jpg 0", "b/1.jpg 1");
    SET(SPLIT("val"), 3, "b/1.jpg 1");
    SET(SPLIT("test"), 3, "c/1.jpg 2", "b/1.jpg 1");
}

static void json_list_errors(void **state)
{
    fixture *f = *state;
    make_json(f);
    expect_error(f, SPLIT("other"), GRAFT_ERR_IO, "other.json", "No such file");
    put_text(path_of(f, "val.json"), "{\"b/1.jpg\": 8}");
    expect_error(f, SPLIT("val"), GRAFT_ERR_FORMAT, "val.json: 'b/1.jpg': class 8", "training");
    put_text(path_of(f, "val.json"), "{\"b/1.jpg\": 7.5}");
    expect_error(f, SPLIT("val"), GRAFT_ERR_FORMAT, "val.json: 'b/1.jpg'", "whole number");
    put_text(path_of(f, "val.json"), "{\"b/2.jpg\": 7}");
    expect_error(f, SPLIT("val"), GRAFT_ERR_NOT_FOUND, "val.json:1: b/2.jpg", "No such file");
    put_text(path_of(f, "val.json"), "[1]");
    expect_error(f, SPLIT("val"), GRAFT_ERR_FORMAT, "val.json", "object");
    put_text(path_of(f, "val.json"), "{\"b/1.jpg\": 7, \"b/1.jpg\": 3}");
    expect_error(f, SPLIT("val"), GRAFT_ERR_FORMAT, "val.json", "duplicate");
}

/* ---- Names with numbers ------------------------------------------------------------------ */

static void expect_names(fixture *f, const char *lines, const char *const *expected)
{
    put_text(path_of(f, "classes.txt"), lines);
    gr_dataset *d = open_ok(f, SPLIT("train"));
    for (int c = 0; c < 3; c++)
        assert_string_equal(gr_dataset_class_name(d, c), expected[c]);
    gr_dataset_close(&d);
}

/* The classes are 3, 7 and 11, labels 0 to 2. */
static void class_names_with_numbers(void **state)
{
    fixture *f = *state;
    static const char *const by_number[] = {"grey wolf", "fox", "cat"};
    static const char *const by_line[] = {"3 wolf", "7 fox", "12 cat"};
    static const char *const coins[] = {"1 euro", "1 euro", "2 euro"};
    make_json(f);
    expect_names(f, "0 root\n11 cat\n3 grey wolf\n7  fox\n", by_number);
    expect_names(f, "11\tcat\n3\tgrey wolf\n7\tfox\n", by_number);
    expect_names(f, "3 wolf\n7 fox\n12 cat\n", by_line); /* class 11 has no line */
    expect_names(f, "1 euro\n1 euro\n2 euro\n", coins);
    put_text(path_of(f, "train.txt"), "images/a/1.jpg 0\nimages/b/1.jpg 1\nimages/c/1.jpg 2\n");
    expect_names(f, "1 grey wolf\n2 fox\n3 cat\n", by_number);
    expect_names(f, "2 cat\n0 grey wolf\n1 fox\n", by_number);
    expect_names(f, "3 wolf\n7 fox\n12 cat\n", by_line);
}

/* ---- Few shots --------------------------------------------------------------------------- */

static void make_annotations(fixture *f, const char *folder)
{
    char name[64];
    for (int i = 0; i < 6; i++) {
        snprintf(name, sizeof(name), "%sx %d.jpg", folder, i);
        put_image(f, name, 2, 2, 10 * i);
    }
    put_text(path_of(f, "annotations/train_meta.list"),
             "x 0.jpg 0\nx 1.jpg 1\nx 2.jpg 0\nx 3.jpg 1\n");
    put_text(path_of(f, "annotations/train_meta.list.num_shot_1.seed_2"), "x 2.jpg 0\nx 3.jpg 1\n");
    put_text(path_of(f, "annotations/val_meta.list"), "x 4.jpg 0\n");
    put_text(path_of(f, "annotations/test_meta.list"), "x 5.jpg 1\n");
}

static void few_shot_lists(void **state)
{
    fixture *f = *state;
    make_annotations(f, "images/");
    SET(SPLIT("train"), 2, "x 0.jpg 0", "x 1.jpg 1", "x 2.jpg 0", "x 3.jpg 1");
    SET(SPLIT("val"), 2, "x 4.jpg 0");
    SET(SPLIT("test"), 2, "x 5.jpg 1");
    SET(SHOTS(1, 2), 2, "x 2.jpg 0", "x 3.jpg 1");
    gr_dataset *d = open_ok(f, SHOTS(1, 0)); /* no such list: drawn */
    assert_int_equal(gr_dataset_count(d), 2);
    assert_int_equal(gr_dataset_label(d, 0) + gr_dataset_label(d, 1), 1);
    gr_dataset_close(&d);
}

/* ImageNet as NOAH's code keeps it: no test list, images below train/ and val/. */
static void few_shot_lists_without_test(void **state)
{
    fixture *f = *state;
    make_annotations(f, "train/");
    put_image(f, "val/v.jpg", 2, 2, 90);
    put_text(path_of(f, "annotations/val_meta.list"), "v.jpg 1\n");
    assert_int_equal(remove(path_of(f, "annotations/test_meta.list")), 0);
    SET(SPLIT("test"), 2, "v.jpg 1");
    assert_int_equal(remove(path_of(f, "annotations/train_meta.list")), 0);
    SET(SHOTS(1, 2), 2, "x 2.jpg 0", "x 3.jpg 1");
    expect_error(f, SHOTS(4, 1), GRAFT_ERR_IO, "annotations/train_meta.list.num_shot_4.seed_1",
                 "No such file");
    expect_error(f, SPLIT("train"), GRAFT_ERR_IO, "annotations/train_meta.list", "No such file");
}

/* ---- Validation -------------------------------------------------------------------------- */

/* Images that "test" falls back to are none to choose a setting on. */
static void validation_images(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *files[3];
        bool own;
    } cases[] = {
        {{"train/a/0.png", "val/a/0.png"}, false},
        {{"train.tar", "val.tar"}, false},
        {{"train/a/1.png", "validation/a/0.png", "test/a/0.png"}, true},
        {{"train.json", "val.json", "test.json"}, true},
        {{"train800val200.txt", "val200.txt", "test.txt"}, true},
        {{"annotations/val_meta.list", "val/v.jpg"}, false},
        {{"annotations/val_meta.list", "annotations/test_meta.list"}, true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *folder = gr_printf(f->memory, "%s/set%zu", f->directory, i);
        for (int k = 0; k < 3 && cases[i].files[k]; k++)
            put_text(gr_printf(f->memory, "%s/%s", folder, cases[i].files[k]), "");
        const char *train, *val;
        graft_data_selection(folder, &train, &val);
        assert_int_equal(graft_data_has_validation(folder), cases[i].own);
        assert_int_equal(strcmp(val, "val20") != 0, cases[i].own);
        assert_int_equal(strcmp(train, "train80") != 0, cases[i].own);
    }
}

/* ---- Parts ------------------------------------------------------------------------------- */

enum { PER_CLASS = 11, CLASSES = 3 };

static void make_tree(fixture *f)
{
    char name[64];
    for (int c = 0; c < CLASSES; c++)
        for (int i = 0; i < PER_CLASS + (c == 0); i++) {
            snprintf(name, sizeof(name), "train/%c/%02d.png", 'a' + c, i);
            put_image(f, name, 2, 2, 10 * c + i);
        }
    for (int c = 0; c < CLASSES; c++) {
        snprintf(name, sizeof(name), "test/%c/t.png", 'a' + c);
        put_image(f, name, 2, 2, c);
    }
}

/* Image i of a part is the one that its name says. */
static void assert_own_images(fixture *f, const gr_dataset *d)
{
    for (size_t i = 0; i < gr_dataset_count(d); i++) {
        int number = atoi(strrchr(gr_dataset_name(d, i), '/') + 1);
        gr_image image;
        check_ok(f, gr_dataset_image(f->log, d, i, &image));
        assert_int_equal(image.pixels[0], 10 * gr_dataset_label(d, i) + number);
        gr_image_free(&image);
    }
}

static void held_out_images(void **state)
{
    fixture *f = *state;
    make_tree(f);
    SET(SPLIT("val20"), CLASSES, "train/a/04.png 0", "train/a/09.png 0", "train/b/04.png 1",
        "train/b/09.png 1", "train/c/04.png 2", "train/c/09.png 2");
    gr_dataset *d = open_ok(f, SPLIT("train80"));
    assert_int_equal(gr_dataset_count(d), 10 + 9 + 9);
    for (size_t i = 0; i < gr_dataset_count(d); i++) {
        assert_null(strstr(gr_dataset_name(d, i), "04.png"));
        assert_null(strstr(gr_dataset_name(d, i), "09.png"));
        assert_null(strstr(gr_dataset_name(d, i), "test/"));
    }
    assert_own_images(f, d);
    assert_string_equal(gr_dataset_class_name(d, 2), "c");
    gr_dataset_close(&d);
}

static void drawn_shots(void **state)
{
    fixture *f = *state;
    make_tree(f);
    gr_dataset *d = open_ok(f, SHOTS(4, 1)), *again = open_ok(f, SHOTS(4, 1)),
               *other = open_ok(f, SHOTS(4, 2));
    int differ = 0, per_class[CLASSES] = {0};
    assert_int_equal(gr_dataset_count(d), 4 * CLASSES);
    for (size_t i = 0; i < gr_dataset_count(d); i++) {
        per_class[gr_dataset_label(d, i)]++;
        assert_string_equal(gr_dataset_name(d, i), gr_dataset_name(again, i));
        differ += strcmp(gr_dataset_name(d, i), gr_dataset_name(other, i)) != 0;
        assert_true(i == 0 || strcmp(gr_dataset_name(d, i - 1), gr_dataset_name(d, i)) < 0);
    }
    for (int c = 0; c < CLASSES; c++)
        assert_int_equal(per_class[c], 4);
    assert_true(differ > 0);
    assert_own_images(f, d);
    gr_dataset_close(&d);
    gr_dataset_close(&again);
    gr_dataset_close(&other);
    d = open_ok(f, SHOTS(100, 1)); /* of a class that has fewer all */
    assert_int_equal(gr_dataset_count(d), CLASSES * PER_CLASS + 1);
    gr_dataset_close(&d);
    d = open_ok(f, (gr_dataset_params){.split = "train80", .shots = 9, .seed = 1});
    assert_int_equal(gr_dataset_count(d), 9 * CLASSES);
    assert_null(strstr(gr_dataset_name(d, 0), "04.png"));
    gr_dataset_close(&d);
}

/* A list of that name is a split of its own. */
static void own_list_of_that_name(void **state)
{
    fixture *f = *state;
    put_image(f, "a.png", 2, 2, 10);
    put_image(f, "b.png", 2, 2, 20);
    put_text(path_of(f, "train.txt"), "a.png 0\nb.png 1\n");
    put_text(path_of(f, "val20.txt"), "b.png 1\n");
    SET(SPLIT("val20"), 2, "b.png 1");
    SET(SPLIT("train80"), 2, "a.png 0", "b.png 1");
}

static void shot_errors(void **state)
{
    fixture *f = *state;
    make_tree(f);
    expect_error(f, SHOTS(-1, 0), GRAFT_ERR_ARGUMENT, "-1 shots", "expected 0");
    put_text(path_of(f, "train.txt"), "train/a/00.png 0\n");
    expect_error(f, SPLIT("val20"), GRAFT_ERR_NOT_FOUND, "train.txt", "no images");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(json_lists),
        TEST(json_list_errors),
        TEST(class_names_with_numbers),
        TEST(few_shot_lists),
        TEST(few_shot_lists_without_test),
        TEST(validation_images),
        TEST(held_out_images),
        TEST(drawn_shots),
        TEST(own_list_of_that_name),
        TEST(shot_errors),
    };
    return RUN_TESTS(tests);
}
