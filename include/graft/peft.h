/* Adapters for Hugging Face peft.
 *
 * Thread-safety: functions may be called from several threads at once.
 */
#ifndef GRAFT_PEFT_H
#define GRAFT_PEFT_H

#include <graft/export.h>
#include <graft/log.h>
#include <graft/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Writes an adapter as a folder that PeftModel.from_pretrained reads: adapter_config.json and
 * adapter_model.safetensors, in the names of timm's or transformers' modules, whichever the
 * backbone's file has. The folder is made where it is not there; files in it are replaced.
 *
 * lora, dora, ia3, vera, boft and fourierft have a counterpart in peft. GRAFT_ERR_UNSUPPORTED, with
 * a line that says what works instead, for other methods and for what peft would compute otherwise.
 * The head becomes a module to save ("classifier", "head"). Models of transformers that have none
 * which sees what graft's does (CLIP) get it as head.safetensors beside the adapter, which a
 * warning tells; graft reads it back. */
GRAFT_API graft_status graft_export_peft(graft_log *log, const char *backbone, const char *adapter,
                                         const char *directory);

#ifdef __cplusplus
}
#endif

#endif
