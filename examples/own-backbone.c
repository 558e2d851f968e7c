/* A backbone that graft has no builder for, a small mixer of tokens and channels (Tolstikhin et
 * al., arXiv 2105.01601): its linears are marked, LoRA is trained on them for a few steps, and the
 * adapter is attached to the resident backbone. The backbone stays frozen; here its weights are
 * random, an application has them in a file (graft_model_params.backbone).
 *
 *     own-backbone [DEVICE]            "opencl:0"; the best one without it
 */
#include <graft/graft.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { SIDE = 32, PATCH = 8, TOKENS = 16, WIDTH = 48, BATCH = 16, CLASSES = 2, STEPS = 12 };

/* images [B, 3, S, S] -> features [B, WIDTH] */
static graft_value *write_mixer(void *user, graft_build *b, graft_value *images)
{
    static float mean[TOKENS];
    int64_t batch = graft_value_shape(images).dim[0];
    graft_value *x = graft_patches(images, PATCH);
    (void)user;
    x = graft_build_linear(b, "embed", GRAFT_TARGET_NONE, x, WIDTH);
    graft_value *y = graft_transpose(graft_build_norm(b, "norm1", x, 1e-6f));
    y = graft_build_linear(b, "tokens.fc1", GRAFT_TARGET_FC1, y, 2 * TOKENS);
    y = graft_build_linear(b, "tokens.fc2", GRAFT_TARGET_FC2, graft_gelu(y), TOKENS);
    x = graft_add(x, graft_transpose(y), 1.0f);
    y = graft_build_norm(b, "norm2", x, 1e-6f);
    y = graft_build_linear(b, "channels.fc1", GRAFT_TARGET_FC1, y, 2 * WIDTH);
    y = graft_build_linear(b, "channels.fc2", GRAFT_TARGET_FC2, graft_gelu(y), WIDTH);
    x = graft_transpose(graft_add(x, y, 1.0f));
    for (int i = 0; i < TOKENS; i++)
        mean[i] = 1.0f / TOKENS;
    y = graft_constant(graft_build_graph(b), "mean", GRAFT_F32, GRAFT_SHAPE(TOKENS, 1), mean);
    return graft_reshape(graft_matmul(x, y, NULL, 1.0f), GRAFT_SHAPE(batch, WIDTH));
}

static const float *noise(int count, float size, float middle)
{
    float *out = malloc((size_t)count * sizeof(*out));
    for (int i = 0; i < count && out; i++)
        out[i] = middle + size * (2.0f * (float)rand() / (float)RAND_MAX - 1.0f);
    return out;
}

/* The frozen tensors; freed by the end of the process. */
static graft_backbone_graph mixer(void)
{
    static graft_host_tensor tensors[9];
    const graft_host_tensor all[] = {
        {"embed.weight", GRAFT_SHAPE(WIDTH, 3 * PATCH * PATCH), NULL},
        {"norm1.weight", GRAFT_SHAPE(WIDTH), NULL},
        {"norm1.bias", GRAFT_SHAPE(WIDTH), NULL},
        {"tokens.fc1.weight", GRAFT_SHAPE(2 * TOKENS, TOKENS), NULL},
        {"tokens.fc2.weight", GRAFT_SHAPE(TOKENS, 2 * TOKENS), NULL},
        {"norm2.weight", GRAFT_SHAPE(WIDTH), NULL},
        {"norm2.bias", GRAFT_SHAPE(WIDTH), NULL},
        {"channels.fc1.weight", GRAFT_SHAPE(2 * WIDTH, WIDTH), NULL},
        {"channels.fc2.weight", GRAFT_SHAPE(WIDTH, 2 * WIDTH), NULL},
    };
    for (int i = 0; i < 9; i++) {
        bool vector = all[i].shape.rank == 1;
        float fan = vector ? 100.0f : (float)all[i].shape.dim[1];
        tensors[i] = all[i];
        tensors[i].data = noise((int)graft_shape_count(all[i].shape), 1.7f / sqrtf(fan),
                                all[i].name[6] == 'w' && vector ? 1.0f : 0.0f);
    }
    return (graft_backbone_graph){
        .write = write_mixer, .image_size = SIDE, .tensors = tensors, .tensor_count = 9};
}

/* Stripes, upright or lying. */
static void draw(uint8_t pixels[BATCH][SIDE][SIDE][3], int32_t labels[BATCH])
{
    for (int i = 0; i < BATCH; i++) {
        labels[i] = i % CLASSES;
        for (int y = 0; y < SIDE; y++)
            for (int x = 0; x < SIDE; x++)
                for (int c = 0; c < 3; c++)
                    pixels[i][y][x][c] =
                        (uint8_t)(((labels[i] ? x : y) + i) % 8 < 4 ? 190 + 3 * c : 40 + 5 * c);
    }
}

static graft_status train(graft_log *log, graft_device *device, graft_model *model,
                          const graft_batch *batch, graft_bytes *adapter)
{
    const char *set[] = {"lora.targets=fc1,fc2"};
    graft_train_params settings;
    graft_trainer_params params;
    graft_trainer *trainer;
    graft_step_result result;
    graft_writer writer = graft_bytes_writer(adapter);
    graft_train_defaults(&settings);
    settings.method = "lora";
    settings.set = (graft_text_list){set, 1};
    settings.batch_size = BATCH;
    settings.lr = 0.01;
    graft_trainer_defaults(&params);
    params.settings = &settings;
    params.model = model;
    params.classes = CLASSES;
    graft_status status = graft_trainer_create(log, device, &params, &trainer);
    for (int step = 0; step < STEPS && status == GRAFT_OK; step++) {
        status = graft_trainer_step(trainer, batch, NULL, &result);
        if (status == GRAFT_OK && step % (STEPS - 1) == 0)
            printf("step %d: loss %.3f\n", step + 1, (double)result.loss);
    }
    if (status == GRAFT_OK)
        status = graft_trainer_write_adapter(trainer, &writer);
    graft_trainer_destroy(&trainer);
    return status;
}

/* How many pictures the model gets right with this adapter. */
static graft_status count_right(graft_log *log, graft_model *model, const graft_bytes *bytes,
                                const uint8_t *pixels, const int32_t *labels, int *right)
{
    graft_source source = {.data = bytes->data, .size_bytes = bytes->size_bytes};
    graft_pixels images[BATCH];
    graft_adapter *adapter;
    float logits[BATCH][CLASSES];
    for (int i = 0; i < BATCH; i++)
        images[i] = (graft_pixels){pixels + i * SIDE * SIDE * 3, SIDE, SIDE, 3, 0};
    graft_status status = graft_adapter_open(log, &source, &adapter);
    if (status == GRAFT_OK)
        status = graft_model_attach(model, adapter);
    if (status == GRAFT_OK)
        status = graft_model_run_pixels(model, GRAFT_OUTPUT_LOGITS, images, BATCH, &logits[0][0]);
    for (int i = 0; i < BATCH && status == GRAFT_OK; i++)
        *right += (logits[i][1] > logits[i][0]) == labels[i];
    graft_adapter_close(&adapter);
    return status;
}

int main(int argc, char **argv)
{
    static uint8_t pixels[BATCH][SIDE][SIDE][3];
    static int32_t labels[BATCH];
    const graft_backbone_graph graph = mixer();
    graft_batch batch = {.count = BATCH, .pixels = &pixels[0][0][0][0], .labels = labels};
    graft_log *log = graft_log_create(NULL);
    graft_device *device = NULL;
    graft_model *model = NULL;
    graft_bytes adapter = {0};
    graft_model_params params;
    int right = 0;
    draw(pixels, labels);
    graft_model_defaults(&params);
    params.graph = &graph;
    params.batch_size = BATCH;
    graft_status status = graft_device_open(log, argc > 1 ? argv[1] : NULL, NULL, &device);
    if (status == GRAFT_OK)
        status = graft_model_open(log, device, &params, &model);
    if (status == GRAFT_OK)
        status = train(log, device, model, &batch, &adapter);
    if (status == GRAFT_OK)
        status = count_right(log, model, &adapter, batch.pixels, labels, &right);
    char error[512];
    graft_log_error(log, error, sizeof(error));
    if (status != GRAFT_OK)
        fprintf(stderr, "%s: %s\n", graft_status_text(status), error);
    else
        printf("%d of %d pictures right\n", right, BATCH);
    graft_model_close(&model);
    graft_bytes_free(&adapter);
    graft_device_close(&device);
    graft_log_destroy(&log);
    return right < BATCH * 9 / 10;
}
