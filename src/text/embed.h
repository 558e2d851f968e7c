/* The text encoder of CLIP (Radford et al., arXiv 2103.00020): a transformer in which a token sees
 * those before it. The feature of a text is that of its last token, projected. */
#ifndef GR_TEXT_EMBED_H
#define GR_TEXT_EMBED_H

#include "device/device.h"
#include "build/config.h"
#include "text/bpe.h"
#include "weights/tensors.h"

typedef struct gr_text_encoder gr_text_encoder;

/* Takes the encoder out of a checkpoint of CLIP by OpenAI or by transformers; borrows `checkpoint`,
 * which may lose the values of text tensors on the way. One without a text encoder is
 * GRAFT_ERR_NOT_FOUND. The caller destroys *out. */
graft_status gr_text_encoder_create(graft_log *log, gr_tensors *checkpoint, gr_func activation,
                                    gr_text_encoder **out);
void gr_text_encoder_destroy(gr_text_encoder *encoder); /* NULL is accepted */

/* Width of a text's feature. */
int gr_text_encoder_width(const gr_text_encoder *encoder);

/* Features [count, width] of length 1. A text with more pieces than the encoder has positions is
 * GRAFT_ERR_ARGUMENT. Device memory is given back on return. */
graft_status gr_text_encoder_embed(const gr_text_encoder *encoder, gr_device *device,
                                   const gr_bpe *bpe, const char *const *texts, int count,
                                   float *features);

#endif
