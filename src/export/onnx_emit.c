#include "export/onnx_emit.h"

#include "base/mem.h"
#include "export/onnx_constants.h"
#include "ops/attrs.h"
#include "ops/operators.h"

#include <math.h>
#include <string.h>

typedef struct emitter {
    graft_log *log;
    const gr_onnx_source *source;
    gr_onnx_file *file;
    const char **name;      /* of each value in the file, by id; NULL: none yet */
    const gr_value **order; /* all that the logits depend on, inputs of an operator before it */
    int count;
    bool *seen;
    bool *varies; /* depends on the image */
    bool *needed; /* is read by a node, or the logits */
} emitter;

/* A row's operator becomes one node or a few. Returns the name of the result. */
typedef const char *emit_op(emitter *e, const gr_value *y);

static const char *in(const emitter *e, const gr_value *y, int i)
{
    return e->name[y->input[i]->id];
}

static const char *times(emitter *e, const char *x, float factor)
{
    return factor == 1.0f ? x : GR_ONNX_NODE(e->file, "Mul", x, gr_onnx_scalar(e->file, factor));
}

/* ---- Shapes ------------------------------------------------------------------------------- */

/* The dimensions as ONNX takes them: -1 for the one that the batch is part of. */
static const char *shape_of(emitter *e, const gr_value *y)
{
    const gr_shape *other = &gr_graph_at(e->source->graph[1], y->id)->shape;
    int64_t dims[GR_MAX_RANK];
    for (int i = 0; i < y->shape.rank; i++)
        dims[i] = other->dim[i] == y->shape.dim[i] ? y->shape.dim[i] : -1;
    return gr_onnx_integers(e->file, dims, y->shape.rank);
}

static const char *emit_reshape(emitter *e, const gr_value *y)
{
    return GR_ONNX_NODE(e->file, "Reshape", in(e, y, 0), shape_of(e, y));
}

static const char *emit_detach(emitter *e, const gr_value *y)
{
    return in(e, y, 0);
}

static const char *transpose(emitter *e, const char *x, const int *axes, int rank)
{
    int64_t perm[GR_MAX_RANK];
    for (int i = 0; i < rank; i++)
        perm[i] = axes[i];
    const char *name = GR_ONNX_NODE(e->file, "Transpose", x);
    gr_onnx_set_ints(e->file, "perm", perm, rank);
    return name;
}

static const char *emit_permute(emitter *e, const gr_value *y)
{
    const gr_permute_attrs *attrs = y->attrs;
    return transpose(e, in(e, y, 0), attrs->axis, y->shape.rank);
}

static const char *emit_slice(emitter *e, const gr_value *y)
{
    gr_range r = y->op->range(y);
    return GR_ONNX_NODE(e->file, "Slice", in(e, y, 0), gr_onnx_integers(e->file, &r.start, 1),
                        gr_onnx_integers(e->file, &(int64_t){r.start + r.length}, 1),
                        gr_onnx_integers(e->file, &(int64_t){r.axis}, 1));
}

/* Input i with the zeros that stand before it, and behind the last one. */
static const char *padded(emitter *e, const gr_value *y, int i)
{
    const gr_concat_attrs *attrs = y->attrs;
    int rank = y->shape.rank;
    int64_t pads[2 * GR_MAX_RANK] = {0}, end = 0;
    if (i > 0)
        end = attrs->start[i - 1] + y->input[i - 1]->shape.dim[attrs->axis];
    pads[attrs->axis] = attrs->start[i] - end;
    if (i == y->input_count - 1)
        pads[rank + attrs->axis] =
            attrs->size - attrs->start[i] - y->input[i]->shape.dim[attrs->axis];
    if (pads[attrs->axis] == 0 && pads[rank + attrs->axis] == 0)
        return in(e, y, i);
    const char *name =
        GR_ONNX_NODE(e->file, "Pad", in(e, y, i), gr_onnx_integers(e->file, pads, 2 * rank),
                     gr_onnx_scalar(e->file, 0.0f));
    gr_onnx_set_text(e->file, "mode", "constant");
    return name;
}

static const char *emit_concat(emitter *e, const gr_value *y)
{
    const gr_concat_attrs *attrs = y->attrs;
    const char *inputs[GR_MAX_INPUTS + 1] = {NULL};
    for (int i = 0; i < y->input_count; i++)
        inputs[i] = padded(e, y, i);
    if (y->input_count == 1)
        return inputs[0];
    const char *name = gr_onnx_node(e->file, "Concat", inputs, NULL);
    gr_onnx_set_int(e->file, "axis", attrs->axis);
    return name;
}

/* ---- Arithmetic --------------------------------------------------------------------------- */

static const char *emit_matmul(emitter *e, const gr_value *y)
{
    const gr_matmul_attrs *attrs = y->attrs;
    const char *x =
        times(e, GR_ONNX_NODE(e->file, "MatMul", in(e, y, 0), in(e, y, 1)), attrs->alpha);
    return y->input_count == 3 ? GR_ONNX_NODE(e->file, "Add", x, in(e, y, 2)) : x;
}

static const char *emit_softmax(emitter *e, const gr_value *y)
{
    const gr_softmax_attrs *attrs = y->attrs;
    const char *name = GR_ONNX_NODE(e->file, "Softmax", times(e, in(e, y, 0), attrs->scale));
    gr_onnx_set_int(e->file, "axis", -1);
    return name;
}

static const char *emit_layer_norm(emitter *e, const gr_value *y)
{
    const gr_norm_attrs *attrs = y->attrs;
    if (y->input_count != 3)
        return NULL;
    const char *name =
        GR_ONNX_NODE(e->file, "LayerNormalization", in(e, y, 0), in(e, y, 1), in(e, y, 2));
    gr_onnx_set_int(e->file, "axis", -1);
    gr_onnx_set_float(e->file, "epsilon", attrs->eps);
    return name;
}

static const char *emit_l2_normalize(emitter *e, const gr_value *y)
{
    const char *x = in(e, y, 0), *length = GR_ONNX_NODE(e->file, "ReduceL2", x);
    gr_onnx_set_ints(e->file, "axes", (const int64_t[]){-1}, 1);
    gr_onnx_set_int(e->file, "keepdims", 1);
    length = GR_ONNX_NODE(e->file, "Max", length, gr_onnx_scalar(e->file, 1e-12f));
    return GR_ONNX_NODE(e->file, "Div", x, length);
}

/* x / 2 (1 + erf(x / sqrt(2))), in the order in which runtimes look for it. */
static const char *gelu(emitter *e, const char *x)
{
    gr_onnx_file *f = e->file;
    const char *y = GR_ONNX_NODE(f, "Div", x, gr_onnx_scalar(f, (float)M_SQRT2));
    y = GR_ONNX_NODE(f, "Erf", y);
    y = GR_ONNX_NODE(f, "Add", y, gr_onnx_scalar(f, 1.0f));
    y = GR_ONNX_NODE(f, "Mul", x, y);
    return GR_ONNX_NODE(f, "Mul", y, gr_onnx_scalar(f, 0.5f));
}

/* x sigmoid(2 sqrt(2 / pi) (x + 0.044715 x^3)) */
static const char *gelu_tanh(emitter *e, const char *x)
{
    gr_onnx_file *f = e->file;
    const float twice = (float)(2.0 * sqrt(2.0 / M_PI));
    const char *inner = GR_ONNX_NODE(f, "Mul", GR_ONNX_NODE(f, "Mul", x, x), x);
    inner = GR_ONNX_NODE(f, "Add", x, times(e, inner, 0.044715f));
    return GR_ONNX_NODE(f, "Mul", x, GR_ONNX_NODE(f, "Sigmoid", times(e, inner, twice)));
}

static const char *emit_unary(emitter *e, const gr_value *y)
{
    const gr_unary_attrs *attrs = y->attrs;
    gr_onnx_file *f = e->file;
    const char *x = in(e, y, 0);
    switch (attrs->func) {
    case GR_FUNC_SCALE:
        return times(e, x, attrs->alpha);
    case GR_FUNC_GELU:
        return gelu(e, x);
    case GR_FUNC_QUICK_GELU:
        return GR_ONNX_NODE(f, "Mul", x, GR_ONNX_NODE(f, "Sigmoid", times(e, x, 1.702f)));
    case GR_FUNC_RELU:
        return GR_ONNX_NODE(f, "Relu", x);
    case GR_FUNC_RSQRT:
        x = GR_ONNX_NODE(f, "Add", x, gr_onnx_scalar(f, attrs->alpha));
        return GR_ONNX_NODE(f, "Reciprocal", GR_ONNX_NODE(f, "Sqrt", x));
    case GR_FUNC_GELU_TANH:
        return gelu_tanh(e, x);
    }
    return NULL;
}

static const char *emit_add(emitter *e, const gr_value *y)
{
    const gr_binary_attrs *attrs = y->attrs;
    return GR_ONNX_NODE(e->file, "Add", in(e, y, 0), times(e, in(e, y, 1), attrs->alpha));
}

static const char *emit_mul(emitter *e, const gr_value *y)
{
    const gr_binary_attrs *attrs = y->attrs;
    return times(e, GR_ONNX_NODE(e->file, "Mul", in(e, y, 0), in(e, y, 1)), attrs->alpha);
}

static const struct {
    const gr_op *op;
    emit_op *emit;
} table[] = {
    {&gr_op_reshape, emit_reshape},
    {&gr_op_detach, emit_detach},
    {&gr_op_permute, emit_permute},
    {&gr_op_slice, emit_slice},
    {&gr_op_concat, emit_concat},
    {&gr_op_matmul, emit_matmul},
    {&gr_op_softmax, emit_softmax},
    {&gr_op_layer_norm, emit_layer_norm},
    {&gr_op_l2_normalize, emit_l2_normalize},
    {&gr_op_unary, emit_unary},
    {&gr_op_add, emit_add},
    {&gr_op_mul, emit_mul},
};

/* ---- Patches ------------------------------------------------------------------------------ */

static const gr_value *input_of(const gr_value *y, const gr_op *op)
{
    return y && y->op == op ? y->input[0] : NULL;
}

/* The image, where y is a product of its patches (gr_patches) with a weight: a convolution, as
 * which every runtime knows it. */
static const gr_value *patched_image(const emitter *e, const gr_value *y)
{
    if (y->op != &gr_op_matmul || !input_of(y->input[1], &gr_op_permute))
        return NULL;
    const gr_value *image =
        input_of(input_of(input_of(y->input[0], &gr_op_reshape), &gr_op_permute), &gr_op_reshape);
    return image == e->source->image && y->input[0]->input[0]->shape.rank == 6 ? image : NULL;
}

/* [B, D, g, g] of the convolution as rows of patches [B, g g, D]. */
static const char *emit_patches(emitter *e, const gr_value *y)
{
    const gr_value *cut = y->input[0]->input[0]; /* [B, g, g, 3, p, p] */
    int64_t p = cut->shape.dim[5], dim = y->shape.dim[2], n = y->shape.dim[1];
    const char *x = e->name[e->source->image->id], *weight = e->name[y->input[1]->input[0]->id];
    x = y->input_count == 3 ? GR_ONNX_NODE(e->file, "Conv", x, weight, in(e, y, 2))
                            : GR_ONNX_NODE(e->file, "Conv", x, weight);
    gr_onnx_set_ints(e->file, "kernel_shape", (const int64_t[]){p, p}, 2);
    gr_onnx_set_ints(e->file, "strides", (const int64_t[]){p, p}, 2);
    x = GR_ONNX_NODE(e->file, "Reshape", x,
                     gr_onnx_integers(e->file, (const int64_t[]){-1, dim, n}, 3));
    return transpose(e, x, (const int[]){0, 2, 1}, 3);
}

/* ---- The graph ---------------------------------------------------------------------------- */

/* A pass may have given an operator an input that was made after it. */
static void put_in_order(emitter *e, const gr_value *v)
{
    if (e->seen[v->id])
        return;
    e->seen[v->id] = true;
    e->varies[v->id] = v->kind == GR_VALUE_INPUT;
    for (int k = 0; k < v->input_count; k++) {
        put_in_order(e, v->input[k]);
        e->varies[v->id] |= e->varies[v->input[k]->id];
    }
    e->order[e->count++] = v;
}

/* What a node reads: of a convolution the weight before its transposition. */
static void mark_inputs(emitter *e, const gr_value *v)
{
    const gr_value *image = patched_image(e, v);
    for (int k = image ? 2 : 0; k < v->input_count; k++)
        e->needed[v->input[k]->id] = true;
    if (image)
        e->needed[image->id] = e->needed[v->input[1]->input[0]->id] = true;
}

static void mark(emitter *e)
{
    put_in_order(e, e->source->logits);
    e->needed[e->source->logits->id] = true;
    for (int i = e->count; i-- > 0;) {
        const gr_value *v = e->order[i];
        if (e->needed[v->id] && e->varies[v->id] && v->kind == GR_VALUE_RESULT)
            mark_inputs(e, v);
    }
}

/* A patch weight is stored as a convolution's: [D, 3 p p] as [D, 3, p, p]. */
static gr_shape stored_shape(const emitter *e, const gr_value *v)
{
    for (int i = 0; i < e->count; i++) {
        const gr_value *y = e->order[i];
        if (e->needed[y->id] && y->op && patched_image(e, y) && y->input[1]->input[0] == v) {
            const gr_shape *cut = &y->input[0]->input[0]->shape;
            return GR_SHAPE(v->shape.dim[0], cut->dim[3], cut->dim[4], cut->dim[5]);
        }
    }
    return v->shape;
}

/* A weight keeps its name, also where it is stored transposed. */
static const char *constant_name(emitter *e, const gr_value *v)
{
    const gr_value *root = v;
    while (root->kind == GR_VALUE_RESULT && root->input_count == 1)
        root = root->input[0];
    if (root->kind == GR_VALUE_RESULT)
        return gr_onnx_name(e->file, "constant.%d", v->id);
    return root == v ? v->name : gr_onnx_name(e->file, "%s.%d", root->name, v->id);
}

static graft_status add_constants(emitter *e, void *parent)
{
    int count = 0;
    gr_value **wanted = gr_alloc_array(parent, (size_t)e->count, sizeof(*wanted));
    const float **data = gr_alloc_array(parent, (size_t)e->count, sizeof(*data));
    if (!wanted || !data)
        return gr_fail(e->log, GRAFT_ERR_MEMORY, "onnx: out of memory");
    for (int i = 0; i < e->count; i++)
        if (e->needed[e->order[i]->id] && !e->varies[e->order[i]->id])
            wanted[count++] = (gr_value *)e->order[i];
    GR_TRY(gr_constants(e->log, wanted, count, parent, data));
    for (int i = 0; i < count; i++) {
        const char *name = constant_name(e, wanted[i]);
        gr_shape shape = stored_shape(e, wanted[i]);
        e->name[wanted[i]->id] = name;
        gr_onnx_floats(e->file, name, &shape, data[i]);
    }
    return gr_onnx_status(e->file);
}

static graft_status emit(emitter *e, const gr_value *v)
{
    const char *name = NULL;
    if (patched_image(e, v))
        name = emit_patches(e, v);
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]) && !name; i++)
        if (table[i].op == v->op)
            name = table[i].emit(e, v);
    GR_TRY(gr_onnx_status(e->file));
    if (!name)
        return gr_fail(e->log, GRAFT_ERR_UNSUPPORTED,
                       "onnx: the operator %s of this model has no counterpart in opset 17",
                       v->op->name);
    e->name[v->id] = name;
    return GRAFT_OK;
}

static graft_status emit_all(emitter *e, void *parent)
{
    const gr_value *image = e->source->image, *logits = e->source->logits;
    mark(e);
    e->name[image->id] = "images";
    gr_onnx_input(e->file, "images", &image->shape);
    GR_TRY(add_constants(e, parent));
    for (int i = 0; i < e->count; i++) {
        const gr_value *v = e->order[i];
        if (e->needed[v->id] && e->varies[v->id] && v->kind == GR_VALUE_RESULT)
            GR_TRY(emit(e, v));
    }
    gr_onnx_node(e->file, "Identity", (const char *const[]){e->name[logits->id], NULL}, "logits");
    gr_onnx_output(e->file, "logits", &logits->shape);
    return GRAFT_OK;
}

graft_status gr_onnx_emit(graft_log *log, const gr_onnx_source *source, gr_onnx_file *file,
                          void **values)
{
    size_t count = (size_t)gr_graph_count(source->graph[0]);
    emitter e = {.log = log, .source = source, .file = file};
    *values = gr_alloc(NULL, 1);
    e.name = gr_alloc_array(*values, count, sizeof(*e.name));
    e.order = gr_alloc_array(*values, count, sizeof(*e.order));
    e.seen = gr_alloc_array(*values, count, sizeof(*e.seen));
    e.varies = gr_alloc_array(*values, count, sizeof(*e.varies));
    e.needed = gr_alloc_array(*values, count, sizeof(*e.needed));
    if (!*values || !e.name || !e.order || !e.seen || !e.varies || !e.needed)
        return gr_fail(log, GRAFT_ERR_MEMORY, "onnx: out of memory");
    return emit_all(&e, *values);
}
