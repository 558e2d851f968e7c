/* All trainable tensors of a model, and what else training changes, in flat device buffers, in one
 * fixed order: values, gradients and optimiser state lie at the same offsets. Updates, checkpoints
 * and exchanges between devices treat them as one vector.
 *
 * Thread-safety: one thread at a time, as the device.
 */
#ifndef GR_PARAMS_H
#define GR_PARAMS_H

#include "plan/store.h"

/* The parallel buffers. */
typedef enum gr_param_plane {
    GR_PLANE_VALUE,
    GR_PLANE_GRADIENT,
    GR_PLANE_MOMENT1, /* AdamW's m, SGD's momentum */
    GR_PLANE_MOMENT2, /* AdamW's v */
    GR_PLANE_AVERAGE, /* over the steps */
    GR_PLANE_COUNT
} gr_param_plane;

#define GR_PLANE_BIT(plane) (1u << (plane))

typedef struct gr_param {
    const char *name; /* owned */
    gr_shape shape;
    bool decay;      /* weight decay acts on it */
    bool state;      /* not trained: GR_VALUE_STATE */
    int block;       /* which buffer of each plane */
    uint64_t offset; /* bytes */
    uint64_t bytes;
} gr_param;

/* A range of one block whose tensors are treated alike by the optimiser. */
typedef struct gr_param_range {
    int block;
    uint64_t first, count; /* elements */
    bool decay;
} gr_param_range;

typedef struct gr_params {
    gr_store *store;
    gr_param *items;
    size_t count;
    gr_param_range *ranges;
    size_t range_count;
    struct {
        uint64_t bytes;
        gr_buffer *plane[GR_PLANE_COUNT];
    } * blocks;
    size_t block_count;
    unsigned planes; /* GR_PLANE_BIT of each that exists */
} gr_params;

/* Lays out the PARAM and STATE values and creates the buffers of `planes`; registers the values in
 * the store under their names and uploads their sources. no_decay: comma list of name parts that
 * weight decay leaves out; "1d" stands for all tensors with one axis; "" or NULL: none. */
graft_status gr_params_create(graft_log *log, gr_store *store, gr_value *const *values,
                              size_t count, const char *no_decay, unsigned planes, gr_params **out);
void gr_params_destroy(gr_params *params); /* NULL is accepted */

gr_region gr_params_region(const gr_params *params, const gr_param *param, gr_param_plane plane);

/* Copies one tensor between the device and values[count of the shape]. */
graft_status gr_params_read(const gr_params *params, const gr_param *param, gr_param_plane plane,
                            float *values);
graft_status gr_params_write(const gr_params *params, const gr_param *param, gr_param_plane plane,
                             const float *values);

/* The gradients of all trained tensors, one after the other in their order, as one vector of
 * gr_params_total() numbers: few and large copies. */
graft_status gr_params_read_gradients(graft_log *log, const gr_params *params, float *gradients);
graft_status gr_params_write_gradients(graft_log *log, const gr_params *params,
                                       const float *gradients);

const gr_param *gr_params_find(const gr_params *params, const char *name);

/* Elements of all trained tensors, with and without the head. */
int64_t gr_params_total(const gr_params *params, bool with_head);

/* Whether weight decay acts on a tensor under the given rule. */
bool gr_param_decays(const char *no_decay, const char *name, const gr_shape *shape);

#endif
