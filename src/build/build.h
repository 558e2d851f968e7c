/* Writing the graph of a backbone with its methods: named tensors, initial values, graft points. */
#ifndef GR_BUILD_H
#define GR_BUILD_H

#include <graft/backbone.h>
#include <graft/params.h>

#include "graph/graph.h"
#include "build/config.h"

struct gr_tensor;
struct gr_tensors;
struct gr_methods;
struct gr_sites;
struct gr_hidden_states;

/* How a trainable tensor starts. */
typedef enum gr_init_kind {
    GR_INIT_ZERO,
    GR_INIT_CONSTANT,      /* a */
    GR_INIT_UNIFORM,       /* [-a, a) */
    GR_INIT_NORMAL,        /* mean a, standard deviation b */
    GR_INIT_TRUNCATED,     /* normal within two standard deviations, mean a, deviation b */
    GR_INIT_CONV_IDENTITY, /* [O, I, k, k]: ones at the centre tap where O == I index */
} gr_init_kind;

typedef struct gr_init {
    gr_init_kind kind;
    float a, b;
} gr_init;

/* Of the head's batch normalisation. */
#define GR_HEAD_NORM     "head.bn"
#define GR_HEAD_NORM_EPS 1e-6f

/* The public handle is the internal one. */
typedef struct graft_build {
    gr_graph *graph;
    const gr_model_config *config;
    const struct gr_methods *methods;
    const struct gr_tensors *weights; /* the backbone; NULL: there is none */
    bool from_scratch;                /* without a backbone: draw all tensors; else only shapes */
    const struct gr_tensors *adapter; /* values of trained tensors that exist already; or NULL */
    bool adapter_is_complete;         /* a trained tensor that it lacks is an error */
    uint64_t seed;                    /* of initial values */
    bool training;                    /* dropout and drop-path act */
    bool drawn;                       /* methods keep the inputs that they draw, see method.h */
    graft_head_init head_init;
    bool headless;      /* gr_model_logits gives what the head would see, [B, D] */
    bool tokens;        /* then each of them, [B, T D] */
    bool probabilities; /* gr_network_build: the softmax of the logits */
    bool cut_features;  /* gr_network_build: see gr_graph_cut_features */
    bool head_norm;     /* batch normalisation of the feature; also where the adapter has one */
    float drop_path;    /* rate of the last block; grows linearly from 0 */
    bool drop_elements; /* that rate drops single elements of branches */
    gr_value *scalars;
    uint32_t next_stream;   /* of dropouts */
    struct gr_sites *sites; /* notes where methods may act, see peft/sites.h; or NULL */
    struct gr_hidden_states
        *hidden_states; /* notes the stream between blocks, see model/hidden_states.h; or NULL */
    int64_t prompts;    /* tokens that a method put between the class token and the patches */
    int64_t batch;
} gr_build;

/* Where in a backbone a block is. */
typedef struct gr_block {
    const char *name; /* "blocks.3", "layers.1.blocks.0" */
    int index;        /* among all blocks */
    int64_t dim;      /* width of its tokens */
    int64_t grid;     /* patches along a side */
    int64_t prefix;   /* tokens before the patches: the class token and registers; prompts not */
} gr_block;

/* A new trainable tensor. Its start value comes from the given adapter or from `init`, drawn by a
 * generator keyed by the seed and the name: no other tensor changes it. */
gr_value *gr_build_param(gr_build *b, const char *name, gr_shape shape, gr_init init);

/* The same with given start values, which are borrowed; NULL where the build has no values. */
gr_value *gr_build_param_at(gr_build *b, const char *name, gr_shape shape, const float *start);

/* A tensor that training changes without a gradient: kept in adapters, but no parameter. Its start
 * value comes from the given adapter or from `init`. */
gr_value *gr_build_state(gr_build *b, const char *name, gr_shape shape, gr_init init);

/* Whether a tensor of a file has the shape; a wrong one fails the graph with both shapes. */
bool gr_build_has_shape(gr_build *b, const struct gr_tensor *t, const gr_shape *shape);

/* Whether the given adapter has the tensor. */
bool gr_build_has(const gr_build *b, const char *name);

/* A frozen tensor of the given adapter, such as a projection that it was trained with: NULL without
 * an error when there is none, an error when it has another shape. */
gr_value *gr_build_adapter_tensor(gr_build *b, const char *name, gr_shape shape);

/* "prefix.suffix" that lives as long as the graph. */
const char *gr_build_name(gr_build *b, const char *fmt, ...) GRAFT_PRINTF(2, 3);

/* Dropout with a stream of its own; x itself outside training. */
gr_value *gr_build_dropout(gr_build *b, gr_value *x, float rate);

/* DropPath of a branch of block `block`, by sample or by element: rate drop_path * block / (depth -
 * 1). */
gr_value *gr_build_drop_path(gr_build *b, gr_value *x, int block);

/* Draws count values; the same ones for the same seed, name and count, on every machine. */
void gr_init_values(gr_init init, const gr_shape *shape, uint64_t seed, const char *name,
                    float *out);

#endif
