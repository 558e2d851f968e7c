#include "support.h"

#include "base/mem.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <zip.h>

int file_count(const char *directory)
{
    DIR *d = opendir(directory);
    assert_non_null(d);
    int count = 0;
    for (struct dirent *e; (e = readdir(d));)
        count += strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
    closedir(d);
    return count;
}

void put_safetensors(const char *path, const char *header, const void *data, size_t size)
{
    uint64_t length = strlen(header);
    char *file = malloc(8 + length + size);
    assert_non_null(file);
    memcpy(file, &length, 8);
    memcpy(file + 8, header, length);
    if (size)
        memcpy(file + 8 + length, data, size);
    put_bytes(path, file, 8 + length + size);
    free(file);
}

blob npy(fixture *f, int version, const char *header, const void *data, size_t size)
{
    size_t prefix = version == 1 ? 10 : 12, length = strlen(header);
    blob b = {.size = prefix + length + size};
    b.data = gr_alloc(f->memory, b.size);
    assert_non_null(b.data);
    memcpy(b.data, "\x93NUMPY", 6);
    b.data[6] = (char)version;
    memcpy(b.data + 8, &length, prefix - 8);
    memcpy(b.data + prefix, header, length);
    if (size)
        memcpy(b.data + prefix + length, data, size);
    return b;
}

void put_zip(const char *path, const zip_member *members, size_t count)
{
    zip_t *archive = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, NULL);
    assert_non_null(archive);
    for (size_t i = 0; i < count; i++) {
        const zip_member *m = &members[i];
        zip_source_t *source = zip_source_buffer(archive, m->content.data, m->content.size, 0);
        zip_int64_t index = zip_file_add(archive, m->name, source, 0);
        assert_true(index >= 0);
        assert_int_equal(zip_set_file_compression(archive, (zip_uint64_t)index, m->method, 0), 0);
    }
    assert_int_equal(zip_close(archive), 0);
}

void check_tensor(const gr_tensors *tensors, const char *name, gr_dtype dtype, gr_shape shape)
{
    const gr_tensor *tensor = gr_tensors_find(tensors, name);
    if (!tensor)
        fail_msg("no tensor %s", name);
    assert_string_equal(gr_dtype_name(tensor->dtype), gr_dtype_name(dtype));
    char expected[GR_SHAPE_TEXT], found[GR_SHAPE_TEXT];
    assert_string_equal(gr_shape_text(&tensor->shape, found), gr_shape_text(&shape, expected));
}

void check_values(const gr_tensors *tensors, const char *name, gr_shape shape, const float *values)
{
    check_tensor(tensors, name, GR_F32, shape);
    const gr_tensor *tensor = gr_tensors_find(tensors, name);
    size_t count = (size_t)gr_tensor_count(tensor);
    float *found = malloc(count * sizeof(float) + 1);
    assert_non_null(found);
    gr_tensor_to_f32(tensor, found);
    for (size_t i = 0; i < count; i++)
        if (found[i] != values[i])
            fail_msg("%s[%zu]: expected %g, found %g", name, i, (double)values[i],
                     (double)found[i]);
    free(found);
}
