/* What a fine-tuning method is: a table of options and hooks at the graft points of a backbone.
 *
 * One file per method in this folder; list.h names them all. A backbone builder calls the hooks
 * (through the functions of compose.h) while it writes its graph; a hook that is NULL changes
 * nothing. The option table is the one source of command-line settings, config files, checkpoint
 * metadata and docs/methods.md.
 */
#ifndef GR_METHOD_H
#define GR_METHOD_H

#include "build/build.h"
#include "settings/settings.h"

/* The adapted linears of a block, bits of a target set. */
typedef enum gr_linear_target {
    GR_TARGET_Q = 1,
    GR_TARGET_K = 2,
    GR_TARGET_V = 4,
    GR_TARGET_PROJ = 8,
    GR_TARGET_FC1 = 16,
    GR_TARGET_FC2 = 32,
    GR_TARGET_REDUCTION = 64, /* Swin's patch merging; no option names it */
    GR_TARGET_QKV = 7,        /* where the three are one linear */
    GR_TARGET_ALL = 63,
} gr_linear_target;

/* What options call them, from the lowest bit on. */
#define GR_TARGET_NAMES "q|k|v|proj|fc1|fc2"

/* One adapted linear: y = x weight^T + bias. */
typedef struct gr_linear_site {
    const char *module; /* "blocks.3.attn.q" */
    const char *tensor; /* "blocks.3.attn.qkv": where its weight and bias are, */
    int64_t row;        /* from this row on */
    gr_linear_target target;
    gr_value *weight; /* [out, in] */
    gr_value *bias;   /* [out] or NULL */
} gr_linear_site;

typedef enum gr_sublayer {
    GR_SUBLAYER_ATTN,
    GR_SUBLAYER_MLP,
} gr_sublayer;

/* Modules whose output a method may replace. */
typedef enum gr_point {
    GR_POINT_EMBED,      /* "patch_embed": before class token and positions */
    GR_POINT_NORM,       /* "blocks.3.norm1", "blocks.3.norm2", "norm" */
    GR_POINT_OUTER_NORM, /* "norm_pre" (CLIP), "patch_embed.norm", "layers.0.downsample.norm" */
    GR_POINT_LINEAR,     /* "blocks.3.attn.qkv" (all three parts), "..attn.proj", "..mlp.fc1", .. */
    GR_POINT_MLP,        /* "blocks.3.mlp": the output of the MLP */
} gr_point;

struct gr_methods;

typedef struct gr_method {
    const char *name;
    const char *summary;          /* one line */
    const char *source;           /* the paper */
    const graft_setting *options; /* ends with a NULL name */
    size_t config_bytes;

    /* Refuses a backbone or company that the method does not fit, with the remedy; or NULL. */
    graft_status (*check)(graft_log *log, const void *config, const gr_model_config *model,
                          const struct gr_methods *methods);

    /* Whether a tensor of the backbone is trained itself. */
    bool (*trains)(const void *config, const char *tensor);

    /* Whether a frozen tensor of an adapter is the method's: it stays with what is trained. */
    bool (*keeps)(const char *tensor);

    /* Swin's qkv is one linear to `weight`, not three. */
    bool fused_qkv;

    /* A ViT's qkv is one linear to `linear`. */
    bool fused_on_vit;

    /* The effective weight: changes site->weight and site->bias. */
    void (*weight)(const void *config, gr_build *b, gr_linear_site *site);

    /* Replaces the input x [.., in] of an adapted linear other than q, k and v: each channel times
     * a factor of its own. The hook `linear` still gets x as it was. */
    gr_value *(*scale_input)(const void *config, gr_build *b, const gr_linear_site *site,
                             gr_value *x);

    /* y [.., out] plus what the method adds to the output of an adapted linear; x [.., in] is its
     * input. */
    gr_value *(*linear)(const void *config, gr_build *b, const gr_linear_site *site, gr_value *x,
                        gr_value *y);

    /* Replaces the residual stream before block `block`; block == depth: after the last one. */
    gr_value *(*before_block)(const void *config, gr_build *b, int block, gr_value *x);

    /* Replaces the output of a module. */
    gr_value *(*output)(const void *config, gr_build *b, gr_point point, const char *module,
                        gr_value *y);

    /* A branch beside attention or MLP, added to the residual stream. x: the stream that enters
     * the sublayer, y: the same after its norm. */
    gr_value *(*branch)(const void *config, gr_build *b, const gr_block *block,
                        gr_sublayer sublayer, gr_value *x, gr_value *y);

    /* Replaces what a sublayer is about to add to the residual stream, after its DropPath. */
    gr_value *(*addend)(const void *config, gr_build *b, const gr_block *block,
                        gr_sublayer sublayer, gr_value *z);

    /* Replaces the scores [.., T, T] of a block's attention, before their softmax. */
    gr_value *(*scores)(const void *config, gr_build *b, int block, gr_value *scores);

    /* Fills the method's own input, see gr_methods_input, for a step of training. */
    void (*draw)(const void *config, const gr_model_config *model, uint64_t seed, uint64_t step,
                 float *out);

    /* Of a method that does nothing but add scale B (A x) at linears, with the tensors
     * "module.lora_A.weight" [rank, in] and "module.lora_B.weight" [out, rank]: that scale. A
     * weighted sum of such adapters is one. NULL: the method is none of these. */
    float (*low_rank_scale)(const void *config, const char *module, int rank);

    /* Why the method cannot be folded into plain weights; NULL when it can: then it has no hooks
     * but `trains`, `weight`, `scale_input`, `linear` and `output`; the latter two are affine in x
     * and y, and `output` acts on each channel of a norm by itself. adapter/fold.h evaluates them.
     */
    const char *not_foldable;
} gr_method;

#define GR_METHOD(name) extern const gr_method gr_method_##name;
#include "peft/list.h"
#undef GR_METHOD

#endif
