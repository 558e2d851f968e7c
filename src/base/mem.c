#include "base/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Sits right before the memory handed out. 16-byte aligned, so that the memory is too. */
typedef struct header {
    _Alignas(16) struct header *parent;
    struct header *first_child;
    struct header *prev, *next;
    size_t size;
} header;

static header *header_of(const void *memory)
{
    return memory ? (header *)((uintptr_t)memory - sizeof(header)) : NULL;
}

static void unlink_node(header *h)
{
    if (h->prev)
        h->prev->next = h->next;
    else if (h->parent)
        h->parent->first_child = h->next;
    if (h->next)
        h->next->prev = h->prev;
    h->parent = h->prev = h->next = NULL;
}

static void link_node(header *parent, header *h)
{
    h->parent = parent;
    h->prev = NULL;
    h->next = parent ? parent->first_child : NULL;
    if (h->next)
        h->next->prev = h;
    if (parent)
        parent->first_child = h;
}

void *gr_alloc(void *parent, size_t size_bytes)
{
    if (size_bytes > SIZE_MAX - sizeof(header))
        return NULL;
    header *h = calloc(1, sizeof(header) + size_bytes);
    if (!h)
        return NULL;
    h->size = size_bytes;
    link_node(header_of(parent), h);
    return h + 1;
}

void *gr_alloc_array(void *parent, size_t count, size_t element_bytes)
{
    if (element_bytes && count > SIZE_MAX / element_bytes)
        return NULL;
    return gr_alloc(parent, count * element_bytes);
}

void *gr_realloc(void *parent, void *memory, size_t size_bytes)
{
    if (!memory)
        return gr_alloc(parent, size_bytes);
    if (size_bytes > SIZE_MAX - sizeof(header))
        return NULL;
    header *old = header_of(memory);
    header *owner = old->parent;
    size_t old_size = old->size;
    unlink_node(old);
    header *h = realloc(old, sizeof(header) + size_bytes);
    if (!h) {
        link_node(owner, old);
        return NULL;
    }
    if (size_bytes > old_size)
        memset((char *)(h + 1) + old_size, 0, size_bytes - old_size);
    h->size = size_bytes;
    for (header *c = h->first_child; c; c = c->next)
        c->parent = h;
    link_node(owner, h);
    return h + 1;
}

void gr_free(void *memory)
{
    header *h = header_of(memory);
    if (!h)
        return;
    while (h->first_child)
        gr_free(h->first_child + 1);
    unlink_node(h);
    free(h);
}

char *gr_strdup(void *parent, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = gr_alloc(parent, size);
    if (copy)
        memcpy(copy, text, size);
    return copy;
}

char *gr_printf(void *parent, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int length = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (length < 0)
        return NULL;
    char *text = gr_alloc(parent, (size_t)length + 1);
    if (!text)
        return NULL;
    va_start(args, fmt);
    vsnprintf(text, (size_t)length + 1, fmt, args);
    va_end(args);
    return text;
}

void *gr_push(void *parent, void **items, size_t *count, size_t element_bytes)
{
    size_t used = *count * element_bytes;
    header *h = header_of(*items);
    if (!h || h->size < used + element_bytes) {
        size_t grown_size = used ? 2 * used : 8 * element_bytes;
        void *grown = gr_realloc(parent, *items, grown_size);
        if (!grown)
            return NULL;
        *items = grown;
    }
    char *element = (char *)*items + used;
    memset(element, 0, element_bytes);
    ++*count;
    return element;
}
