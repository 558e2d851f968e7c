#include "adapter/library_config.h"

#include "base/json.h"

#include "base/mem.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

json_t *gr_json_float(float value)
{
    char text[32];
    for (int digits = 6; digits <= 9; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, (double)value);
        if (strtof(text, NULL) == value)
            break;
    }
    return json_real(strtod(text, NULL));
}

json_t *gr_json_floats(const float values[3])
{
    json_t *list = json_array();
    for (int i = 0; i < 3 && list; i++)
        gr_json_append(&list, gr_json_float(values[i]));
    return list;
}

json_t *gr_json_integers(const int *values, int count)
{
    json_t *list = json_array();
    for (int i = 0; i < count && list; i++)
        gr_json_append(&list, json_integer(values[i]));
    return list;
}

double gr_mlp_ratio(int hidden, int width)
{
    double ratio = (double)hidden / width;
    while (floor(width * ratio) < hidden)
        ratio = nextafter(ratio, 2.0 * ratio);
    return ratio;
}

/* Takes `json`. */
static graft_status write_json(graft_log *log, const char *directory, const char *name,
                               json_t *json)
{
    char *path = gr_path_join(NULL, directory, name);
    char *text = gr_json_text(json, JSON_INDENT(2));
    graft_status status = path && text ? gr_file_write(log, path, text, strlen(text))
                                       : gr_fail(log, GRAFT_ERR_MEMORY, "%s: out of memory", name);
    json_decref(json);
    free(text);
    gr_free(path);
    return status;
}

graft_status gr_library_config_write(graft_log *log, const char *directory,
                                     graft_tensor_names names, const gr_library_model *model)
{
    if (names == GRAFT_TENSOR_NAMES_AS_READ)
        return GRAFT_OK;
    if (model->input->settings.interpolation == GRAFT_INTERPOLATION_BILINEAR_PLAIN)
        gr_log(log, GRAFT_LOG_WARN,
               "%s: `interpolation` bilinear-plain has no name in the libraries' files; they will "
               "resize by bilinear, which is antialiased",
               directory);
    if (names == GRAFT_TENSOR_NAMES_TIMM)
        return write_json(log, directory, "config.json", gr_timm_config(model));
    GR_TRY(write_json(log, directory, "config.json", gr_transformers_config(model)));
    return write_json(log, directory, "preprocessor_config.json",
                      gr_transformers_preprocessor(model));
}
