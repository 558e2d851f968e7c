/* What is expected of every operator case: values, gradients, and which gradients exist. */
#include "op_test.h"
#include "passes/passes.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Central differences of fourth order with this step: the truncation error is about 1e-9, and the
 * rounding of y to float, 6e-8, becomes an error of about 1e-5 in the derivative. */
static const double STEP = 0.02;

/* Elements of an operand whose derivative is measured. */
enum { PROBES = 12 };

typedef struct run {
    op_context *context;
    const op_group *group;
    const op_case *test;
    op_form form;
} run;

static void fail_case(const run *r, const char *device, const char *what, const comparison *result)
{
    char text[256];
    compare_describe(result, text, sizeof(text));
    op_failure(r->context, r->test, r->form, device, "%s: %s", what, text);
}

static size_t count_of(const gr_value *v)
{
    return (size_t)gr_shape_count(&v->shape);
}

static float *floats(size_t count)
{
    float *x = malloc(count * sizeof(*x));
    assert_non_null(x);
    return x;
}

static op_figures *figures_of(const run *r)
{
    op_figures *f = r->context->figures;
    while (f->op && f->op != r->test->op)
        f++;
    return f;
}

static double *column(const run *r, double columns[TEST_MAX_DEVICES], const gr_device *device)
{
    const test_devices *d = r->context->devices;
    for (int i = 0; i < d->gpu_count; i++)
        if (d->gpu[i] == device)
            return &columns[i];
    return NULL;
}

static void raise(double *place, double value)
{
    if (place && value > *place)
        *place = value;
}

static tolerance allowed_value(const run *r)
{
    tolerance t = r->group->allowed;
    if (r->test->terms > 4)
        t.absolute *= pow((double)r->test->terms / 4, r->group->growth);
    return t;
}

static void compare_value(const run *r, gr_device *device, const char *what, const float *got,
                          const float *expected, size_t count)
{
    comparison c = compare_floats(got, expected, count, allowed_value(r));
    op_figures *f = figures_of(r);
    raise(column(r, f->value, device), c.max_absolute);
    if (c.wrong)
        fail_case(r, device->info.id, what, &c);
}

/* As in production: planned memory, operands given as inputs. Two runs must agree in every bit. */
static void run_twice(const run *r, gr_device *device, float *y)
{
    op_build b = {.inputs = true};
    op_session s;
    op_build_open(&b, device->log, r->test, r->form);
    size_t count = count_of(b.y);
    float *again = floats(count);
    op_session_open(&s, device, &b, &b.y, 1, NULL, false);
    op_session_run(&s);
    op_session_read(&s, b.y, y);
    op_session_run(&s);
    op_session_read(&s, b.y, again);
    if (memcmp(y, again, count * sizeof(*y)) != 0)
        op_failure(r->context, r->test, r->form, device->info.id, "a second run differs");
    op_session_close(&s);
    op_build_close(&b);
    free(again);
}

/* Frozen operands, which a plan may prepare ahead of time, and guards around everything. */
static void run_guarded(const run *r, gr_device *device, float *y)
{
    op_build b = {0};
    op_session s;
    op_build_open(&b, device->log, r->test, r->form);
    op_session_open(&s, device, &b, &b.y, 1, NULL, true);
    op_session_run(&s);
    op_session_read(&s, b.y, y);
    op_session_close(&s);
    op_build_close(&b);
}

static size_t result_count(const run *r)
{
    op_build b = {.inputs = true};
    op_build_open(&b, r->context->devices->log, r->test, r->form);
    size_t count = count_of(b.y);
    op_build_close(&b);
    return count;
}

/* Gradients of a set of parameters on one device. */
typedef struct gradients {
    int count;
    size_t size[OP_MAX_OPERANDS];
    float *of[OP_MAX_OPERANDS]; /* NULL: none */
} gradients;

static void free_gradients(gradients *g)
{
    for (int i = 0; i < OP_MAX_OPERANDS; i++)
        free(g->of[i]);
    *g = (gradients){0};
}

/* A sink that starts at 1 has had the gradient added to it, once for each run. */
static void check_sink(const run *r, op_session *s, const float *gradient, size_t count)
{
    float *sum = floats(count);
    op_session_read_sink(s, sum);
    for (size_t i = 0; i < count; i++) {
        float expected = 1.0f;
        for (int n = 0; n < s->runs; n++)
            expected += gradient[i];
        if (sum[i] != expected) {
            op_failure(r->context, r->test, r->form, s->device->info.id,
                       "sink element %zu: expected %.9g, found %.9g", i, (double)expected,
                       (double)sum[i]);
            break;
        }
    }
    free(sum);
}

/* Builds the loss and its gradients, and checks that just the parameters asked for have one. */
static int build_gradients(const run *r, op_build *b, gr_value **grads)
{
    gr_value *operands[OP_MAX_OPERANDS];
    op_build_loss(b);
    for (int i = 0; i < b->count; i++)
        operands[i] = b->operand[i].value;
    graft_status status = gr_graph_gradients(b->graph, b->loss, operands, b->count, grads);
    assert_int_equal(status, GRAFT_OK);
    for (int i = 0; i < b->count; i++) {
        bool expected = operands[i]->kind == GR_VALUE_PARAM;
        if (expected != (grads[i] != NULL))
            op_failure(r->context, r->test, r->form, "graph", "operand %d: %s gradient", i,
                       expected ? "has no" : "is frozen, but has a");
        if (grads[i] && !gr_shape_equal(&grads[i]->shape, &operands[i]->shape))
            op_failure(r->context, r->test, r->form, "graph",
                       "operand %d: the gradient has another shape", i);
    }
    return b->count;
}

static void run_gradients(const run *r, gr_device *device, unsigned params, bool guarded,
                          gradients *out)
{
    op_build b = {.params = params};
    gr_value *grads[OP_MAX_OPERANDS] = {0}, *outputs[OP_MAX_OPERANDS + 1];
    op_session s;
    op_build_open(&b, device->log, r->test, r->form);
    out->count = build_gradients(r, &b, grads);
    int count = 0;
    outputs[count++] = b.loss;
    for (int i = 0; i < out->count; i++)
        if (grads[i])
            outputs[count++] = grads[i];
    op_session_open(&s, device, &b, outputs, count, count > 1 ? outputs[1] : NULL, guarded);
    for (int n = 0; n < (guarded ? 1 : 2); n++)
        op_session_run(&s);
    for (int i = 0; i < out->count; i++) {
        if (!grads[i])
            continue;
        out->size[i] = count_of(grads[i]);
        out->of[i] = floats(out->size[i]);
        op_session_read(&s, grads[i], out->of[i]);
        if (grads[i] == outputs[1])
            check_sink(r, &s, out->of[i], out->size[i]);
    }
    op_session_close(&s);
    op_build_close(&b);
}

/* The loss, in double, with element `at` of an operand moved by `by`. */
static double loss_at(op_session *s, int operand, size_t at, double by, float *y)
{
    const op_operand *o = &s->build->operand[operand];
    float *data = o->data, kept = data[at];
    data[at] = (float)(kept + by);
    op_session_set(s, operand, data);
    op_session_run(s);
    op_session_read(s, s->build->y, y);
    data[at] = kept;
    op_session_set(s, operand, data);
    return op_loss_of(s->build, y);
}

static double difference(op_session *s, int operand, size_t at, float *y)
{
    double near = loss_at(s, operand, at, STEP, y) - loss_at(s, operand, at, -STEP, y);
    double far = loss_at(s, operand, at, 2 * STEP, y) - loss_at(s, operand, at, -2 * STEP, y);
    return (8 * near - far) / (12 * STEP);
}

static double largest(const float *x, size_t count)
{
    double most = 0;
    for (size_t i = 0; i < count; i++)
        most = fmax(most, fabs((double)x[i]));
    return most;
}

/* Compares the reference's gradients with differences. Allowed: the noise of STEP, and a part in
 * 500 of the largest derivative. */
static void check_differences(const run *r, const gradients *g)
{
    op_build b = {.inputs = true};
    op_session s;
    op_build_open(&b, r->context->devices->log, r->test, r->form);
    op_build_loss(&b);
    float *y = floats(count_of(b.y));
    op_session_open(&s, r->context->devices->reference, &b, &b.y, 1, NULL, false);
    for (int i = 0; i < g->count; i++) {
        if (!g->of[i] || b.operand[i].fixed)
            continue;
        size_t stride = g->size[i] / PROBES + 1;
        double allowed = 2e-3 * largest(g->of[i], g->size[i]) + 3e-5;
        for (size_t at = stride / 2; at < g->size[i]; at += stride) {
            double expected = difference(&s, i, at, y);
            if (!(fabs(g->of[i][at] - expected) <= allowed))
                op_failure(r->context, r->test, r->form, "reference:0",
                           "gradient of operand %d at %zu: %.6g, but differences give %.6g", i, at,
                           (double)g->of[i][at], expected);
        }
    }
    op_session_close(&s);
    op_build_close(&b);
    free(y);
}

/* Gradients on a device pass through the operator, the loss and the derivatives of both: a part
 * in 20000 of the largest leaves room for their roundings and nothing else. */
static void compare_gradients(const run *r, gr_device *device, const char *what,
                              const gradients *got, const gradients *expected)
{
    for (int i = 0; i < expected->count; i++) {
        if (!got->of[i] || !expected->of[i])
            continue;
        double most = largest(expected->of[i], expected->size[i]);
        tolerance allowed = {.absolute = 5e-5 * most + 1e-7};
        comparison c = compare_floats(got->of[i], expected->of[i], expected->size[i], allowed);
        raise(column(r, figures_of(r)->gradient, device), most > 0 ? c.max_absolute / most : 0);
        if (c.wrong)
            fail_case(r, device->info.id, what, &c);
    }
}

static bool is_slow(const op_context *c, const gr_device *device)
{
    for (int i = 0; i < c->devices->gpu_count; i++)
        if (c->devices->gpu[i] == device)
            return c->small || c->slow[i];
    return false;
}

static bool skips(const run *r, const gr_device *device)
{
    return is_slow(r->context, device) && ((r->test->flags & OP_BIG) || r->form != OP_PLAIN);
}

/* How many operands can be trained. */
static unsigned trainable(const run *r)
{
    op_build b = {0};
    unsigned mask = 0;
    op_build_open(&b, r->context->devices->log, r->test, r->form);
    for (int i = 0; i < b.count; i++)
        if (!b.operand[i].fixed)
            mask |= 1u << i;
    op_build_close(&b);
    return mask;
}

/* Every single operand trainable in turn: same gradient as when all are. */
static void check_single(const run *r, gr_device *device, unsigned all, const gradients *expected)
{
    for (unsigned one = 1; one <= all && one != all; one <<= 1) {
        gradients g = {0};
        if (!(one & all))
            continue;
        run_gradients(r, device, one, false, &g);
        compare_gradients(r, device, "gradient with the other operands frozen", &g, expected);
        free_gradients(&g);
    }
}

static void check_gradients(const run *r)
{
    const test_devices *d = r->context->devices;
    unsigned all = trainable(r);
    gradients expected = {0}, got = {0};
    run_gradients(r, d->reference, all, false, &expected);
    check_differences(r, &expected);
    check_single(r, d->reference, all, &expected);
    for (int i = 0; i < d->gpu_count; i++) {
        if (skips(r, d->gpu[i]))
            continue;
        run_gradients(r, d->gpu[i], all, false, &got);
        compare_gradients(r, d->gpu[i], "gradient", &got, &expected);
        free_gradients(&got);
        if (is_slow(r->context, d->gpu[i]))
            continue;
        run_gradients(r, d->gpu[i], all, true, &got);
        compare_gradients(r, d->gpu[i], "guarded gradient", &got, &expected);
        free_gradients(&got);
        check_single(r, d->gpu[i], all, &expected);
    }
    free_gradients(&expected);
}

static void check_values(const run *r)
{
    const test_devices *d = r->context->devices;
    size_t count = result_count(r);
    float *expected = floats(count), *y = floats(count);
    run_twice(r, d->reference, expected);
    run_guarded(r, d->reference, y);
    if (memcmp(expected, y, count * sizeof(*y)) != 0)
        op_failure(r->context, r->test, r->form, "reference:0",
                   "planned memory and separate memory give different values");
    for (int i = 0; i < d->gpu_count; i++) {
        if (skips(r, d->gpu[i]))
            continue;
        run_twice(r, d->gpu[i], y);
        compare_value(r, d->gpu[i], "value", y, expected, count);
        run_guarded(r, d->gpu[i], y);
        compare_value(r, d->gpu[i], "guarded value", y, expected, count);
    }
    free(expected);
    free(y);
}

void op_check_case(op_context *c, const op_group *group, const op_case *test)
{
    run r = {c, group, test, OP_PLAIN};
    bool plain_only = test->flags & (OP_BIG | OP_PLAIN_ONLY);
    int failures = c->failures;
    if (!(test->flags & OP_BIG))
        op_check_slices(c, test);
    for (int form = 0; form < (plain_only ? 1 : OP_FORM_COUNT); form++) {
        r.form = (op_form)form;
        check_values(&r);
        if (!(test->flags & (OP_BIG | OP_NO_GRADIENT)))
            check_gradients(&r);
    }
    assert_int_equal(c->failures, failures);
}
