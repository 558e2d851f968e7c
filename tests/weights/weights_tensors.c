/* The dictionary of tensors, and conversions of their elements. */
#include "support.h"

#include <stdio.h>

static void finds_what_was_added(void **state)
{
    fixture *f = *state;
    gr_tensors *tensors = gr_tensors_create();
    assert_non_null(tensors);
    assert_null(gr_tensors_find(tensors, "t0"));
    const gr_tensor *first = NULL;
    char name[16];
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "t%d", i);
        assert_int_equal(gr_tensors_add(f->log, tensors, name, GR_F32, GR_SHAPE(i, 2), NULL), 0);
        if (i == 0)
            first = gr_tensors_find(tensors, "t0");
    }
    assert_int_equal(gr_tensors_count(tensors), 1000);
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "t%d", i);
        const gr_tensor *t = gr_tensors_find(tensors, name);
        assert_ptr_equal(t, gr_tensors_at(tensors, (size_t)i));
        assert_string_equal(t->name, name);
        assert_int_equal(t->size_bytes, 8 * i);
    }
    assert_ptr_equal(first, gr_tensors_find(tensors, "t0"));
    assert_null(gr_tensors_find(tensors, "t1000"));
    gr_tensors_destroy(&tensors);
    assert_null(tensors);
    gr_tensors_destroy(&tensors);
}

static void refuses_duplicates_and_overflow(void **state)
{
    fixture *f = *state;
    gr_tensors *tensors = gr_tensors_create();
    gr_tensors_set_source(f->log, tensors, "source.file");
    gr_shape small = GR_SHAPE(2), huge = GR_SHAPE(INT64_MAX / 2, 3), big = GR_SHAPE(INT64_MAX);
    assert_int_equal(gr_tensors_add(f->log, tensors, "a", GR_F32, small, NULL), GRAFT_OK);
    assert_error(f, gr_tensors_add(f->log, tensors, "a", GR_F32, small, NULL), GRAFT_ERR_FORMAT,
                 "source.file", "tensor a", "twice");
    assert_error(f, gr_tensors_add(f->log, tensors, "b", GR_F32, huge, NULL), GRAFT_ERR_SHAPE,
                 "tensor b", "overflows");
    assert_error(f, gr_tensors_add(f->log, tensors, "c", GR_F32, big, NULL), GRAFT_ERR_SHAPE,
                 "tensor c", "overflows");
    assert_int_equal(gr_tensors_count(tensors), 1);
    gr_tensors_destroy(&tensors);
}

static void get_explains_what_is_wrong(void **state)
{
    fixture *f = *state;
    gr_tensors *tensors = gr_tensors_create();
    gr_tensors_set_source(f->log, tensors, "model.file");
    gr_tensors_add(f->log, tensors, "head.weight", GR_F32, GR_SHAPE(7, 48), NULL);
    const gr_tensor *t;
    assert_int_equal(gr_tensors_get_shaped(f->log, tensors, "head.weight", GR_SHAPE(7, 48), &t), 0);
    assert_int_equal(gr_tensors_get(f->log, tensors, "head.weight", &t), 0);
    assert_non_null(t);
    assert_error(f, gr_tensors_get_shaped(f->log, tensors, "head.weight", GR_SHAPE(48, 7), &t),
                 GRAFT_ERR_SHAPE, "model.file", "head.weight", "expected shape [48, 7]",
                 "found [7, 48]");
    assert_null(t);
    assert_error(f, gr_tensors_get(f->log, tensors, "head.bias", &t), GRAFT_ERR_NOT_FOUND,
                 "model.file", "head.bias");
    gr_tensors_destroy(&tensors);
}

static void metadata_is_replaced_by_key(void **state)
{
    fixture *f = *state;
    gr_tensors *tensors = gr_tensors_create();
    assert_null(gr_tensors_metadata(tensors, "a"));
    gr_tensors_set_metadata(f->log, tensors, "a", "1");
    gr_tensors_set_metadata(f->log, tensors, "b", "2");
    gr_tensors_set_metadata(f->log, tensors, "a", "3");
    assert_int_equal(gr_tensors_metadata_count(tensors), 2);
    assert_string_equal(gr_tensors_metadata(tensors, "a"), "3");
    const char *key, *value;
    gr_tensors_metadata_at(tensors, 1, &key, &value);
    assert_string_equal(key, "b");
    assert_string_equal(value, "2");
    gr_tensors_destroy(&tensors);
}

/* At an odd address, as a file may have it. */
#define CHECK_CONVERSION(tag, type, ...)                                                           \
    do {                                                                                           \
        const type typed[3] = {__VA_ARGS__};                                                       \
        const float expected[3] = {__VA_ARGS__};                                                   \
        char bytes[1 + sizeof(typed)];                                                             \
        memcpy(bytes + 1, typed, sizeof(typed));                                                   \
        gr_tensor t = {"t", tag, GR_SHAPE(3), bytes + 1, sizeof(typed)};                           \
        float found[3];                                                                            \
        gr_tensor_to_f32(&t, found);                                                               \
        assert_memory_equal(found, expected, sizeof(expected));                                    \
        int64_t integers[3];                                                                       \
        if (tag != GR_F64 && tag != GR_F32 && tag != GR_F16 && tag != GR_BF16) {                   \
            assert_int_equal(gr_tensor_to_i64(f->log, &t, integers), GRAFT_OK);                    \
            for (int i = 0; i < 3; i++)                                                            \
                assert_true(integers[i] == (int64_t)typed[i]);                                     \
        } else {                                                                                   \
            assert_error(f, gr_tensor_to_i64(f->log, &t, integers), GRAFT_ERR_SHAPE, "tensor t",   \
                         gr_dtype_name(tag));                                                      \
        }                                                                                          \
    } while (0)

static void converts_every_type(void **state)
{
    fixture *f = *state;
    CHECK_CONVERSION(GR_F64, double, -1.5, 0, 1e10);
    CHECK_CONVERSION(GR_F32, float, -1.5f, 0, 1e10f);
    CHECK_CONVERSION(GR_I64, int64_t, -3, 0, 1 << 20);
    CHECK_CONVERSION(GR_I32, int32_t, -3, 0, 1 << 20);
    CHECK_CONVERSION(GR_I16, int16_t, -3, 0, 32767);
    CHECK_CONVERSION(GR_I8, int8_t, -3, 0, 127);
    CHECK_CONVERSION(GR_U32, uint32_t, 3, 0, 1u << 31);
    CHECK_CONVERSION(GR_U8, uint8_t, 3, 0, 255);
    CHECK_CONVERSION(GR_BOOL, uint8_t, 1, 0, 1);
    const uint16_t f16[] = {0xbe00, 0x0001}, bf16[] = {0xbfc0, 0x7f80};
    float found[2];
    gr_tensor_to_f32(&(gr_tensor){"t", GR_F16, GR_SHAPE(2), f16, 4}, found);
    assert_true(found[0] == -1.5f && found[1] == 0x1p-24f);
    gr_tensor_to_f32(&(gr_tensor){"t", GR_BF16, GR_SHAPE(2), bf16, 4}, found);
    assert_true(found[0] == -1.5f && found[1] > 3.4e38f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(finds_what_was_added),       TEST(refuses_duplicates_and_overflow),
        TEST(get_explains_what_is_wrong), TEST(metadata_is_replaced_by_key),
        TEST(converts_every_type),
    };
    return RUN_TESTS(tests);
}
