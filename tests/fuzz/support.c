/* What drivers and targets share: seeds, scratch files. */
#include "fuzz.h"
#include "seeds.h"

#include "base/file.h"
#include "base/mem.h"

#include <stdlib.h>

fuzz_seeds *fuzz_collecting;

void fuzz_add(const void *data, size_t size)
{
    fuzz_seeds *s = fuzz_collecting;
    assert_true(s->count < FUZZ_MAX_SEEDS);
    uint8_t *copy = gr_alloc(s->memory, size + 1);
    assert_non_null(copy);
    memcpy(copy, data, size);
    s->seeds[s->count++] = (fuzz_seed){copy, size};
}

void fuzz_add_text(const char *text)
{
    fuzz_add(text, strlen(text));
}

void fuzz_add_file(const char *path)
{
    char *data;
    size_t size;
    graft_log *log = graft_log_create(NULL);
    assert_int_equal(gr_file_read(log, NULL, path, &data, &size), GRAFT_OK);
    fuzz_add(data, size);
    gr_free(data);
    graft_log_destroy(&log);
}

const char *fuzz_data(const char *name, char path[512])
{
    snprintf(path, 512, "%s/data/%s", GRAFT_TEST_SOURCE, name);
    return path;
}

void fuzz_add_data(const char *name)
{
    char path[512];
    fuzz_add_file(fuzz_data(name, path));
}

const char *fuzz_file(fixture *f, const char *name, const uint8_t *data, size_t size)
{
    static char path[512];
    snprintf(path, sizeof(path), "%s/%s", f->directory, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    return path;
}

size_t fuzz_cut(const uint8_t *data, size_t size, char mark, const uint8_t **rest,
                size_t *rest_size)
{
    const uint8_t *at = size ? memchr(data, mark, size) : NULL;
    size_t before = at ? (size_t)(at - data) : size;
    *rest = at ? at + 1 : data + size;
    *rest_size = at ? size - before - 1 : 0;
    return before;
}

const fuzz_target *fuzz_find(const char *name)
{
    const fuzz_target *const lists[] = {fuzz_weights, fuzz_images, fuzz_data_sets, fuzz_runs};
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        for (const fuzz_target *t = lists[i]; t->name; t++)
            if (strcmp(t->name, name) == 0)
                return t;
    return NULL;
}
