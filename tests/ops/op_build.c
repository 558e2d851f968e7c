/* Graphs of operator cases: their operands in every form, and the loss. */
#include "op_test.h"

#include "ops/scalars.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { CLASSES = 3, LABEL = 1 };

const char *const op_form_names[OP_FORM_COUNT] = {"plain", "sliced", "offset", "transposed",
                                                  "turned"};

static void *take_memory(op_build *b, size_t bytes)
{
    void *data = gr_graph_memory(b->graph, bytes);
    assert_non_null(data);
    return data;
}

static gr_value *add_operand(op_build *b, gr_shape shape, void *data, gr_dtype dtype, bool fixed)
{
    char name[32];
    int i = b->count++;
    assert_in_range(i, 0, OP_MAX_OPERANDS - 1);
    snprintf(name, sizeof(name), "operand%d", i);
    gr_value *v;
    if (b->inputs)
        v = gr_graph_input(b->graph, name, dtype, shape);
    else if (dtype == GR_I32)
        v = gr_graph_frozen_i32(b->graph, name, shape, data);
    else if (!fixed && (b->params >> i & 1))
        v = gr_graph_param(b->graph, name, shape, dtype, data);
    else
        v = gr_graph_frozen(b->graph, name, shape, dtype, data);
    b->operand[i] = (op_operand){v, data, fixed};
    return v;
}

/* The shape of the tensor in memory whose view in this form has `shape`. */
static gr_shape stored_shape(gr_shape shape, op_form form)
{
    int last = shape.rank - 1;
    gr_shape s = shape;
    switch (form) {
    case OP_SLICED:
        s.dim[last] += 3;
        break;
    case OP_OFFSET:
        s.dim[0] += 2;
        break;
    case OP_TRANSPOSED:
        if (last > 0) {
            s.dim[last] = shape.dim[last - 1];
            s.dim[last - 1] = shape.dim[last];
        }
        break;
    case OP_TURNED:
        for (int i = 0; i <= last; i++)
            s.dim[i] = shape.dim[last - i];
        break;
    default:
        break;
    }
    return s;
}

static gr_value *view_in_form(gr_value *v, gr_shape shape, op_form form)
{
    int last = shape.rank - 1, turned[GR_MAX_RANK];
    for (int i = 0; i <= last; i++)
        turned[i] = last - i;
    switch (form) {
    case OP_SLICED:
        return gr_slice(v, last, 2, shape.dim[last]);
    case OP_OFFSET:
        return gr_slice(v, 0, 1, shape.dim[0]);
    case OP_TRANSPOSED:
        return last > 0 ? gr_transpose(v) : v;
    case OP_TURNED:
        v = gr_reshape(gr_permute(v, turned), GR_SHAPE(gr_shape_count(&shape)));
        return gr_reshape(v, shape);
    default:
        return v;
    }
}

static gr_value *operand_from(op_build *b, gr_shape shape, float low, float high, float gap)
{
    op_form form = shape.rank > 0 ? b->form : OP_PLAIN;
    gr_shape stored = stored_shape(shape, form);
    size_t count = (size_t)gr_shape_count(&stored);
    float *data = take_memory(b, count * sizeof(*data));
    fill_uniform(data, count, low, high, 77u + (uint64_t)b->count);
    for (size_t i = 0; i < count; i++)
        data[i] += data[i] < 0 ? -gap : gap;
    return view_in_form(add_operand(b, stored, data, GR_F32, false), shape, form);
}

gr_value *op_operand_in(op_build *b, gr_shape shape, float low, float high)
{
    return operand_from(b, shape, low, high, 0.0f);
}

gr_value *op_operand_of(op_build *b, gr_shape shape)
{
    return operand_from(b, shape, -1.0f, 1.0f, 0.0f);
}

gr_value *op_operand_away_from_zero(op_build *b, gr_shape shape)
{
    return operand_from(b, shape, -1.0f, 1.0f, 0.1f);
}

gr_value *op_labels(op_build *b, int64_t rows, int64_t classes)
{
    int32_t *labels = take_memory(b, (size_t)rows * sizeof(*labels));
    for (int64_t r = 0; r < rows; r++)
        labels[r] = r % 3 == 1 ? -1 : (int32_t)((r * 7 + classes / 2) % classes);
    return add_operand(b, GR_SHAPE(rows), labels, GR_I32, true);
}

gr_value *op_targets(op_build *b, int64_t rows, int64_t classes)
{
    size_t count = (size_t)(rows * classes);
    float *targets = take_memory(b, count * sizeof(*targets));
    fill_uniform(targets, count, 0.0f, 2.0f / (float)classes, 99);
    for (size_t i = 0; i < count; i++)
        if (i / (size_t)classes % 3 == 1)
            targets[i] = 0.0f;
    return add_operand(b, GR_SHAPE(rows, classes), targets, GR_F32, true);
}

gr_value *op_indices(op_build *b, int64_t count, int64_t size)
{
    int32_t *index = take_memory(b, (size_t)count * sizeof(*index));
    for (int64_t j = 0; j < count; j++)
        index[j] = (int32_t)(size - 1 - j * (size / count));
    return add_operand(b, GR_SHAPE(count), index, GR_I32, true);
}

gr_value *op_pixels(op_build *b, gr_shape shape)
{
    int64_t count = gr_shape_count(&shape);
    uint32_t *pixels = take_memory(b, (size_t)count * sizeof(*pixels)), state = 12345;
    for (int64_t i = 0; i < count; i++)
        pixels[i] = state = state * 1664525u + 1013904223u;
    return add_operand(b, shape, pixels, GR_I32, true);
}

gr_value *op_scalars(op_build *b)
{
    gr_scalars *s = take_memory(b, sizeof(*s));
    *s = (gr_scalars){.inv_count = 0.5f, .seed_lo = 5, .seed_hi = 9, .step = 3, .sample_base = 2};
    return add_operand(b, GR_SHAPE(sizeof(*s) / sizeof(float)), s, GR_F32, true);
}

void op_build_open(op_build *b, graft_log *log, const op_case *test, op_form form)
{
    b->graph = gr_graph_create(log);
    b->test = test;
    b->form = form;
    b->count = 0;
    b->loss = NULL;
    b->y = test->build(b);
    assert_int_equal(gr_graph_status(b->graph), GRAFT_OK);
    assert_non_null(b->y);
}

void op_build_close(op_build *b)
{
    gr_graph_destroy(b->graph);
    b->graph = NULL;
}

/* The numbers by which y becomes logits: small enough for logits of about 1. */
static void head_weights(int64_t count, float *head)
{
    float bound = 2.0f / sqrtf((float)count);
    fill_uniform(head, (size_t)(count * CLASSES), -bound, bound, 4242);
}

void op_build_loss(op_build *b)
{
    if (b->y->op == &gr_op_cross_entropy) {
        b->loss = b->y;
        return;
    }
    int64_t count = gr_shape_count(&b->y->shape);
    float *head = take_memory(b, (size_t)(count * CLASSES) * sizeof(*head));
    head_weights(count, head);
    gr_value *weight = gr_graph_frozen(b->graph, "head", GR_SHAPE(count, CLASSES), GR_F32, head);
    gr_value *logits = gr_matmul(gr_reshape(b->y, GR_SHAPE(1, count)), weight, NULL, 1.0f);
    int32_t *label = take_memory(b, sizeof(*label));
    *label = LABEL;
    gr_value *labels = add_operand(b, GR_SHAPE(1), label, GR_I32, true);
    b->loss = gr_cross_entropy(logits, labels, op_scalars(b));
    assert_int_equal(gr_graph_status(b->graph), GRAFT_OK);
}

double op_loss_of(const op_build *b, const float *y)
{
    if (b->y->op == &gr_op_cross_entropy)
        return y[0];
    int64_t count = gr_shape_count(&b->y->shape);
    const float *head = gr_graph_find(b->graph, "head")->source;
    double logit[CLASSES] = {0}, total = 0;
    for (int64_t i = 0; i < count; i++)
        for (int c = 0; c < CLASSES; c++)
            logit[c] += (double)y[i] * head[i * CLASSES + c];
    for (int c = 0; c < CLASSES; c++)
        total += exp(logit[c] - logit[LABEL]);
    return 0.5 * log(total); /* inv_count of op_scalars() */
}
