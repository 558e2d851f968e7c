#include "ops/operators.h"

#include <stdio.h>

bool gr_op_is_vector(const gr_value *v, int64_t count)
{
    return v->shape.rank == 1 && v->shape.dim[0] == count;
}

uint32_t gr_op_rows_of_first(const gr_value *y, int axis)
{
    (void)y, (void)axis;
    return 1u << 0;
}

bool gr_op_mismatch(gr_value *y, const char *text)
{
    char shapes[GR_MAX_INPUTS * (GR_SHAPE_TEXT + 24)];
    int used = 0;
    shapes[0] = '\0';
    for (int i = 0; i < y->input_count; i++) {
        char shape[GR_SHAPE_TEXT];
        used += snprintf(shapes + used, sizeof(shapes) - (size_t)used, "%s%.20s %s", i ? ", " : "",
                         y->input[i]->name, gr_shape_text(&y->input[i]->shape, shape));
    }
    gr_graph_fail(y->graph, GRAFT_ERR_SHAPE, "%s: %s (%s)", y->op->name, text, shapes);
    return false;
}
