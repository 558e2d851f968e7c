/* Preloaded into the command: the allocation number FAIL_ALLOCATION of graft, its library or its
 * JSON library finds no memory. Those of drivers and of the C library are let through. How many there
 * were is written to the file COUNT_ALLOCATIONS at the end. */
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);

#define SHOWN __attribute__((visibility("default")))

enum { MAX_RANGES = 8 };

static struct {
    uintptr_t first, end;
} ranges[MAX_RANGES];
static int range_count;
static atomic_ulong allocations;
static unsigned long failing; /* 0: none */

static int note_object(struct dl_phdr_info *info, size_t size, void *user)
{
    (void)size, (void)user;
    const char *name = info->dlpi_name;
    if (*name && !strstr(name, "libgraft") && !strstr(name, "libjansson"))
        return 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        if (part->p_type != PT_LOAD || !(part->p_flags & PF_X) || range_count == MAX_RANGES)
            continue;
        ranges[range_count].first = info->dlpi_addr + part->p_vaddr;
        ranges[range_count++].end = info->dlpi_addr + part->p_vaddr + part->p_memsz;
    }
    return 0;
}

static void write_count(void)
{
    const char *path = getenv("COUNT_ALLOCATIONS");
    FILE *file = path ? fopen(path, "w") : NULL;
    if (!file)
        return;
    fprintf(file, "%lu\n", atomic_load(&allocations));
    fclose(file);
}

__attribute__((constructor)) static void start(void)
{
    const char *text = getenv("FAIL_ALLOCATION");
    failing = text ? strtoul(text, NULL, 10) : 0;
    dl_iterate_phdr(note_object, NULL);
    atexit(write_count);
    atomic_store(&allocations, 0);
}

static int fails(const void *caller)
{
    uintptr_t at = (uintptr_t)caller;
    for (int i = 0; i < range_count; i++)
        if (at >= ranges[i].first && at < ranges[i].end) {
            if (atomic_fetch_add(&allocations, 1) + 1 != failing)
                return 0;
            errno = ENOMEM;
            return 1;
        }
    return 0;
}

SHOWN void *malloc(size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

SHOWN void *calloc(size_t count, size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(count, size);
}

SHOWN void *realloc(void *old, size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL : __libc_realloc(old, size);
}
