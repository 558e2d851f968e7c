/* graft_count_trainable: what a method would train, without weights or a device. */
#include <graft/model.h>

#include "base/log.h"
#include "model/count.h"
#include "peft/compose.h"
#include "weights/load.h"

/* A preset by name, or the geometry of a checkpoint file. */
static graft_status find_config(graft_log *log, const char *model, gr_model_config *out)
{
    const gr_model_config *preset = gr_model_preset(model);
    if (preset) {
        *out = *preset;
        return GRAFT_OK;
    }
    if (!gr_file_exists(model)) {
        char names[512];
        return gr_fail(log, GRAFT_ERR_NOT_FOUND, "model '%s': neither a file nor one of %s", model,
                       gr_model_preset_names(names, sizeof(names)));
    }
    gr_tensors *weights;
    GR_TRY(gr_backbone_load(log, model, &weights));
    graft_status status = gr_model_config_read(log, weights, out);
    gr_tensors_destroy(&weights);
    return status;
}

graft_status graft_count_trainable(graft_log *log, const char *model, const char *method,
                                   const graft_text_list *set, int classes, graft_count *count)
{
    gr_model_config config;
    gr_methods *methods = NULL;
    GR_TRY(find_config(log, model, &config));
    config.classes = classes > 0 ? classes : 1;
    if (config.heads == 0)
        config.heads = 1; /* no count depends on them */
    GR_TRY(gr_methods_parse(log, method, &methods));
    graft_status status = set ? gr_methods_set_all(log, methods, set) : GRAFT_OK;
    if (status == GRAFT_OK)
        status = gr_count_trainable(log, &config, methods, &count->without_head, &count->with_head);
    gr_methods_destroy(methods);
    return status;
}
