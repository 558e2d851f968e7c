/* The geometry of a backbone: a plain vision transformer (also CLIP's image encoder), a Swin, or
 * what little is known of an application's own graph. */
#ifndef GR_CONFIG_H
#define GR_CONFIG_H

#include "base/log.h"
#include "ops/ops.h"

#include <graft/backbone.h>
#include <graft/params.h>

struct gr_tensors;

typedef enum gr_pool {
    GR_POOL_CLS, /* head(norm(x)[:, 0]); distilled: head of both tokens, one after the other */
    GR_POOL_AVG, /* head(norm(mean of the patch tokens)) */
    GR_POOL_NORMED_AVG, /* head(mean of the patch tokens of norm(x)) */
    GR_POOL_MAP, /* head(what a learned query finds in norm(x)), see model/attention_pool.h */
} gr_pool;

typedef enum gr_family {
    GR_FAMILY_VIT,
    GR_FAMILY_SWIN,
    GR_FAMILY_OWN, /* of an application: see `graph` */
} gr_family;

/* How position embeddings become those of another grid, see model/positions.h. The first is what
 * files say that say nothing: those of version 0.1.0 were all resized so. */
typedef enum gr_positions {
    GR_POSITIONS_BILINEAR_ALIGNED, /* the original JAX code */
    GR_POSITIONS_BICUBIC,          /* timm */
    GR_POSITIONS_BICUBIC_PLAIN,    /* transformers' DINOv2, and torch: no antialiasing */
    GR_POSITIONS_NONE,             /* there are none: relative or rotary ones in attention */
} gr_positions;

/* Rotary position embeddings of queries and keys, see model/rope.h. */
typedef enum gr_rope {
    GR_ROPE_NONE,
    GR_ROPE_EVA02,
    GR_ROPE_DINOV3,
} gr_rope;

enum { GR_MAX_STAGES = 4 };

typedef struct gr_model_config {
    gr_family family;
    int image_size; /* pixels, square */
    int patch_size;
    int dim;    /* Swin: of the first stage; stage s has dim << s */
    int depth;  /* number of blocks, of all stages */
    int heads;  /* Swin: of the first stage; 0: nothing tells */
    int hidden; /* width of the MLP; Swin: of the first stage */
    int classes;
    float norm_eps;
    gr_func activation;
    gr_pool pool;
    gr_positions positions; /* not of a Swin */

    /* What a ViT may have beside a plain one, or lack */
    int registers;             /* tokens without positions between class token and patches */
    bool no_class_token;       /* the patches are all tokens, but for registers */
    bool distilled;            /* a second class token, "dist_token" (DeiT) */
    bool patch_positions;      /* position embeddings of the patches alone */
    bool layer_scale;          /* each half of a block is scaled by channel, "ls1.gamma" */
    bool swiglu;               /* the MLP's fc1 has 2 hidden rows: silu of the first half times the
                                * second; activation does not matter */
    bool relative_bias;        /* of each block's scores, see model/relative.h (BEiT) .. */
    bool shared_relative_bias; /* .. the same for all blocks */
    bool attn_norm;            /* a layer norm before attn.proj, "attn.norm" .. */
    bool mlp_norm;             /* .. and before mlp.fc2, "mlp.norm" (EVA02) */
    gr_rope rope;

    /* CLIP's image encoder */
    bool pre_norm;          /* a layer norm before the first block */
    int proj_dim;           /* width of the projected feature; 0: no projection */
    bool normalize_feature; /* logits = head(logit_scale f / |f|) */
    float logit_scale;

    /* Swin */
    int stages;
    int stage_depth[GR_MAX_STAGES];
    int stage_heads[GR_MAX_STAGES];
    int window; /* side of the attention windows */

    /* An application's own: dim is the width of the feature, hidden that of the widest input or
     * output of its linears; patch_size, depth and heads are 1. Who writes it, borrowed: in no
     * file, set by whoever has it; NULL: nobody here can. */
    const graft_backbone_graph *graph;
} gr_model_config;

/* Class tokens: 0 to 2. */
int gr_model_class_tokens(const gr_model_config *config);

/* Width of what the head sees, without a projection. */
int gr_model_feature_width(const gr_model_config *config);

/* Names of rotary embeddings in files: "none", "eva02", "dinov3". False: none of them. */
const char *gr_rope_name(gr_rope rope);
bool gr_rope_parse(const char *name, gr_rope *out);

/* Names of activations in files: "gelu", "quick_gelu", "gelu_tanh", and others that libraries have
 * for them. False: none of them. */
const char *gr_activation_name(gr_func activation);
bool gr_activation_parse(const char *name, gr_func *out);

/* Names in files: "bilinear-aligned", "bicubic", "bicubic-plain", "none". False: none of them. */
const char *gr_positions_name(gr_positions positions);
bool gr_positions_parse(const char *name, gr_positions *out);

/* Names of pools in files: "cls", "avg", "normed-avg", "map". False: none of them. */
const char *gr_pool_name(gr_pool pool);
bool gr_pool_parse(const char *name, gr_pool *out);

/* What the head is to see of the backbone; DEFAULT and TOKENS change nothing. */
graft_status gr_pool_choose(graft_log *log, graft_pool wanted, gr_model_config *config);

/* Tokens before the patches: the class token and the registers; 0 for a Swin. */
int gr_model_prefix(const gr_model_config *config);

/* Patches along one side after the patch embedding. */
int gr_model_grid(const gr_model_config *config);

/* The geometry of a known model such as "vit_base_patch16_224"; NULL when there is none.
 * classes is left 0. */
const gr_model_config *gr_model_preset(const char *name);

/* The name of preset `index`; NULL past the last one. */
const char *gr_model_preset_name(int index);

/* All names for a message, "a, b, c", cut to fit. Returns text. */
const char *gr_model_preset_names(char *text, size_t size);

/* Reads the geometry off a backbone's tensors (timm names): a Swin has tables of relative
 * positions, CLIP's image encoder a norm before its blocks (proj_dim 0 when it has no
 * "proj.weight"). What a file that graft wrote says in its metadata "graft.model" wins. The heads
 * of a ViT are those of the known model of its width, depth and MLP, 0 when there is none. Keys of
 * the metadata set what tensors do not tell: "graft.heads", "graft.norm_eps", "graft.activation"
 * (gelu, quick_gelu, gelu_tanh), "graft.pool" (cls, avg,
 * normed-avg), "graft.positions" (bicubic, bicubic-plain, bilinear-aligned), and
 * for a Swin "graft.image_size". */
graft_status gr_model_config_read(graft_log *log, const struct gr_tensors *weights,
                                  gr_model_config *out);

/* The heads of the published vision transformers with this width, depth and MLP, all of which have
 * as many; 0: there is none. */
int gr_model_known_heads(const gr_model_config *config);

/* Channels of a head where nothing tells, of widths that are a multiple of it. */
enum { GR_USUAL_HEAD = 64 };

/* Checks that the numbers fit each other; one line names the one that does not. */
graft_status gr_model_config_check(graft_log *log, const gr_model_config *config);

#endif
