/* A backbone of the application's own graph: a ViT written by hand is the one that graft
 * builds; a network that graft has no builder for trains, is attached and merged; bad use. */
#include "support.h"

#include "base/mem.h"
#include "weights/load.h"

#include <math.h>
#include <string.h>

enum { SIDE = RUN_SIZE, IMAGE = 3 * SIDE * SIDE, DIM = 32, TOKENS = 16, HEADS = 2, CLASSES = 3 };

/* ---- The ViT of support.c, by hand --------------------------------------------------------- */

static const char *named(char text[64], int block, const char *module)
{
    snprintf(text, 64, "blocks.%d.%s", block, module);
    return text;
}

/* [B, T, D] -> [B, heads, T, D / heads] */
static graft_value *heads_of(graft_value *x, int64_t batch)
{
    x = graft_reshape(x, GRAFT_SHAPE(batch, TOKENS + 1, HEADS, DIM / HEADS));
    return graft_permute(x, (const int[]){0, 2, 1, 3});
}

static graft_value *attention(graft_build *b, int block, graft_value *x, int64_t batch)
{
    char text[64];
    graft_value *parts[3];
    graft_build_qkv(b, named(text, block, "attn"), x, parts);
    graft_value *keys = graft_transpose(heads_of(parts[1], batch));
    graft_value *scores = graft_matmul(heads_of(parts[0], batch), keys, NULL, 0.25f);
    graft_value *y =
        graft_matmul(graft_softmax(scores, 1.0f), heads_of(parts[2], batch), NULL, 1.0f);
    y = graft_reshape(graft_permute(y, (const int[]){0, 2, 1, 3}),
                      GRAFT_SHAPE(batch, TOKENS + 1, DIM));
    return graft_build_linear(b, named(text, block, "attn.proj"), GRAFT_TARGET_PROJ, y, DIM);
}

static graft_value *embed(graft_build *b, graft_value *images, int64_t batch)
{
    float *zeros = gr_alloc_array(scratch(), (size_t)(batch * DIM), sizeof(*zeros));
    graft_value *weight =
        graft_build_weight(b, "patch_embed.proj.weight", GRAFT_SHAPE(DIM, 3, 8, 8));
    graft_value *bias = graft_build_weight(b, "patch_embed.proj.bias", GRAFT_SHAPE(DIM));
    graft_value *x = graft_linear(graft_patches(images, 8),
                                  graft_reshape(weight, GRAFT_SHAPE(DIM, 3 * 64)), bias);
    x = graft_build_output(b, "patch_embed.proj", x);
    graft_value *token =
        graft_constant(graft_build_graph(b), "zeros", GRAFT_F32, GRAFT_SHAPE(batch, 1, DIM), zeros);
    graft_value *class_token = graft_build_weight(b, "cls_token", GRAFT_SHAPE(1, 1, DIM));
    token = graft_add(token, graft_reshape(class_token, GRAFT_SHAPE(DIM)), 1.0f);
    graft_value *positions = graft_build_weight(b, "pos_embed", GRAFT_SHAPE(1, TOKENS + 1, DIM));
    return graft_add(graft_concat((graft_value *[]){token, x}, 2, 1),
                     graft_reshape(positions, GRAFT_SHAPE(TOKENS + 1, DIM)), 1.0f);
}

static graft_value *write_vit(void *user, graft_build *b, graft_value *images)
{
    char text[64];
    int64_t batch = graft_value_shape(images).dim[0];
    graft_value *x = embed(b, images, batch);
    for (int i = 0; i < 2; i++) {
        graft_value *y = graft_build_norm(b, named(text, i, "norm1"), x, 1e-6f);
        x = graft_add(x, attention(b, i, y, batch), 1.0f);
        y = graft_build_norm(b, named(text, i, "norm2"), x, 1e-6f);
        y = graft_build_linear(b, named(text, i, "mlp.fc1"), GRAFT_TARGET_FC1, y, 2 * DIM);
        y = graft_build_linear(b, named(text, i, "mlp.fc2"), GRAFT_TARGET_FC2, graft_gelu(y), DIM);
        x = graft_add(x, y, 1.0f);
    }
    (*(int *)user)++;
    x = graft_build_norm(b, "norm", graft_slice(x, 1, 0, 1), 1e-6f);
    return graft_reshape(x, GRAFT_SHAPE(batch, DIM));
}

/* What makes a fault of the mixer. */
typedef graft_value *tail(graft_build *, graft_value *);

/* ---- A mixer of tokens, which graft has no builder for ------------------------------------- */

static graft_value *write_mixer(void *user, graft_build *b, graft_value *images)
{
    int64_t batch = graft_value_shape(images).dim[0];
    graft_value *x =
        graft_build_linear(b, "embed", GRAFT_TARGET_NONE, graft_patches(images, 8), DIM);
    graft_value *y = graft_transpose(graft_build_norm(b, "token_norm", x, 1e-6f));
    y = graft_build_linear(b, "tokens.1", GRAFT_TARGET_FC1, y, TOKENS);
    y = graft_build_linear(b, "tokens.2", GRAFT_TARGET_FC2, graft_gelu(y), TOKENS);
    x = graft_build_dropout(b, graft_add(x, graft_transpose(y), 1.0f), 0.1f);
    float *share = gr_alloc_array(scratch(), TOKENS, sizeof(*share));
    for (int i = 0; i < TOKENS; i++)
        share[i] = 1.0f / TOKENS;
    graft_value *mean =
        graft_constant(graft_build_graph(b), "mean", GRAFT_F32, GRAFT_SHAPE(TOKENS, 1), share);
    if (user)
        return (*(tail **)user)(b, x);
    x = graft_matmul(graft_transpose(x), mean, NULL, 1.0f);
    return graft_reshape(x, GRAFT_SHAPE(batch, DIM));
}

/* Its tensors; the linear of tokens has no bias. */
static const graft_host_tensor *mixer_tensors(int *count)
{
    static float values[DIM * 3 * 64];
    static graft_host_tensor tensors[7];
    for (int i = 0; i < DIM * 3 * 64; i++)
        values[i] = 0.1f * sinf((float)(i * 37 % 1001));
    const graft_host_tensor all[] = {
        {"embed.weight", GRAFT_SHAPE(DIM, 3 * 64), values},
        {"embed.bias", GRAFT_SHAPE(DIM), values + 7},
        {"token_norm.weight", GRAFT_SHAPE(DIM), values + 99},
        {"token_norm.bias", GRAFT_SHAPE(DIM), values + 3},
        {"tokens.1.weight", GRAFT_SHAPE(TOKENS, TOKENS), values + 11},
        {"tokens.2.weight", GRAFT_SHAPE(TOKENS, TOKENS), values + 500},
        {"tokens.2.bias", GRAFT_SHAPE(TOKENS), values + 1},
    };
    memcpy(tensors, all, sizeof(all));
    *count = 7;
    return tensors;
}

static graft_backbone_graph mixer(void)
{
    graft_backbone_graph graph = {.write = write_mixer, .image_size = SIDE};
    graph.tensors = mixer_tensors(&graph.tensor_count);
    return graph;
}

/* ---- What is done with both ---------------------------------------------------------------- */

static const float *pictures(void)
{
    static float images[RUN_BATCH * IMAGE];
    for (int i = 0; i < RUN_BATCH * IMAGE; i++)
        images[i] = (float)((unsigned)i * 2654435761u % 1000u) / 300.0f - 1.5f;
    return images;
}

static graft_model *opened(gr_device *device, const graft_backbone_graph *graph, graft_source file)
{
    graft_model_params params;
    graft_model *model = NULL;
    graft_model_defaults(&params);
    params.backbone = file;
    params.graph = graph;
    params.batch_size = RUN_BATCH;
    check_ok(scratch(),
             graft_model_open(scratch()->log, gr_device_to_public(device), &params, &model));
    return model;
}

static graft_train_params settings_of(const char *method, const graft_text_list *set)
{
    graft_train_params p;
    graft_train_defaults(&p);
    p.method = method;
    p.set = set ? *set : (graft_text_list){0};
    p.batch_size = RUN_BATCH;
    p.lr = 0.02;
    p.seed = 3;
    return p;
}

static graft_status try_trainer(gr_device *device, graft_model *model, const graft_train_params *p,
                                graft_trainer **out)
{
    const graft_trainer_params params = {.settings = p, .model = model, .classes = CLASSES};
    return graft_trainer_create(scratch()->log, gr_device_to_public(device), &params, out);
}

/* Two steps; the adapter's bytes, and what the trainer says of the pictures. */
static graft_bytes train(gr_device *device, graft_model *model, const graft_train_params *p,
                         float logits[RUN_BATCH * CLASSES])
{
    static const int32_t labels[RUN_BATCH] = {0, 1, 2, 1};
    const graft_batch batch = {.count = RUN_BATCH, .images = pictures(), .labels = labels};
    graft_trainer *t = NULL;
    graft_bytes saved = {0};
    graft_writer writer = graft_bytes_writer(&saved);
    check_ok(scratch(), try_trainer(device, model, p, &t));
    for (int step = 0; step < 2; step++)
        check_ok(scratch(), graft_trainer_step(t, &batch, NULL, NULL));
    check_ok(scratch(), graft_trainer_logits(t, pictures(), RUN_BATCH, logits));
    check_ok(scratch(), graft_trainer_write_adapter(t, &writer));
    graft_trainer_destroy(&t);
    return saved;
}

static graft_adapter *adapter_of(const graft_bytes *saved)
{
    graft_adapter *adapter = NULL;
    const graft_source source = {.data = saved->data, .size_bytes = saved->size_bytes};
    check_ok(scratch(), graft_adapter_open(scratch()->log, &source, &adapter));
    return adapter;
}

/* What a model says with this adapter is what the trainer said. */
static void attached_is_as_trained(graft_model *model, graft_adapter *adapter,
                                   const float expected[RUN_BATCH * CLASSES], const char *method)
{
    float found[RUN_BATCH * CLASSES];
    check_ok(scratch(), graft_model_attach(model, adapter));
    check_ok(scratch(), graft_model_logits(model, pictures(), RUN_BATCH, found));
    for (int i = 0; i < RUN_BATCH * CLASSES; i++)
        if (!(fabsf(found[i] - expected[i]) <= 1e-5f * fmaxf(1.0f, fabsf(expected[i]))))
            fail_msg("%s: logit %d is %g, the trainer's %g", method, i, (double)found[i],
                     (double)expected[i]);
}

/* A merged backbone, in the same graph, says the same. */
static void merged_is_as_attached(gr_device *device, graft_model *model,
                                  const graft_backbone_graph *graph,
                                  const float expected[RUN_BATCH * CLASSES], const char *method)
{
    float found[RUN_BATCH * CLASSES];
    graft_bytes saved = {0};
    graft_writer writer = graft_bytes_writer(&saved);
    check_ok(scratch(), graft_model_merge(model, GRAFT_NUMBER_F32, &writer));
    const graft_backbone_graph same = {.write = graph->write, .image_size = graph->image_size};
    graft_model *merged =
        opened(device, &same, (graft_source){.data = saved.data, .size_bytes = saved.size_bytes});
    check_ok(scratch(), graft_model_attach(merged, NULL));
    check_ok(scratch(), graft_model_logits(merged, pictures(), RUN_BATCH, found));
    for (int i = 0; i < RUN_BATCH * CLASSES; i++)
        if (!(fabsf(found[i] - expected[i]) <= 1e-4f * fmaxf(1.0f, fabsf(expected[i]))))
            fail_msg("%s, merged: logit %d is %g, expected %g", method, i, (double)found[i],
                     (double)expected[i]);
    graft_model_close(&merged);
    graft_bytes_free(&saved);
}

/* The same tensors with the same values, but for rounding. */
static void assert_same_tensors(const graft_bytes *a, const graft_bytes *b, const char *method)
{
    gr_tensors *files[2];
    const graft_bytes *both[] = {a, b};
    for (int i = 0; i < 2; i++) {
        const graft_source source = {.data = both[i]->data, .size_bytes = both[i]->size_bytes};
        check_ok(scratch(), gr_tensors_load_source(scratch()->log, &source, &files[i]));
    }
    assert_int_equal(gr_tensors_count(files[0]), gr_tensors_count(files[1]));
    for (size_t i = 0; i < gr_tensors_count(files[0]); i++) {
        const gr_tensor *x = gr_tensors_at(files[0], i), *y = gr_tensors_find(files[1], x->name);
        if (!y || x->size_bytes != y->size_bytes)
            fail_msg("%s: %s is of one only", method, x->name);
        for (int64_t k = 0; k < gr_tensor_count(x); k++)
            assert_float_equal(((const float *)x->data)[k], ((const float *)y->data)[k], 1e-4f);
    }
    gr_tensors_destroy(&files[0]);
    gr_tensors_destroy(&files[1]);
}

static void own_vit_is_the_built_one(void **state)
{
    gr_device *device = test_device_of(state);
    static const char *const methods[] = {"lora", "ssf+bitfit", "boft"};
    int writings = 0;
    const graft_backbone_graph graph = {.write = write_vit, .user = &writings, .image_size = SIDE};
    const graft_source file = {.path = tiny_backbone()};
    graft_model *own = opened(device, &graph, file), *built = opened(device, NULL, file);
    assert_int_equal(writings, 1);
    for (int i = 0; i < 3; i++) {
        float logits[2][RUN_BATCH * CLASSES];
        const graft_train_params p = settings_of(methods[i], NULL);
        graft_bytes a = train(device, own, &p, logits[0]), b = train(device, built, &p, logits[1]);
        for (int k = 0; k < RUN_BATCH * CLASSES; k++) /* operators come in another order */
            assert_float_equal(logits[0][k], logits[1][k], 1e-5f);
        assert_same_tensors(&a, &b, methods[i]);
        graft_bytes_free(&a);
        graft_bytes_free(&b);
    }
    graft_model_close(&own);
    graft_model_close(&built);
}

static void methods_act_on_an_own_graph(void **state)
{
    gr_device *device = test_device_of(state);
    static const struct {
        const char *method, *set[3];
    } runs[] = {
        {"lora+ssf", {"lora.targets=fc1"}},
        {"dora", {"dora.targets=fc1,fc2"}},
        {"ia3", {NULL}},
        {"vera", {"vera.r=8"}},
        {"boft", {NULL}},
        {"fourierft", {"fourierft.n_frequency=20", "fourierft.scaling=5"}},
        {"rlrr", {NULL}},
        {"bitfit", {NULL}},
        {"full", {NULL}},
        {"linear", {NULL}},
    };
    const graft_backbone_graph graph = mixer();
    graft_model *model = opened(device, &graph, (graft_source){0});
    for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
        float logits[RUN_BATCH * CLASSES];
        graft_text_list set = {runs[i].set, runs[i].set[0] ? runs[i].set[1] ? 2 : 1 : 0};
        const graft_train_params p = settings_of(runs[i].method, &set);
        graft_bytes saved = train(device, model, &p, logits);
        graft_adapter *adapter = adapter_of(&saved);
        attached_is_as_trained(model, adapter, logits, runs[i].method);
        merged_is_as_attached(device, model, &graph, logits, runs[i].method);
        check_ok(scratch(), graft_model_detach(model, adapter));
        graft_adapter_close(&adapter);
        graft_bytes_free(&saved);
    }
    graft_model_close(&model);
}

/* ---- Bad use ------------------------------------------------------------------------------- */

static void refused(graft_status status, graft_status expected, const char *telling)
{
    char text[512];
    graft_log_error(scratch()->log, text, sizeof(text));
    if (status != expected || !strstr(text, telling))
        fail_msg("status %d: %s; expected %s", (int)status, text, telling);
}

static void methods_without_a_place_are_refused(void **state)
{
    static const struct {
        const char *method, *set, *telling;
        graft_status status;
    } cases[] = {
        {"vpt_deep", NULL, "method 'vpt_deep': acts on the blocks", GRAFT_ERR_UNSUPPORTED},
        {"convpass", NULL, "method 'convpass': acts on the blocks", GRAFT_ERR_UNSUPPORTED},
        {"adapter", NULL, "method 'adapter': finds no place", GRAFT_ERR_ARGUMENT},
        {"ssf+lora", "lora.targets=q,v", "targets: fc1, fc2", GRAFT_ERR_ARGUMENT},
        {"vera", "vera.train_bias=1", "vera+bitfit", GRAFT_ERR_UNSUPPORTED},
        {"boft", "boft.block_size=32", "tokens.1: an input of 16", GRAFT_ERR_ARGUMENT},
    };
    gr_device *device = test_device_of(state);
    const graft_backbone_graph graph = mixer();
    graft_model *model = opened(device, &graph, (graft_source){0});
    graft_trainer *t = NULL;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        graft_text_list set = {&cases[i].set, cases[i].set != NULL};
        graft_train_params p = settings_of(cases[i].method, &set);
        refused(try_trainer(device, model, &p, &t), cases[i].status, cases[i].telling);
    }
    graft_train_params p = settings_of("linear", NULL);
    p.drop_path = 0.1;
    refused(try_trainer(device, model, &p, &t), GRAFT_ERR_ARGUMENT, "`drop_path` 0.1");
    p = settings_of("linear", NULL);
    p.pool = GRAFT_POOL_AVG;
    refused(try_trainer(device, model, &p, &t), GRAFT_ERR_ARGUMENT, "`pool`");
    graft_model_close(&model);
}

static graft_value *no_feature(graft_build *b, graft_value *x)
{
    return x;
}

static graft_value *own_parameter(graft_build *b, graft_value *x)
{
    return graft_parameter(graft_build_graph(b), "mine", GRAFT_SHAPE(1, DIM), NULL);
}

static graft_value *missing_weight(graft_build *b, graft_value *x)
{
    return graft_build_linear(b, "nowhere", GRAFT_TARGET_NONE, x, DIM);
}

static graft_value *reserved_name(graft_build *b, graft_value *x)
{
    return graft_build_linear(b, "head.mine", GRAFT_TARGET_NONE, x, DIM);
}

static graft_value *wrong_shape(graft_build *b, graft_value *x)
{
    return graft_build_linear(b, "tokens.1", GRAFT_TARGET_FC1, x, TOKENS);
}

static graft_value *nothing(graft_build *b, graft_value *x)
{
    return NULL;
}

static void faulty_graphs_are_refused(void **state)
{
    static tail *const tails[] = {no_feature,    own_parameter, missing_weight,
                                  reserved_name, wrong_shape,   nothing};
    static const char *const telling[] = {
        "returned [1, 16, 32]; expected features",
        "mine: a parameter",
        "nowhere.weight: not in",
        "head.mine: names that begin with",
        "tokens.1.weight: expected shape",
        "returned no value of this graph",
    };
    graft_device *device = gr_device_to_public(test_device_of(state));
    graft_model_params params;
    graft_model *model;
    for (int i = 0; i < 6; i++) {
        tail *last = tails[i];
        graft_backbone_graph graph = mixer();
        graft_model_defaults(&params);
        graph.user = &last;
        params.graph = &graph;
        graft_status status = graft_model_open(scratch()->log, device, &params, &model);
        refused(status, status == GRAFT_OK ? GRAFT_ERR_ARGUMENT : status, telling[i]);
        assert_null(model);
    }
    graft_backbone_graph graph = mixer();
    params.graph = &graph;
    params.backbone.path = tiny_backbone();
    refused(graft_model_open(scratch()->log, device, &params, &model), GRAFT_ERR_ARGUMENT,
            "give one of them");
    graph.tensors = NULL;
    params.backbone.path = NULL;
    refused(graft_model_open(scratch()->log, device, &params, &model), GRAFT_ERR_ARGUMENT,
            "give them");
}

/* What a file tells of itself: no geometry of a transformer. */
static void adapters_are_inspected(void **state)
{
    gr_device *device = test_device_of(state);
    float logits[RUN_BATCH * CLASSES];
    const graft_backbone_graph graph = mixer();
    graft_model *model = opened(device, &graph, (graft_source){0});
    const graft_train_params p = settings_of("linear", NULL);
    graft_bytes saved = train(device, model, &p, logits);
    graft_adapter *adapter = adapter_of(&saved);
    char *path = in_folder(scratch()->directory, "own.safetensors");
    graft_file *file;
    check_ok(scratch(), graft_adapter_save(adapter, path));
    check_ok(scratch(), graft_file_open(scratch()->log, path, &file));
    graft_vit_info info = graft_file_get_vit(file);
    assert_int_equal(info.image_size, SIDE);
    assert_int_equal(info.dim, DIM);
    assert_int_equal(info.classes, CLASSES);
    assert_int_equal(info.patch_size, 0);
    assert_int_equal(graft_file_problem_count(file), 0);
    graft_file_close(&file);
    graft_adapter_close(&adapter);
    graft_bytes_free(&saved);
    graft_model_close(&model);
}

/* Adapters of a graph of one's own, and of a checkpoint, do not go onto the other. */
static void adapters_are_not_mixed_up(void **state)
{
    gr_device *device = test_device_of(state);
    float logits[RUN_BATCH * CLASSES];
    const graft_backbone_graph graph = mixer();
    graft_model *own = opened(device, &graph, (graft_source){0});
    graft_model *built = opened(device, NULL, (graft_source){.path = tiny_backbone()});
    const graft_train_params p = settings_of("bitfit", NULL);
    graft_bytes of_own = train(device, own, &p, logits),
                of_built = train(device, built, &p, logits);
    graft_adapter *a = adapter_of(&of_own), *b = adapter_of(&of_built);
    refused(graft_model_attach(built, a), GRAFT_ERR_SHAPE, "trained on an application's own graph");
    refused(graft_model_attach(own, b), GRAFT_ERR_SHAPE, "trained on a checkpoint's backbone");
    graft_adapter_close(&a);
    graft_adapter_close(&b);
    graft_bytes_free(&of_own);
    graft_bytes_free(&of_built);
    graft_model_close(&own);
    graft_model_close(&built);
}

int main(void)
{
    const test_case cases[] = {
        TEST_CASE(own_vit_is_the_built_one),
        TEST_CASE(methods_act_on_an_own_graph),
        TEST_CASE(methods_without_a_place_are_refused),
        TEST_CASE(faulty_graphs_are_refused),
        TEST_CASE(adapters_are_inspected),
        TEST_CASE(adapters_are_not_mixed_up),
    };
    scratch_open();
    int failed = TEST_RUN("own backbone", cases, TEST_EXECUTING);
    scratch_close();
    return failed;
}
