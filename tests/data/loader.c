/* The loader: batches depend on seed, epoch and position alone; errors come in order; threads end.
 */
#include "support.h"

#include "base/mem.h"
#include "data/loader.h"
#include "data/order.h"

#include <stdio.h>
#include <stdlib.h>

enum { COUNT = 23, SIZE = 6, BATCH = 5, FLOATS = 3 * SIZE * SIZE };

/* A set whose images are told apart by brightness, and left from right. */
static gr_dataset *make_set(fixture *f)
{
    char list[COUNT * 40] = "";
    for (int i = 0; i < COUNT; i++) {
        uint8_t pixels[8 * 8 * 3];
        for (int k = 0; k < 8 * 8; k++)
            memset(pixels + 3 * k, i * 10 + k % 8, 3);
        char *name = gr_printf(f->memory, "%02d.png", i);
        bytes file = encode_png(f, pixels, 8, 8, (png_kind){8, 2, false, false});
        put_bytes(path_of(f, name), file.data, file.size);
        snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s %d\n", name, i);
    }
    put_text(path_of(f, "train.txt"), list);
    gr_dataset *d = NULL;
    check_ok(f, gr_dataset_open(f->log, f->directory, NULL, &d));
    assert_int_equal(gr_dataset_count(d), COUNT);
    return d;
}

static gr_loader_params usual(void)
{
    return (gr_loader_params){
        .preprocess = {.size = SIZE,
                       .interpolation = GR_BICUBIC,
                       .normalization = {{0.5f, 0.5f, 0.5f}, {0.5f, 0.5f, 0.5f}}},
        .batch = BATCH,
        .order = GR_ORDER_SHUFFLED,
        .seed = 11,
        .augment =
            {.crop = GRAFT_CROP_RANDOM_RESIZED,
             .crop_scale = {0.3, 1.0},
             .crop_ratio = {0.75, 1.3333333},
             .flip = true,
             .rand_augment = {.count = 2, .probability = 0.5, .magnitude = 9, .increasing = true},
             .color_jitter = {0.4, 0.4, 0.4, 0.1},
             .random_erasing = 0.3},
        .threads = 1,
    };
}

/* All that a loader gives until the end of the epoch. */
typedef struct epoch {
    float images[COUNT + BATCH][FLOATS];
    int32_t labels[COUNT + BATCH];
    int batches, valid;
} epoch;

static epoch *read_epoch(fixture *f, gr_loader *loader)
{
    epoch *e = gr_alloc(f->memory, sizeof(*e));
    assert_non_null(e);
    for (int valid = 1; valid; e->batches += valid > 0) {
        /* exact sizes, filled with what must be overwritten */
        float *images = malloc(sizeof(float) * BATCH * FLOATS);
        int32_t *labels = malloc(sizeof(*labels) * BATCH);
        assert_true(images && labels);
        memset(images, 0xFF, sizeof(float) * BATCH * FLOATS);
        check_ok(f, gr_loader_next(loader, images, labels, &valid));
        if (valid) {
            assert_true(e->batches * BATCH + BATCH <= COUNT + BATCH);
            memcpy(e->images[e->batches * BATCH], images, sizeof(float) * BATCH * FLOATS);
            memcpy(e->labels + e->batches * BATCH, labels, sizeof(*labels) * BATCH);
            for (int i = 0; i < valid; i++)
                assert_int_equal(gr_loader_index(loader, i), labels[i]); /* labels are indices */
        }
        e->valid += valid;
        free(images);
        free(labels);
    }
    return e;
}

static epoch *run_from(fixture *f, const gr_dataset *d, const gr_loader_params *params,
                       uint32_t epoch_index, size_t batch)
{
    gr_loader *loader = NULL;
    check_ok(f, gr_loader_create(f->log, d, params, &loader));
    check_ok(f, gr_loader_seek(loader, epoch_index, batch));
    epoch *e = read_epoch(f, loader);
    gr_loader_destroy(&loader);
    assert_null(loader);
    return e;
}

static epoch *run(fixture *f, const gr_dataset *d, const gr_loader_params *params)
{
    return run_from(f, d, params, 0, 0);
}

static void same_with_any_threads(void **state)
{
    fixture *f = *state;
    gr_dataset *d = make_set(f);
    gr_loader_params params = usual();
    epoch *one = run(f, d, &params);
    for (int threads = 0; threads < 7; threads += 3) {
        params.threads = threads;
        for (int repeat = 0; repeat < 5; repeat++)
            assert_memory_equal(run(f, d, &params), one, sizeof(*one));
    }
    params.seed = 12;
    assert_memory_not_equal(run(f, d, &params)->labels, one->labels, sizeof(one->labels));
    params.seed = 11;
    assert_memory_not_equal(run_from(f, d, &params, 1, 0)->labels, one->labels,
                            sizeof(one->labels));
    gr_dataset_close(&d);
}

static void each_image_once(void **state)
{
    fixture *f = *state;
    gr_dataset *d = make_set(f);
    gr_loader_params params = usual();
    epoch *e = run(f, d, &params);
    int seen[COUNT] = {0};
    for (int i = 0; i < COUNT; i++)
        seen[e->labels[i]]++;
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(seen[i], 1);
    gr_dataset_close(&d);
}

/* 23 = 4 * 5 + 3: the last batch holds 3 images, zeros, and labels of -1. */
static void partial_batch(void **state)
{
    fixture *f = *state;
    gr_dataset *d = make_set(f);
    gr_loader_params params = usual();
    epoch *e = run(f, d, &params);
    assert_int_equal(e->batches, 5);
    assert_int_equal(e->valid, COUNT);
    for (int i = COUNT; i < 25; i++) {
        assert_int_equal(e->labels[i], -1);
        for (int k = 0; k < FLOATS; k++)
            assert_true(e->images[i][k] == 0.0f);
    }
    params.drop_last = true;
    e = run(f, d, &params);
    assert_int_equal(e->batches, 4);
    assert_int_equal(e->valid, 20);
    gr_dataset_close(&d);
}

/* The images are what preprocessing gives, mirrored where order.h says so. */
static void content(void **state)
{
    fixture *f = *state;
    gr_dataset *d = make_set(f);
    gr_loader_params params = usual();
    params.order = GR_ORDER_SEQUENTIAL;
    params.augment = (graft_augment_params){.flip = true};
    epoch *e = run(f, d, &params);
    int flips = 0;
    for (uint32_t i = 0; i < COUNT; i++) {
        gr_image image;
        float expected[FLOATS];
        assert_int_equal(e->labels[i], i);
        check_ok(f, gr_dataset_image(f->log, d, i, &image));
        if (gr_order_flip(params.seed, 0, i)) {
            gr_flip_horizontal(&image);
            flips++;
        }
        check_ok(f, gr_preprocess_image(f->log, &params.preprocess, &image, expected));
        gr_image_free(&image);
        assert_memory_equal(e->images[i], expected, sizeof(expected));
    }
    assert_in_range(flips, 4, COUNT - 4);
    params.augment.flip = false;
    assert_memory_not_equal(run(f, d, &params)->images, e->images, sizeof(e->images));
    gr_dataset_close(&d);
}

/* Bytes, normalised, are the floats. */
static void bytes_are_the_same_images(void **state)
{
    fixture *f = *state;
    gr_dataset *d = make_set(f);
    gr_loader_params params = usual();
    params.augment.random_erasing = 0.0;
    epoch *whole = run(f, d, &params);
    gr_loader *loader;
    check_ok(f, gr_loader_create(f->log, d, &params, &loader));
    uint8_t pixels[BATCH * FLOATS];
    int32_t labels[BATCH];
    float image[FLOATS];
    int valid = 1, at = 0;
    for (; valid; at += valid) {
        check_ok(f, gr_loader_next_pixels(loader, pixels, labels, &valid));
        for (int i = 0; i < valid; i++) {
            gr_normalize(&params.preprocess.normalization, pixels + i * FLOATS, SIZE * SIZE, image);
            assert_memory_equal(image, whole->images[at + i], sizeof(image));
            assert_int_equal(labels[i], whole->labels[at + i]);
            assert_int_equal(gr_loader_index(loader, i), labels[i]);
        }
    }
    assert_int_equal(at, COUNT);
    gr_loader_destroy(&loader);
    gr_dataset_close(&d);
}

/* One epoch after the other by one loader, with decoding that goes on from one to the next, is what
 * a loader of each gives; so it is when epochs are left out, read twice or begun in the middle. */
static void epochs_follow_each_other(void **state)
{
    fixture *f = *state;
    gr_dataset *d = make_set(f);
    gr_loader_params params = usual();
    static const struct {
        uint32_t epoch;
        size_t batch;
    } order[] = {{0, 0}, {1, 0}, {2, 0}, {4, 0}, {5, 1}, {5, 0}, {6, 0}, {6, 0}, {7, 0}};
    for (int drop = 0; drop < 2; drop++) {
        params.drop_last = drop;
        params.threads = 3;
        params.epochs = 7; /* one less than there are */
        gr_loader *loader;
        check_ok(f, gr_loader_create(f->log, d, &params, &loader));
        params.epochs = 0;
        for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
            check_ok(f, gr_loader_seek(loader, order[i].epoch, order[i].batch));
            epoch *found = read_epoch(f, loader);
            epoch *expected = run_from(f, d, &params, order[i].epoch, order[i].batch);
            assert_int_equal(found->batches, expected->batches);
            assert_memory_equal(found->images, expected->images, sizeof(found->images));
            assert_memory_equal(found->labels, expected->labels, sizeof(found->labels));
        }
        gr_loader_destroy(&loader);
    }
    gr_dataset_close(&d);
}

/* Starting at batch k equals having read k batches; so does seeking there from anywhere. */
static void resume(void **state)
{
    fixture *f = *state;
    gr_dataset *d = make_set(f);
    gr_loader_params params = usual();
    epoch *whole = run_from(f, d, &params, 3, 0);
    params.threads = 2;
    for (size_t k = 0; k <= 5; k++) {
        epoch *rest = run_from(f, d, &params, 3, k);
        assert_int_equal(rest->batches, 5 - k);
        size_t count = (5 - k) * BATCH;
        assert_memory_equal(rest->labels, whole->labels + k * BATCH, count * sizeof(int32_t));
        assert_memory_equal(rest->images, whole->images[k * BATCH],
                            count * sizeof(whole->images[0]));
    }
    gr_loader *loader = NULL;
    check_ok(f, gr_loader_create(f->log, d, &params, &loader));
    assert_int_equal(gr_loader_batches(loader), 5);
    check_ok(f, gr_loader_seek(loader, 3, 0)); /* while the workers are busy */
    assert_memory_equal(read_epoch(f, loader), whole, sizeof(*whole));
    check_ok(f, gr_loader_seek(loader, 3, 0)); /* from the end */
    assert_memory_equal(read_epoch(f, loader), whole, sizeof(*whole));
    assert_error(f, gr_loader_seek(loader, 3, 6), GRAFT_ERR_ARGUMENT, "batch 6");
    gr_loader_destroy(&loader);
    gr_dataset_close(&d);
}

/* Images 7 and 8 are bad: with any number of threads the batches before are served, then the first
 * error is told, again and again; seeking beyond gets on. */
static void failing_image(void **state)
{
    fixture *f = *state;
    gr_dataset *d = make_set(f);
    put_text(path_of(f, "07.png"), "seven is no image");
    put_text(path_of(f, "08.png"), "eight is no image");
    gr_loader_params params = usual();
    params.order = GR_ORDER_SEQUENTIAL;
    for (int threads = 1; threads < 6; threads++) {
        float images[BATCH * FLOATS];
        int32_t labels[BATCH];
        int valid = 9;
        gr_loader *loader = NULL;
        params.threads = threads;
        check_ok(f, gr_loader_create(f->log, d, &params, &loader));
        check_ok(f, gr_loader_next(loader, images, labels, &valid));
        assert_int_equal(valid, BATCH);
        for (int repeat = 0; repeat < 2; repeat++) {
            assert_error(f, gr_loader_next(loader, images, labels, &valid), GRAFT_ERR_FORMAT,
                         "train.txt:8: 07.png: no image by its first bytes");
            assert_int_equal(valid, 0);
        }
        check_ok(f, gr_loader_seek(loader, 0, 2));
        check_ok(f, gr_loader_next(loader, images, labels, &valid));
        assert_int_equal(labels[0], 10);
        gr_loader_destroy(&loader);
    }
    gr_dataset_close(&d);
}

/* Whatever state the workers are in, nothing hangs, and a sanitizer sees no race. */
static void destroyed_at_any_time(void **state)
{
    fixture *f = *state;
    gr_dataset *d = make_set(f);
    gr_loader_params params = usual();
    params.threads = 4;
    for (int i = 0; i < 40; i++) {
        float images[BATCH * FLOATS];
        int32_t labels[BATCH];
        int valid;
        gr_loader *loader = NULL;
        check_ok(f, gr_loader_create(f->log, d, &params, &loader));
        for (int k = 0; k < i % 4; k++)
            check_ok(f, gr_loader_next(loader, images, labels, &valid));
        if (i % 5 == 0)
            check_ok(f, gr_loader_seek(loader, 1, 1));
        gr_loader_destroy(&loader);
    }
    gr_loader_destroy(NULL);
    gr_dataset_close(&d);
}

static void odd_sizes(void **state)
{
    fixture *f = *state;
    gr_dataset *d = make_set(f);
    gr_loader_params params = usual();
    float *images = gr_alloc(f->memory, sizeof(float) * 40 * FLOATS);
    int32_t labels[40];
    int valid;
    gr_loader *loader = NULL;
    params.batch = 40; /* larger than the set */
    check_ok(f, gr_loader_create(f->log, d, &params, &loader));
    assert_int_equal(gr_loader_batches(loader), 1);
    check_ok(f, gr_loader_next(loader, images, labels, &valid));
    assert_int_equal(valid, COUNT);
    gr_loader_destroy(&loader);
    params.drop_last = true; /* no full batch: an epoch of none */
    check_ok(f, gr_loader_create(f->log, d, &params, &loader));
    assert_int_equal(gr_loader_batches(loader), 0);
    check_ok(f, gr_loader_next(loader, images, labels, &valid));
    assert_int_equal(valid, 0);
    gr_loader_destroy(&loader);
    gr_dataset_close(&d);
}

static void bad_parameters(void **state)
{
    fixture *f = *state;
    gr_dataset *d = make_set(f);
    gr_loader *loader = NULL;
    gr_loader_params params = usual();
    params.batch = 0;
    assert_error(f, gr_loader_create(f->log, d, &params, &loader), GRAFT_ERR_ARGUMENT, "batch");
    params = usual(), params.threads = -1;
    assert_error(f, gr_loader_create(f->log, d, &params, &loader), GRAFT_ERR_ARGUMENT, "threads");
    params = usual(), params.preprocess.size = 0;
    assert_error(f, gr_loader_create(f->log, d, &params, &loader), GRAFT_ERR_ARGUMENT, "size 0");
    params = usual(), params.augment.crop = GRAFT_CROP_RANDOM;
    assert_error(f, gr_loader_create(f->log, d, &params, &loader), GRAFT_ERR_ARGUMENT,
                 "`augment.crop` random");
    assert_null(loader);
    gr_dataset_close(&d);
}

/* A shuffle puts every image at every place equally often. Standard deviation of a cell: 17.3. */
static void shuffle_is_fair(void **state)
{
    (void)state;
    enum { N = 8, EPOCHS = 2400 };
    int cells[N][N] = {0};
    for (uint32_t e = 0; e < EPOCHS; e++) {
        uint32_t order[N];
        gr_order_shuffled(order, N, 99, e);
        for (int i = 0; i < N; i++)
            cells[i][order[i]]++;
    }
    for (int i = 0; i < N; i++)
        for (int k = 0; k < N; k++)
            assert_in_range(cells[i][k], EPOCHS / N - 80, EPOCHS / N + 80);
}

/* Half of all images are mirrored, and others in each epoch and for each seed. */
static void flip_is_fair(void **state)
{
    (void)state;
    enum { N = 4000 };
    int flips = 0, by_epoch = 0, by_seed = 0;
    for (uint32_t i = 0; i < N; i++) {
        bool flip = gr_order_flip(5, 0, i);
        flips += flip;
        by_epoch += flip != gr_order_flip(5, 1, i);
        by_seed += flip != gr_order_flip(6, 0, i);
    }
    assert_in_range(flips, N / 2 - 150, N / 2 + 150);
    assert_in_range(by_epoch, N / 2 - 150, N / 2 + 150);
    assert_in_range(by_seed, N / 2 - 150, N / 2 + 150);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(same_with_any_threads),
        TEST(each_image_once),
        TEST(partial_batch),
        TEST(content),
        TEST(bytes_are_the_same_images),
        TEST(epochs_follow_each_other),
        TEST(resume),
        TEST(failing_image),
        TEST(destroyed_at_any_time),
        TEST(odd_sizes),
        TEST(bad_parameters),
        TEST(shuffle_is_fair),
        TEST(flip_is_fair),
    };
    return RUN_TESTS(tests);
}
