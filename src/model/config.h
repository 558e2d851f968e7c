/* The geometry of a vision transformer. */
#ifndef GR_CONFIG_H
#define GR_CONFIG_H

#include "base/log.h"
#include "graph/graph.h"

struct gr_tensors;

typedef enum gr_pool {
    GR_POOL_CLS, /* head(norm(x)[:, 0]) */
    GR_POOL_AVG, /* head(norm(mean of the patch tokens)) */
} gr_pool;

typedef struct gr_vit_config {
    int image_size; /* pixels, square */
    int patch_size;
    int dim;
    int depth;
    int heads;
    int hidden; /* width of the MLP */
    int classes;
    float norm_eps;
    gr_func activation;
    gr_pool pool;
} gr_vit_config;

/* Patches along one side. */
int gr_vit_grid(const gr_vit_config *config);

/* The geometry of a known model such as "vit_base_patch16_224"; NULL when there is none.
 * classes is left 0. */
const gr_vit_config *gr_vit_preset(const char *name);

/* The name of preset `index`; NULL past the last one. */
const char *gr_vit_preset_name(int index);

/* All names for a message, "a, b, c", cut to fit. Returns text. */
const char *gr_vit_preset_names(char *text, size_t size);

/* Reads the geometry off a backbone's tensors (timm names). Heads come from the metadata key
 * "graft.heads", or are 64 channels wide (80 for width 1280). */
graft_status gr_vit_config_read(graft_log *log, const struct gr_tensors *weights,
                                gr_vit_config *out);

/* Checks that the numbers fit each other; one line names the one that does not. */
graft_status gr_vit_config_check(graft_log *log, const gr_vit_config *config);

#endif
