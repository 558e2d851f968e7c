/* A resident backbone and the adapters on it, by the public API. */
#include "support.h"

#include "base/convert.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "data/image.h"
#include "weights/load.h"
#include "weights/safetensors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { IMAGES = 5, MOST_CLASSES = 8 };

static graft_model *resident(gr_device *device, const graft_source *backbone)
{
    graft_model_params params;
    graft_model *model = NULL;
    graft_model_defaults(&params);
    params.backbone = *backbone;
    params.batch_size = 4;
    check_ok(scratch(),
             graft_model_open(scratch()->log, gr_device_to_public(device), &params, &model));
    return model;
}

static graft_model *resident_tiny(gr_device *device)
{
    return resident(device, &(graft_source){.path = tiny_backbone()});
}

static graft_adapter *opened(const char *path)
{
    graft_adapter *adapter = NULL;
    check_ok(scratch(),
             graft_adapter_open(scratch()->log, &(graft_source){.path = path}, &adapter));
    return adapter;
}

/* The path of an adapter trained for a few large steps. */
static char *trained(gr_device *device, const char *method, int image_size)
{
    graft_train_params p = tiny_run(new_path("run"));
    p.method = method;
    p.lr = 0.03;
    p.warmup_epochs = 0;
    p.max_steps = 3;
    p.test_split = "";
    p.input.image_size = image_size;
    train_ok(device, &p);
    return in_folder(p.out, "adapter.safetensors");
}

/* Images [IMAGES, 3, size, size]. */
static float *pictures(int size)
{
    size_t count = (size_t)(IMAGES * 3 * size * size);
    float *images = gr_alloc_array(scratch(), count, sizeof(*images));
    assert_non_null(images);
    for (size_t i = 0; i < count; i++)
        images[i] = (float)(i * 2654435761u % 1000u) / 300.0f - 1.5f;
    return images;
}

static void logits_in_use(graft_model *model, float logits[IMAGES * MOST_CLASSES])
{
    memset(logits, 0, IMAGES * MOST_CLASSES * sizeof(*logits));
    assert_true(graft_model_classes(model) <= MOST_CLASSES);
    check_ok(scratch(),
             graft_model_logits(model, pictures(graft_model_image_size(model)), IMAGES, logits));
}

/* What a model of this adapter alone says. */
static void logits_alone(gr_device *device, const char *path, float logits[IMAGES * MOST_CLASSES])
{
    graft_model *model = model_ok(scratch()->log, device, tiny_backbone(), path);
    logits_in_use(model, logits);
    graft_model_close(&model);
}

/* Whichever adapter is in use, and after more room was needed for one of larger images. */
static void swapped_adapters_are_as_alone(void **state)
{
    gr_device *device = test_device_of(state);
    static const char *const methods[] = {"lora", "ssf", "rlrr+bitfit", "full", "vpt_deep", "lora"};
    enum { COUNT = sizeof(methods) / sizeof(methods[0]) };
    float alone[COUNT][IMAGES * MOST_CLASSES], found[IMAGES * MOST_CLASSES];
    graft_adapter *adapters[COUNT];
    graft_model *model = resident_tiny(device);
    for (int i = 0; i < COUNT; i++) {
        char *path = trained(device, methods[i], i == COUNT - 1 ? 2 * RUN_SIZE : 0);
        logits_alone(device, path, alone[i]);
        adapters[i] = opened(path);
        check_ok(scratch(), graft_model_attach(model, adapters[i]));
    }
    for (int turn = 0; turn < 2 * COUNT; turn++) {
        int i = turn * 5 % COUNT;
        check_ok(scratch(), graft_model_use(model, adapters[i]));
        logits_in_use(model, found);
        if (memcmp(found, alone[i], sizeof(found)) != 0)
            fail_msg("turn %d: %s says something else than alone", turn, methods[i]);
        if (turn == 3)
            check_ok(scratch(), graft_model_detach(model, adapters[1]));
        if (turn == 4)
            check_ok(scratch(), graft_model_attach(model, adapters[1]));
    }
    for (int i = 0; i < COUNT; i++)
        graft_adapter_close(&adapters[i]);
    graft_model_close(&model);
}

/* 7 MiB of random numbers. */
static char *large_backbone(void)
{
    static const gr_shape qkv = {2, {576, 192}}, proj = {2, {192, 192}}, fc1 = {2, {768, 192}},
                          fc2 = {2, {192, 768}};
    fixture *f = scratch();
    gr_tensors *t = gr_tensors_create();
    char name[64], *path = path_of(f, "large.safetensors");
    static const struct {
        const char *name;
        gr_shape shape;
    } block[] = {
        {"norm1.weight", {1, {192}}}, {"norm1.bias", {1, {192}}},     {"norm2.weight", {1, {192}}},
        {"norm2.bias", {1, {192}}},   {"attn.qkv.weight", qkv},       {"attn.qkv.bias", {1, {576}}},
        {"attn.proj.weight", proj},   {"attn.proj.bias", {1, {192}}}, {"mlp.fc1.weight", fc1},
        {"mlp.fc1.bias", {1, {768}}}, {"mlp.fc2.weight", fc2},        {"mlp.fc2.bias", {1, {192}}}};
    void *values;
    for (size_t i = 0; i < 4 * sizeof(block) / sizeof(block[0]); i++) {
        size_t k = i % (sizeof(block) / sizeof(block[0]));
        snprintf(name, sizeof(name), "blocks.%zu.%s", i / (sizeof(block) / sizeof(block[0])),
                 block[k].name);
        check_ok(f, gr_tensors_add_new(f->log, t, name, GR_F32, block[k].shape, &values));
    }
    check_ok(f, gr_tensors_add_new(f->log, t, "cls_token", GR_F32, GR_SHAPE(1, 1, 192), &values));
    check_ok(f, gr_tensors_add_new(f->log, t, "pos_embed", GR_F32, GR_SHAPE(1, 17, 192), &values));
    check_ok(f, gr_tensors_add_new(f->log, t, "patch_embed.proj.weight", GR_F32,
                                   GR_SHAPE(192, 3, 8, 8), &values));
    check_ok(
        f, gr_tensors_add_new(f->log, t, "patch_embed.proj.bias", GR_F32, GR_SHAPE(192), &values));
    check_ok(f, gr_tensors_add_new(f->log, t, "norm.weight", GR_F32, GR_SHAPE(192), &values));
    check_ok(f, gr_tensors_add_new(f->log, t, "norm.bias", GR_F32, GR_SHAPE(192), &values));
    check_ok(f, gr_tensors_set_metadata(f->log, t, "graft.heads", "3"));
    for (size_t i = 0; i < gr_tensors_count(t); i++) {
        float *x = (float *)gr_tensors_at(t, i)->data;
        for (int64_t k = 0; k < gr_tensor_count(gr_tensors_at(t, i)); k++)
            x[k] = (float)((uint64_t)(k + (int64_t)i) * 2654435761u % 1000u) / 1e4f;
    }
    check_ok(f, gr_safetensors_write(f->log, path, t, NULL));
    gr_tensors_destroy(&t);
    return path;
}

/* Ten adapters cost ten adapters, not ten backbones; and what is detached is gone. */
static void adapters_cost_what_they_are(void **state)
{
    gr_device *device = test_device_of(state);
    const graft_device *public = gr_device_to_public(device);
    enum { COUNT = 10, BLOCK = 256 << 10 };
    graft_train_params p = tiny_run(new_path("large"));
    p.backbone = large_backbone();
    p.max_steps = 1;
    p.test_split = "";
    train_ok(device, &p);
    graft_adapter *adapters[COUNT];
    uint64_t before = graft_device_memory(public, NULL), memory[COUNT];
    graft_model *model = resident(device, &(graft_source){.path = p.backbone});
    for (int i = 0; i < COUNT; i++) {
        adapters[i] = opened(in_folder(p.out, "adapter.safetensors"));
        check_ok(scratch(), graft_model_attach(model, adapters[i]));
        memory[i] = graft_device_memory(public, NULL);
    }
    uint64_t each = memory[1] - memory[0], host = graft_adapter_get_info(adapters[0]).size_bytes;
    assert_true(memory[0] - before > 7 << 20);
    assert_true(each > 0 && each <= host + BLOCK);
    assert_true(memory[COUNT - 1] == memory[0] + (COUNT - 1) * each);
    for (int i = 1; i < COUNT; i++)
        check_ok(scratch(), graft_model_detach(model, adapters[i]));
    assert_true(graft_device_memory(public, NULL) == memory[0]);
    for (int i = 0; i < 20; i++) {
        check_ok(scratch(), graft_model_attach(model, adapters[1]));
        check_ok(scratch(), graft_model_detach(model, adapters[1]));
    }
    assert_true(graft_device_memory(public, NULL) == memory[0]);
    for (int i = 0; i < COUNT; i++)
        graft_adapter_close(&adapters[i]);
    graft_model_close(&model);
    assert_true(graft_device_memory(public, NULL) == before);
}

/* ---- Bytes of the application -----------------------------------------------------------------
 */

typedef struct asset {
    gr_mapping file;
    int fails;
} asset;

static graft_status read_asset(void *user, uint64_t offset, void *data, size_t size)
{
    const asset *a = user;
    if (a->fails)
        return GRAFT_ERR_IO;
    assert_true(offset + size <= a->file.size_bytes);
    memcpy(data, (const char *)a->file.data + offset, size);
    return GRAFT_OK;
}

static asset asset_of(const char *path)
{
    asset a = {0};
    check_ok(scratch(), gr_file_map(scratch()->log, path, &a.file));
    return a;
}

static void bytes_are_as_good_as_files(void **state)
{
    gr_device *device = test_device_of(state);
    char *path = trained(device, "lora", 0);
    float expected[IMAGES * MOST_CLASSES], found[IMAGES * MOST_CLASSES];
    logits_alone(device, path, expected);
    asset backbone = asset_of(tiny_backbone());
    graft_reader reader = {read_asset, backbone.file.size_bytes, &backbone};
    const graft_source sources[] = {
        {.data = backbone.file.data, .size_bytes = backbone.file.size_bytes, .name = "asset"},
        {.reader = &reader, .name = "asset"}};
    graft_adapter *from_file = opened(path), *adapter;
    graft_bytes written = {0};
    graft_writer writer = graft_bytes_writer(&written);
    check_ok(scratch(), graft_adapter_write(from_file, &writer));
    for (int i = 0; i < 2; i++) {
        graft_source source = {.data = written.data, .size_bytes = written.size_bytes};
        graft_model *model = resident(device, &sources[i]);
        check_ok(scratch(), graft_adapter_open(scratch()->log, &source, &adapter));
        check_ok(scratch(), graft_model_attach(model, adapter));
        assert_string_equal(graft_adapter_class_name(adapter, 1), "b");
        assert_string_equal(graft_model_class_name(model, 1), "b");
        graft_adapter_close(&adapter); /* the model keeps it */
        logits_in_use(model, found);
        assert_memory_equal(found, expected, sizeof(found));
        graft_model_close(&model);
    }
    char *copy = path_of(scratch(), "copy-of-adapter.safetensors");
    check_ok(scratch(), graft_adapter_save(from_file, copy));
    assert_same_bytes(path, copy, "an adapter that was saved");
    graft_bytes_free(&written);
    graft_adapter_close(&from_file);
    gr_file_unmap(&backbone.file);
}

static void merges_into_memory(void **state)
{
    gr_device *device = test_device_of(state);
    char *path = trained(device, "rlrr", 0), *merged = path_of(scratch(), "merged.safetensors");
    graft_adapter *adapter = opened(path);
    graft_model *model = resident_tiny(device);
    graft_bytes written = {0};
    graft_writer writer = graft_bytes_writer(&written);
    check_ok(scratch(), graft_model_attach(model, adapter));
    check_ok(scratch(), graft_model_merge(model, GRAFT_NUMBER_F16, &writer));
    check_ok(scratch(),
             graft_merge(scratch()->log, tiny_backbone(), path, merged, GRAFT_NUMBER_F16));
    asset file = asset_of(merged);
    assert_int_equal(written.size_bytes, file.file.size_bytes);
    assert_memory_equal(written.data, file.file.data, written.size_bytes);
    gr_file_unmap(&file.file);
    graft_bytes_free(&written);
    graft_adapter_close(&adapter);
    graft_model_close(&model);
}

/* ---- What a model says ------------------------------------------------------------------------
 */

typedef struct told {
    float probabilities[RUN_CLASSES];
} told;

static void note_prediction(void *user, const char *image, const int *classes,
                            const float *probabilities, int k)
{
    told *t = user;
    (void)image;
    for (int i = 0; i < k; i++)
        t->probabilities[classes[i]] = probabilities[i];
}

/* Pixels in memory are the file's, with and without alpha, in rows of any length. */
static void pixels_are_as_good_as_files(void **state)
{
    gr_device *device = test_device_of(state);
    graft_model *model =
        model_ok(scratch()->log, device, tiny_backbone(), trained(device, "lora", 0));
    char *path = in_folder(tiny_images(), "test/b/13.png");
    told expected;
    check_ok(scratch(), graft_model_predict(model, (const char *const[]){path}, 1, RUN_CLASSES,
                                            note_prediction, &expected));
    gr_image image;
    check_ok(scratch(), gr_image_load(scratch()->log, path, NULL, NULL, &image));
    size_t wide = (size_t)image.width * 4 + 5;
    uint8_t *rgba = gr_alloc_array(scratch(), wide * (size_t)image.height, 1);
    for (int y = 0; y < image.height; y++)
        for (int x = 0; x < image.width; x++)
            for (int c = 0; c < 4; c++)
                rgba[(size_t)y * wide + (size_t)x * 4 + (size_t)c] =
                    c == 3 ? (uint8_t)x : image.pixels[(y * image.width + x) * 3 + c];
    const graft_pixels pixels[] = {
        {.data = image.pixels, .width = image.width, .height = image.height, .channels = 3},
        {rgba, image.width, image.height, 4, wide},
    };
    float found[2 * RUN_CLASSES];
    check_ok(scratch(),
             graft_model_run_pixels(model, GRAFT_OUTPUT_PROBABILITIES, pixels, 2, found));
    assert_memory_equal(found, expected.probabilities, sizeof(expected.probabilities));
    for (int i = 0; i < RUN_CLASSES; i++)
        assert_true(fabsf(found[RUN_CLASSES + i] - found[i]) < 1e-6f);
    gr_image_free(&image);
    graft_model_close(&model);
}

/* The head on the features gives the logits, and probabilities are their softmax. */
static void features_are_what_the_head_sees(void **state)
{
    gr_device *device = test_device_of(state);
    char *path = trained(device, "lora", 0);
    graft_model *model = model_ok(scratch()->log, device, tiny_backbone(), path);
    float logits[IMAGES * MOST_CLASSES], features[IMAGES * 32], odds[IMAGES * MOST_CLASSES];
    const float *images = pictures(RUN_SIZE);
    assert_int_equal(graft_model_features(model), 32);
    logits_in_use(model, logits);
    check_ok(scratch(), graft_model_run(model, GRAFT_OUTPUT_FEATURES, images, IMAGES, features));
    check_ok(scratch(), graft_model_run(model, GRAFT_OUTPUT_PROBABILITIES, images, IMAGES, odds));
    gr_tensors *tensors;
    check_ok(scratch(), gr_tensors_load(scratch()->log, path, &tensors));
    const float *weight = gr_tensors_find(tensors, "head.weight")->data;
    const float *bias = gr_tensors_find(tensors, "head.bias")->data;
    for (int i = 0; i < IMAGES; i++) {
        double sum = 0.0;
        for (int c = 0; c < RUN_CLASSES; c++) {
            double y = bias[c];
            for (int k = 0; k < 32; k++)
                y += (double)weight[c * 32 + k] * features[i * 32 + k];
            assert_true(fabs(y - logits[i * RUN_CLASSES + c]) < 1e-4);
            sum += exp((double)logits[i * RUN_CLASSES + c]);
        }
        for (int c = 0; c < RUN_CLASSES; c++)
            assert_true(fabs(exp((double)logits[i * RUN_CLASSES + c]) / sum -
                             odds[i * RUN_CLASSES + c]) < 1e-5);
    }
    gr_tensors_destroy(&tensors);
    graft_model_close(&model);
}

/* ---- Combining --------------------------------------------------------------------------------
 */

/* The part of an adapter that one of its methods trained, as an adapter of its own. */
static graft_adapter *part_of(const gr_tensors *whole, const char *method, const char *tensors)
{
    fixture *f = scratch();
    gr_tensors *part = gr_tensors_create();
    char *path = gr_printf(f, "%s/part-%s.safetensors", f->directory, method);
    for (size_t i = 0; i < gr_tensors_count(whole); i++) {
        const gr_tensor *t = gr_tensors_at(whole, i);
        if (strstr(t->name, tensors) || strncmp(t->name, "head.", 5) == 0)
            check_ok(f, gr_tensors_add(f->log, part, t->name, t->dtype, t->shape, t->data));
    }
    for (size_t i = 0; i < gr_tensors_metadata_count(whole); i++) {
        const char *key, *value;
        gr_tensors_metadata_at(whole, i, &key, &value);
        if (strcmp(key, "graft.methods") == 0)
            value = method;
        if (strcmp(key, "graft.options") == 0 && strcmp(method, "lora") != 0)
            value = "{}";
        check_ok(f, gr_tensors_set_metadata(f->log, part, key, value));
    }
    check_ok(f, gr_safetensors_write(f->log, path, part, NULL));
    gr_tensors_destroy(&part);
    return opened(path);
}

/* Parts of an adapter, put together again, are the adapter. */
static void combined_adapters_are_one(void **state)
{
    gr_device *device = test_device_of(state);
    fixture *f = scratch();
    char *path = trained(device, "lora+ssf", 0);
    float expected[IMAGES * MOST_CLASSES], found[IMAGES * MOST_CLASSES];
    gr_tensors *whole;
    logits_alone(device, path, expected);
    check_ok(f, gr_tensors_load(f->log, path, &whole));
    graft_adapter *lora = part_of(whole, "lora", "lora_"), *ssf = part_of(whole, "ssf", ".ssf.");
    graft_adapter *both, *parts[] = {lora, ssf}, *twice[] = {lora, lora};
    check_ok(f, graft_adapter_combine(f->log, parts, 2, &both));
    assert_string_equal(graft_adapter_get_info(both).methods, "lora+ssf");
    graft_model *model = resident_tiny(device);
    check_ok(f, graft_model_attach(model, both));
    logits_in_use(model, found);
    assert_memory_equal(found, expected, sizeof(found));
    graft_adapter_close(&both);
    assert_error(f, graft_adapter_combine(f->log, twice, 2, &both), GRAFT_ERR_ARGUMENT,
                 "method 'lora': named twice");
    assert_null(both);
    assert_error(f, graft_adapter_combine(f->log, parts, 0, &both), GRAFT_ERR_ARGUMENT,
                 "at least one");
    graft_adapter *bitfit = opened(trained(device, "bitfit", 0)),
                  *full = opened(trained(device, "full", 0)), *overlap[] = {bitfit, full};
    assert_error(f, graft_adapter_combine(f->log, overlap, 2, &both), GRAFT_ERR_ARGUMENT,
                 "trained by two of the adapters");
    graft_adapter *rlrr = opened(trained(device, "rlrr", 0)), *unfit[] = {rlrr, ssf};
    assert_error(f, graft_adapter_combine(f->log, unfit, 2, &both), GRAFT_ERR_ARGUMENT,
                 "leave one of them out");
    graft_adapter *all[] = {lora, ssf, bitfit, full, rlrr};
    for (int i = 0; i < 5; i++)
        graft_adapter_close(&all[i]);
    graft_model_close(&model);
    gr_tensors_destroy(&whole);
}

/* lora of some rank, trained from another seed. */
static char *trained_lora(gr_device *device, const char *rank, uint64_t seed)
{
    graft_train_params p = tiny_run(new_path("run"));
    const char *set[] = {rank, "lora.alpha=5"};
    p.set = (graft_text_list){set, 2};
    p.seed = seed;
    p.lr = 0.03;
    p.warmup_epochs = 0;
    p.max_steps = 3;
    p.test_split = "";
    train_ok(device, &p);
    return in_folder(p.out, "adapter.safetensors");
}

static gr_tensors *merged(const char *adapter)
{
    gr_tensors *tensors;
    char *path = in_folder(scratch()->directory, "sum-part.safetensors");
    check_ok(scratch(),
             graft_merge(scratch()->log, tiny_backbone(), adapter, path, GRAFT_NUMBER_F32));
    check_ok(scratch(), gr_tensors_load(scratch()->log, path, &tensors));
    return tensors;
}

/* What is merged is the backbone and the sum of the weighted updates; heads are added as they are,
 * biases that nothing updates stay. */
static void weighted_sums_are_sums_of_updates(void **state)
{
    gr_device *device = test_device_of(state);
    fixture *f = scratch();
    const float weights[] = {0.75f, -0.4f};
    char *paths[2] = {trained_lora(device, "lora.r=2", 1), trained_lora(device, "lora.r=3", 2)};
    graft_adapter *parts[2] = {opened(paths[0]), opened(paths[1])}, *sum;
    check_ok(f, graft_adapter_combine_weighted(f->log, parts, weights, 2, &sum));
    char *path = path_of(f, "sum.safetensors");
    check_ok(f, graft_adapter_save(sum, path));
    gr_tensors *start, *all = merged(path), *one[2] = {merged(paths[0]), merged(paths[1])};
    check_ok(f, gr_tensors_load(f->log, tiny_backbone(), &start));
    double moved = 0.0;
    for (size_t i = 0; i < gr_tensors_count(all); i++) {
        const gr_tensor *t = gr_tensors_at(all, i);
        const gr_tensor *t0 = gr_tensors_find(start, t->name);
        const float *y = t->data, *a = gr_tensors_find(one[0], t->name)->data;
        const float *b = gr_tensors_find(one[1], t->name)->data, *w = t0 ? t0->data : NULL;
        for (size_t k = 0; k < t->size_bytes / sizeof(float); k++) {
            double from = w ? w[k] : 0.0;
            double expected =
                from + (double)weights[0] * (a[k] - from) + (double)weights[1] * (b[k] - from);
            if (fabs(y[k] - expected) > 1e-5)
                fail_msg("%s[%zu]: %g, expected %g", t->name, k, (double)y[k], expected);
            moved = fmax(moved, fabs(expected - from));
        }
    }
    assert_true(moved > 0.01);
    graft_adapter_close(&sum);
    for (int i = 0; i < 2; i++) {
        gr_tensors_destroy(&one[i]);
        graft_adapter_close(&parts[i]);
    }
    gr_tensors_destroy(&all);
    gr_tensors_destroy(&start);
}

static void weighted_sums_are_refused(void **state)
{
    gr_device *device = test_device_of(state);
    fixture *f = scratch();
    graft_adapter *lora = opened(trained(device, "lora", 0)),
                  *ssf = opened(trained(device, "ssf", 0)), *sum;
    graft_adapter *mixed[] = {ssf, lora}, *twice[] = {ssf, ssf}, *good[] = {lora, lora};
    const float weights[] = {0.5f, 0.5f}, odd[] = {0.5f, NAN};
    assert_error(f, graft_adapter_combine_weighted(f->log, mixed, weights, 2, &sum),
                 GRAFT_ERR_ARGUMENT, "a weighted sum is of one method");
    assert_error(f, graft_adapter_combine_weighted(f->log, twice, weights, 2, &sum),
                 GRAFT_ERR_UNSUPPORTED, "has no weighted sum");
    assert_error(f, graft_adapter_combine_weighted(f->log, good, odd, 2, &sum), GRAFT_ERR_ARGUMENT,
                 "weight nan of number 2");
    assert_error(f, graft_adapter_combine_weighted(f->log, good, weights, 0, &sum),
                 GRAFT_ERR_ARGUMENT, "at least one");
    assert_null(sum);
    graft_adapter_close(&lora);
    graft_adapter_close(&ssf);
}

/* ---- Bad use ----------------------------------------------------------------------------------
 */

static void models_refuse_bad_use(void **state)
{
    gr_device *device = test_device_of(state);
    fixture *f = scratch();
    float images[3 * RUN_SIZE * RUN_SIZE] = {0}, out[MOST_CLASSES];
    graft_adapter *adapter = opened(trained(device, "lora", 0)),
                  *other = opened(trained(device, "ssf", 0));
    graft_model *model = resident_tiny(device);
    graft_bytes written = {0};
    graft_writer writer = graft_bytes_writer(&written);
    const char *nothing = "model: nothing is in use; attach an adapter";
    assert_error(f, graft_model_logits(model, images, 1, out), GRAFT_ERR_ARGUMENT, nothing);
    assert_error(f, graft_model_merge(model, GRAFT_NUMBER_F32, &writer), GRAFT_ERR_ARGUMENT,
                 nothing);
    assert_error(f, graft_model_use(model, adapter), GRAFT_ERR_ARGUMENT, "is not attached");
    assert_error(f, graft_model_detach(model, NULL), GRAFT_ERR_ARGUMENT,
                 "the backbone's head: is not attached");
    assert_error(f, graft_model_attach(model, NULL), GRAFT_ERR_ARGUMENT, "has no head.weight");
    assert_int_equal(graft_model_classes(model), 0);
    check_ok(f, graft_model_attach(model, adapter));
    assert_error(f, graft_model_attach(model, adapter), GRAFT_ERR_ARGUMENT, "attached already");
    assert_error(f, graft_model_use(model, other), GRAFT_ERR_ARGUMENT, "is not attached");
    assert_error(f, graft_model_run(model, GRAFT_OUTPUT_LOGITS, NULL, 1, out), GRAFT_ERR_ARGUMENT,
                 "from NULL");
    assert_error(f, graft_model_merge(model, (graft_number_type)9, &writer), GRAFT_ERR_ARGUMENT,
                 "`type` 9");
    assert_error(f, graft_model_merge(model, GRAFT_NUMBER_F32, &(graft_writer){0}),
                 GRAFT_ERR_ARGUMENT, "writes nothing");
    const graft_pixels odd[] = {
        {.data = (const uint8_t *)images, .width = 4, .height = 4, .channels = 2},
        {.width = 4, .height = 4, .channels = 3},
        {(const uint8_t *)images, 4, 4, 3, 11},
        {.data = (const uint8_t *)images, .width = -1, .height = 4, .channels = 3}};
    for (int i = 0; i < 4; i++)
        assert_error(f, graft_model_run_pixels(model, GRAFT_OUTPUT_LOGITS, &odd[i], 1, out),
                     GRAFT_ERR_ARGUMENT, "image 0: ");
    check_ok(f, graft_model_logits(model, images, 1, out)); /* nothing of it did harm */
    check_ok(f, graft_model_detach(model, adapter));
    assert_error(f, graft_model_logits(model, images, 1, out), GRAFT_ERR_ARGUMENT, nothing);
    graft_adapter_close(&adapter);
    graft_adapter_close(&other);
    graft_model_close(&model);
    graft_bytes_free(&written);
}

static void adapters_of_others_are_refused(void **state)
{
    gr_device *device = test_device_of(state);
    fixture *f = scratch();
    graft_adapter *adapter = opened(trained(device, "lora", 0));
    graft_model *model = resident(device, &(graft_source){.path = large_backbone()});
    uint64_t memory = graft_device_memory(gr_device_to_public(device), NULL);
    assert_error(f, graft_model_attach(model, adapter), GRAFT_ERR_SHAPE, "was trained on");
    assert_true(graft_device_memory(gr_device_to_public(device), NULL) == memory);
    graft_model_close(&model);
    graft_adapter_close(&adapter);
}

static void sources_are_checked(void **state)
{
    gr_device *device = test_device_of(state);
    fixture *f = scratch();
    asset backbone = asset_of(tiny_backbone());
    graft_reader reader = {read_asset, backbone.file.size_bytes, &backbone},
                 empty = {read_asset, 0, NULL};
    const struct {
        graft_source source;
        graft_status status;
        const char *telling;
    } cases[] = {
        {{0}, GRAFT_ERR_ARGUMENT, "without path, data and reader"},
        {{.data = backbone.file.data, .size_bytes = 4, .name = "cut"}, GRAFT_ERR_FORMAT, "cut"},
        {{.data = backbone.file.data, .size_bytes = backbone.file.size_bytes - 4},
         GRAFT_ERR_FORMAT,
         "memory"},
        {{.reader = &empty, .name = "nil"}, GRAFT_ERR_FORMAT, "nil: is empty"},
        {{.reader = &reader, .name = "asset"}, GRAFT_ERR_FORMAT, "asset: not an adapter"},
        {{.path = "/nowhere/a.safetensors"}, GRAFT_ERR_IO, "/nowhere/a.safetensors"},
    };
    graft_adapter *adapter;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_error(f, graft_adapter_open(f->log, &cases[i].source, &adapter), cases[i].status,
                     cases[i].telling);
        assert_null(adapter);
    }
    graft_model *model;
    backbone.fails = 1;
    graft_model_params params = {.backbone = {.reader = &reader, .name = "asset"}};
    assert_error(f, graft_model_open(f->log, gr_device_to_public(device), &params, &model),
                 GRAFT_ERR_IO, "asset: its reader failed");
    assert_null(model);
    params.backbone = (graft_source){0};
    assert_error(f, graft_model_open(f->log, gr_device_to_public(device), &params, &model),
                 GRAFT_ERR_ARGUMENT, "`backbone`: is required");
    gr_file_unmap(&backbone.file);
}

/* Three adapters take turns in a program of its own. */
static void example_runs(void **state)
{
    gr_device *device = test_device_of(state);
    const char *program = getenv("EXAMPLE_ADAPTERS");
    char *line =
        gr_printf(scratch(), "GRAFT_DEVICE=%s '%s' '%s' '%s' '%s' '%s' > '%s/example.txt'",
                  device->info.id, program, tiny_backbone(), trained(device, "lora", 0),
                  trained(device, "ssf", 0), trained(device, "convpass", 0), scratch()->directory);
    assert_non_null(program);
    assert_int_equal(system(line), 0);
    char *text = text_of(in_folder(scratch()->directory, "example.txt"));
    assert_non_null(strstr(text, "convpass: class 0 of 3 with "));
    assert_non_null(strstr(text, "MiB with all but one detached"));
}

/* Rounded weights change the answers, and not by much. */
static void models_with_rounded_weights(void **state)
{
    gr_device *device = test_device_of(state);
    graft_model_params params = {.backbone = {.path = tiny_backbone()},
                                 .adapter = trained(device, "lora", 0),
                                 .batch_size = 4};
    float logits[2][IMAGES * MOST_CLASSES];
    for (int i = 0; i < 2; i++) {
        graft_model *model = NULL;
        params.weights = i ? GRAFT_WEIGHTS_INT8 : GRAFT_WEIGHTS_F32;
        check_ok(scratch(),
                 graft_model_open(scratch()->log, gr_device_to_public(device), &params, &model));
        logits_in_use(model, logits[i]);
        graft_model_close(&model);
    }
    float most = 0.0f, difference = 0.0f;
    for (int i = 0; i < IMAGES * RUN_CLASSES; i++) {
        most = fmaxf(most, fabsf(logits[0][i]));
        difference = fmaxf(difference, fabsf(logits[1][i] - logits[0][i]));
    }
    assert_true(difference > 0.0f && difference < 0.05f * most);
}

int main(void)
{
    const test_case cases[] = {
        TEST_CASE(swapped_adapters_are_as_alone), TEST_CASE(adapters_cost_what_they_are),
        TEST_CASE(bytes_are_as_good_as_files),    TEST_CASE(merges_into_memory),
        TEST_CASE(pixels_are_as_good_as_files),   TEST_CASE(features_are_what_the_head_sees),
        TEST_CASE(combined_adapters_are_one),     TEST_CASE(weighted_sums_are_sums_of_updates),
        TEST_CASE(weighted_sums_are_refused),     TEST_CASE(models_with_rounded_weights),
        TEST_CASE(models_refuse_bad_use),         TEST_CASE(adapters_of_others_are_refused),
        TEST_CASE(sources_are_checked),           TEST_CASE(example_runs),
    };
    scratch_open();
    int failures = TEST_RUN("adapters", cases, TEST_EXECUTING);
    scratch_close();
    return failures;
}
