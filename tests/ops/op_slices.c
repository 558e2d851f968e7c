/* What an operator says about its rows is true: a slice of its result equals the same slice after
 * gr_graph_push_slices has moved it up through the operator, in every bit of the reference. */
#include "op_test.h"
#include "passes/passes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Runs the last index of an axis of the case's result; pushed: moved up first. Returns whether
 * that changed anything. */
static bool run_slice(const op_context *c, const op_case *test, int axis, bool pushed, float *out)
{
    op_build b = {.inputs = true};
    op_session s;
    op_build_open(&b, c->devices->log, test, OP_PLAIN);
    gr_value *slice = gr_slice(b.y, axis, b.y->shape.dim[axis] - 1, 1), *y = slice;
    if (pushed)
        y = gr_graph_push_slices(b.graph, slice);
    TEST_OK(c->devices->log, gr_graph_status(b.graph));
    op_session_open(&s, c->devices->reference, &b, &y, 1, NULL, false);
    op_session_run(&s);
    op_session_read(&s, y, out);
    op_session_close(&s);
    op_build_close(&b);
    return y != slice;
}

static gr_shape shape_of(const op_context *c, const op_case *test)
{
    op_build b = {.inputs = true};
    op_build_open(&b, c->devices->log, test, OP_PLAIN);
    gr_shape shape = b.y->shape;
    op_build_close(&b);
    return shape;
}

void op_check_slices(op_context *c, const op_case *test)
{
    gr_shape shape = shape_of(c, test);
    size_t bytes = (size_t)gr_shape_count(&shape) * sizeof(float);
    float *plain = malloc(bytes), *pushed = malloc(bytes);
    assert_non_null(plain);
    assert_non_null(pushed);
    for (int axis = 0; axis < shape.rank; axis++) {
        if (shape.dim[axis] < 2)
            continue;
        size_t count = bytes / (size_t)shape.dim[axis];
        run_slice(c, test, axis, false, plain);
        if (run_slice(c, test, axis, true, pushed) && memcmp(plain, pushed, count) != 0)
            op_failure(c, test, OP_PLAIN, "reference:0",
                       "other values when a slice of axis %d is taken before the operator", axis);
    }
    free(plain);
    free(pushed);
}
