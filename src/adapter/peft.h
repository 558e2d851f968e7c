/* Folders of Hugging Face peft: what adapters in them are to graft, and back (graft/peft.h).
 *
 * peft's tensors are named "base_model.model." and the module's name, then as in graft but for
 * "lora_magnitude_vector", "ia3_l" [1, in] or [out, 1]. Where q, k and v are one linear (timm) they
 * have one adapter: of LoRAs side by side it is their block matrix, exactly. */
#ifndef GR_ADAPTER_PEFT_H
#define GR_ADAPTER_PEFT_H

#include "adapter/peft_names.h"

#include <jansson.h>

#define GR_PEFT_CONFIG  "adapter_config.json"
#define GR_PEFT_WEIGHTS "adapter_model.safetensors"
#define GR_PEFT_HEAD    "head.safetensors" /* of a model that has no such head itself */
#define GR_PEFT_PREFIX  "base_model.model."

/* "LORA" -> lora, or dora where the configuration says so; NULL: graft has no such method. */
const char *gr_peft_method(const char *peft_type, bool use_dora);

/* And back; NULL: peft has none. */
const char *gr_peft_type(const char *method);

/* The tensor that every adapted module has: "lora_A.weight", .. */
const char *gr_peft_lead(const char *method);

/* The line of what ran out of memory. */
graft_status gr_peft_memory(graft_log *log);

/* Whether a path is such a folder. */
bool gr_peft_is_folder(const char *path);

/* Reads one as an adapter of the backbone, with the metadata of adapter files. What it says that
 * graft does not do is GRAFT_ERR_UNSUPPORTED with a line that names it. */
graft_status gr_peft_read(graft_log *log, const char *path, const gr_tensors *backbone,
                          gr_tensors **out);

/* Of a configuration: refuses what graft does not do, and sets the method's options that do not
 * follow from the tensors. `source` names the file. */
graft_status gr_peft_config_check(graft_log *log, const char *source, const json_t *config);
graft_status gr_peft_config_options(graft_log *log, const char *source, const json_t *config,
                                    gr_methods *methods);

/* The number that peft gives a module by a pattern such as {"attn.q": 4}, or `other`. A key that is
 * a regular expression fails. */
graft_status gr_peft_pattern(graft_log *log, const char *source, const json_t *pattern,
                             const char *module, double other, double *out);

#endif
