/* A merged checkpoint is the adapted model, as a plain one. */
#include "support.h"

#include "adapter/fingerprint.h"
#include "base/log.h"
#include "build/build.h"
#include "build/config_json.h"
#include "model/backbone.h"
#include "peft/compose.h"
#include "tiny_swin.h"
#include "weights/load.h"
#include "weights/safetensors.h"

#include <graft/model.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IMAGES = 5 };

/* Trains for a few large steps, so that no tensor is where it started. */
static char *trained(gr_device *device, graft_train_params p, const char *method)
{
    char *out = new_path("out");
    p.method = method;
    p.out = out;
    p.lr = 0.03;
    p.warmup_epochs = 0;
    p.max_steps = 4;
    p.test_split = "";
    train_ok(device, &p);
    return in_folder(out, "adapter.safetensors");
}

static float *logits_of(gr_device *device, const char *backbone, const char *adapter, int *size,
                        int *classes)
{
    graft_model *model = model_ok(scratch()->log, device, backbone, adapter);
    *size = graft_model_image_size(model);
    *classes = graft_model_classes(model);
    size_t pixels = (size_t)(IMAGES * 3 * *size * *size);
    float *images = malloc(pixels * sizeof(*images));
    float *logits = malloc((size_t)(IMAGES * *classes) * sizeof(*logits));
    assert_non_null(images);
    assert_non_null(logits);
    for (size_t i = 0; i < pixels; i++)
        images[i] = (float)(i * 2654435761u % 1000u) / 300.0f - 1.5f;
    check_ok(scratch(), graft_model_logits(model, images, IMAGES, logits));
    graft_model_close(&model);
    free(images);
    return logits;
}

/* Merges, and compares the logits of the merged checkpoint, opened alone, with the model's. */
static char *merge_keeps_logits(gr_device *device, const char *backbone, const char *adapter)
{
    char *merged = in_folder(scratch()->directory, "merged.safetensors");
    check_ok(scratch(), graft_merge(scratch()->log, backbone, adapter, merged, GRAFT_NUMBER_F32));
    int size[2], classes[2];
    float *expected = logits_of(device, backbone, adapter, &size[0], &classes[0]);
    float *found = logits_of(device, merged, NULL, &size[1], &classes[1]);
    assert_int_equal(size[0], size[1]);
    assert_int_equal(classes[0], classes[1]);
    for (int i = 0; i < IMAGES * classes[0]; i++)
        if (!(fabsf(expected[i] - found[i]) <= 1e-4f * fmaxf(1.0f, fabsf(expected[i]))))
            fail_msg("%s: logit %d is %g, expected %g", adapter, i, (double)found[i],
                     (double)expected[i]);
    free(expected);
    free(found);
    return merged;
}

static void merged_models_are_equal(void **state)
{
    const test_target *target = *state;
    static const struct {
        const char *methods, *set[2];
    } runs[] = {
        {"lora", {"lora.targets=q,k,v,proj,fc1,fc2", "lora.alpha=16"}},
        {"lora", {"lora.alpha=12", "lora.official=1"}},
        {"rlrr", {0}},
        {"bitfit", {0}},
        {"full", {0}},
        {"linear", {0}},
        {"ssf", {0}},
        {"bitfit+ssf", {0}},
        {"rlrr+bitfit", {0}},
        {"boft", {"boft.n_butterfly_factor=3"}},
        {"boft", {"boft.block_size=8", "boft.train_bias=1"}},
        {"fourierft", {"fourierft.n_frequency=300", "fourierft.train_bias=1"}},
        {"vera", {"vera.train_bias=1", "vera.r=24"}},
        {"vera", {"vera.targets=q,fc2"}},
        {"ia3", {"ia3.targets=k,v,proj,fc2"}},
        {"dora", {"dora.targets=q,v,proj,fc1", "dora.rank_pattern=blocks.1=0,fc1=3"}},
        {"dora+ssf", {"dora.targets=k,v,fc2", "dora.rslora=1"}},
        {"ia3+lora+ssf", {"lora.targets=k,v,fc2", "lora.rslora=1"}},
        {"boft+fourierft+lora+vera+ssf", {"fourierft.n_frequency=100"}},
        {"rlrr+boft+lora+bitfit", {"lora.targets=k,proj,fc1"}},
    };
    for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
        if (i > 2 && !test_is_reference(target)) /* folding is the reference's work */
            break;
        graft_train_params p = tiny_run(NULL);
        p.set.items = runs[i].set;
        p.set.count = !runs[i].set[0] ? 0 : !runs[i].set[1] ? 1 : 2;
        char *adapter = trained(target->device, p, runs[i].methods);
        merge_keeps_logits(target->device, tiny_backbone(), adapter);
    }
}

/* A backbone of random numbers of any family: its graph tells which tensors there are. */
static char *random_backbone(const gr_model_config *config, const char *name)
{
    fixture *f = scratch();
    gr_methods *methods = NULL;
    gr_tensors *tensors = gr_tensors_create();
    gr_graph *graph = gr_graph_create(f->log);
    check_ok(f, gr_methods_parse(f->log, "linear", &methods));
    gr_build b = {.graph = graph, .config = config, .methods = methods, .batch = 1};
    int64_t size = config->image_size;
    gr_model_logits(&b, gr_graph_input(graph, "images", GR_F32, GR_SHAPE(1, 3, size, size)));
    check_ok(f, gr_graph_status(graph));
    for (int i = 0; i < gr_graph_count(graph); i++) {
        const gr_value *v = gr_graph_at(graph, i);
        void *values;
        if (v->kind != GR_VALUE_FROZEN || v->source) /* a constant of the graph */
            continue;
        check_ok(f, gr_tensors_add_new(f->log, tensors, v->name, GR_F32, v->shape, &values));
        bool scale = strstr(v->name, "norm") && strstr(v->name, "weight");
        gr_init_values((gr_init){GR_INIT_NORMAL, scale ? 1.0f : 0.0f, 0.15f}, &v->shape, 5, v->name,
                       values);
    }
    char *path = path_of(f, name);
    check_ok(f, gr_model_config_describe(f->log, tensors, config));
    check_ok(f, gr_safetensors_write(f->log, path, tensors, NULL));
    gr_tensors_destroy(&tensors);
    gr_graph_destroy(graph);
    gr_methods_destroy(methods);
    return path;
}

/* A run from scratch has no backbone but itself. */
static void merges_what_was_trained_from_scratch(void **state)
{
    const test_target *target = *state;
    if (!test_is_reference(target))
        skip();
    graft_train_params p = tiny_run(NULL);
    char *adapter = trained(target->device, p, "full"), *merged = new_path("merged");
    merge_keeps_logits(target->device, adapter, adapter);
    adapter = trained(target->device, p, "lora");
    assert_error(scratch(), graft_merge(scratch()->log, adapter, adapter, merged, GRAFT_NUMBER_F32),
                 GRAFT_ERR_FORMAT, "an adapter; expected a backbone");
}

/* Windows, patch merging and their norms; biases that the architecture lacks. */
static void merges_swin(void **state)
{
    const test_target *target = *state;
    if (!test_is_reference(target))
        skip();
    static const char *const methods[] = {"rlrr", "rlrr+lora+vera", "ssf",
                                          "boft", "bitfit",         "linear"};
    const gr_model_config swin = tiny_swin(4, 16, RUN_CLASSES);
    graft_train_params p = tiny_run(NULL);
    p.backbone = random_backbone(&swin, "swin.safetensors");
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
        merge_keeps_logits(target->device, p.backbone, trained(target->device, p, methods[i]));
}

/* A norm before the blocks, no bias at the patches, a projection behind. */
static void merges_clip(void **state)
{
    const test_target *target = *state;
    if (!test_is_reference(target))
        skip();
    static const char *const methods[] = {"ssf", "lora"};
    const gr_model_config clip = {
        .image_size = 32,
        .patch_size = 8,
        .dim = 16,
        .depth = 2,
        .heads = 2,
        .hidden = 32,
        .classes = RUN_CLASSES,
        .norm_eps = 1e-5f,
        .activation = GR_FUNC_QUICK_GELU,
        .pool = GR_POOL_CLS,
        .pre_norm = true,
        .proj_dim = 12,
    };
    graft_train_params p = tiny_run(NULL);
    p.backbone = random_backbone(&clip, "clip.safetensors");
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
        merge_keeps_logits(target->device, p.backbone, trained(target->device, p, methods[i]));
}

static void merges_a_normed_head(void **state)
{
    const test_target *target = *state;
    graft_train_params p = tiny_run(NULL);
    p.head_norm = true;
    merge_keeps_logits(target->device, tiny_backbone(), trained(target->device, p, "lora"));
}

/* Positions were resized for the run's images: the merged model takes images of that size. */
static void merges_at_the_runs_image_size(void **state)
{
    const test_target *target = *state;
    graft_train_params p = tiny_run(NULL);
    p.input.image_size = 48;
    merge_keeps_logits(target->device, tiny_backbone(), trained(target->device, p, "lora"));
    merge_keeps_logits(target->device, tiny_backbone(), trained(target->device, p, "full"));
}

static bool has_tensor(const char *path, const char *name)
{
    gr_tensors *tensors;
    check_ok(scratch(), gr_tensors_load(scratch()->log, path, &tensors));
    bool found = gr_tensors_find(tensors, name) != NULL;
    gr_tensors_destroy(&tensors);
    return found;
}

/* A linear without a bias is a linear with a bias of zero, and gets one only where it needs it. */
static void merges_without_biases(void **state)
{
    const test_target *target = *state;
    char *backbone = path_of(scratch(), "unbiased.safetensors");
    gr_tensors *tensors = tiny_tensors(NULL, false), *unbiased = gr_tensors_create();
    for (size_t i = 0; i < gr_tensors_count(tensors); i++) {
        const gr_tensor *t = gr_tensors_at(tensors, i);
        if (!strstr(t->name, "qkv.bias"))
            check_ok(scratch(), gr_tensors_add(scratch()->log, unbiased, t->name, t->dtype,
                                               t->shape, t->data));
    }
    check_ok(scratch(), gr_tensors_set_metadata(scratch()->log, unbiased, "graft.heads", "2"));
    check_ok(scratch(), gr_safetensors_write(scratch()->log, backbone, unbiased, NULL));
    gr_tensors_destroy(&unbiased);
    gr_tensors_destroy(&tensors);
    graft_train_params p = tiny_run(NULL);
    p.backbone = backbone;
    const char *bias = "blocks.1.attn.qkv.bias", *merged;
    merged = merge_keeps_logits(target->device, backbone, trained(target->device, p, "lora"));
    assert_false(has_tensor(merged, bias));
    merged = merge_keeps_logits(target->device, backbone, trained(target->device, p, "rlrr"));
    assert_true(has_tensor(merged, bias));
    assert_true(has_tensor(merged, "blocks.0.attn.qkv.bias"));
}

/* What the adapter says of its input and classes goes with the merged file. */
static void merged_models_evaluate_alike(void **state)
{
    const test_target *target = *state;
    fixture *f = scratch();
    graft_train_params p = tiny_run(NULL);
    p.input.normalization = GRAFT_NORMALIZATION_HALF;
    p.input.interpolation = GRAFT_INTERPOLATION_BILINEAR;
    char *adapter = trained(target->device, p, "lora");
    char *merged = merge_keeps_logits(target->device, tiny_backbone(), adapter);
    graft_model *model = model_ok(f->log, target->device, tiny_backbone(), adapter);
    graft_eval_result expected, found;
    check_ok(f, graft_model_evaluate(model, tiny_images(), "test", &expected));
    graft_model_close(&model);
    model = model_ok(f->log, target->device, merged, NULL);
    check_ok(f, graft_model_evaluate(model, tiny_images(), "test", &found));
    assert_string_equal(graft_model_class_name(model, 1), "b");
    graft_model_close(&model);
    assert_true(found.accuracy == expected.accuracy);
    assert_true(fabs(found.loss - expected.loss) < 1e-4);
    command c = {0};
    if (RUN_COMMAND(&c, "eval", "--backbone", merged, "--data", tiny_images(), "--device",
                    target->device->info.id))
        fail_msg("%s", text_of(c.errors));
}

/* A merged model is a backbone like any other. */
static void merged_models_train_on(void **state)
{
    const test_target *target = *state;
    graft_train_params p = tiny_run(NULL);
    char *merged =
        merge_keeps_logits(target->device, tiny_backbone(), trained(target->device, p, "rlrr"));
    p.backbone = merged;
    trained(target->device, p, "lora");
}

static void refuses_what_cannot_be_folded(void **state)
{
    const test_target *target = *state;
    fixture *f = scratch();
    if (!test_is_reference(target))
        skip();
    static const char *const scale_shift[] = {"freqfit.variant=scale-shift"};
    static const struct {
        const char *methods, *why;
        const char *const *set;
    } cases[] = {
        {"convpass", "convpass: cannot be folded into plain weights: its bypass is not linear"},
        {"lora+convpass_attn", "convpass_attn: cannot be folded into plain weights: its bypass"},
        {"freqfit", "freqfit: cannot be folded into plain weights: it acts on the residual stream"},
        {"freqfit", "it acts on the residual stream between blocks", scale_shift},
        {"adapter", "adapter: cannot be folded into plain weights: its bottleneck is not linear"},
        {"adaptformer", "adaptformer: cannot be folded into plain weights: its bottleneck"},
        {"vpt_deep", "vpt_deep: cannot be folded into plain weights: its prompts are tokens"},
        {"vpt_shallow", "vpt_shallow: cannot be folded into plain weights: its prompts are tokens"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        graft_train_params p = tiny_run(NULL);
        p.set.items = cases[i].set;
        p.set.count = cases[i].set ? 1 : 0;
        char *adapter = trained(target->device, p, cases[i].methods);
        char *merged = new_path("merged.safetensors");
        assert_error(f, graft_merge(f->log, tiny_backbone(), adapter, merged, GRAFT_NUMBER_F32),
                     GRAFT_ERR_UNSUPPORTED, cases[i].why);
        assert_int_equal(files_below(merged), 0);
    }
}

/* The adapter as if it had been trained on the backbone. */
static char *adapter_of(const char *adapter, const gr_tensors *backbone)
{
    fixture *f = scratch();
    gr_tensors *tensors;
    char text[GR_FINGERPRINT_TEXT], *path = path_of(f, "of-another.safetensors");
    check_ok(f, gr_tensors_load(f->log, adapter, &tensors));
    check_ok(f, gr_tensors_set_metadata(f->log, tensors, GR_FINGERPRINT_KEY,
                                        gr_backbone_fingerprint(backbone, text)));
    check_ok(f, gr_safetensors_write(f->log, path, tensors, NULL));
    gr_tensors_destroy(&tensors);
    return path;
}

/* Tensors of another geometry than the adapter's: named, not written over. */
static void refuses_another_backbone(void **state)
{
    const test_target *target = *state;
    fixture *f = scratch();
    static const char *const broken[] = {"blocks.1.attn.qkv.weight",
                                         "blocks.0.mlp.fc2.bias",
                                         "blocks.0.norm1.weight",
                                         "patch_embed.proj.weight",
                                         "cls_token",
                                         "pos_embed"};
    char *adapter = trained(target->device, tiny_run(NULL), "rlrr");
    char *backbone = path_of(f, "misshapen.safetensors"), *merged = new_path("merged");
    for (int i = 0; i < 6; i++) {
        gr_tensors *tensors = tiny_tensors(broken[i], true);
        check_ok(f, gr_safetensors_write(f->log, backbone, tensors, NULL));
        const char *fitting = adapter_of(adapter, tensors);
        gr_tensors_destroy(&tensors);
        assert_error(f, graft_merge(f->log, backbone, fitting, merged, GRAFT_NUMBER_F32),
                     GRAFT_ERR_SHAPE, i == 3 ? "width 33" : broken[i]);
    }
    gr_tensors *tensors = tiny_tensors("blocks.0.mlp.fc2.weight", false);
    check_ok(f, gr_safetensors_write(f->log, backbone, tensors, NULL));
    const char *fitting = adapter_of(adapter, tensors);
    gr_tensors_destroy(&tensors);
    assert_error(f, graft_merge(f->log, backbone, fitting, merged, GRAFT_NUMBER_F32),
                 GRAFT_ERR_NOT_FOUND, "blocks.0.mlp.fc2.weight");
    assert_int_equal(files_below(merged), 0);
}

int main(void)
{
    const test_case cases[] = {
        TEST_CASE(merged_models_are_equal),
        TEST_CASE(merges_what_was_trained_from_scratch),
        TEST_CASE(merges_swin),
        TEST_CASE(merges_clip),
        TEST_CASE(merges_a_normed_head),
        TEST_CASE(merges_at_the_runs_image_size),
        TEST_CASE(merges_without_biases),
        TEST_CASE(merged_models_evaluate_alike),
        TEST_CASE(merged_models_train_on),
        TEST_CASE(refuses_what_cannot_be_folded),
        TEST_CASE(refuses_another_backbone),
    };
    scratch_open();
    int failures = TEST_RUN("merge", cases, TEST_EXECUTING);
    scratch_close();
    return failures;
}
