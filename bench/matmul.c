/* A linear layer's product on a device, with frozen weights as in training.
 *
 *     matmul [--device ID] forward|dx M N K
 *
 * Answers with the time of one product, see sample.h and product.h. */
#include "bench/product.h"
#include "device/device.h"
#include "ops/ops.h"
#include "plan/plan.h"

typedef struct bench {
    graft_log *log;
    graft_device *device;
    gr_graph *graph;
    gr_store *store;
    gr_plan *plan;
    product product;
} bench;

static void print_message(void *user, graft_log_level level, const char *text)
{
    (void)user, (void)level;
    fprintf(stderr, "%s\n", text);
}

static int once(void *user)
{
    bench *b = user;
    if (gr_plan_run(b->plan) != GRAFT_OK)
        return 1;
    return gr_device_wait(gr_device_from_public(b->device)) != GRAFT_OK;
}

static graft_status prepare(bench *b, const char *device)
{
    product *p = &b->product;
    GR_TRY(graft_device_open(b->log, device, NULL, &b->device));
    GR_TRY(gr_store_create(b->log, gr_device_from_public(b->device), &b->store));
    b->graph = gr_graph_create(b->log);
    if (!b->graph)
        return GRAFT_ERR_MEMORY;
    gr_value *left = gr_graph_input(b->graph, "left", GR_F32, GR_SHAPE(p->m, p->dx ? p->n : p->k));
    gr_value *w = gr_graph_frozen(b->graph, "weight", GR_SHAPE(p->n, p->k), GR_F32, p->weight);
    gr_value *y = gr_matmul(left, p->dx ? w : gr_transpose(w), NULL, 1.0f);
    GR_TRY(gr_graph_status(b->graph));
    gr_plan_params params = {.store = b->store, .outputs = &y, .output_count = 1};
    GR_TRY(gr_plan_create(b->log, &params, &b->plan));
    GR_TRY(gr_plan_prepare(b->plan));
    gr_region region;
    GR_TRY(gr_store_value(b->store, left, &region));
    GR_TRY(gr_store_write(b->store, &region, p->left));
    GR_TRY(gr_plan_run(b->plan));
    GR_TRY(gr_plan_read(b->plan, y, p->result));
    return product_check(p) ? GRAFT_OK : gr_fail(b->log, GRAFT_ERR_NUMERIC, "matmul: wrong");
}

int main(int argc, char **argv)
{
    int at = argc > 2 && strcmp(argv[1], "--device") == 0 ? 3 : 1;
    graft_log_params log = {.callback = print_message, .level = GRAFT_LOG_WARN};
    bench b = {.log = graft_log_create(&log)};
    if (!product_read(&b.product, argv + at, argc - at)) {
        fprintf(stderr, "usage: matmul [--device ID] forward|dx M N K\n");
        return 2;
    }
    int failed = prepare(&b, at == 3 ? argv[2] : NULL) != GRAFT_OK;
    if (!failed)
        failed = sample_serve(once, &b, 0.2);
    gr_plan_destroy(b.plan);
    gr_graph_destroy(b.graph);
    gr_store_destroy(b.store);
    graft_device_close(&b.device);
    graft_log_destroy(&b.log);
    free(b.product.left);
    free(b.product.weight);
    free(b.product.result);
    return failed;
}
