#include "adapter/peft_reader.h"

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "weights/safetensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Weight and bias of the head to the result; `above` stands before their names. */
static graft_status copy_head(gr_peft_reader *r, const gr_tensors *from, const char *above)
{
    static const char *const leaves[] = {"weight", "bias"};
    for (int i = 0; i < 2; i++) {
        char name[4 * GR_NAME_BYTES];
        const gr_tensor *t;
        void *values;
        snprintf(name, sizeof(name), "%s.%s", above, leaves[i]);
        GR_TRY(gr_tensors_get(r->log, from, name, &t));
        if (t->shape.rank != 2 - i)
            return gr_fail(r->log, GRAFT_ERR_SHAPE, "%s: tensor %s: no head of a linear layer",
                           gr_tensors_source(from), name);
        gr_peft_mark_used(r, t);
        snprintf(name, sizeof(name), "head.%s", leaves[i]);
        GR_TRY(gr_tensors_add_new(r->log, r->result, name, GR_F32, t->shape, &values));
        gr_tensor_to_f32(t, values);
    }
    return GRAFT_OK;
}

/* DINOv2's classifier gets the mean of the patches as well, which graft's does not: its weights
 * there must be zero. */
static graft_status halve_head(gr_peft_reader *r, const char *above)
{
    const gr_tensor *both, *bias;
    char name[4 * GR_NAME_BYTES];
    int64_t dim = r->geometry.dim;
    float *values;
    snprintf(name, sizeof(name), "%s.weight", above);
    GR_TRY(gr_tensors_get(r->log, r->file, name, &both));
    int64_t classes = both->shape.dim[0];
    GR_TRY(gr_tensors_get_shaped(r->log, r->file, name, GR_SHAPE(classes, 2 * dim), &both));
    gr_peft_mark_used(r, both);
    snprintf(name, sizeof(name), "%s.bias", above);
    GR_TRY(gr_tensors_get_shaped(r->log, r->file, name, GR_SHAPE(classes), &bias));
    gr_peft_mark_used(r, bias);
    GR_TRY(gr_tensors_add_new(r->log, r->result, "head.weight", GR_F32, GR_SHAPE(classes, dim),
                              (void **)&values));
    float *all = malloc((size_t)gr_tensor_count(both) * sizeof(*all));
    if (!all)
        return gr_peft_memory(r->log);
    gr_tensor_to_f32(both, all);
    bool mean = false;
    for (int64_t c = 0; c < classes; c++)
        for (int64_t j = 0; j < dim; j++) {
            values[c * dim + j] = all[c * 2 * dim + j];
            mean = mean || all[c * 2 * dim + dim + j] != 0.0f;
        }
    free(all);
    if (mean)
        return gr_fail(
            r->log, GRAFT_ERR_UNSUPPORTED,
            "%s: tensor %s.weight: a classifier of the class token and the mean of the "
            "patches, and graft's sees one of them; train the adapter with a head of the "
            "class token, or with graft",
            gr_tensors_source(r->file), above);
    GR_TRY(gr_tensors_add_new(r->log, r->result, "head.bias", GR_F32, GR_SHAPE(classes),
                              (void **)&values));
    gr_tensor_to_f32(bias, values);
    return GRAFT_OK;
}

/* From the adapter, from beside it, or from the backbone. */
graft_status gr_peft_read_head(gr_peft_reader *r)
{
    char above[2 * GR_NAME_BYTES], name[3 * GR_NAME_BYTES];
    char *beside = gr_path_join(r->source, r->path, GR_PEFT_HEAD);
    snprintf(above, sizeof(above), GR_PEFT_PREFIX "%s", r->modules.head);
    snprintf(name, sizeof(name), "%s.weight", above);
    if (*r->modules.head && gr_tensors_find(r->file, name))
        return r->modules.head_sees_mean ? halve_head(r, above) : copy_head(r, r->file, above);
    if (beside && gr_file_exists(beside)) {
        r->head = gr_tensors_create();
        if (!r->head)
            return gr_peft_memory(r->log);
        GR_TRY(gr_tensors_set_source(r->log, r->head, beside));
        GR_TRY(gr_safetensors_read(r->log, beside, r->head));
        return copy_head(r, r->head, "head");
    }
    if (gr_tensors_find(r->backbone, "head.weight"))
        return copy_head(r, r->backbone, "head");
    return gr_fail(
        r->log, GRAFT_ERR_NOT_FOUND,
        "%s: modules_to_save has no head (%s), and the backbone %s has none either; save "
        "the adapter with its classifier",
        r->source, *r->modules.head ? r->modules.head : "classifier",
        gr_tensors_source(r->backbone));
}
