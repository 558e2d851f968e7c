/* Which files a checkpoint may consist of: single, directory, shards; and what is not one. */
#include "support.h"

#include "weights/load.h"

#include <sys/stat.h>

#define ONE(name) "{\"" name "\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}"

static const float one = 1, two = 2;

static void put_shards(fixture *f, const char *index)
{
    put_safetensors(path_of(f, "s1.safetensors"), ONE("a"), &one, 4);
    put_safetensors(path_of(f, "s2.safetensors"), ONE("b"), &two, 4);
    put_text(path_of(f, "model.safetensors.index.json"), index);
}

static void check_shards(fixture *f, const char *path)
{
    gr_tensors *t;
    assert_int_equal(gr_tensors_load(f->log, path, &t), GRAFT_OK);
    assert_int_equal(gr_tensors_count(t), 2);
    check_values(t, "a", GR_SHAPE(1), &one);
    check_values(t, "b", GR_SHAPE(1), &two);
    gr_tensors_destroy(&t);
}

static void loads_shards(void **state)
{
    fixture *f = *state;
    put_shards(f, "{\"metadata\":{\"total_size\":8},"
                  "\"weight_map\":{\"a\":\"s1.safetensors\",\"b\":\"s2.safetensors\"}}");
    check_shards(f, f->directory);
    check_shards(f, path_of(f, "model.safetensors.index.json"));
}

static void broken_shards_are_named(void **state)
{
    static const struct {
        const char *index, *culprit, *file;
        graft_status status;
    } cases[] = {
        {"{\"weight_map\":{\"a\":\"s1.safetensors\",\"b\":\"gone.safetensors\"}}",
         "gone.safetensors", "No such file", GRAFT_ERR_IO},
        {"{\"weight_map\":{\"a\":\"s1.safetensors\",\"c\":\"s2.safetensors\"}}", "tensor c",
         "s2.safetensors", GRAFT_ERR_NOT_FOUND},
        {"{\"weight_map\":{\"a\":\"s1.safetensors\",\"b\":\"s1.safetensors\"}}", "tensor b",
         "s1.safetensors", GRAFT_ERR_NOT_FOUND},
        {"{\"weight_map\":{\"a\":\"s2.safetensors\",\"b\":\"s1.safetensors\"}}", "tensor a",
         "s2.safetensors", GRAFT_ERR_NOT_FOUND},
        {"{\"weight_map\":{\"a\":\"../s1.safetensors\"}}", "tensor a", "../s1.safetensors",
         GRAFT_ERR_FORMAT},
        {"{\"weight_map\":{\"a\":\"/etc/passwd\"}}", "tensor a", "/etc/passwd", GRAFT_ERR_FORMAT},
        {"{\"weight_map\":{\"a\":1}}", "tensor a", "index.json", GRAFT_ERR_FORMAT},
        {"{\"weight_map\":{}}", "weight_map", "index.json", GRAFT_ERR_FORMAT},
        {"{\"weight_map\":[]}", "weight_map", "index.json", GRAFT_ERR_FORMAT},
        {"{}", "weight_map", "index.json", GRAFT_ERR_FORMAT},
        {"", "JSON", "index.json", GRAFT_ERR_FORMAT},
    };
    fixture *f = *state;
    gr_tensors *t;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        put_shards(f, cases[i].index);
        assert_error(f, gr_tensors_load(f->log, f->directory, &t), cases[i].status,
                     cases[i].culprit, cases[i].file, f->directory);
        assert_null(t);
    }
}

static void a_tensor_in_two_shards_is_refused(void **state)
{
    fixture *f = *state;
    put_shards(f, "{\"weight_map\":{\"a\":\"s1.safetensors\",\"b\":\"s2.safetensors\"}}");
    put_safetensors(path_of(f, "s2.safetensors"), ONE("a"), &two, 4);
    gr_tensors *t;
    assert_error(f, gr_tensors_load(f->log, f->directory, &t), GRAFT_ERR_FORMAT, "tensor a",
                 "twice");
}

static void loads_the_file_of_a_directory(void **state)
{
    fixture *f = *state;
    gr_tensors *t;
    assert_error(f, gr_tensors_load(f->log, f->directory, &t), GRAFT_ERR_NOT_FOUND, f->directory,
                 "no .safetensors");
    put_safetensors(path_of(f, "any.safetensors"), ONE("a"), &one, 4);
    put_text(path_of(f, "config.json"), "{}");
    assert_int_equal(gr_tensors_load(f->log, f->directory, &t), GRAFT_OK);
    check_values(t, "a", GR_SHAPE(1), &one);
    gr_tensors_destroy(&t);
    put_safetensors(path_of(f, "other.safetensors"), ONE("a"), &two, 4);
    assert_error(f, gr_tensors_load(f->log, f->directory, &t), GRAFT_ERR_FORMAT, f->directory,
                 "several");
    put_safetensors(path_of(f, "model.safetensors"), ONE("b"), &two, 4);
    assert_int_equal(gr_tensors_load(f->log, f->directory, &t), GRAFT_OK);
    check_values(t, "b", GR_SHAPE(1), &two);
    gr_tensors_destroy(&t);
}

static void other_things_are_refused(void **state)
{
    fixture *f = *state;
    gr_tensors *t;
    const char *missing = path_of(f, "missing.safetensors"), *pth = path_of(f, "vit.pth");
    const char *png = path_of(f, "vit.png"), *empty = path_of(f, "empty.safetensors");
    put_text(pth, "PK");
    put_text(png, "PNG");
    put_text(empty, "");
    assert_error(f, gr_tensors_load(f->log, missing, &t), GRAFT_ERR_IO, missing, "No such file");
    assert_error(f, gr_tensors_load(f->log, pth, &t), GRAFT_ERR_UNSUPPORTED, pth,
                 "tools/convert-checkpoint.py");
    assert_error(f, gr_tensors_load(f->log, png, &t), GRAFT_ERR_UNSUPPORTED, png, "expected");
    assert_error(f, gr_tensors_load(f->log, empty, &t), GRAFT_ERR_FORMAT, empty, "0 bytes");
    const char *directory = path_of(f, "d.safetensors");
    assert_int_equal(mkdir(directory, 0777), 0);
    assert_error(f, gr_tensors_load(f->log, directory, &t), GRAFT_ERR_NOT_FOUND, directory);
    assert_null(t);
}

/* Types and ranks that nothing here holds: left aside where that is asked for. */
static void strange_tensors(void **state)
{
    static const char *const entries[] = {"{\"dtype\":\"F8_E4M3\",\"shape\":[4]",
                                          "{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1]"};
    static const char *const whys[] = {"unknown dtype F8_E4M3", "at most 6 dimensions, found 7"};
    fixture *f = *state;
    const char *path = path_of(f, "x.safetensors");
    for (int i = 0; i < 2; i++) {
        const char *name, *why;
        gr_tensors *t = NULL;
        char header[300];
        snprintf(header, sizeof(header),
                 "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
                 "\"odd\":%s,\"data_offsets\":[4,8]}}",
                 entries[i]);
        put_safetensors(path, header, (float[]){1, 2}, 8);
        assert_error(f, gr_tensors_load(f->log, path, &t), GRAFT_ERR_UNSUPPORTED, "tensor odd",
                     whys[i]);
        assert_null(t);
        assert_int_equal(gr_tensors_load_lenient(f->log, path, &t), GRAFT_OK);
        assert_int_equal(gr_tensors_count(t), 1);
        assert_int_equal(gr_tensors_strange_count(t), 1);
        gr_tensors_strange_at(t, 0, &name, &why);
        assert_string_equal(name, "odd");
        assert_non_null(strstr(why, whys[i]));
        gr_tensors_destroy(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(loads_shards),
        TEST(broken_shards_are_named),
        TEST(a_tensor_in_two_shards_is_refused),
        TEST(loads_the_file_of_a_directory),
        TEST(other_things_are_refused),
        TEST(strange_tensors),
    };
    return RUN_TESTS(tests);
}
