#include "adapter/fingerprint.h"

#include "build/config_json.h"

#include <stdio.h>
#include <string.h>

/* Of an application's own graph all but the head, which is graft's. */
static bool is_of_encoder(const gr_tensors *backbone, const char *name)
{
    static const char *const prefixes[] = {
        "cls_token", "dist_token", "attn_pool.", "rel_pos_bias.", "pos_embed", "patch_embed.",
        "norm_pre.", "blocks.",    "layers.",    "norm.",         "proj."};
    if (gr_model_is_own(backbone))
        return strncmp(name, "head.", 5) != 0;
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return false;
}

const char *gr_backbone_fingerprint(const gr_tensors *backbone, char text[GR_FINGERPRINT_TEXT])
{
    uint64_t sum = 0; /* which no order changes */
    for (size_t i = 0; i < gr_tensors_count(backbone); i++) {
        const gr_tensor *t = gr_tensors_at(backbone, i);
        if (is_of_encoder(backbone, t->name))
            sum += gr_tensor_hash(t);
    }
    snprintf(text, GR_FINGERPRINT_TEXT, "%016llx", (unsigned long long)sum);
    return text;
}

/* One that holds the whole encoder, such as a run's from scratch, takes nothing from a backbone. */
static bool holds_encoder(const gr_tensors *file, const gr_tensors *backbone)
{
    for (size_t i = 0; i < gr_tensors_count(backbone); i++) {
        const char *name = gr_tensors_at(backbone, i)->name;
        if (is_of_encoder(backbone, name) && !gr_tensors_find(file, name))
            return false;
    }
    return true;
}

graft_status gr_fingerprint_check(graft_log *log, const gr_tensors *file,
                                  const gr_tensors *backbone, const bool *accept)
{
    char found[GR_FINGERPRINT_TEXT];
    const char *wanted = gr_tensors_metadata(file, GR_FINGERPRINT_KEY);
    if (!wanted || strcmp(wanted, gr_backbone_fingerprint(backbone, found)) == 0 ||
        holds_encoder(file, backbone))
        return GRAFT_OK;
    if (accept && *accept) {
        gr_log(log, GRAFT_LOG_WARN, "%s: was trained on another backbone (%s) than %s (%s)",
               gr_tensors_source(file), wanted, gr_tensors_source(backbone), found);
        return GRAFT_OK;
    }
    return gr_fail(log, GRAFT_ERR_ARGUMENT,
                   "%s: was trained on another backbone (%s) than %s (%s), with which its numbers "
                   "mean nothing; give that one%s",
                   gr_tensors_source(file), wanted, gr_tensors_source(backbone), found,
                   accept ? ", or set `accept_changes`" : "");
}
