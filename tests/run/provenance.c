/* What a run is made from goes by content and by names: other classes, images or another backbone
 * under the same path are seen, a moved folder is none of these. */
#include "support.h"

#include "weights/load.h"
#include "weights/safetensors.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

/* The pictures of tiny_images(), in a folder of their own that a test may change. */
static char *own_images(const char *name)
{
    char *folder = new_path(name), line[600];
    snprintf(line, sizeof(line), "cp -r '%s' '%s'", tiny_images(), folder);
    assert_int_equal(system(line), 0);
    return folder;
}

static void rename_in(const char *folder, const char *from, const char *to)
{
    assert_int_equal(rename(in_folder(folder, from), in_folder(folder, to)), 0);
}

static void rename_class(const char *images, const char *from, const char *to)
{
    char names[4][80];
    const char *splits[] = {"train", "test"};
    for (int i = 0; i < 2; i++) {
        snprintf(names[0], sizeof(names[0]), "%s/%s", splits[i], from);
        snprintf(names[1], sizeof(names[1]), "%s/%s", splits[i], to);
        rename_in(images, names[0], names[1]);
    }
}

/* A run over `images`, stopped after two of its nine steps. */
static graft_train_params begun(gr_device *device, const char *images)
{
    graft_train_params p = tiny_run(new_path("run"));
    p.data = images;
    p.max_steps = 2;
    train_ok(device, &p);
    p.max_steps = 0;
    p.resume = true;
    return p;
}

static graft_status train(gr_device *device, const graft_train_params *p)
{
    return graft_train(scratch()->log, gr_device_to_public(device), p, NULL);
}

static void renamed_classes_are_refused(void **state)
{
    gr_device *device = test_device_of(state);
    char *images = own_images("renamed");
    graft_train_params p = begun(device, images);
    char *adapter = in_folder(p.out, "adapter.safetensors");
    char *before = text_of(adapter);
    rename_class(images, "a", "z");
    p.accept_changes = true; /* which rows of a head never follow */
    assert_error(scratch(), train(device, &p), GRAFT_ERR_ARGUMENT, "(a, b, c)", "(b, c, z)",
                 "init_adapter");
    assert_string_equal(text_of(adapter), before);
    rename_class(images, "z", "a");
    train_ok(device, &p);
}

static void other_images_are_refused_or_accepted(void **state)
{
    gr_device *device = test_device_of(state);
    char *images = own_images("fewer");
    graft_train_params p = begun(device, images);
    rename_in(images, "train/b/1.png", "train/b/another.png");
    assert_error(scratch(), train(device, &p), GRAFT_ERR_ARGUMENT, "other train images",
                 "accept_changes");
    p.accept_changes = true;
    train_ok(device, &p);
}

static void moved_data_is_no_change(void **state)
{
    gr_device *device = test_device_of(state);
    char *images = own_images("here"), *there = new_path("there"), line[600];
    graft_train_params p = begun(device, images);
    assert_int_equal(rename(images, there), 0);
    snprintf(line, sizeof(line), "ln -s '%s' '%s'", there, images);
    assert_int_equal(system(line), 0);
    train_ok(device, &p);
}

static graft_status open_model(gr_device *device, const char *backbone, const char *adapter,
                               bool accept)
{
    graft_model_params p = {
        .backbone = {.path = backbone}, .adapter = adapter, .accept_changes = accept};
    graft_model *model;
    graft_status status = graft_model_open(scratch()->log, gr_device_to_public(device), &p, &model);
    graft_model_close(&model);
    return status;
}

static void adapters_know_their_backbone(void **state)
{
    gr_device *device = test_device_of(state);
    fixture *f = scratch();
    graft_train_params p = tiny_run(new_path("run"));
    train_ok(device, &p);
    char *adapter = in_folder(p.out, "adapter.safetensors"), *other = other_backbone();
    char *copy = path_of(f, "copy.safetensors"), line[600];
    snprintf(line, sizeof(line), "cp '%s' '%s'", p.backbone, copy);
    assert_int_equal(system(line), 0);
    check_ok(f, open_model(device, copy, adapter, false));
    assert_error(f, open_model(device, other, adapter, false), GRAFT_ERR_ARGUMENT,
                 "another backbone", other, "accept_changes");
    check_ok(f, open_model(device, other, adapter, true));
    assert_error(
        f, graft_merge(f->log, other, adapter, path_of(f, "merged.safetensors"), GRAFT_NUMBER_F32),
        GRAFT_ERR_ARGUMENT, "another backbone");
    p.backbone = other;
    p.init_adapter = adapter;
    p.out = new_path("run");
    assert_error(f, train(device, &p), GRAFT_ERR_ARGUMENT, "another backbone", other);
}

/* The tiny backbone whose file says how its images became input. */
static char *backbone_with_input(const char *input)
{
    char *path = path_of(scratch(), "told.safetensors");
    gr_tensors *t = tiny_tensors(NULL, false);
    check_ok(scratch(), gr_tensors_set_metadata(scratch()->log, t, "graft.input", input));
    check_ok(scratch(), gr_safetensors_write(scratch()->log, path, t, NULL));
    gr_tensors_destroy(&t);
    return path;
}

static void assert_input(const char *adapter, const char *expected)
{
    gr_tensors *t;
    check_ok(scratch(), gr_tensors_load(scratch()->log, adapter, &t));
    assert_string_equal(gr_tensors_metadata(t, "graft.input"), expected);
    gr_tensors_destroy(&t);
}

/* What a backbone says of its input is how it is trained on, unless settings say otherwise; and a
 * run does not go on when the file says something else. */
static void input_of_the_backbone_is_heard(void **state)
{
    gr_device *device = test_device_of(state);
    graft_train_params p = tiny_run(new_path("told"));
    p.backbone = backbone_with_input("{\"interpolation\":\"bilinear\",\"normalization\":\"half\","
                                     "\"resize\":\"crop\",\"resize_to\":40}");
    p.max_steps = 1;
    train_ok(device, &p);
    assert_input(in_folder(p.out, "adapter.safetensors"),
                 "{\"exif\":\"apply\",\"interpolation\":\"bilinear\",\"normalization\":\"half\","
                 "\"resize\":\"crop\",\"resize_to\":40}");
    graft_train_params other = p;
    other.out = new_path("set");
    other.input.normalization = GRAFT_NORMALIZATION_CLIP;
    other.input.image_size = 64; /* twice as large, by way of twice as much */
    train_ok(device, &other);
    assert_input(in_folder(other.out, "adapter.safetensors"),
                 "{\"exif\":\"apply\",\"interpolation\":\"bilinear\",\"normalization\":\"clip\","
                 "\"resize\":\"crop\",\"resize_to\":80}");
    p.backbone = backbone_with_input("{\"normalization\":\"imagenet\"}");
    p.resume = true;
    p.max_steps = 0;
    assert_error(scratch(), train(device, &p), GRAFT_ERR_ARGUMENT, "become input in another way");
}

/* Row `row` of an adapter's head. */
static void read_row(const char *adapter, int row, float out[32])
{
    gr_tensors *t;
    const gr_tensor *head;
    check_ok(scratch(), gr_tensors_load(scratch()->log, adapter, &t));
    check_ok(scratch(), gr_tensors_get(scratch()->log, t, "head.weight", &head));
    assert_int_equal(head->shape.dim[1], 32);
    assert_true(row < head->shape.dim[0]);
    memcpy(out, (const float *)head->data + (size_t)row * 32, 32 * sizeof(*out));
    gr_tensors_destroy(&t);
}

/* One step of a rate of zero: what is saved is the start. */
static char *started_from(gr_device *device, const char *adapter, const char *images)
{
    graft_train_params p = tiny_run(new_path("start"));
    p.data = images;
    p.init_adapter = adapter;
    p.lr = p.min_lr = p.warmup_lr = p.weight_decay = 0.0;
    p.max_steps = 1;
    train_ok(device, &p);
    return in_folder(p.out, "adapter.safetensors");
}

/* a, b, c become b, c, d, z: b and c keep their rows, d and z start as without an adapter. */
static void rows_of_the_head_follow_names(void **state)
{
    gr_device *device = test_device_of(state);
    float expected[32], found[32];
    graft_train_params p = tiny_run(new_path("first"));
    train_ok(device, &p);
    char *first = in_folder(p.out, "adapter.safetensors"), *images = own_images("four");
    rename_class(images, "a", "z");
    char *from = in_folder(images, "train/z/0.png"), *to = in_folder(images, "train/d"), line[900];
    snprintf(line, sizeof(line), "mkdir '%s' && cp '%s' '%s'", to, from, to);
    assert_int_equal(system(line), 0);
    char *known = started_from(device, first, images), *fresh = started_from(device, NULL, images);
    for (int row = 0; row < 4; row++) {
        read_row(row < 2 ? first : fresh, row < 2 ? row + 1 : row, expected);
        read_row(known, row, found);
        for (int i = 0; i < 32; i++)
            if (fabsf(found[i] - expected[i]) > 0.0f)
                fail_msg("row %d differs in column %d", row, i);
    }
}

int main(void)
{
    const test_case cases[] = {
        TEST_CASE(renamed_classes_are_refused),   TEST_CASE(other_images_are_refused_or_accepted),
        TEST_CASE(moved_data_is_no_change),       TEST_CASE(adapters_know_their_backbone),
        TEST_CASE(rows_of_the_head_follow_names), TEST_CASE(input_of_the_backbone_is_heard),
    };
    scratch_open();
    int failures = TEST_RUN("provenance", cases, TEST_EXECUTING);
    scratch_close();
    return failures;
}
