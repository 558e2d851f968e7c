#include "text/embed.h"

#include "base/convert.h"
#include "base/mem.h"
#include "model/backbone.h"
#include "model/block.h"
#include "model/layers.h"
#include "ops/ops.h"
#include "peft/compose.h"
#include "plan/plan.h"
#include "weights/layout.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Texts that are encoded at once. */
enum { BATCH = 32 };

struct gr_text_encoder {
    graft_log *log;
    gr_tensors *tensors; /* with the names of a plain vision transformer */
    gr_model_config config;
    const gr_tensor *tokens; /* [pieces, dim] */
    float *positions;        /* [context, dim] */
    int context, width;
};

static graft_status find_layout(graft_log *log, const gr_tensors *checkpoint,
                                gr_layout_match *match)
{
    *match = (gr_layout_match){.tower = ""};
    if (gr_tensors_find(checkpoint, "text_model.embeddings.token_embedding.weight"))
        match->layout = &gr_layout_transformers_text;
    else if (gr_tensors_find(checkpoint, "token_embedding.weight"))
        match->layout = &gr_layout_openai_text;
    else
        return gr_fail(log, GRAFT_ERR_NOT_FOUND,
                       "%s: has no text encoder; give a whole checkpoint of CLIP as `text.encoder`",
                       gr_tensors_source(checkpoint));
    return GRAFT_OK;
}

static graft_status get_matrix(const gr_text_encoder *e, const char *name, int64_t columns,
                               const gr_tensor **out)
{
    GR_TRY(gr_tensors_get(e->log, e->tensors, name, out));
    const gr_shape *shape = &(*out)->shape;
    if (shape->rank == 2 && shape->dim[0] > 0 && (!columns || shape->dim[1] == columns))
        return GRAFT_OK;
    return gr_fail(e->log, GRAFT_ERR_SHAPE, "%s: %s of the text encoder has an unexpected shape",
                   gr_tensors_source(e->tensors), name);
}

static graft_status read_geometry(gr_text_encoder *e, gr_func activation)
{
    const gr_tensor *positions, *proj, *fc1;
    GR_TRY(get_matrix(e, "token_embedding.weight", 0, &e->tokens));
    int64_t dim = e->tokens->shape.dim[1];
    GR_TRY(get_matrix(e, "pos_embed", dim, &positions));
    GR_TRY(get_matrix(e, "blocks.0.mlp.fc1.weight", dim, &fc1));
    GR_TRY(get_matrix(e, "proj.weight", dim, &proj));
    int depth = 0;
    char name[64];
    do
        snprintf(name, sizeof(name), "blocks.%d.norm1.weight", depth);
    while (gr_tensors_find(e->tensors, name) && ++depth);
    e->width = (int)proj->shape.dim[0];
    e->context = (int)positions->shape.dim[0];
    e->positions = gr_alloc_array(e, (size_t)gr_tensor_count(positions), sizeof(*e->positions));
    if (!e->positions)
        return gr_fail(e->log, GRAFT_ERR_MEMORY, "text encoder: out of memory");
    gr_tensor_to_f32(positions, e->positions);
    e->config = (gr_model_config){
        .dim = (int)dim,
        .depth = depth,
        .heads = (int)(dim / 64),
        .hidden = (int)fc1->shape.dim[0],
        .norm_eps = 1e-5f,
        .activation = activation,
    };
    if (dim % 64 || depth < 1)
        return gr_fail(e->log, GRAFT_ERR_SHAPE, "%s: a text encoder of %d blocks of width %lld",
                       gr_tensors_source(e->tensors), depth, (long long)dim);
    return GRAFT_OK;
}

graft_status gr_text_encoder_create(graft_log *log, gr_tensors *checkpoint, gr_func activation,
                                    gr_text_encoder **out)
{
    gr_layout_match match;
    *out = NULL;
    GR_TRY(find_layout(log, checkpoint, &match));
    gr_text_encoder *e = gr_alloc(NULL, sizeof(*e));
    if (!e || !(e->tensors = gr_tensors_create())) {
        gr_free(e);
        return gr_fail(log, GRAFT_ERR_MEMORY, "text encoder: out of memory");
    }
    e->log = log;
    graft_status status = gr_tensors_set_source(log, e->tensors, gr_tensors_source(checkpoint));
    if (status == GRAFT_OK)
        status = gr_layout_check(log, &match, checkpoint);
    if (status == GRAFT_OK)
        status = gr_layout_translate(log, &match, checkpoint, e->tensors);
    if (status == GRAFT_OK)
        status = read_geometry(e, activation);
    if (status == GRAFT_OK)
        *out = e;
    else
        gr_text_encoder_destroy(e);
    return status;
}

void gr_text_encoder_destroy(gr_text_encoder *encoder)
{
    if (!encoder)
        return;
    gr_tensors_destroy(&encoder->tensors);
    gr_free(encoder);
}

int gr_text_encoder_width(const gr_text_encoder *encoder)
{
    return encoder->width;
}

/* One run over some texts. */
typedef struct pass {
    const gr_text_encoder *encoder;
    gr_store *store;
    gr_graph *graph;
    gr_methods *methods;
    gr_plan *plan;
    gr_value *input;  /* [batch, length, dim] */
    gr_value *output; /* [batch, length, width] */
    int batch, length;
    float *values; /* of the input, then of the output */
} pass;

static void build(pass *p)
{
    const gr_text_encoder *e = p->encoder;
    const gr_model_config *c = &e->config;
    gr_build b = {.graph = p->graph,
                  .config = c,
                  .methods = p->methods,
                  .weights = e->tensors,
                  .batch = p->batch};
    const gr_block_shape shape = {.heads = c->heads, .hidden = c->hidden, .causal = true};
    p->input = gr_graph_input(p->graph, "text", GR_F32, GR_SHAPE(p->batch, p->length, c->dim));
    gr_value *x = p->input;
    for (int i = 0; i < c->depth; i++) {
        const gr_block at = {.name = gr_build_name(&b, "blocks.%d", i), .index = i, .dim = c->dim};
        x = gr_block_forward(&b, &at, &shape, x);
    }
    x = gr_build_norm(&b, GR_POINT_NORM, "norm", x);
    p->output = gr_linear(x, gr_build_weight(&b, "proj.weight", GR_SHAPE(e->width, c->dim)), NULL);
}

static graft_status prepare(pass *p, gr_device *device)
{
    graft_log *log = p->encoder->log;
    int64_t widest =
        p->encoder->width > p->encoder->config.dim ? p->encoder->width : p->encoder->config.dim;
    p->graph = gr_graph_create(log);
    p->values = calloc((size_t)(p->batch * p->length * widest), sizeof(*p->values));
    if (!p->graph || !p->values)
        return gr_fail(log, GRAFT_ERR_MEMORY, "text encoder: out of memory");
    GR_TRY(gr_methods_parse(log, "linear", &p->methods));
    build(p);
    GR_TRY(gr_graph_status(p->graph));
    GR_TRY(gr_store_create(log, device, &p->store));
    gr_plan_params params = {.store = p->store, .outputs = &p->output, .output_count = 1};
    GR_TRY(gr_plan_create(log, &params, &p->plan));
    return gr_plan_prepare(p->plan);
}

static void release(pass *p)
{
    gr_plan_destroy(p->plan);
    gr_store_destroy(p->store);
    gr_graph_destroy(p->graph);
    gr_methods_destroy(p->methods);
    free(p->values);
}

/* Embeddings and positions of a text's tokens; behind its end stays what was there, unseen. */
static graft_status fill_row(const pass *p, const int *ids, int length, float *row)
{
    const gr_text_encoder *e = p->encoder;
    int64_t dim = e->config.dim;
    size_t bytes = (size_t)dim * gr_dtype_size(e->tokens->dtype);
    for (int t = 0; t < length; t++, row += dim) {
        if (ids[t] >= e->tokens->shape.dim[0])
            return gr_fail(e->log, GRAFT_ERR_SHAPE,
                           "%s: %lld pieces, but the vocabulary has one numbered %d; is it this "
                           "checkpoint's?",
                           gr_tensors_source(e->tensors), (long long)e->tokens->shape.dim[0],
                           ids[t]);
        gr_to_f32(e->tokens->dtype, (const char *)e->tokens->data + (size_t)ids[t] * bytes,
                  (size_t)dim, row);
        for (int64_t k = 0; k < dim; k++)
            row[k] += e->positions[t * dim + k];
    }
    return GRAFT_OK;
}

static void unit_length(const float *from, int count, float *to)
{
    double sum = 0.0;
    for (int i = 0; i < count; i++)
        sum += (double)from[i] * (double)from[i];
    double scale = sum > 0.0 ? 1.0 / sqrt(sum) : 0.0;
    for (int i = 0; i < count; i++)
        to[i] = (float)(from[i] * scale);
}

/* Texts of the same batch, whose pieces are ids[i * context ..]. */
static graft_status run(pass *p, const int *ids, const int *lengths, int count, float *features)
{
    const gr_text_encoder *e = p->encoder;
    int64_t dim = e->config.dim, width = e->width;
    for (int i = 0; i < count; i++)
        GR_TRY(fill_row(p, ids + (int64_t)i * e->context, lengths[i],
                        p->values + i * p->length * dim));
    gr_region region;
    GR_TRY(gr_store_value(p->store, p->input, &region));
    GR_TRY(gr_store_write(p->store, &region, p->values));
    GR_TRY(gr_plan_run(p->plan));
    GR_TRY(gr_plan_read(p->plan, p->output, p->values));
    for (int i = 0; i < count; i++) {
        int64_t last = (int64_t)i * p->length + lengths[i] - 1;
        unit_length(p->values + last * width, e->width, features + i * width);
    }
    return GRAFT_OK;
}

static graft_status embed(const gr_text_encoder *e, gr_device *device, const int *ids,
                          const int *lengths, int count, float *features)
{
    pass p = {.encoder = e, .batch = count < BATCH ? count : BATCH};
    for (int i = 0; i < count; i++)
        p.length = lengths[i] > p.length ? lengths[i] : p.length;
    graft_status status = prepare(&p, device);
    for (int i = 0; i < count && status == GRAFT_OK; i += p.batch) {
        int rows = count - i < p.batch ? count - i : p.batch;
        status = run(&p, ids + (int64_t)i * e->context, lengths + i, rows,
                     features + (int64_t)i * e->width);
    }
    release(&p);
    return status;
}

graft_status gr_text_encoder_embed(const gr_text_encoder *e, gr_device *device, const gr_bpe *bpe,
                                   const char *const *texts, int count, float *features)
{
    int *ids = calloc((size_t)count * (size_t)e->context, sizeof(*ids));
    int *lengths = calloc((size_t)count, sizeof(*lengths));
    graft_status status = ids && lengths
                              ? GRAFT_OK
                              : gr_fail(e->log, GRAFT_ERR_MEMORY, "text encoder: out of memory");
    for (int i = 0; i < count && status == GRAFT_OK; i++)
        status = gr_bpe_encode(e->log, bpe, texts[i], ids + (size_t)i * (size_t)e->context,
                               e->context, &lengths[i]);
    if (status == GRAFT_OK)
        status = embed(e, device, ids, lengths, count, features);
    free(ids);
    free(lengths);
    return status;
}
