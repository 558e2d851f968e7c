/* Archives, lists of images, names of classes. */
#include "fuzz.h"

#include "base/mem.h"
#include "data/dataset.h"
#include "data/list_read.h"
#include "data/names_file.h"
#include "data/support.h"

enum { MAX_CLASSES = 1 << 17 };

static graft_status read_tar(fixture *f, const uint8_t *data, size_t size)
{
    static const char *const splits[] = {"train", "test", "val20"};
    const char *path = fuzz_file(f, "a.tar", data, size);
    graft_status status = GRAFT_ERR_FORMAT;
    for (int i = 0; i < 3; i++) {
        gr_dataset *d = NULL;
        gr_dataset_params params = {.split = splits[i], .decode = {.max_pixels = 1 << 12}};
        if (gr_dataset_open(f->log, path, &params, &d) != GRAFT_OK)
            continue;
        status = GRAFT_OK;
        for (size_t k = 0; k < gr_dataset_count(d) && k < 8; k++) {
            gr_image image;
            gr_dataset_image(f->log, d, k, &image);
            gr_image_free(&image);
        }
        gr_dataset_close(&d);
    }
    return status;
}

static void seed_tar(fixture *f)
{
    bytes tar = bytes_of(f), image = image_file(f, "a.png", 2, 2, 9);
    tar_file(&tar, "data/train/a/1.png", &image);
    tar_file(&tar, "data/train/b/1.png", &image);
    tar_file(&tar, "data/test/a/1.png", &image);
    tar_link(&tar, '1', "data/test/b/1.png", "data/train/b/1.png");
    tar_link(&tar, '2', "data/test/b/2.png", "1.png");
    tar_end(&tar);
    fuzz_add(tar.data, tar.size);
    bytes pax = bytes_of(f);
    tar_member(&pax, "x", 'x', "24 path=data/a/long.png\n", 24, 24);
    tar_file(&pax, "short.png", &image);
    tar_member(&pax, "././@LongLink", 'L', "data/b/other.png", 17, 17);
    tar_file(&pax, "short.png", &image);
    tar_end(&pax);
    fuzz_add(pax.data, pax.size);
}

static graft_status read_list_text(fixture *f, const uint8_t *data, size_t size)
{
    gr_image_list list;
    void *room = gr_alloc(NULL, 1);
    const char *path = fuzz_file(f, "train.txt", data, size);
    graft_status status = gr_list_read_text(f->log, room, path, MAX_CLASSES, &list);
    gr_free(room);
    return status;
}

static void seed_list_text(fixture *f)
{
    fuzz_add_text("a/1.png 0\nb/2 3.png 1\r\n\n../up.png 2\n");
    fuzz_add_text("/abs.png 131071\n");
}

static graft_status read_list_json(fixture *f, const uint8_t *data, size_t size)
{
    gr_image_list list;
    void *room = gr_alloc(NULL, 1);
    char *path = gr_strdup(room, fuzz_file(f, "test.json", data, size));
    graft_status status = gr_list_read_json(f->log, room, path, path, MAX_CLASSES, &list);
    gr_free(room);
    return status;
}

static void seed_list_json(fixture *f)
{
    fuzz_add_text("{\"a/1.jpg\": 3, \"b/2.jpg\": \"7\", \"c.jpg\": -1}");
}

static graft_status read_names(fixture *f, const uint8_t *data, size_t size)
{
    gr_names_file names;
    int classes;
    bool by_id;
    int64_t ids[] = {0, 5, 9};
    gr_image_list list = {.classes = 3, .ids = ids}, plain = {.classes = 3};
    void *room = gr_alloc(NULL, 1);
    graft_status status =
        gr_names_file_read(f->log, room, fuzz_file(f, "classes.txt", data, size), &names);
    if (status == GRAFT_OK) {
        gr_names_file_match(room, &names, &list, &classes, &by_id);
        gr_names_file_match(room, &names, &plain, &classes, &by_id);
    }
    gr_free(room);
    return status;
}

static void seed_names(fixture *f)
{
    fuzz_add_text("cat\ndog\ncaf\xc3\xa9\n");
    fuzz_add_text("0 a\n5 b\n9 c\n");
    fuzz_add_text("n01\ta\nn02\tb\n");
}

const fuzz_target fuzz_data_sets[] = {
    FUZZ_TARGET(tar),   FUZZ_TARGET(list_text), FUZZ_TARGET(list_json),
    FUZZ_TARGET(names), {.name = NULL},
};
