/* safetensors: round trips, and files that lie. */
#include "support.h"

#include "base/f16.h"
#include "base/mem.h"
#include "weights/load.h"
#include "weights/safetensors.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

static const float six[] = {1, -2, 3.5f, 0, 1e-3f, 65504};

/* a F32 [2, 3], i I64 [2], half F16 [3] (odd, so that what follows in the file is not aligned),
 * b F32 [2], scalar F32 [], empty F32 [0, 4] */
static gr_tensors *sample(fixture *f)
{
    static const int64_t labels[] = {-1, INT64_MAX};
    static const uint16_t halves[] = {0x3c00, 0xbc00, 0x7bff};
    gr_tensors *t = gr_tensors_create();
    assert_non_null(t);
    gr_tensors_add(f->log, t, "half", GR_F16, GR_SHAPE(3), halves);
    gr_tensors_add(f->log, t, "b", GR_F32, GR_SHAPE(2), six + 4);
    gr_tensors_add(f->log, t, "i", GR_I64, GR_SHAPE(2), labels);
    gr_tensors_add(f->log, t, "a", GR_F32, GR_SHAPE(2, 3), six);
    gr_tensors_add(f->log, t, "scalar", GR_F32, (gr_shape){0}, six + 2);
    gr_tensors_add(f->log, t, "empty", GR_F32, GR_SHAPE(0, 4), NULL);
    gr_tensors_set_metadata(f->log, t, "method", "lora \"quoted\"");
    assert_int_equal(gr_tensors_count(t), 6);
    return t;
}

static gr_tensors *load(fixture *f, const char *path)
{
    gr_tensors *t;
    graft_status status = gr_tensors_load(f->log, path, &t);
    char text[512];
    graft_log_error(f->log, text, sizeof(text));
    if (status != GRAFT_OK)
        fail_msg("%s", text);
    return t;
}

static void check_sample(const gr_tensors *t)
{
    assert_int_equal(gr_tensors_count(t), 6);
    check_values(t, "a", GR_SHAPE(2, 3), six);
    check_values(t, "b", GR_SHAPE(2), six + 4);
    check_values(t, "scalar", (gr_shape){0}, six + 2);
    check_tensor(t, "empty", GR_F32, GR_SHAPE(0, 4));
    check_tensor(t, "half", GR_F16, GR_SHAPE(3));
    assert_memory_equal(gr_tensors_find(t, "half")->data, "\x00\x3c\x00\xbc\xff\x7b", 6);
    int64_t labels[2];
    assert_int_equal(gr_tensor_to_i64(NULL, gr_tensors_find(t, "i"), labels), GRAFT_OK);
    assert_true(labels[0] == -1 && labels[1] == INT64_MAX);
    assert_string_equal(gr_tensors_metadata(t, "method"), "lora \"quoted\"");
}

static void round_trips_in_given_order(void **state)
{
    fixture *f = *state;
    const char *path = path_of(f, "x.safetensors");
    gr_tensors *out = sample(f);
    assert_int_equal(gr_safetensors_write(f->log, path, out, NULL), GRAFT_OK);
    gr_tensors *in = load(f, path);
    check_sample(in);
    const char *order[] = {"half", "b", "i", "a"};
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(gr_tensors_at(in, i)->name, order[i]);
    gr_tensors_destroy(&in);
    gr_tensors_destroy(&out);
    assert_int_equal(file_count(f->directory), 1);
}

/* Sorted files are the same whatever the order of the dictionary, and every tensor is aligned. */
static void sorted_files_are_aligned(void **state)
{
    fixture *f = *state;
    const char *path = path_of(f, "x.safetensors");
    gr_tensors *out = sample(f);
    gr_safetensors_params params = {.sorted = true};
    assert_int_equal(gr_safetensors_write(f->log, path, out, &params), GRAFT_OK);
    gr_tensors *in = load(f, path);
    check_sample(in);
    const char *order[] = {"i", "a", "b", "empty", "scalar", "half"};
    for (size_t i = 0; i < 6; i++) {
        const gr_tensor *t = gr_tensors_find(in, order[i]);
        assert_int_equal((uintptr_t)t->data % gr_dtype_size(t->dtype), 0);
        if (i + 1 < 6)
            assert_true((const char *)t->data + t->size_bytes ==
                        gr_tensors_find(in, order[i + 1])->data);
    }
    gr_tensors_destroy(&in);
    gr_tensors_destroy(&out);
}

static void stores_halves(void **state)
{
    fixture *f = *state;
    const char *path = path_of(f, "x.safetensors");
    enum { COUNT = 20000 }; /* more than one chunk of the conversion */
    float *values = gr_alloc_array(f->memory, COUNT, sizeof(float));
    float *expected = gr_alloc_array(f->memory, COUNT, sizeof(float));
    for (int i = 0; i < COUNT; i++)
        values[i] = (float)i * 1.001f - 7;
    gr_tensors *out = sample(f);
    gr_tensors_add(f->log, out, "long", GR_F32, GR_SHAPE(COUNT), values);
    for (gr_write_type type = GR_WRITE_F16; type <= GR_WRITE_BF16; type++) {
        gr_dtype dtype = type == GR_WRITE_F16 ? GR_F16 : GR_BF16;
        gr_safetensors_params params = {.type = type};
        assert_int_equal(gr_safetensors_write(f->log, path, out, &params), GRAFT_OK);
        gr_tensors *in = load(f, path);
        check_tensor(in, "long", dtype, GR_SHAPE(COUNT));
        check_tensor(in, "a", dtype, GR_SHAPE(2, 3));
        check_tensor(in, "i", GR_I64, GR_SHAPE(2));
        gr_tensor_to_f32(gr_tensors_find(in, "long"), expected);
        for (int i = 0; i < COUNT; i++) {
            float rounded = type == GR_WRITE_F16 ? gr_f16_to_f32(gr_f32_to_f16(values[i]))
                                                 : gr_bf16_to_f32(gr_f32_to_bf16(values[i]));
            assert_true(expected[i] == rounded);
        }
        gr_tensors_destroy(&in);
    }
    gr_tensors_destroy(&out);
}

static void a_value_beyond_f16_is_an_error(void **state)
{
    fixture *f = *state;
    const char *path = path_of(f, "x.safetensors");
    const float fine[] = {INFINITY, 65519}, large[] = {1, 65520};
    gr_tensors *out = gr_tensors_create();
    gr_safetensors_params params = {.type = GR_WRITE_F16};
    gr_tensors_add(f->log, out, "fine", GR_F32, GR_SHAPE(2), fine);
    assert_int_equal(gr_safetensors_write(f->log, path, out, &params), GRAFT_OK);
    gr_tensors_add(f->log, out, "large", GR_F32, GR_SHAPE(2), large);
    const char *other = path_of(f, "y.safetensors");
    assert_error(f, gr_safetensors_write(f->log, other, out, &params), GRAFT_ERR_NUMERIC,
                 "y.safetensors", "large", "65520");
    assert_int_equal(file_count(f->directory), 1);
    gr_tensors_destroy(&out);
}

static graft_status fetch(void *user, const gr_tensor *tensor, void *data)
{
    if (strcmp(tensor->name, "lost") == 0)
        return GRAFT_ERR_DEVICE;
    memcpy(data, user, tensor->size_bytes);
    return GRAFT_OK;
}

static void fetches_values_kept_elsewhere(void **state)
{
    fixture *f = *state;
    const char *path = path_of(f, "x.safetensors");
    gr_tensors *out = gr_tensors_create();
    gr_tensors_add(f->log, out, "remote", GR_F32, GR_SHAPE(6), NULL);
    assert_error(f, gr_safetensors_write(f->log, path, out, NULL), GRAFT_ERR_ARGUMENT, "remote");
    float values[6];
    memcpy(values, six, sizeof(six));
    gr_safetensors_params params = {.fetch = fetch, .user = values};
    assert_int_equal(gr_safetensors_write(f->log, path, out, &params), GRAFT_OK);
    gr_tensors *in = load(f, path);
    check_values(in, "remote", GR_SHAPE(6), six);
    gr_tensors_destroy(&in);
    gr_tensors_add(f->log, out, "lost", GR_F32, GR_SHAPE(1), NULL);
    const char *other = path_of(f, "y.safetensors");
    assert_int_equal(gr_safetensors_write(f->log, other, out, &params), GRAFT_ERR_DEVICE);
    assert_int_equal(file_count(f->directory), 1);
    gr_tensors_destroy(&out);
}

static void texts_that_json_cannot_hold_are_refused(void **state)
{
    fixture *f = *state;
    const char *path = path_of(f, "x.safetensors");
    gr_tensors *out = gr_tensors_create();
    gr_tensors_add(f->log, out, "bad\xff", GR_F32, GR_SHAPE(1), six);
    assert_error(f, gr_safetensors_write(f->log, path, out, NULL), GRAFT_ERR_ARGUMENT, "bad\xff");
    gr_tensors_destroy(&out);
    out = gr_tensors_create();
    gr_tensors_set_metadata(f->log, out, "key", "\xff");
    assert_error(f, gr_safetensors_write(f->log, path, out, NULL), GRAFT_ERR_ARGUMENT, "key");
    gr_tensors_destroy(&out);
    out = gr_tensors_create();
    gr_tensors_add(f->log, out, "__metadata__", GR_F32, GR_SHAPE(1), six);
    assert_error(f, gr_safetensors_write(f->log, path, out, NULL), GRAFT_ERR_ARGUMENT,
                 "__metadata__");
    gr_tensors_destroy(&out);
    assert_int_equal(file_count(f->directory), 0);
}

static void a_full_disk_leaves_no_file(void **state)
{
    fixture *f = *state;
    const char *path = path_of(f, "x.safetensors");
    gr_tensors *out = gr_tensors_create();
    void *data;
    gr_tensors_add_new(f->log, out, "large", GR_F32, GR_SHAPE(50000), &data);
    struct rlimit old, limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    limit = (struct rlimit){.rlim_cur = 10000, .rlim_max = old.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    graft_status status = gr_safetensors_write(f->log, path, out, NULL);
    setrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, SIG_DFL);
    assert_error(f, status, GRAFT_ERR_IO, path, "cannot write");
    assert_int_equal(file_count(f->directory), 0);
    gr_tensors_destroy(&out);
}

/* What a header may get wrong, over 24 bytes of data. */
static void lying_headers_are_refused(void **state)
{
#define A "{\"a\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]}"
#define ENTRY(dtype, shape, offsets)                                                               \
    "{\"bad\":{\"dtype\":" dtype ",\"shape\":" shape ",\"data_offsets\":" offsets "}}"
    static const struct {
        const char *header, *culprit, *reason;
        graft_status status;
    } cases[] = {
        {"", "x.safetensors", "JSON", GRAFT_ERR_FORMAT},
        {"[1]", "x.safetensors", "object", GRAFT_ERR_FORMAT},
        {"{\"a\":", "x.safetensors", "JSON", GRAFT_ERR_FORMAT},
        {A "} garbage", "x.safetensors", "garbage", GRAFT_ERR_FORMAT},
        {"{\"a\n\x01", "x.safetensors", "JSON", GRAFT_ERR_FORMAT},
        {"{\"\xff\":1}", "x.safetensors", "JSON", GRAFT_ERR_FORMAT},
        {A ",\"a\":{}}", "\"a\"", "duplicate", GRAFT_ERR_FORMAT},
        {"{\"bad\":3}", "bad", "object", GRAFT_ERR_FORMAT},
        {"{\"bad\":{}}", "bad", "dtype", GRAFT_ERR_UNSUPPORTED},
        {ENTRY("\"F3\"", "[6]", "[0,24]"), "bad", "F3", GRAFT_ERR_UNSUPPORTED},
        {ENTRY("7", "[6]", "[0,24]"), "bad", "dtype", GRAFT_ERR_UNSUPPORTED},
        {ENTRY("\"F32\"", "6", "[0,24]"), "bad", "shape", GRAFT_ERR_FORMAT},
        {ENTRY("\"F32\"", "[6.0]", "[0,24]"), "bad", "shape[0]", GRAFT_ERR_FORMAT},
        {ENTRY("\"F32\"", "[-6]", "[0,24]"), "bad", "shape[0]", GRAFT_ERR_FORMAT},
        {ENTRY("\"F32\"", "[1,1,1,1,1,1,6]", "[0,24]"), "bad", "7", GRAFT_ERR_UNSUPPORTED},
        {ENTRY("\"F32\"", "[4294967296,4294967296]", "[0,24]"), "bad", "overflows",
         GRAFT_ERR_FORMAT},
        {ENTRY("\"F32\"", "[4611686018427387904,2]", "[0,0]"), "bad", "overflows",
         GRAFT_ERR_FORMAT},
        {ENTRY("\"F32\"", "[4611686018427387905]", "[0,4]"), "bad", "overflows", GRAFT_ERR_FORMAT},
        {ENTRY("\"F32\"", "[99999999999999999999]", "[0,4]"), "x.safetensors", "JSON",
         GRAFT_ERR_FORMAT},
        {ENTRY("\"F32\"", "[6]", "[0,20]"), "bad", "needs 24 bytes", GRAFT_ERR_FORMAT},
        {ENTRY("\"F32\"", "[7]", "[0,28]"), "bad", "truncated", GRAFT_ERR_FORMAT},
        {ENTRY("\"F32\"", "[1]", "[9223372036854775804,9223372036854775807]"), "bad", "truncated",
         GRAFT_ERR_FORMAT},
        {ENTRY("\"F32\"", "[1]", "[8,4]"), "bad", "backwards", GRAFT_ERR_FORMAT},
        {ENTRY("\"F32\"", "[1]", "[-4,0]"), "bad", "backwards", GRAFT_ERR_FORMAT},
        {ENTRY("\"F32\"", "[6]", "[0]"), "bad", "data_offsets", GRAFT_ERR_FORMAT},
        {ENTRY("\"F32\"", "[6]", "{}"), "bad", "data_offsets", GRAFT_ERR_FORMAT},
        {ENTRY("\"F32\"", "[6]", "[0,\"24\"]"), "bad", "data_offsets", GRAFT_ERR_FORMAT},
        {ENTRY("\"F32\"", "[4]", "[8,24]"), "bad", "gap of 8", GRAFT_ERR_FORMAT},
        {ENTRY("\"F32\"", "[4]", "[0,16]"), "x.safetensors", "8 bytes after", GRAFT_ERR_FORMAT},
        {A ",\"bad\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[20,24]}}", "bad",
         "overlaps that of a", GRAFT_ERR_FORMAT},
        {A ",\"__metadata__\":[]}", "__metadata__", "object", GRAFT_ERR_FORMAT},
        {A ",\"__metadata__\":{\"k\":1}}", "k", "not a string", GRAFT_ERR_FORMAT},
        {"{}", "x.safetensors", "24 bytes after", GRAFT_ERR_FORMAT},
    };
    fixture *f = *state;
    const char *path = path_of(f, "x.safetensors");
    put_safetensors(path, A "}   ", six, sizeof(six));
    gr_tensors *t = load(f, path);
    check_values(t, "a", GR_SHAPE(2, 3), six);
    gr_tensors_destroy(&t);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        put_safetensors(path, cases[i].header, six, sizeof(six));
        assert_error(f, gr_tensors_load(f->log, path, &t), cases[i].status, path, cases[i].culprit,
                     cases[i].reason);
        assert_null(t);
    }
}

/* Cut anywhere, a file is refused; so it is with any claim about its header's length. */
static void truncated_files_are_refused(void **state)
{
    fixture *f = *state;
    const char *path = path_of(f, "x.safetensors"), *cut = path_of(f, "cut.safetensors");
    gr_tensors *t = sample(f);
    assert_int_equal(gr_safetensors_write(f->log, path, t, NULL), GRAFT_OK);
    gr_tensors_destroy(&t);
    char *data;
    size_t size;
    assert_int_equal(gr_file_read(f->log, f->memory, path, &data, &size), GRAFT_OK);
    for (size_t n = 0; n < size; n++) {
        put_bytes(cut, data, n);
        assert_error(f, gr_tensors_load(f->log, cut, &t), GRAFT_ERR_FORMAT, cut);
        assert_null(t);
    }
    uint64_t length;
    memcpy(&length, data, 8);
    const uint64_t lies[] = {0,        1,    length - 1, length + 1, size - 8,
                             size - 7, size, 1ull << 63, UINT64_MAX, UINT64_MAX - 7};
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        memcpy(data, &lies[i], 8);
        put_bytes(cut, data, size);
        assert_error(f, gr_tensors_load(f->log, cut, &t), GRAFT_ERR_FORMAT, cut);
    }
}

/* Every byte of a small file damaged in turn: an error or other values, never a crash. */
static void damaged_bytes_do_not_crash(void **state)
{
    fixture *f = *state;
    const char *path = path_of(f, "x.safetensors");
    gr_tensors *t = sample(f);
    assert_int_equal(gr_safetensors_write(f->log, path, t, NULL), GRAFT_OK);
    gr_tensors_destroy(&t);
    char *data;
    size_t size;
    assert_int_equal(gr_file_read(f->log, f->memory, path, &data, &size), GRAFT_OK);
    float values[64];
    for (size_t n = 0; n < size; n++) {
        char old = data[n];
        data[n] = (char)(old ^ 0x15);
        put_bytes(path, data, size);
        data[n] = old;
        if (gr_tensors_load(f->log, path, &t) == GRAFT_OK)
            for (size_t i = 0; i < gr_tensors_count(t); i++)
                if (gr_tensor_count(gr_tensors_at(t, i)) <= 64)
                    gr_tensor_to_f32(gr_tensors_at(t, i), values);
        gr_tensors_destroy(&t);
    }
}

/* Every bit of a file with a checksum counts; one without is read as it is. */
static void flipped_bits_are_found(void **state)
{
    fixture *f = *state;
    char *path = path_of(f, "sum.safetensors"), *bad = path_of(f, "bad.safetensors"), *bytes;
    size_t size;
    gr_tensors *out = gr_tensors_create(), *in = gr_tensors_create();
    const float values[5] = {1, 2, 3, 4, 5};
    check_ok(f, gr_tensors_set_metadata(f->log, out, "key", "value"));
    check_ok(f, gr_tensors_add(f->log, out, "a", GR_F32, GR_SHAPE(5), values));
    gr_safetensors_params with = {.sorted = true, .checksum = true};
    check_ok(f, gr_safetensors_write(f->log, path, out, &with));
    check_ok(f, gr_safetensors_read(f->log, path, in));
    assert_int_equal(gr_tensors_count(in), 1);
    assert_int_equal(gr_tensors_metadata_count(in), 1);
    check_ok(f, gr_file_read(f->log, f->memory, path, &bytes, &size));
    for (size_t bit = 0; bit < 8 * size; bit++) {
        gr_tensors *t = gr_tensors_create();
        bytes[bit / 8] ^= (char)(1 << bit % 8);
        put_bytes(bad, bytes, size);
        if (gr_safetensors_read(f->log, bad, t) == GRAFT_OK)
            fail_msg("bit %zu of %zu was flipped without a word", bit, 8 * size);
        bytes[bit / 8] ^= (char)(1 << bit % 8);
        gr_tensors_destroy(&t);
    }
    gr_tensors_destroy(&in);
    gr_tensors_destroy(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(round_trips_in_given_order),
        TEST(sorted_files_are_aligned),
        TEST(stores_halves),
        TEST(a_value_beyond_f16_is_an_error),
        TEST(fetches_values_kept_elsewhere),
        TEST(texts_that_json_cannot_hold_are_refused),
        TEST(a_full_disk_leaves_no_file),
        TEST(lying_headers_are_refused),
        TEST(truncated_files_are_refused),
        TEST(damaged_bytes_do_not_crash),
        TEST(flipped_bits_are_found),
    };
    return RUN_TESTS(tests);
}
