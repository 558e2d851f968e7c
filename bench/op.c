/* One operator at the shapes of a ViT-B/16 training step with 8 images.
 *
 *     op [--device ID] NAME|list
 *
 * Answers with the time of one run, see sample.h. `bytes` is what must be read and written once,
 * `flop` what must be computed. */
#include "bench/sample.h"
#include "device/device.h"
#include "ops/operators.h"
#include "ops/ops.h"
#include "plan/plan.h"

enum { TOKENS = 197, IMAGES = 8, HEADS = 12, DIM = 768, ROWS = TOKENS * IMAGES };

typedef struct bench {
    graft_log *log;
    graft_device *device;
    gr_graph *graph;
    gr_store *store;
    gr_plan *plan;
    gr_value *inputs[4];
    int input_count;
    double flop;
} bench;

static void print_message(void *user, graft_log_level level, const char *text)
{
    (void)user, (void)level;
    fprintf(stderr, "%s\n", text);
}

static gr_value *input(bench *b, gr_shape shape)
{
    static const char *const names[] = {"a", "b", "c", "d"};
    gr_value *v = gr_graph_input(b->graph, names[b->input_count], GR_F32, shape);
    return b->inputs[b->input_count++] = v;
}

static gr_value *softmax(bench *b)
{
    return gr_softmax(input(b, GR_SHAPE(IMAGES, HEADS, TOKENS, TOKENS)), 0.125f);
}

/* Gradients have the attributes of what they are the gradient of, which is not run here. */
static gr_value *softmax_grad(bench *b)
{
    gr_shape shape = GR_SHAPE(IMAGES, HEADS, TOKENS, TOKENS);
    gr_value *inputs[] = {input(b, shape), input(b, shape)};
    return gr_graph_result(b->graph, &gr_op_softmax_grad, inputs, 2,
                           gr_softmax(inputs[0], 0.125f)->attrs);
}

static gr_value *layer_norm(bench *b)
{
    gr_value *x = input(b, GR_SHAPE(ROWS, DIM)), *gamma = input(b, GR_SHAPE(DIM));
    return gr_layer_norm(x, gamma, input(b, GR_SHAPE(DIM)), 1e-6f);
}

static gr_value *layer_norm_grad(bench *b)
{
    gr_value *x = input(b, GR_SHAPE(ROWS, DIM)), *dy = input(b, GR_SHAPE(ROWS, DIM));
    gr_value *inputs[] = {x, dy, input(b, GR_SHAPE(DIM))};
    return gr_graph_result(b->graph, &gr_op_layer_norm_grad, inputs, 3,
                           gr_layer_norm(x, NULL, NULL, 1e-6f)->attrs);
}

static gr_value *gelu(bench *b)
{
    return gr_gelu(input(b, GR_SHAPE(ROWS, 4 * DIM)));
}

static gr_value *gelu_grad(bench *b)
{
    gr_value *x = input(b, GR_SHAPE(ROWS, 4 * DIM));
    gr_value *inputs[] = {x, input(b, GR_SHAPE(ROWS, 4 * DIM))};
    return gr_graph_result(b->graph, &gr_op_unary_grad, inputs, 2, gr_gelu(x)->attrs);
}

static gr_value *add(bench *b)
{
    gr_value *x = input(b, GR_SHAPE(ROWS, DIM));
    return gr_add(x, input(b, GR_SHAPE(ROWS, DIM)));
}

/* A third of qkv, as heads. */
static gr_value *heads(gr_value *qkv, int which)
{
    gr_value *x = gr_reshape(qkv, GR_SHAPE(IMAGES, TOKENS, 3, HEADS, DIM / HEADS));
    x = gr_reshape(gr_slice(x, 2, which, 1), GR_SHAPE(IMAGES, TOKENS, HEADS, DIM / HEADS));
    return gr_permute(x, (int[]){0, 2, 1, 3});
}

static const double attention_flop = 2.0 * IMAGES * HEADS * TOKENS * TOKENS * (DIM / HEADS);

static gr_value *scores(bench *b)
{
    gr_value *qkv = input(b, GR_SHAPE(ROWS, 3 * DIM));
    b->flop = attention_flop;
    return gr_matmul(heads(qkv, 0), gr_transpose(heads(qkv, 1)), NULL, 1.0f);
}

static gr_value *attend(bench *b)
{
    gr_value *p = input(b, GR_SHAPE(IMAGES, HEADS, TOKENS, TOKENS));
    b->flop = attention_flop;
    return gr_matmul(p, heads(input(b, GR_SHAPE(ROWS, 3 * DIM)), 2), NULL, 1.0f);
}

static gr_value *attend_transposed(bench *b)
{
    gr_value *p = input(b, GR_SHAPE(IMAGES, HEADS, TOKENS, TOKENS));
    b->flop = attention_flop;
    return gr_matmul(gr_transpose(p), heads(input(b, GR_SHAPE(ROWS, 3 * DIM)), 2), NULL, 1.0f);
}

static gr_value *attention(bench *b)
{
    gr_value *qkv = input(b, GR_SHAPE(ROWS, 3 * DIM));
    gr_value *s = gr_matmul(heads(qkv, 0), gr_transpose(heads(qkv, 1)), NULL, 1.0f);
    b->flop = 2 * attention_flop;
    return gr_matmul(gr_softmax(s, 0.125f), heads(qkv, 2), NULL, 1.0f);
}

static gr_value *lora_down(bench *b)
{
    gr_value *x = input(b, GR_SHAPE(ROWS, DIM));
    b->flop = 2.0 * ROWS * DIM * 8;
    return gr_linear(x, input(b, GR_SHAPE(8, DIM)), NULL);
}

static gr_value *lora_up(bench *b)
{
    gr_value *x = input(b, GR_SHAPE(ROWS, 8));
    b->flop = 2.0 * ROWS * DIM * 8;
    return gr_linear(x, input(b, GR_SHAPE(DIM, 8)), NULL);
}

static gr_value *lora_weight_grad(bench *b)
{
    gr_value *x = input(b, GR_SHAPE(ROWS, DIM));
    b->flop = 2.0 * ROWS * DIM * 8;
    return gr_matmul(gr_transpose(x), input(b, GR_SHAPE(ROWS, 8)), NULL, 1.0f);
}

static const struct {
    const char *name;
    gr_value *(*build)(bench *b);
} ops[] = {
#define OP(name)                                                                                   \
    {                                                                                              \
#name, name                                                                                \
    }
    OP(softmax),    OP(softmax_grad),
    OP(gelu),       OP(gelu_grad),
    OP(scores),     OP(attend),
    OP(lora_up),    OP(lora_down),
    OP(add),        OP(lora_weight_grad),
    OP(layer_norm), OP(layer_norm_grad),
    OP(attention),  OP(attend_transposed),
};

enum { OPS = sizeof(ops) / sizeof(ops[0]) };

static graft_status fill_inputs(bench *b, double *bytes)
{
    for (int i = 0; i < b->input_count; i++) {
        gr_region region;
        GR_TRY(gr_store_value(b->store, b->inputs[i], &region));
        float *data = malloc(region.size);
        if (!data)
            return GRAFT_ERR_MEMORY;
        for (uint64_t k = 0; k < region.size / 4; k++)
            data[k] = (float)(k * 7919 % 2039) / 1020.0f - 1.0f;
        graft_status status = gr_store_write(b->store, &region, data);
        free(data);
        GR_TRY(status);
        *bytes += (double)region.size;
    }
    return GRAFT_OK;
}

static graft_status prepare(bench *b, const char *device, const char *name)
{
    gr_value *y = NULL;
    GR_TRY(graft_device_open(b->log, device, NULL, &b->device));
    GR_TRY(gr_store_create(b->log, gr_device_from_public(b->device), &b->store));
    b->graph = gr_graph_create(b->log);
    for (int i = 0; i < OPS && b->graph; i++)
        if (strcmp(ops[i].name, name) == 0)
            y = ops[i].build(b);
    if (!y)
        return gr_fail(b->log, GRAFT_ERR_ARGUMENT, "%s: no such operator", name);
    double bytes = 4.0 * (double)gr_shape_count(&y->shape);
    GR_TRY(fill_inputs(b, &bytes));
    gr_plan_params params = {.store = b->store, .outputs = &y, .output_count = 1};
    GR_TRY(gr_plan_create(b->log, &params, &b->plan));
    GR_TRY(gr_plan_prepare(b->plan));
    printf("bytes %.0f\nflop %.0f\n", bytes, b->flop);
    return GRAFT_OK;
}

static int once(void *user)
{
    bench *b = user;
    if (gr_plan_run(b->plan) != GRAFT_OK)
        return 1;
    return gr_device_wait(gr_device_from_public(b->device)) != GRAFT_OK;
}

int main(int argc, char **argv)
{
    const char *device = argc > 2 && strcmp(argv[1], "--device") == 0 ? argv[2] : NULL;
    const char *name = argv[argc - 1];
    if (strcmp(name, "list") == 0) {
        for (int i = 0; i < OPS; i++)
            printf("%s\n", ops[i].name);
        return 0;
    }
    graft_log_params log = {.callback = print_message, .level = GRAFT_LOG_WARN};
    bench b = {.log = graft_log_create(&log)};
    int failed = prepare(&b, device, name) != GRAFT_OK || once(&b);
    if (!failed)
        failed = sample_serve(once, &b, 0.1);
    gr_plan_destroy(b.plan);
    gr_graph_destroy(b.graph);
    gr_store_destroy(b.store);
    graft_device_close(&b.device);
    graft_log_destroy(&b.log);
    return failed;
}
