/* The byte-pair tokenizer of CLIP (Sennrich et al., arXiv 1508.07909; Radford et al., arXiv
 * 2103.00020): text becomes numbers of pieces that the vocabulary files of a checkpoint list. */
#ifndef GR_BPE_H
#define GR_BPE_H

#include "base/log.h"

typedef struct gr_bpe gr_bpe;

/* Reads merges.txt with the vocab.json beside it, or bpe_simple_vocab_16e6.txt.gz, or a folder with
 * either. Without a vocab.json the pieces are numbered as OpenAI's code does: bytes, bytes that end
 * a word, merges in their order, start and end. The caller destroys *out. */
graft_status gr_bpe_open(graft_log *log, const char *path, gr_bpe **out);
void gr_bpe_destroy(gr_bpe *bpe); /* NULL is accepted */

/* Numbers of the pieces of `text`, between a start and an end: *count of them, at most `room`; a
 * longer text is GRAFT_ERR_ARGUMENT. Capitals and runs of spaces do not matter. Bytes of invalid
 * UTF-8 stand for U+FFFD. */
graft_status gr_bpe_encode(graft_log *log, const gr_bpe *bpe, const char *text, int *ids, int room,
                           int *count);

#endif
