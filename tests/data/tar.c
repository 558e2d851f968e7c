/* Archives: the same tree as on disk, every way of writing a long name, and lies in headers. */
#include "support.h"

#include "base/mem.h"
#include "data/source.h"
#include "data/tar_scan.h"

#include <stdio.h>
#include <stdlib.h>

static graft_status open_tar(fixture *f, const bytes *tar, const char *split, gr_dataset **out)
{
    put_bytes(path_of(f, "set.tar"), tar->data, tar->size);
    return gr_dataset_open(f->log, path_of(f, "set.tar"), &(gr_dataset_params){.split = split},
                           out);
}

/* Each image is the one of its label, see add_image. */
static void check_images(fixture *f, const char *split)
{
    gr_dataset *d = NULL;
    gr_image image;
    check_ok(f, gr_dataset_open(f->log, path_of(f, "set.tar"), &(gr_dataset_params){.split = split},
                                &d));
    for (size_t i = 0; i < gr_dataset_count(d); i++) {
        check_ok(f, gr_dataset_image(f->log, d, i, &image));
        assert_int_equal(image.pixels[0], 50 + gr_dataset_label(d, i));
        gr_image_free(&image);
    }
    gr_dataset_close(&d);
}

/* An image whose brightness tells its label. */
static void add_image(fixture *f, bytes *tar, const char *name, int label)
{
    bytes image = image_file(f, "x.png", 3, 2, 50 + label);
    tar_file(tar, name, &image);
}

static void splits_and_order(void **state)
{
    fixture *f = *state;
    bytes tar = bytes_of(f);
    tar_member(&tar, "./", '5', NULL, 0, 0);
    add_image(f, &tar, "./train/dog/2.png", 1);
    add_image(f, &tar, "./train/dog/1.png", 1);
    tar_member(&tar, "./train/ant/", '5', NULL, 0, 0);
    add_image(f, &tar, "./train/ant/z.png", 0);
    tar_member(&tar, "./train/ant/notes.txt", '0', "text", 4, 4);
    tar_member(&tar, "./train/ant/link.png", '2', NULL, 0, 9999); /* carries no data */
    add_image(f, &tar, "./test/dog/t.png", 1);
    tar_end(&tar);
    put_bytes(path_of(f, "set.tar"), tar.data, tar.size);
    static const char *const train[] = {"./train/ant/z.png 0", "./train/dog/1.png 1",
                                        "./train/dog/2.png 1", NULL};
    static const char *const test[] = {"./test/dog/t.png 1", NULL};
    check_set(f, path_of(f, "set.tar"), SPLIT("train"), 2, train);
    check_images(f, "train");
    check_set(f, path_of(f, "set.tar"), SPLIT("test"), 2, test);
}

static void one_archive_for_each_split(void **state)
{
    fixture *f = *state;
    bytes train = bytes_of(f), val = bytes_of(f);
    add_image(f, &train, "train/ant/1.png", 0);
    add_image(f, &train, "train/dog/1.png", 1);
    add_image(f, &val, "outer/dog/9.png", 1); /* the archive's name tells the split */
    add_image(f, &val, "outer/ant/9.png", 0);
    tar_end(&train);
    tar_end(&val);
    put_bytes(path_of(f, "train.tar"), train.data, train.size);
    put_bytes(path_of(f, "val.tar"), val.data, val.size);
    static const char *const in_train[] = {"train/ant/1.png 0", "train/dog/1.png 1", NULL};
    static const char *const in_val[] = {"outer/ant/9.png 0", "outer/dog/9.png 1", NULL};
    check_set(f, f->directory, SPLIT("train"), 2, in_train);
    check_set(f, f->directory, SPLIT("test"), 2, in_val);
    check_set(f, f->directory, SPLIT("val"), 2, in_val);
}

static void held_out_of_a_single_archive(void **state)
{
    fixture *f = *state;
    bytes tar = bytes_of(f);
    for (int i = 5; i >= 0; i--)
        add_image(f, &tar, gr_printf(f->memory, "train/ant/%d.png", i), 0);
    tar_end(&tar);
    put_bytes(path_of(f, "set.tar"), tar.data, tar.size);
    static const char *const test[] = {"train/ant/4.png 0", NULL};
    check_set(f, path_of(f, "set.tar"), SPLIT("test"), 1, test);
}

static void long_names(void **state)
{
    fixture *f = *state;
    char gnu[300] = "train/gnu/", pax[300] = "train/pax/", record[400];
    memset(gnu + 10, 'g', 200);
    strcpy(gnu + 210, ".png");
    memset(pax + 10, 'p', 200);
    strcpy(pax + 210, ".png");
    bytes tar = bytes_of(f);
    tar_member(&tar, "././@LongLink", 'L', gnu, strlen(gnu) + 1, strlen(gnu) + 1);
    add_image(f, &tar, "train/gnu/cut", 0);
    snprintf(record, sizeof(record), "13 mtime=1.5\n%d path=%s\n", (int)strlen(pax) + 10, pax);
    tar_member(&tar, "PaxHeader/x", 'x', record, strlen(record), strlen(record));
    add_image(f, &tar, "train/pax/cut", 1);
    add_image(f, &tar, "train/pax/short.png", 1);
    tar_end(&tar);
    put_bytes(path_of(f, "set.tar"), tar.data, tar.size);
    const char *expected[] = {gr_printf(f->memory, "%s 0", gnu), gr_printf(f->memory, "%s 1", pax),
                              "train/pax/short.png 1", NULL};
    check_set(f, path_of(f, "set.tar"), SPLIT("train"), 2, expected);
}

/* What tar itself writes, in each of its formats. */
static void written_by_tar(void **state)
{
    fixture *f = *state;
    char name[250] = "in/train/ant/"; /* too long for a plain header */
    memset(name + 13, 'n', 90);
    name[103] = '/';
    memset(name + 104, 'm', 90);
    strcpy(name + 194, ".png");
    put_image(f, name, 3, 2, 50);
    put_image(f, "in/train/dog/1.png", 3, 2, 51);
    static const char *const formats[] = {"gnu", "posix", "ustar"};
    const char *expected[] = {gr_printf(f->memory, "%s 0", name + 3), "train/dog/1.png 1", NULL};
    for (int i = 0; i < 3; i++) {
        char *command =
            gr_printf(f->memory, "tar --format=%s -cf '%s/set.tar' -C '%s/in' train 2>/dev/null",
                      formats[i], f->directory, f->directory);
        if (system(command)) {
            print_message("skipped: no tar with --format=%s\n", formats[i]);
            skip();
        }
        check_set(f, path_of(f, "set.tar"), SPLIT("train"), 2, expected);
    }
}

static void links(void **state)
{
    fixture *f = *state;
    bytes tar = bytes_of(f);
    char blob[200] = "../../blobs/", record[400];
    memset(blob + 12, 'b', 120);
    add_image(f, &tar, "./train/ant/1.png", 0);
    tar_link(&tar, '1', "train/ant/2.png", "./train/ant/1.png"); /* from the root */
    tar_link(&tar, '2', "train/dog/1.png", "../../blobs/9");     /* further down in the archive */
    tar_link(&tar, '2', "train/dog/2.png", "./1.png");           /* a link to a link */
    snprintf(record, sizeof(record), "%d linkpath=%s\n", (int)strlen(blob) + 14, blob);
    tar_member(&tar, "PaxHeader/x", 'x', record, strlen(record), strlen(record));
    tar_link(&tar, '2', "train/dog/3.png", "cut");
    tar_member(&tar, "././@LongLink", 'K', blob, strlen(blob) + 1, strlen(blob) + 1);
    tar_link(&tar, '2', "train/dog/4.png", "cut");
    tar_link(&tar, '2', "train/dog/round.png", "trip.png");
    tar_link(&tar, '2', "train/dog/trip.png", "round.png");
    tar_link(&tar, '2', "train/dog/out.png", "../../../etc/passwd");
    tar_link(&tar, '2', "train/dog/away.png", "/train/ant/1.png");
    tar_link(&tar, '2', "train/dog/lost.png", "nothing.png");
    tar_link(&tar, '2', "train/dog/folder", "../ant");
    add_image(f, &tar, "blobs/9", 1);
    tar_member(&tar, "././@LongLink", 'L', blob + 6, strlen(blob) - 5, strlen(blob) - 5);
    add_image(f, &tar, "cut", 1);
    tar_end(&tar);
    put_bytes(path_of(f, "set.tar"), tar.data, tar.size);
    static const char *const all[] = {"./train/ant/1.png 0",
                                      "train/ant/2.png 0",
                                      "train/dog/1.png 1",
                                      "train/dog/2.png 1",
                                      "train/dog/3.png 1",
                                      "train/dog/4.png 1",
                                      NULL};
    check_set(f, path_of(f, "set.tar"), SPLIT("all"), 2, all);
    check_images(f, "all");
    gr_dataset *d = NULL;
    check_ok(f, open_tar(f, &tar, "all", &d));
    assert_int_equal(d->left_out.links, 6);
    gr_dataset_close(&d);
}

static void expect_error(fixture *f, const bytes *tar, const char *a, const char *b)
{
    gr_dataset *d = NULL;
    assert_error(f, open_tar(f, tar, "train", &d), GRAFT_ERR_FORMAT, "set.tar", a, b);
    assert_null(d);
}

static void lying_sizes(void **state)
{
    static const uint64_t sizes[] = {1 << 20, 077777777777};
    fixture *f = *state;
    for (size_t i = 0; i < 2; i++) {
        bytes tar = bytes_of(f);
        add_image(f, &tar, "train/ant/1.png", 0);
        tar_member(&tar, "train/ant/2.png", '0', "short", 5, sizes[i]);
        tar_end(&tar);
        expect_error(f, &tar, "longer than the archive", "at byte 1024");
    }
    /* base 256: all that is absurd, up to what would overflow when rounded up to blocks */
    for (int at = 124; at < 133; at++) {
        bytes tar = bytes_of(f);
        tar_member(&tar, "train/ant/1.png", '0', "x", 1, 1);
        memset(tar.data + 124, 0, 12);
        tar.data[124] = 0x80;
        tar.data[at] |= 0x7F;
        memset(tar.data + 148, ' ', 8);
        unsigned sum = 0;
        for (int i = 0; i < 512; i++)
            sum += tar.data[i];
        snprintf((char *)tar.data + 148, 8, "%06o", sum);
        tar_end(&tar);
        expect_error(f, &tar, "at byte 0", "member");
    }
}

static void lying_extensions(void **state)
{
    static const char *const records[] = {
        "9999 path=a\n",
        "5 path=a\n",
        "x path=a\n",
        "11 pathxxxx\n",
        "0 path=a\n",
        "10 path=a",
        "11 size=1x\n",
        "29 size=99999999999999999999\n",
        "=",
    };
    fixture *f = *state;
    for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
        bytes tar = bytes_of(f);
        tar_member(&tar, "PaxHeader/x", 'x', records[i], strlen(records[i]), strlen(records[i]));
        add_image(f, &tar, "train/ant/1.png", 0);
        tar_end(&tar);
        expect_error(f, &tar, i == 6 || i == 7 ? "bad size" : "bad pax header", "");
    }
    char *name = gr_alloc(f->memory, 5000);
    memset(name, 'a', 4999);
    bytes tar = bytes_of(f);
    tar_member(&tar, "././@LongLink", 'L', name, 5000, 5000);
    tar_end(&tar);
    expect_error(f, &tar, "path of more than", "");
}

static void not_an_archive(void **state)
{
    fixture *f = *state;
    bytes tar = bytes_of(f);
    gr_dataset *d = NULL;
    assert_error(f, open_tar(f, &tar, "train", &d), GRAFT_ERR_FORMAT, "set.tar", "empty");
    append(&tar, "\x1F\x8B", 2);
    expect_error(f, &tar, "not an uncompressed tar archive", "");
    for (int i = 0; i < 300; i++)
        append(&tar, "noise", 5);
    expect_error(f, &tar, "not an uncompressed tar archive", "");
    tar.size = 0;
    tar_end(&tar);
    assert_error(f, open_tar(f, &tar, "train", &d), GRAFT_ERR_NOT_FOUND, "set.tar", "no images");
    tar.size = 0;
    tar_file(&tar, "train/ant/1.png", &(bytes){0});
    tar_end(&tar);
    expect_error(f, &tar, "train/ant/1.png", "empty");
    tar.size = 0;
    add_image(f, &tar, "train/ant/1.png", 0);
    tar_member(&tar, "train/bee/", '5', NULL, 0, 0);
    tar_end(&tar);
    expect_error(f, &tar, "class folder 'bee'", "");
}

static void damaged_image_names_its_member(void **state)
{
    fixture *f = *state;
    bytes tar = bytes_of(f);
    tar_member(&tar, "train/ant/1.png", '0', "not a png", 9, 9);
    tar_end(&tar);
    gr_dataset *d = NULL;
    gr_image image;
    check_ok(f, open_tar(f, &tar, "train", &d));
    assert_error(f, gr_dataset_image(f->log, d, 0, &image), GRAFT_ERR_FORMAT,
                 "set.tar: train/ant/1.png: no image");
    gr_dataset_close(&d);
}

typedef struct visit {
    uint64_t archive_bytes;
    int members;
} visit;

static graft_status count_member(void *user, const gr_tar_member *member)
{
    visit *v = user;
    v->members++;
    assert_true(member->offset <= v->archive_bytes);
    assert_true(member->size_bytes <= v->archive_bytes - member->offset);
    return GRAFT_OK;
}

/* Cut anywhere: an error, or whole members only. The copy is of the exact size, so that a sanitizer
 * sees a read behind its end. */
static void truncated_anywhere(void **state)
{
    fixture *f = *state;
    bytes tar = bytes_of(f);
    add_image(f, &tar, "train/ant/1.png", 0);
    tar_member(&tar, "PaxHeader/x", 'x', "18 path=train/a/b\n", 18, 18);
    add_image(f, &tar, "train/ant/2.png", 0);
    size_t whole = tar.size;
    tar_end(&tar);
    for (size_t size = 1; size < tar.size; size++) {
        uint8_t *cut = malloc(size);
        assert_non_null(cut);
        memcpy(cut, tar.data, size);
        visit v = {.archive_bytes = size};
        graft_status status = gr_tar_scan(f->log, "cut", cut, size, count_member, &v);
        assert_true(v.members <= 2);
        if (size % 512 && size < whole && status == GRAFT_OK)
            assert_true(v.members < 2 || size > whole - 512); /* only padding may be missing */
        if (status != GRAFT_OK)
            assert_error(f, status, GRAFT_ERR_FORMAT, "cut: ", "at byte");
        free(cut);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(splits_and_order),
        TEST(one_archive_for_each_split),
        TEST(long_names),
        TEST(held_out_of_a_single_archive),
        TEST(written_by_tar),
        TEST(lying_sizes),
        TEST(lying_extensions),
        TEST(not_an_archive),
        TEST(links),
        TEST(truncated_anywhere),
        TEST(damaged_image_names_its_member),
    };
    return RUN_TESTS(tests);
}
