#include "adapter/peft_writer.h"

#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void say_what_the_head_sees(const gr_peft_writer *w)
{
    const gr_model_config *c = &w->info->config;
    const char *feature = c->proj_dim ? "image_embeds" : "pooler_output";
    char scaled[96];
    snprintf(scaled, sizeof(scaled), "%.9g %s / |%s|", (double)c->logit_scale, feature, feature);
    gr_log(
        w->log, GRAFT_LOG_WARN,
        "%s: has no classifier that sees what the adapter's head does; the head is in " GR_PEFT_HEAD
        ": logits = head.weight f + head.bias with f = %s",
        w->match.layout->name, c->normalize_feature ? scaled : feature);
}

/* The head as a module to save, or beside the adapter. */
graft_status gr_peft_write_head(gr_peft_writer *w)
{
    const gr_tensor *weight, *bias;
    const gr_peft_modules *all = &w->modules;
    GR_TRY(gr_tensors_get(w->log, w->adapter, "head.weight", &weight));
    GR_TRY(gr_tensors_get(w->log, w->adapter, "head.bias", &bias));
    int64_t classes = weight->shape.dim[0], dim = weight->shape.dim[1];
    int64_t width = all->head_sees_mean ? 2 * dim : dim;
    char name[2 * GR_NAME_BYTES];
    float *values;
    gr_tensors *out = w->result;
    const char *head = all->head;
    char above[GR_NAME_BYTES] = GR_PEFT_PREFIX;
    if (!*head) {
        w->head = out = gr_tensors_create();
        above[0] = '\0', head = "head";
        if (!out)
            return gr_peft_memory(w->log);
        say_what_the_head_sees(w);
    }
    snprintf(name, sizeof(name), "%s%s.weight", above, head);
    GR_TRY(
        gr_tensors_add_new(w->log, out, name, GR_F32, GR_SHAPE(classes, width), (void **)&values));
    float *room = malloc((size_t)(classes * dim) * sizeof(*room));
    if (!room)
        return gr_peft_memory(w->log);
    gr_tensor_to_f32(weight, room);
    for (int64_t c = 0; c < classes; c++)
        memcpy(values + c * width, room + c * dim, (size_t)dim * sizeof(*room));
    free(room);
    snprintf(name, sizeof(name), "%s%s.bias", above, head);
    GR_TRY(gr_tensors_add_new(w->log, out, name, GR_F32, GR_SHAPE(classes), (void **)&values));
    gr_tensor_to_f32(bias, values);
    json_t *saved = json_array();
    if (out == w->result)
        json_array_append_new(saved, json_string(all->head));
    return json_object_set_new(w->config, "modules_to_save", saved) ? gr_peft_memory(w->log)
                                                                    : GRAFT_OK;
}
