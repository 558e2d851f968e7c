/* npz archives made here: round trips, stored and deflated, and members that lie. */
#include "support.h"

#include "base/mem.h"
#include "weights/load.h"
#include "weights/npy.h"
#include "weights/npz.h"

#include <stdio.h>
#include <zip.h>

#define HEADER(descr, order, shape)                                                                \
    "{'descr': '" descr "', 'fortran_order': " order ", 'shape': " shape ", }   \n"

static const float six[] = {1, -2, 3.5f, 0, 1e-3f, 65504};

static void loads_every_type_and_version(void **state)
{
    fixture *f = *state;
    char text[] = "hello";
    const double doubles[] = {0.5, -3};
    const int32_t ints[] = {-7, 9};
    const int64_t longs[] = {-7, INT64_MAX};
    const uint16_t halves[] = {0x3c00, 0xbc00};
    float *many = gr_alloc_array(f->memory, 100000, sizeof(float));
    for (int i = 0; i < 100000; i++)
        many[i] = (float)(i % 100);
    const zip_member members[] = {
        {"readme.txt", {text, 5}, ZIP_CM_STORE},
        {"a/b/kernel.npy", npy(f, 1, HEADER("<f4", "False", "(2, 3)"), six, 24), ZIP_CM_STORE},
        {"v2.npy", npy(f, 2, HEADER("<f4", "False", "(6,)"), six, 24), ZIP_CM_DEFLATE},
        {"v3.npy", npy(f, 3, HEADER("<f4", "False", "(3,2,1)"), six, 24), ZIP_CM_DEFLATE},
        {"scalar.npy", npy(f, 1, HEADER("<f4", "False", "()"), six + 2, 4), ZIP_CM_STORE},
        {"empty.npy", npy(f, 1, HEADER("<f4", "False", "(0, 4)"), NULL, 0), ZIP_CM_STORE},
        {"f8.npy", npy(f, 1, HEADER("<f8", "False", "(2,)"), doubles, 16), ZIP_CM_STORE},
        {"f2.npy", npy(f, 1, HEADER("<f2", "False", "(2,)"), halves, 4), ZIP_CM_STORE},
        {"i4.npy", npy(f, 1, HEADER("<i4", "False", "(2,)"), ints, 8), ZIP_CM_STORE},
        {"i8.npy", npy(f, 1, HEADER("<i8", "False", "(2,)"), longs, 16), ZIP_CM_DEFLATE},
        {"u1.npy", npy(f, 1, HEADER("|u1", "False", "(2,)"), "\x01\xff", 2), ZIP_CM_STORE},
        /* One dimension reads the same in both orders. */
        {"vector.npy", npy(f, 1, HEADER("<f4", "True", "(6,)"), six, 24), ZIP_CM_STORE},
        {"many.npy", npy(f, 1, HEADER("<f4", "False", "(100, 1000)"), many, 400000),
         ZIP_CM_DEFLATE},
        /* Other spacing, order and quotes. */
        {"odd.npy",
         npy(f, 1, "{\"shape\":( 2 , 3 ),\"fortran_order\":False,\"descr\":\"<f4\"}", six, 24),
         ZIP_CM_STORE},
    };
    const char *path = path_of(f, "x.npz");
    put_zip(path, members, sizeof(members) / sizeof(members[0]));
    gr_tensors *t;
    assert_int_equal(gr_tensors_load(f->log, path, &t), GRAFT_OK);
    assert_int_equal(gr_tensors_count(t), sizeof(members) / sizeof(members[0]) - 1);
    assert_string_equal(gr_tensors_at(t, 0)->name, "a/b/kernel");
    check_values(t, "a/b/kernel", GR_SHAPE(2, 3), six);
    check_values(t, "v2", GR_SHAPE(6), six);
    check_values(t, "v3", GR_SHAPE(3, 2, 1), six);
    check_values(t, "scalar", (gr_shape){0}, six + 2);
    check_values(t, "empty", GR_SHAPE(0, 4), NULL);
    check_values(t, "vector", GR_SHAPE(6), six);
    check_values(t, "many", GR_SHAPE(100, 1000), many);
    check_values(t, "odd", GR_SHAPE(2, 3), six);
    check_tensor(t, "f8", GR_F64, GR_SHAPE(2));
    assert_memory_equal(gr_tensors_find(t, "f8")->data, doubles, 16);
    check_tensor(t, "f2", GR_F16, GR_SHAPE(2));
    assert_memory_equal(gr_tensors_find(t, "f2")->data, halves, 4);
    check_tensor(t, "i4", GR_I32, GR_SHAPE(2));
    assert_memory_equal(gr_tensors_find(t, "i4")->data, ints, 8);
    check_tensor(t, "i8", GR_I64, GR_SHAPE(2));
    assert_memory_equal(gr_tensors_find(t, "i8")->data, longs, 16);
    check_tensor(t, "u1", GR_U8, GR_SHAPE(2));
    gr_tensors_destroy(&t);
}

static void lying_members_are_named(void **state)
{
    static const struct {
        const char *header, *reason;
        graft_status status;
    } cases[] = {
        {HEADER("<f4", "True", "(2, 3)"), "Fortran", GRAFT_ERR_UNSUPPORTED},
        {HEADER(">f4", "False", "(2, 3)"), ">f4", GRAFT_ERR_UNSUPPORTED},
        {HEADER("<c8", "False", "(3,)"), "<c8", GRAFT_ERR_UNSUPPORTED},
        {HEADER("|V2", "False", "(12,)"), "|V2", GRAFT_ERR_UNSUPPORTED},
        {HEADER("", "False", "(6,)"), "element type", GRAFT_ERR_UNSUPPORTED},
        {HEADER("a very long type name", "False", "(6,)"), "string", GRAFT_ERR_FORMAT},
        {HEADER("<f4", "Maybe", "(6,)"), "True or False", GRAFT_ERR_FORMAT},
        {HEADER("<f4", "False", "(7,)"), "[7]", GRAFT_ERR_FORMAT},
        {HEADER("<f4", "False", "(5,)"), "[5]", GRAFT_ERR_FORMAT},
        {HEADER("<f4", "False", "(-6,)"), "shape", GRAFT_ERR_FORMAT},
        {HEADER("<f4", "False", "6"), "tuple", GRAFT_ERR_FORMAT},
        {HEADER("<f4", "False", "(6"), "shape", GRAFT_ERR_FORMAT},
        {HEADER("<f4", "False", "(a,)"), "shape", GRAFT_ERR_FORMAT},
        {HEADER("<f4", "False", "(1,1,1,1,1,1,6)"), "6 dimensions", GRAFT_ERR_UNSUPPORTED},
        {HEADER("<f4", "False", "(4294967296, 4294967296)"), "shape", GRAFT_ERR_FORMAT},
        {HEADER("<f4", "False", "(4611686018427387910,)"), "shape", GRAFT_ERR_FORMAT},
        {HEADER("<f4", "False", "(99999999999999999999,)"), "shape", GRAFT_ERR_FORMAT},
        {"{'descr': '<f4', 'shape': (6,)}", "fortran_order", GRAFT_ERR_FORMAT},
        {"{'descr': '<f4', 'descr': '<f4', 'shape': (6,)}", "once each", GRAFT_ERR_FORMAT},
        {"{'descr': [('a', '<f4')], 'shape': (6,)}", "string", GRAFT_ERR_FORMAT},
        {"{'other': 1}", "once each", GRAFT_ERR_FORMAT},
        {"{'descr': '<f4'", "',' or '}'", GRAFT_ERR_FORMAT},
        {"{'descr': '<f4", "string", GRAFT_ERR_FORMAT},
        {"{'descr'", "once each", GRAFT_ERR_FORMAT},
        {"{ ", "string", GRAFT_ERR_FORMAT},
        {"nonsense", "'{'", GRAFT_ERR_FORMAT},
        {"", "'{'", GRAFT_ERR_FORMAT},
    };
    fixture *f = *state;
    const char *path = path_of(f, "x.npz");
    gr_tensors *t;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        zip_member m = {"some/kernel.npy", npy(f, 1, cases[i].header, six, 24), ZIP_CM_STORE};
        if (!*cases[i].header)
            m.content = npy(f, 2, "", six, 24);
        put_zip(path, &m, 1);
        assert_error(f, gr_tensors_load(f->log, path, &t), cases[i].status, path, "some/kernel.npy",
                     cases[i].reason);
        assert_null(t);
    }
}

static void put_one(fixture *f, const char *path, blob content)
{
    (void)f;
    put_zip(path, &(zip_member){"k.npy", content, ZIP_CM_STORE}, 1);
}

static void broken_prefixes_are_refused(void **state)
{
    fixture *f = *state;
    const char *path = path_of(f, "x.npz");
    const blob good = npy(f, 2, HEADER("<f4", "False", "(6,)"), six, 24);
    gr_tensors *t;
    blob b = good;
    b.data[0] = 'X';
    put_one(f, path, b);
    assert_error(f, gr_tensors_load(f->log, path, &t), GRAFT_ERR_FORMAT, "k.npy", ".npy array");
    b.data[0] = '\x93';
    b.data[6] = 4;
    put_one(f, path, b);
    assert_error(f, gr_tensors_load(f->log, path, &t), GRAFT_ERR_UNSUPPORTED, "k.npy",
                 "version 1 to 3, found 4");
    b.data[6] = 2;
    const uint32_t lies[] = {0xffffffff, 10001, 9000, 300};
    for (size_t i = 0; i < 4; i++) {
        memcpy(b.data + 8, &lies[i], 4);
        put_one(f, path, b);
        assert_error(f, gr_tensors_load(f->log, path, &t), GRAFT_ERR_FORMAT, "k.npy", "claims");
    }
    b = npy(f, 1, "", six, 24);
    put_one(f, path, b);
    assert_error(f, gr_tensors_load(f->log, path, &t), GRAFT_ERR_FORMAT, "k.npy", "claims");
    for (size_t n = 0; n < good.size; n++) {
        b = npy(f, 1, HEADER("<f4", "False", "(6,)"), six, 24);
        b.size = n < b.size ? n : b.size - 1;
        put_one(f, path, b);
        assert_error(f, gr_tensors_load(f->log, path, &t), GRAFT_ERR_FORMAT, "k.npy");
    }
}

/* A zip of one member, as bytes. */
static char *zip_bytes(fixture *f, int method, size_t *size)
{
    const char *path = path_of(f, "whole.npz");
    zip_member m = {"k.npy", npy(f, 1, HEADER("<f4", "False", "(6,)"), six, 24), method};
    put_zip(path, &m, 1);
    char *data;
    assert_int_equal(gr_file_read(f->log, f->memory, path, &data, size), GRAFT_OK);
    return data;
}

static void damaged_archives_are_refused(void **state)
{
    fixture *f = *state;
    const char *path = path_of(f, "x.npz");
    gr_tensors *t;
    for (int i = 0; i < 2; i++) {
        size_t size;
        char *data = zip_bytes(f, i ? ZIP_CM_DEFLATE : ZIP_CM_STORE, &size);
        for (size_t n = 0; n < size; n++) { /* truncated */
            put_bytes(path, data, n);
            assert_error(f, gr_tensors_load(f->log, path, &t), GRAFT_ERR_FORMAT, path);
        }
        for (size_t n = 0; n < size;
             n++) { /* one byte damaged: never a crash, never other values */
            char old = data[n];
            data[n] = (char)(old ^ 0x15);
            put_bytes(path, data, size);
            data[n] = old;
            if (gr_tensors_load(f->log, path, &t) == GRAFT_OK)
                check_values(t, gr_tensors_at(t, 0)->name, GR_SHAPE(6), six);
            gr_tensors_destroy(&t);
        }
    }
}

/* The central directory claims four gigabytes for a member of a few bytes. */
static void a_bomb_is_refused(void **state)
{
    fixture *f = *state;
    const char *path = path_of(f, "x.npz");
    size_t size;
    char *data = zip_bytes(f, ZIP_CM_DEFLATE, &size);
    char *entry = memmem(data, size, "PK\1\2", 4);
    assert_non_null(entry);
    memcpy(entry + 24, "\xf0\xff\xff\xff", 4);
    put_bytes(path, data, size);
    gr_tensors *t;
    assert_error(f, gr_tensors_load(f->log, path, &t), GRAFT_ERR_FORMAT, path, "k.npy", "size");
}

static void other_archives_are_refused(void **state)
{
    fixture *f = *state;
    char text[] = "hello";
    gr_tensors *t = gr_tensors_create();
    const char *path = path_of(f, "x.npz"), *missing = path_of(f, "missing.npz");
    put_text(path, "no zip archive at all, but long enough to be one if it were");
    assert_error(f, gr_npz_read(f->log, path, t), GRAFT_ERR_FORMAT, path, "zip");
    put_text(path, "");
    assert_error(f, gr_npz_read(f->log, path, t), GRAFT_ERR_FORMAT, path);
    put_zip(path, &(zip_member){"readme.txt", {text, 5}, ZIP_CM_STORE}, 1);
    assert_error(f, gr_npz_read(f->log, path, t), GRAFT_ERR_FORMAT, path, "no .npy array");
    assert_error(f, gr_npz_read(f->log, missing, t), GRAFT_ERR_IO, missing, "No such file");
    assert_error(f, gr_npz_read(f->log, f->directory, t), GRAFT_ERR_IO, f->directory, "directory");
    gr_tensors_destroy(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(loads_every_type_and_version),
        TEST(lying_members_are_named),
        TEST(broken_prefixes_are_refused),
        TEST(damaged_archives_are_refused),
        TEST(a_bomb_is_refused),
        TEST(other_archives_are_refused),
    };
    return RUN_TESTS(tests);
}
