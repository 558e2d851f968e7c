/* WHAT is computed: a graph of values, each an input or the result of an operator (ops.h) on
 * others.
 *
 * A graph knows shapes and gradients and no device; programs (program.h) run it. Values belong to
 * their graph and live as long as it does.
 *
 * Building is "sticky": after a first error every further call returns NULL, and operators accept
 * NULL, so that a whole network can be written down and checked once with graft_graph_status();
 * creating a program checks it, too. The error's line goes to the graph's log.
 */
#ifndef GRAFT_GRAPH_H
#define GRAFT_GRAPH_H

#include <graft/log.h>
#include <stdint.h>

#define GRAFT_MAX_RANK 6

/* Elements of a value. Operators compute in F32; I32 is for labels and indices. */
typedef enum graft_dtype {
    GRAFT_F32 = 0,
    GRAFT_I32 = 1,
} graft_dtype;

/* Outermost dimension first, row-major; rank 0 is a single number. In C, GRAFT_SHAPE(2, 3). */
typedef struct graft_shape {
    int rank;
    int64_t dim[GRAFT_MAX_RANK];
} graft_shape;

#define GRAFT_SHAPE(...)                                                                           \
    graft_shape_of((int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)),                      \
                   (const int64_t[]){__VA_ARGS__})

/* Thread-safety: one graph by one thread at a time, also where programs are made of it; running and
 * destroying these does not count. */
typedef struct graft_graph graft_graph;
typedef struct graft_value graft_value;

GRAFT_BEGIN_DECLS

/* An empty graph; NULL when out of memory. Borrows `log`, which must outlive it. */
GRAFT_API graft_graph *graft_graph_create(graft_log *log);

/* Lets the graph go and sets *graph to NULL; NULL is accepted. Programs that were made of it keep
 * it alive, with its values, until the last of them is destroyed. */
GRAFT_API void graft_graph_destroy(graft_graph **graph);

/* GRAFT_OK, or the first error that building met; GRAFT_ERR_MEMORY for NULL. */
GRAFT_API graft_status graft_graph_status(const graft_graph *graph);

/* A shape of `rank` dimensions; one that no function accepts when rank is not 0 to GRAFT_MAX_RANK.
 * Thread-safety: safe. */
GRAFT_API graft_shape graft_shape_of(int rank, const int64_t *dims);

/* Number of elements; -1 for a shape that no value can have. Thread-safety: safe. */
GRAFT_API int64_t graft_shape_count(graft_shape shape);

/* Values with names of their own: distinct in one graph, and not beginning with ".". Dimensions are
 * positive.
 *
 * An input is what the caller gives before a run: by a buffer, or written from the host. */
GRAFT_API graft_value *graft_input(graft_graph *graph, const char *name, graft_dtype dtype,
                                   graft_shape shape);

/* Numbers that never change; copies `data`. A program may keep them on its device in whatever
 * layout its kernels like best. Constants have no gradient. */
GRAFT_API graft_value *graft_constant(graft_graph *graph, const char *name, graft_dtype dtype,
                                      graft_shape shape, const void *data);

/* Trainable numbers (F32), kept on the device from run to run: graft_gradients differentiates with
 * respect to them, and updates of a program change them. Copies `start`; NULL: zeros. */
GRAFT_API graft_value *graft_parameter(graft_graph *graph, const char *name, graft_shape shape,
                                       const float *start);

/* The same without a gradient, such as a running mean: changed by assignments of a program only. */
GRAFT_API graft_value *graft_state(graft_graph *graph, const char *name, graft_shape shape,
                                   const float *start);

/* Adds the gradients of `loss`, a value of one element, with respect to the graph's parameters
 * params[0..count), as values of their shapes: gradients[i] is NULL when the loss does not depend
 * on params[i]. Only what those need is added. GRAFT_ERR_UNSUPPORTED when an operator on the way
 * has no gradient. Reverse-mode differentiation. */
GRAFT_API graft_status graft_gradients(graft_value *loss, graft_value *const *params, int count,
                                       graft_value **gradients);

/* Facts about a value; of NULL: rank -1, GRAFT_F32, "". The name of a result is that of its
 * operator. The text lives as long as the graph. */
GRAFT_API graft_shape graft_value_shape(const graft_value *value);
GRAFT_API graft_dtype graft_value_dtype(const graft_value *value);
GRAFT_API const char *graft_value_name(const graft_value *value);

GRAFT_END_DECLS

#endif
