/* A hash of bytes, to tell one content from another: fast, the same on every machine, and no
 * defence against somebody who looks for two contents of one hash. */
#ifndef GR_BASE_HASH_H
#define GR_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* Hash of data[size] that continues from `start`: 0, or the hash of what comes before. The cut
 * between two calls counts: "ab" + "c" and "a" + "bc" differ. Thread-safety: safe. */
uint64_t gr_hash(uint64_t start, const void *data, size_t size);

/* Of a text with its end. */
uint64_t gr_hash_text(uint64_t start, const char *text);

#endif
