/* The product of `graft bench --op matmul` in oneDNN 2: onednn forward|dx M N K
 * The weights are in the layout that oneDNN likes best, brought there ahead of time. */
#include "bench/product.h"

#include <dnnl.h>

typedef struct bench {
    product product;
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_primitive_t matmul;
    dnnl_exec_arg_t args[3];
} bench;

static void check(dnnl_status_t status, const char *what)
{
    if (status == dnnl_success)
        return;
    fprintf(stderr, "onednn: %s: status %d\n", what, (int)status);
    exit(1);
}

static int once(void *user)
{
    bench *b = user;
    check(dnnl_primitive_execute(b->matmul, b->stream, 3, b->args), "execute");
    check(dnnl_stream_wait(b->stream), "wait");
    return 0;
}

static dnnl_memory_desc_t describe(int rows, int cols, dnnl_format_tag_t tag)
{
    dnnl_memory_desc_t desc;
    dnnl_dims_t dims = {rows, cols};
    check(dnnl_memory_desc_init_by_tag(&desc, 2, dims, dnnl_f32, tag), "description");
    return desc;
}

static dnnl_memory_t memory(bench *b, const dnnl_memory_desc_t *desc, void *data)
{
    dnnl_memory_t result;
    check(dnnl_memory_create(&result, desc, b->engine, data), "memory");
    return result;
}

/* The weights, moved into the layout of `to`. */
static dnnl_memory_t reorder(bench *b, const dnnl_memory_desc_t *from, const dnnl_memory_desc_t *to)
{
    dnnl_primitive_desc_t desc;
    dnnl_primitive_t primitive;
    dnnl_memory_t source = memory(b, from, b->product.weight);
    dnnl_memory_t result = memory(b, to, DNNL_MEMORY_ALLOCATE);
    dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, source}, {DNNL_ARG_TO, result}};
    check(dnnl_reorder_primitive_desc_create(&desc, from, b->engine, to, b->engine, NULL),
          "reorder description");
    check(dnnl_primitive_create(&primitive, desc), "reorder");
    check(dnnl_primitive_execute(primitive, b->stream, 2, args), "reorder");
    check(dnnl_stream_wait(b->stream), "reorder");
    return result;
}

static void prepare(bench *b)
{
    product *p = &b->product;
    int inner = p->dx ? p->n : p->k, cols = p->dx ? p->k : p->n;
    check(dnnl_engine_create(&b->engine, dnnl_cpu, 0), "engine");
    check(dnnl_stream_create(&b->stream, b->engine, dnnl_stream_default_flags), "stream");
    dnnl_memory_desc_t left = describe(p->m, inner, dnnl_ab),
                       result = describe(p->m, cols, dnnl_ab);
    dnnl_memory_desc_t plain = describe(inner, cols, p->dx ? dnnl_ab : dnnl_ba);
    dnnl_memory_desc_t any = describe(inner, cols, dnnl_format_tag_any);
    dnnl_matmul_desc_t desc;
    dnnl_primitive_desc_t chosen;
    check(dnnl_matmul_desc_init(&desc, &left, &any, NULL, &result), "matmul description");
    check(dnnl_primitive_desc_create(&chosen, &desc, NULL, b->engine, NULL), "matmul");
    check(dnnl_primitive_create(&b->matmul, chosen), "matmul");
    const dnnl_memory_desc_t *weights =
        dnnl_primitive_desc_query_md(chosen, dnnl_query_weights_md, 0);
    b->args[0] = (dnnl_exec_arg_t){DNNL_ARG_SRC, memory(b, &left, p->left)};
    b->args[1] = (dnnl_exec_arg_t){DNNL_ARG_WEIGHTS, reorder(b, &plain, weights)};
    b->args[2] = (dnnl_exec_arg_t){DNNL_ARG_DST, memory(b, &result, p->result)};
}

int main(int argc, char **argv)
{
    bench b = {0};
    if (!product_read(&b.product, argv + 1, argc - 1))
        return 2;
    const dnnl_version_t *version = dnnl_version();
    printf("peer oneDNN %d.%d.%d\n", version->major, version->minor, version->patch);
    prepare(&b);
    once(&b);
    return product_check(&b.product) ? sample_serve(once, &b, 0.2) : 1;
}
