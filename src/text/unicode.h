/* What a tokenizer needs to know about characters. Thread-safety: safe. */
#ifndef GR_UNICODE_H
#define GR_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The code point at *text, which moves behind it. A byte that begins no valid sequence counts as
 * U+FFFD. 0 at the end, where *text stays. */
uint32_t gr_utf8_next(const char **text);

/* Writes 1 to 4 bytes and returns how many. */
size_t gr_utf8_put(uint32_t code, char out[4]);

bool gr_is_letter(uint32_t code); /* general category L */
bool gr_is_number(uint32_t code); /* general category N */
bool gr_is_space(uint32_t code);
uint32_t gr_to_lower(uint32_t code); /* where that is a single code point */

#endif
