/* Datasets: lists, class folders and generated sprites; what they hold, and how bad input is
 * refused. Archives are in tar.c. */
#include "support.h"

#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of all images and labels. The only change that may alter them is a wanted one. */
#define HASH_LOCATION    0x8b16b5df6339bd53u
#define HASH_ORIENTATION 0x2044e80ebbacefd9u

static graft_status open_split(fixture *f, const char *spec, const char *split, gr_dataset **out)
{
    return gr_dataset_open(f->log, spec, &(gr_dataset_params){.split = split}, out);
}

static gr_dataset *open_ok(fixture *f, const char *spec, const char *split)
{
    gr_dataset *d = NULL;
    check_ok(f, open_split(f, spec, split, &d));
    return d;
}

static void expect_open_error(fixture *f, const char *split, graft_status status, const char *a,
                              const char *b)
{
    gr_dataset *d = (gr_dataset *)f;
    graft_status found = open_split(f, f->directory, split, &d);
    assert_error(f, found, status, a, b);
    assert_null(d);
}

/* ---- Lists ------------------------------------------------------------------------------ */

static void make_lists(fixture *f)
{
    put_image(f, "images/a.png", 2, 2, 10);
    put_image(f, "images/b.jpg", 2, 2, 20);
    put_image(f, "images/with blank.png", 2, 2, 30);
    put_text(path_of(f, "train800val200.txt"),
             "images/a.png 0\r\n\nimages/b.jpg\t2\nimages/with blank.png  1  \n");
    put_text(path_of(f, "val200.txt"), "images/b.jpg 2\n");
    put_text(path_of(f, "test.txt"), "images/a.png 0\n./images/b.jpg 0"); /* no final newline */
    put_text(path_of(f, "mine.txt"), "images/b.jpg 1");
}

static void lists(void **state)
{
    fixture *f = *state;
    make_lists(f);
    static const char *const train[] = {"images/a.png 0", "images/b.jpg 2",
                                        "images/with blank.png 1", NULL};
    static const char *const val[] = {"images/b.jpg 2", NULL};
    static const char *const test[] = {"images/a.png 0", "./images/b.jpg 0", NULL};
    static const char *const mine[] = {"images/b.jpg 1", NULL};
    check_set(f, f->directory, SPLIT(NULL), 3, train);
    check_set(f, f->directory, SPLIT("train800val200"), 3, train);
    check_set(f, f->directory, SPLIT("val"), 3, val);
    check_set(f, f->directory, SPLIT("val200"), 3, val);
    check_set(f, f->directory, SPLIT("test"), 3, test); /* three classes, by the training list */
    check_set(f, f->directory, SPLIT("mine"), 3, mine);
}

static void list_class_names(void **state)
{
    fixture *f = *state;
    make_lists(f);
    put_text(path_of(f, "classes.txt"), "n01\tgrey wolf\nfox\ncat\nunused\n");
    gr_dataset *d = open_ok(f, f->directory, "test");
    assert_int_equal(gr_dataset_classes(d), 4);
    assert_string_equal(gr_dataset_class_name(d, 0), "grey wolf");
    assert_string_equal(gr_dataset_class_name(d, 1), "fox");
    assert_null(gr_dataset_class_name(d, 4));
    assert_null(gr_dataset_class_name(d, -1));
    gr_dataset_close(&d);
    put_text(path_of(f, "classes.txt"), "wolf\nfox\n");
    expect_open_error(f, "train", GRAFT_ERR_FORMAT, "train800val200.txt:3: ", "label 2");
    put_text(path_of(f, "classes.txt"), "");
    expect_open_error(f, "train", GRAFT_ERR_FORMAT, "classes.txt: ", "no names");
}

static void list_errors(void **state)
{
    static const struct {
        const char *text, *message;
        graft_status status;
    } cases[] = {
        {"images/a.png 0\nimages/b.jpg\n", "test.txt:2: 'images/b.jpg' has no label",
         GRAFT_ERR_FORMAT},
        {"images/a.png x\n", "test.txt:1: label 'x' is not a number", GRAFT_ERR_FORMAT},
        {"images/a.png 1.5\n", "test.txt:1: label '1.5' is not a number", GRAFT_ERR_FORMAT},
        {"images/a.png 1\n\nimages/a.png -1\n", "test.txt:3: label -1; expected 0 to",
         GRAFT_ERR_FORMAT},
        {"images/a.png 99999999999999999999\n", "test.txt:1: label 9999", GRAFT_ERR_FORMAT},
        {"images/a.png 1048576\n", "test.txt:1: label 1048576", GRAFT_ERR_FORMAT},
        {"images/none.png 1\n", "test.txt:1: images/none.png: No such file", GRAFT_ERR_NOT_FOUND},
        {"images 1\n", "test.txt:1: images: not a file", GRAFT_ERR_IO},
        {"images/empty.png 1\n", "test.txt:1: images/empty.png: the image file is empty",
         GRAFT_ERR_FORMAT},
        {" 1\n", "test.txt:1: ' 1' has no label", GRAFT_ERR_FORMAT},
        {"", "test.txt: no images", GRAFT_ERR_NOT_FOUND},
        {"\n\n", "test.txt: no images", GRAFT_ERR_NOT_FOUND},
    };
    fixture *f = *state;
    make_lists(f);
    put_text(path_of(f, "images/empty.png"), "");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        put_text(path_of(f, "test.txt"), cases[i].text);
        expect_open_error(f, "test", cases[i].status, cases[i].message, f->directory);
    }
    put_bytes(path_of(f, "test.txt"), "images/a.png 0\n\0", 16);
    expect_open_error(f, "test", GRAFT_ERR_FORMAT, "test.txt", "NUL");
    expect_open_error(f, "absent", GRAFT_ERR_IO, "absent.txt", "");
    expect_open_error(f, "../x", GRAFT_ERR_ARGUMENT, "'../x'", "");
    expect_open_error(f, "", GRAFT_ERR_ARGUMENT, "''", "");

    gr_dataset *d = NULL;
    gr_dataset_params two = {.split = "train", .classes = 2};
    assert_error(f, gr_dataset_open(f->log, f->directory, &two, &d), GRAFT_ERR_FORMAT,
                 "train800val200.txt:3: ", "label 2; expected 0 to 1");
}

static void unreadable_image_names_its_line(void **state)
{
    fixture *f = *state;
    make_lists(f);
    put_text(path_of(f, "images/bad.jpg"), "\xFF\xD8\xFF\xE0 and no more");
    put_text(path_of(f, "test.txt"), "images/a.png 0\nimages/bad.jpg 1\n");
    gr_dataset *d = open_ok(f, f->directory, "test");
    gr_image image;
    assert_error(f, gr_dataset_image(f->log, d, 1, &image), GRAFT_ERR_FORMAT,
                 "test.txt:2: images/bad.jpg: ");
    assert_null(image.pixels);
    assert_error(f, gr_dataset_image(f->log, d, 2, &image), GRAFT_ERR_ARGUMENT, "image 2");
    gr_dataset_close(&d);
}

/* ---- Folders ---------------------------------------------------------------------------- */

static void folder_with_splits(void **state)
{
    fixture *f = *state;
    static const char *const files[] = {
        "train/dog/2.png",  "train/dog/1.jpg",    "train/ant hill/x.PNG", "train/ant/y.jpeg",
        "train/ant/.z.png", "train/ant/note.txt", "val/dog/v.png",        "train/ant/deep/w.png",
        "readme.md",        ".cache/k/q.png",
    };
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        put_image(f, files[i], 2, 2, 9);
    static const char *const train[] = {"train/ant/deep/w.png 0", "train/ant/y.jpeg 0",
                                        "train/ant hill/x.PNG 1", "train/dog/1.jpg 2",
                                        "train/dog/2.png 2",      NULL};
    static const char *const val[] = {"val/dog/v.png 2", NULL};
    check_set(f, f->directory, SPLIT("train"), 3, train);
    check_set(f, f->directory, SPLIT("val"), 3, val);
    check_set(f, f->directory, SPLIT("test"), 3, val); /* for want of a test folder */
    gr_dataset *d = open_ok(f, f->directory, "all");
    assert_int_equal(gr_dataset_count(d), 6);
    assert_string_equal(gr_dataset_class_name(d, 1), "ant hill");
    gr_dataset_close(&d);
    put_image(f, "test/dog/t.png", 2, 2, 9);
    static const char *const test[] = {"test/dog/t.png 2", NULL};
    check_set(f, f->directory, SPLIT("test"), 3, test);
}

static void folder_held_out(void **state)
{
    fixture *f = *state;
    static const char *const test[] = {"cat/4.png 0", "cat/9.png 0", "eel/4.png 1", NULL};
    for (int i = 0; i < 11; i++)
        put_image(f, gr_printf(f->memory, "cat/%c.png", i < 10 ? '0' + i : 'x'), 2, 2, 9);
    for (int i = 0; i < 7; i++)
        put_image(f, gr_printf(f->memory, "eel/%d.png", i), 2, 2, 9);
    check_set(f, f->directory, SPLIT("test"), 2, test);
    check_set(f, f->directory, SPLIT("val"), 2, test);
    gr_dataset *train = open_ok(f, f->directory, "train"), *all = open_ok(f, f->directory, "all");
    assert_int_equal(gr_dataset_count(train), 15);
    assert_int_equal(gr_dataset_count(all), 18);
    for (size_t i = 0; i < 15; i++)
        for (int k = 0; test[k]; k++)
            assert_null(strstr(test[k], gr_dataset_name(train, i)));
    gr_dataset_close(&train);
    gr_dataset_close(&all);
}

static void folder_inside_a_folder(void **state)
{
    fixture *f = *state;
    put_image(f, "set/cat/1.png", 2, 2, 9);
    put_image(f, "set/dog/1.png", 2, 2, 9);
    put_image(f, "license.png", 2, 2, 9);
    static const char *const train[] = {"set/cat/1.png 0", "set/dog/1.png 1", NULL};
    check_set(f, f->directory, SPLIT("train"), 2, train);
}

static void folder_errors(void **state)
{
    fixture *f = *state;
    expect_open_error(f, "train", GRAFT_ERR_NOT_FOUND, "no images", f->directory);
    put_image(f, "train/cat/1.png", 2, 2, 9);
    put_image(f, "train/dog/1.png", 2, 2, 9);
    expect_open_error(f, "odd", GRAFT_ERR_NOT_FOUND, "'odd'", f->directory);
    put_image(f, "test/emu/1.png", 2, 2, 9);
    expect_open_error(f, "test", GRAFT_ERR_FORMAT, "test/emu/1.png", "class 'emu'");
    put_text(path_of(f, "train/gnu/notes.txt"), "no image");
    expect_open_error(f, "train", GRAFT_ERR_FORMAT, "class folder 'gnu' has no", f->directory);
    put_text(path_of(f, "train/gnu/2.jpg"), "");
    expect_open_error(f, "train", GRAFT_ERR_FORMAT, "train/gnu/2.jpg", "empty");
    put_text(path_of(f, "train/gnu/2.jpg"), "no image");
    gr_dataset *d = open_ok(f, f->directory, "train");
    gr_image image;
    assert_error(f, gr_dataset_image(f->log, d, 2, &image), GRAFT_ERR_FORMAT,
                 "train/gnu/2.jpg: no image by its first bytes");
    gr_dataset_close(&d);
    gr_dataset_params one = {.split = "train", .classes = 2};
    assert_error(f, gr_dataset_open(f->log, f->directory, &one, &d), GRAFT_ERR_FORMAT,
                 "3 classes; expected at most 2");
    assert_error(f, open_split(f, "/no/such/folder", NULL, &d), GRAFT_ERR_NOT_FOUND,
                 "/no/such/folder");
}

static void folder_that_leads_back(void **state)
{
    fixture *f = *state;
    put_image(f, "train/cat/1.png", 2, 2, 9);
    assert_int_equal(symlink("..", path_of(f, "train/cat/up")), 0);
    expect_open_error(f, "train", GRAFT_ERR_FORMAT, "folders deep", f->directory);
}

/* ---- dSprites --------------------------------------------------------------------------- */

static uint64_t hash_set(fixture *f, const char *spec, const char *split)
{
    gr_dataset *d = open_ok(f, spec, split);
    uint64_t hash = 0;
    for (size_t i = 0; i < gr_dataset_count(d); i++) {
        gr_image image;
        int label = gr_dataset_label(d, i);
        check_ok(f, gr_dataset_image(f->log, d, i, &image));
        hash = hash * 31 + hash_bytes(image.pixels, 64 * 64 * 3) + (uint64_t)label;
        gr_image_free(&image);
    }
    gr_dataset_close(&d);
    return hash;
}

static void sprites_never_change(void **state)
{
    fixture *f = *state;
    uint64_t location = hash_set(f, "dsprites:location", "train");
    uint64_t orientation = hash_set(f, "dsprites:orientation", "test");
    if (location != HASH_LOCATION || orientation != HASH_ORIENTATION)
        fail_msg("hashes 0x%016" PRIx64 " and 0x%016" PRIx64, location, orientation);
}

/* Each image: black and white only, some of each, and a border that stays black. */
static void sprites_look_right(void **state)
{
    fixture *f = *state;
    gr_dataset *d = open_ok(f, "dsprites:location", "train");
    for (size_t i = 0; i < gr_dataset_count(d); i++) {
        gr_image image;
        double sum_x = 0;
        int white = 0;
        check_ok(f, gr_dataset_image(f->log, d, i, &image));
        assert_true(image.width == 64 && image.height == 64);
        for (int k = 0; k < 64 * 64; k++) {
            const uint8_t *p = image.pixels + 3 * k;
            int x = k % 64, y = k / 64;
            assert_true((p[0] == 0 || p[0] == 255) && p[1] == p[0] && p[2] == p[0]);
            assert_true(p[0] == 0 || (x > 0 && x < 63 && y > 0 && y < 63));
            white += p[0] == 255;
            sum_x += p[0] == 255 ? x : 0;
        }
        /* areas: the smallest ellipse has 85 pixels, the largest square 529 */
        assert_in_range(white, 70, 540);
        /* the centre of mass tells the location, to within a pixel */
        double x = sum_x / white - 16;
        assert_true(x > gr_dataset_label(d, i) * 2 - 1 && x < gr_dataset_label(d, i) * 2 + 2);
        gr_image_free(&image);
    }
    gr_dataset_close(&d);
}

/* Draws are uniform over the factors: location's classes hold 2 of 32 values each, orientation's
 * in turn 3 and 2 of 40. Five standard deviations are allowed. */
static void sprite_labels_are_balanced(void **state)
{
    fixture *f = *state;
    enum { COUNT = 20000 };
    gr_dataset_params params = {.split = "test", .test_count = COUNT};
    for (int orientation = 0; orientation < 2; orientation++) {
        int counts[16] = {0};
        gr_dataset *d;
        check_ok(f,
                 gr_dataset_open(f->log, orientation ? "dsprites:orientation" : "dsprites:location",
                                 &params, &d));
        assert_int_equal(gr_dataset_classes(d), 16);
        assert_int_equal(gr_dataset_count(d), COUNT);
        for (size_t i = 0; i < COUNT; i++)
            counts[gr_dataset_label(d, i)]++;
        for (int c = 0; c < 16; c++) {
            double share = orientation ? (c % 2 ? 2 : 3) / 40.0 : 1 / 16.0;
            double deviation = counts[c] - COUNT * share;
            assert_true(deviation * deviation < 25 * COUNT * share);
        }
        gr_dataset_close(&d);
    }
}

static void sprite_splits(void **state)
{
    fixture *f = *state;
    static const struct {
        const char *split;
        int count;
        const char *first;
    } cases[] = {{"train", 1000, "dsprites/000000"},   {"train800val200", 1000, "dsprites/000000"},
                 {"train800", 800, "dsprites/000000"}, {"val", 200, "dsprites/000800"},
                 {"val200", 200, "dsprites/000800"},   {"test", 2000, "dsprites/001000"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        gr_dataset *d = open_ok(f, "dsprites:location", cases[i].split);
        assert_int_equal(gr_dataset_count(d), cases[i].count);
        assert_string_equal(gr_dataset_name(d, 0), cases[i].first);
        gr_dataset_close(&d);
    }
    gr_dataset *d;
    assert_error(f, open_split(f, "dsprites:color", NULL, &d), GRAFT_ERR_ARGUMENT,
                 "dsprites:color");
    assert_error(f, open_split(f, "dsprites:location", "all", &d), GRAFT_ERR_NOT_FOUND, "'all'");
    gr_dataset_params many = {.split = "test", .test_count = 737280};
    assert_error(f, gr_dataset_open(f->log, "dsprites:location", &many, &d), GRAFT_ERR_ARGUMENT,
                 "736280");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lists),
        TEST(list_class_names),
        TEST(list_errors),
        TEST(unreadable_image_names_its_line),
        TEST(folder_with_splits),
        TEST(folder_held_out),
        TEST(folder_inside_a_folder),
        TEST(folder_errors),
        TEST(folder_that_leads_back),
        TEST(sprites_never_change),
        TEST(sprites_look_right),
        TEST(sprite_labels_are_balanced),
        TEST(sprite_splits),
    };
    return RUN_TESTS(tests);
}
