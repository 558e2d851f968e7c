/* The JSON files that timm and transformers read beside a checkpoint, for a merged model: its
 * geometry, names of classes, and how images become input. weights/sidecars.h reads them. */
#ifndef GR_ADAPTER_LIBRARY_CONFIG_H
#define GR_ADAPTER_LIBRARY_CONFIG_H

#include "adapter/input.h"
#include "adapter/names.h"

typedef struct gr_library_model {
    const gr_model_config *config;
    bool biased; /* query, key and value have biases */
    const gr_input *input;
    const json_t *classes; /* names, as {"names": [..]}; NULL: none is named */
} gr_library_model;

/* New objects; NULL: out of memory. */
json_t *gr_timm_config(const gr_library_model *model);
json_t *gr_transformers_config(const gr_library_model *model);
json_t *gr_transformers_preprocessor(const gr_library_model *model);

/* Writes those of a library, or none where the names are graft's own. */
graft_status gr_library_config_write(graft_log *log, const char *directory,
                                     graft_tensor_names names, const gr_library_model *model);

/* The shortest decimal number that is this float, as JSON. */
json_t *gr_json_float(float value);

/* The three numbers as an array. */
json_t *gr_json_floats(const float values[3]);

/* Integers as an array. */
json_t *gr_json_integers(const int *values, int count);

/* hidden / width, such that floor(width ratio) is hidden in double precision. */
double gr_mlp_ratio(int hidden, int width);

#endif
