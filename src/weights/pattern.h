/* Patterns of tensor names, and translating a name from one pattern to another.
 *
 * In a pattern, which must fit the whole name,
 *   #   is a number of a block or stage, written without leading zeros;
 *   #-  is such a number less one: "layers.#" to "layers.#-" turns layers.3 into layers.2;
 *   @   at the end, is "weight" or "bias";
 *   *   at the end, is anything, also nothing.
 * What they stand for is carried over to the other pattern in order. Thread-safety: safe.
 */
#ifndef GR_WEIGHTS_PATTERN_H
#define GR_WEIGHTS_PATTERN_H

#include <stdbool.h>

enum { GR_NAME_BYTES = 256, GR_NAME_NUMBERS = 2 };

/* What the placeholders of a pattern stood for. */
typedef struct gr_name_parts {
    int number[GR_NAME_NUMBERS];
    int count;        /* of numbers */
    const char *rest; /* for @ and *; borrows from the name; "" without one */
} gr_name_parts;

/* False for a name that does not fit, and for one of GR_NAME_BYTES or more. */
bool gr_pattern_match(const char *pattern, const char *name, gr_name_parts *parts);

/* Writes the name that the pattern stands for with these parts. False when it is too long, or would
 * need a number below zero. */
bool gr_pattern_expand(const char *pattern, const gr_name_parts *parts, char name[GR_NAME_BYTES]);

#endif
