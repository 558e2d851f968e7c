/* Looking inside weight files. */
#ifndef GRAFT_INSPECT_H
#define GRAFT_INSPECT_H

#include <graft/log.h>
#include <stddef.h>
#include <stdint.h>

typedef enum graft_file_family {
    GRAFT_FILE_UNKNOWN,
    GRAFT_FILE_BACKBONE, /* of one of the layouts of docs/checkpoints.md */
    GRAFT_FILE_ADAPTER,  /* made by graft_train */
} graft_file_family;

typedef struct graft_tensor_info {
    const char *name;
    const char *dtype; /* "F32", as safetensors writes it */
    int rank;
    int64_t shape[6]; /* outermost first */
    uint64_t size_bytes;
    const char *becomes; /* its name in graft, or what it is a third of; NULL: ignored */
} graft_tensor_info;

typedef struct graft_vit_info {
    int image_size, patch_size; /* pixels; patch_size 0: of an application's own graph, which tells
                                 * the width of its feature, dim, and classes alone */
    int dim, depth, heads;
    int hidden;  /* width of the MLP */
    int classes; /* 0: no head */
    int stages;  /* of a Swin, where dim, heads and hidden are those of the first; else 0 */
    int stage_depth[4], stage_heads[4];
    int window;     /* side of a Swin's attention windows */
    int projection; /* width of CLIP's projected feature; 0: none */
} graft_vit_info;

/* What the names and shapes of a backbone's tensors do not tell. */
typedef struct graft_file_fact {
    const char *key;   /* "heads", "norm_eps", "activation", "pool", "positions", "rope", "input" */
    const char *value; /* "12"; "unknown" */
    const char *from;  /* "metadata" of the file, "config.json" or another file beside it, "names",
                        * "kernels", "geometry" (that of a published model), "default" */
} graft_file_fact;

/* What a file holds. Thread-safety: safe for reading. */
typedef struct graft_file graft_file;

GRAFT_BEGIN_DECLS

/* Reads what graft_train takes as a backbone or an adapter. A file that can be read but is no
 * model is GRAFT_OK with family GRAFT_FILE_UNKNOWN. */
GRAFT_API graft_status graft_file_open(graft_log *log, const char *path, graft_file **out);
GRAFT_API void graft_file_close(graft_file **file); /* sets *file to NULL */

GRAFT_API graft_file_family graft_file_get_family(const graft_file *file);

/* "timm ViT", "OpenAI CLIP", .., "adapter", "unknown" */
GRAFT_API const char *graft_file_get_family_name(const graft_file *file);

/* The geometry: all zero when the file does not tell it. Returned by value. */
GRAFT_API graft_vit_info graft_file_get_vit(const graft_file *file);

/* Of a backbone; borrowed texts. */
GRAFT_API size_t graft_file_fact_count(const graft_file *file);
GRAFT_API graft_file_fact graft_file_get_fact(const graft_file *file, size_t index);

/* The methods of an adapter, "freqfit+lora"; NULL for other files. Borrowed, as all texts below. */
GRAFT_API const char *graft_file_get_methods(const graft_file *file);

/* Tensors, with the names that they have in the file. */
GRAFT_API size_t graft_file_tensor_count(const graft_file *file);
GRAFT_API graft_tensor_info graft_file_get_tensor(const graft_file *file, size_t index);

GRAFT_API size_t graft_file_metadata_count(const graft_file *file);
GRAFT_API void graft_file_get_metadata(const graft_file *file, size_t index, const char **key,
                                       const char **value);

/* What keeps a backbone or an adapter from being used, one line each: missing or wrongly shaped
 * tensors, numbers that do not fit. The head may be absent. */
GRAFT_API size_t graft_file_problem_count(const graft_file *file);
GRAFT_API const char *graft_file_get_problem(const graft_file *file, size_t index);

GRAFT_END_DECLS

#endif
