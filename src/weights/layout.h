/* Checkpoint layouts: the names and shapes that a library gives to the tensors of a backbone.
 *
 * A layout is a table of rules that turn its tensors into those of graft, which are timm's (a Swin:
 * those of timm up to 0.6). Recognising a file, translating it, telling what it lacks and what of
 * it is ignored all follow from the table. Tensors that keep their values are borrowed, not copied.
 *
 * Names may stand below a prefix that a wrapper put there ("model.", "module."), which is found by
 * itself. Of several, such as "model." and "model_ema.", the shortest counts.
 */
#ifndef GR_WEIGHTS_LAYOUT_H
#define GR_WEIGHTS_LAYOUT_H

#include "weights/pattern.h"
#include "weights/sidecars.h"
#include "weights/tensors.h"

/* How a tensor becomes one of graft. */
typedef enum gr_axes {
    GR_AXES_SAME,
    GR_AXES_FLAT,     /* any shape -> [all] */
    GR_AXES_TOKENS,   /* [d] -> [1, 1, d], [n, d] -> [1, n, d] */
    GR_AXES_LAST_OUT, /* [in.., out] -> [out, in] */
    GR_AXES_FIRST_IN, /* [in, out..] -> [out, in] */
    GR_AXES_PATCHES,  /* [height, width, in, out] -> [out, in, height, width] */
    /* A head on the class token and, behind it, the mean of the patches, which plays no part: [k, 2
     * d] -> [k, d]; any other, and its bias, is left out */
    GR_AXES_CLASS_TOKEN,
} gr_axes;

typedef struct gr_name_rule {
    const char *from; /* patterns, see pattern.h */
    const char *to;   /* NULL: known, and not needed */
    gr_axes axes;
    int rank;      /* of `from`, checked; 0: any that `axes` can take */
    int third;     /* 1, 2, 3: becomes query, key or value, a third of the rows of `to`; 0: all */
    int half;      /* 1, 2: becomes one half of the rows of `to`; 0: all */
    bool optional; /* a file without it is complete; a bias that is a third then is
                    * zeros */
    bool outside;  /* stands beside the tower, not below it */
} gr_name_rule;

enum { GR_LAYOUT_TOWERS = 2, GR_LAYOUT_OWN = 8, GR_LAYOUT_METADATA = 2 };

typedef struct gr_layout {
    const char *name; /* "transformers ViT" */
    /* How to tell it: a tensor of some block; one more that must be there and one that must not
     * (may be NULL). All below the same prefix. */
    const char *block, *with, *without;
    /* The model proper may stand below one of these prefixes, where its head does not. */
    const char *towers[GR_LAYOUT_TOWERS];
    bool needs_tower;
    const gr_name_rule *rules; /* tried in order; ends with a rule of NULLs */
    /* A layer between the model and its head, which is left out, and the head with it; or NULL. */
    const char *before_head;
    const char
        *mean_norm; /* the last norm, where it is that of the mean over the patches; or NULL */
    /* A tensor that no rule knows is an error where one of these fits: the model would be another
     * one without it. Elsewhere it is ignored. */
    const char *own[GR_LAYOUT_OWN];
    gr_sidecars sidecars; /* the files beside it that tell more */
    /* What names and shapes do not tell; the files beside it go first, a file's own metadata before
     * them.
     */
    struct {
        const char *key, *value;
    } metadata[GR_LAYOUT_METADATA];
    const char *normalization; /* of the input that most files of the layout were trained with; or
                                * NULL */
    const char *refusal; /* why files like that are not read, and the remedy; NULL: they are */
} gr_layout;

/* The metadata key that a layout's `normalization` becomes: a guess, for a warning only. */
#define GR_LIKELY_NORMALIZATION "graft.likely_normalization"

#define GR_NO_SWINV2                                                                               \
    "has cosine attention, positions from a small network and norms behind its halves, which "     \
    "graft "                                                                                       \
    "does not build; take the Swin of the same size"

/* CLIP's text encoder, which is no backbone and not among those that are recognised. */
extern const gr_layout gr_layout_transformers_text, gr_layout_openai_text;

/* All that are recognised, "gr_layout_timm_vit" .. */
#define GR_LAYOUT(name) extern const gr_layout gr_layout_##name;
#include "weights/layouts/list.h"
#undef GR_LAYOUT

/* The metadata key of a loaded backbone that names its layout. */
#define GR_LAYOUT_KEY "graft.layout"

/* The metadata key that says "projection" where the head of a classifier stands in its place. */
#define GR_HEAD_KEY "graft.head"

/* A layout found in a file. */
typedef struct gr_layout_match {
    const gr_layout *layout;
    char prefix[GR_NAME_BYTES];
    const char *tower; /* "": none */
    bool projects;     /* the projection is the head, see GR_HEAD_KEY */
    bool drops_head;   /* it has the layer `before_head`, */
    bool norms_mean;   /* .. `mean_norm` */
} gr_layout_match;

/* False: no layout that graft knows. Adapters have none. */
bool gr_layout_recognise(const gr_tensors *tensors, gr_layout_match *match);

/* Layout `index`; NULL past the last one. */
const gr_layout *gr_layout_at(int index);

/* "timm ViT, MAE, ..", cut to fit. Returns text. */
const char *gr_layout_names(char *text, size_t size);

typedef enum gr_name_use {
    GR_NAME_USED,    /* `target` is its name in graft */
    GR_NAME_DROPPED, /* known, and not needed */
    GR_NAME_IGNORED, /* no part of the model */
    GR_NAME_FOREIGN, /* a part of a model that graft does not know */
} gr_name_use;

/* What becomes of a tensor of the file. *rule and *parts tell how, unless it is ignored or foreign;
 * parts borrow `name`. */
gr_name_use gr_layout_use(const gr_layout_match *match, const char *name,
                          char target[GR_NAME_BYTES], const gr_name_rule **rule,
                          gr_name_parts *parts);

/* The name in the file of what a rule speaks about. False when it is too long. */
bool gr_layout_source_name(const gr_layout_match *match, const gr_name_rule *rule,
                           const gr_name_parts *parts, char name[GR_NAME_BYTES]);

/* The name that graft's tensor `target` would have in the file, the first one of several, and its
 * rule. False when the layout has none such. */
bool gr_layout_origin(const gr_layout_match *match, const char *target, char name[GR_NAME_BYTES],
                      const gr_name_rule **rule);

/* The next one after *rule, or the first where that is NULL. */
bool gr_layout_next_origin(const gr_layout_match *match, const char *target,
                           char name[GR_NAME_BYTES], const gr_name_rule **rule);

/* Appends the backbone to `out` under graft's names, with the file's metadata, and that of the
 * layout where `out` has none. What keeps its values is borrowed from `tensors`; what does not has
 * memory of its own, of the same element type, and `tensors` drops the values it came from where it
 * owns them. A tensor that is missing to make another is GRAFT_ERR_NOT_FOUND, one of an unexpected
 * shape or type GRAFT_ERR_SHAPE, one that the model cannot have, and a layout with a refusal,
 * GRAFT_ERR_UNSUPPORTED. */
graft_status gr_layout_translate(graft_log *log, const gr_layout_match *match, gr_tensors *tensors,
                                 gr_tensors *out);

/* The other way: appends graft's tensors to `out` with the names and shapes of a layout whose rules
 * keep values as they are. Most are borrowed. A tensor that the layout has not is
 * GRAFT_ERR_UNSUPPORTED. */
graft_status gr_layout_restore(graft_log *log, const gr_layout_match *match,
                               const gr_tensors *tensors, gr_tensors *out);

/* GRAFT_ERR_NOT_FOUND, naming the first, when tensors are missing: those of the model, and those of
 * every block that has one. */
graft_status gr_layout_check(graft_log *log, const gr_layout_match *match,
                             const gr_tensors *tensors);

#endif
