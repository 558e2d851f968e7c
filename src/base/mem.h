/* A tree of allocations: freeing a parent frees everything below it.
 *
 * Memory is zeroed. NULL as a parent makes a root. All functions return NULL when out of memory.
 * Thread-safety: one tree may be used by one thread at a time.
 */
#ifndef GR_BASE_MEM_H
#define GR_BASE_MEM_H

#include <graft/export.h>
#include <stddef.h>

void *gr_alloc(void *parent, size_t size_bytes);

/* Room for `count` elements; fails on overflow of the product. */
void *gr_alloc_array(void *parent, size_t count, size_t element_bytes);

/* Grows or shrinks an allocation of `parent`, keeps its children; new bytes are zero.
 * `memory` may be NULL. On failure the old block stays valid and NULL is returned. */
void *gr_realloc(void *parent, void *memory, size_t size_bytes);

void gr_free(void *memory);

char *gr_strdup(void *parent, const char *text);
char *gr_printf(void *parent, const char *fmt, ...) GRAFT_PRINTF(2, 3);

/* Appends one zeroed element to a growing array: `*items` is an allocation of `parent` (or NULL)
 * with `*count` elements in it. Returns the new element. */
void *gr_push(void *parent, void **items, size_t *count, size_t element_bytes);

#endif
