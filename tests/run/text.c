/* Heads made of texts, through whole runs: names of classes, and matrices from a file. */
#include "support.h"

#include "base/mem.h"
#include "weights/load.h"
#include "weights/safetensors.h"

#include <math.h>
#include <stdlib.h>

enum { WIDTH = 24 };

static char *shared(const char *name)
{
    const char *folder = getenv("CLIP");
    assert_non_null(folder);
    return in_folder(folder, name);
}

/* One step, on all images, that moves nothing. */
static graft_train_params still_run(const char *out)
{
    graft_train_params p = tiny_run(out);
    p.backbone = shared("model.safetensors");
    p.method = "linear";
    p.lr = p.warmup_lr = p.min_lr = 0.0;
    p.batch_size = RUN_TRAIN;
    p.max_steps = 1;
    p.test_split = "";
    return p;
}

static gr_tensors *loaded(const char *path)
{
    gr_tensors *tensors;
    check_ok(scratch(), gr_tensors_load(scratch()->log, path, &tensors));
    return tensors;
}

/* The head of the run in `out` has these rows, and biases of zero. */
static void check_head(const char *out, const char *rows)
{
    gr_tensors *got = loaded(in_folder(out, "adapter.safetensors")), *want = loaded(rows);
    float a[RUN_CLASSES * WIDTH], b[RUN_CLASSES * WIDTH], bias[RUN_CLASSES];
    gr_shape shape = GR_SHAPE(RUN_CLASSES, WIDTH);
    assert_true(gr_shape_equal(&gr_tensors_find(got, "head.weight")->shape, &shape));
    gr_tensor_to_f32(gr_tensors_find(got, "head.weight"), a);
    gr_tensor_to_f32(gr_tensors_find(got, "head.bias"), bias);
    gr_tensor_to_f32(gr_tensors_at(want, 0), b);
    for (int i = 0; i < RUN_CLASSES * WIDTH; i++)
        if (!(fabsf(a[i] - b[i]) <= 1e-5f))
            fail_msg("%d is %g, expected %g", i, (double)a[i], (double)b[i]);
    for (int i = 0; i < RUN_CLASSES; i++)
        assert_float_equal(bias[i], 0.0f, 0.0f);
    gr_tensors_destroy(&got);
    gr_tensors_destroy(&want);
}

/* Both ways to the same head give the same loss, with the checkpoint's scale as it says itself, and
 * the adapter remembers what the head is for. */
static void names_and_their_features_agree(void **state)
{
    gr_device *device = ((test_target *)*state)->device;
    graft_train_params p = still_run(new_path("out"));
    p.text.class_names = shared("names.txt");
    float loss = train_ok(device, &p).loss;
    check_head(p.out, shared("expected.safetensors"));

    p = still_run(new_path("out"));
    p.text.embeddings = shared("expected.safetensors");
    p.text.logit_scale = exp(3.0);
    assert_float_equal(train_ok(device, &p).loss, loss, 1e-4f);

    graft_eval_result result;
    graft_model *model =
        model_ok(scratch()->log, device, p.backbone, in_folder(p.out, "adapter.safetensors"));
    check_ok(scratch(), graft_model_evaluate(model, tiny_images(), "train", &result));
    graft_model_close(&model);
    assert_float_equal((float)result.loss, loss, 1e-4f);
}

#define TEXT_FAILS(telling, ...)                                                                   \
    do {                                                                                           \
        command c_ = {0};                                                                          \
        COMMAND_FAILS(&c_, telling, "train", "--data", tiny_images(), "--method", "linear",        \
                      "--test-split", "", "--out", new_path("out"), "--device",                    \
                      test_device_of(state)->info.id, __VA_ARGS__);                                \
    } while (0)

/* A file with one matrix of zeros. */
static char *matrix(int64_t rows, int64_t columns)
{
    fixture *f = scratch();
    gr_tensors *tensors = gr_tensors_create();
    void *zeros;
    char *path = path_of(f, "matrix.safetensors");
    check_ok(f, gr_tensors_add_new(f->log, tensors, "x", GR_F32, GR_SHAPE(rows, columns), &zeros));
    check_ok(f, gr_safetensors_write(f->log, path, tensors, NULL));
    gr_tensors_destroy(&tensors);
    return path;
}

static void bad_texts(void **state)
{
    char *clip = shared("model.safetensors"), *names = shared("names.txt");
    char *few = path_of(scratch(), "few.txt"), *long_name = path_of(scratch(), "long.txt");
    put_text(few, "one\ntwo\n");
    put_text(long_name, "a\nb\nextremely unwieldy long name of a class\n");
    TEXT_FAILS("width 25, but those of the images have 24", "--backbone", clip, "--text-embeddings",
               matrix(RUN_CLASSES, WIDTH + 1));
    TEXT_FAILS("texts of 4 classes, but the data set has 3", "--backbone", clip,
               "--text-embeddings", matrix(4, WIDTH));
    TEXT_FAILS("single tensor", "--backbone", clip, "--text-embeddings", clip);
    TEXT_FAILS("not an image encoder of CLIP", "--backbone", tiny_backbone(), "--class-names",
               names);
    TEXT_FAILS("has no text encoder", "--backbone", clip, "--class-names", names, "--text-encoder",
               tiny_backbone(), "--vocabulary", shared("merges.txt"));
    TEXT_FAILS("texts of 2 classes", "--backbone", clip, "--class-names", few);
    TEXT_FAILS("none.txt", "--backbone", clip, "--class-names", "none.txt");
    TEXT_FAILS("more than 24 pieces", "--backbone", clip, "--class-names", long_name);
    TEXT_FAILS("expected {}", "--backbone", clip, "--class-names", names, "--prompt", "a photo");
    TEXT_FAILS("are there already", "--backbone", clip, "--class-names", names, "--text-embeddings",
               matrix(RUN_CLASSES, WIDTH));
    TEXT_FAILS("merges.txt", "--backbone", clip, "--class-names", names, "--vocabulary",
               scratch()->directory);
}

int main(void)
{
    const test_case cases[] = {TEST_CASE(names_and_their_features_agree)};
    const test_case failures[] = {TEST_CASE(bad_texts)};
    scratch_open();
    int failed = TEST_RUN("text", cases, TEST_EXECUTING);
#ifdef GRAFT_HAVE_REFERENCE
    setenv("GRAFT_TEST_DEVICES", "", 1); /* how it fails does not depend on the device */
#endif
    failed |= TEST_RUN("text failures", failures, TEST_EXECUTING);
    scratch_close();
    return failed;
}
