/* A backbone of the application's own graph: a network for images that graft has no builder for.
 * The application writes it down with the operators of ops.h and marks its linears and norms;
 * fine-tuning methods attach there as they do to a ViT, and graft_model and graft_trainer take it
 * as any other.
 *
 *     static graft_value *write(void *user, graft_build *b, graft_value *images)
 *     {
 *         graft_value *x = graft_patches(images, 8);                           [B, T, 192]
 *         x = graft_build_linear(b, "embed", GRAFT_TARGET_NONE, x, 64);
 *         graft_value *h = graft_build_linear(b, "mlp.fc1", GRAFT_TARGET_FC1, x, 256);
 *         x = graft_add(x, graft_build_linear(b, "mlp.fc2", GRAFT_TARGET_FC2, graft_gelu(h), 64),
 * 1);
 *         ..
 *         return feature;                                                      [B, D]
 *     }
 *
 *     graft_backbone_graph graph = {.write = write, .image_size = 32};
 *     params.graph = &graph;
 *     params.backbone.path = "network.safetensors";
 *     if (graft_model_open(log, device, &params, &model) != GRAFT_OK) ...
 *
 * The head, a linear on the feature, is graft's: "head.weight" [classes, D] and "head.bias".
 */
#ifndef GRAFT_BACKBONE_H
#define GRAFT_BACKBONE_H

#include <graft/graph.h>
#include <stdbool.h>

/* One writing of the graph, for some number of images, for training or not. Valid in the call that
 * it is given to, for the thread of that call. */
typedef struct graft_build graft_build;

/* What the option `targets` of methods calls a linear. */
typedef enum graft_target {
    GRAFT_TARGET_NONE = 0, /* nothing: only methods without that option act on it: full and bitfit,
                            * and ssf on what it gives */
    GRAFT_TARGET_Q = 1,
    GRAFT_TARGET_K = 2,
    GRAFT_TARGET_V = 4,
    GRAFT_TARGET_PROJ = 8,
    GRAFT_TARGET_FC1 = 16,
    GRAFT_TARGET_FC2 = 32,
} graft_target;

/* A tensor in host memory, F32 and row-major. */
typedef struct graft_host_tensor {
    const char *name;
    graft_shape shape;
    const float *data;
} graft_host_tensor;

/* Begins as {0}. */
typedef struct graft_backbone_graph {
    /* images [B, 3, S, S], normalised -> features [B, D]. Called for each network that is made: of
     * B images, of a part of them where memory is short, and of one. Each time it writes the same
     * tensors, from nothing but these arguments; NULL where building fails. It calls no other
     * function of the model or trainer. */
    graft_value *(*write)(void *user, graft_build *build, graft_value *images);
    void *user;
    int image_size; /* S, pixels */
    /* The tensors, borrowed as long as the model lives; NULL: those of graft_model_params.backbone,
     * which are taken with the names that they have in the file. */
    const graft_host_tensor *tensors;
    int tensor_count;
} graft_backbone_graph;

GRAFT_BEGIN_DECLS

/* For use by graft_backbone_graph.write. Each returns NULL when an operand is NULL or building has
 * failed; what is wrong is one line, which names the tensor. Names are distinct, of up to 120
 * bytes; those that begin with "head." or "." are graft's own. */

/* A tensor of the backbone, which is frozen, unless a method trains it: full, or bitfit what has
 * "bias" in its name. GRAFT_ERR_NOT_FOUND, GRAFT_ERR_SHAPE. */
GRAFT_API graft_value *graft_build_weight(graft_build *build, const char *name, graft_shape shape);

/* The same where the backbone may do without: NULL, and no error. */
GRAFT_API graft_value *graft_build_optional(graft_build *build, const char *name,
                                            graft_shape shape);

/* x [.., in] times "module.weight" [out, in] transposed, plus "module.bias" [out] where there is
 * one -> [.., out], with what methods make of it. */
GRAFT_API graft_value *graft_build_linear(graft_build *build, const char *module,
                                          graft_target target, graft_value *x, int64_t out);

/* Queries, keys and values [.., D] of x [.., D]: parts[0] to parts[2]. Thirds of one linear
 * "module.qkv.weight" [3 D, D] and "module.qkv.bias" as timm's are, on each of which methods act as
 * "module.q", "module.k" and "module.v". Returns false with parts of NULL on failure. */
GRAFT_API bool graft_build_qkv(graft_build *build, const char *module, graft_value *x,
                               graft_value *parts[3]);

/* graft_layer_norm of x [.., C] by "module.weight" and "module.bias" [C], with what methods make of
 * it (ssf, rlrr). */
GRAFT_API graft_value *graft_build_norm(graft_build *build, const char *module, graft_value *x,
                                        float eps);

/* Marks y [.., C] as what a layer gives that is none of these, such as a convolution of
 * "module.weight" [C, ..] and "module.bias" [C]: ssf scales and shifts its channels. */
GRAFT_API graft_value *graft_build_output(graft_build *build, const char *module, graft_value *y);

/* graft_dropout where the network is trained, x itself where it is not. */
GRAFT_API graft_value *graft_build_dropout(graft_build *build, graft_value *x, float rate);

/* The graph that is written, for graft_constant. What is trained comes from methods: parameters,
 * states and inputs of the application's own are refused. */
GRAFT_API graft_graph *graft_build_graph(graft_build *build);

GRAFT_END_DECLS

#endif
