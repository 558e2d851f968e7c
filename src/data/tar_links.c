#include "data/tar_links.h"

#include "base/log.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* Of links that lead to links. */
enum { MAX_STEPS = 16 };

typedef struct item {
    char *path; /* without ".", ".." and doubled slashes */
    char *link; /* the path it leads to, likewise; NULL: a file */
    uint64_t offset, size_bytes;
} item;

typedef struct table {
    item *items; /* sorted by path once complete */
    size_t count;
} table;

/* Takes "." and ".." out of a path, in place; false when it leads out of the archive. */
static bool normalize(char *path)
{
    char *out = path;
    for (const char *in = path; *in;) {
        size_t length = strcspn(in, "/");
        if (length == 2 && !strncmp(in, "..", 2)) {
            if (out == path)
                return false;
            while (out > path && *--out != '/') {
            }
        } else if (length && !(length == 1 && *in == '.')) {
            if (out > path)
                *out++ = '/';
            memmove(out, in, length);
            out += length;
        }
        in += length;
        in += strspn(in, "/");
    }
    *out = '\0';
    return true;
}

/* What a link leads to, from the archive's root; "": out of it. NULL: no memory. */
static char *target_of(void *parent, const gr_tar_member *m)
{
    const char *slash = strrchr(m->path, '/');
    int folder = m->hard || !slash ? 0 : (int)(slash + 1 - m->path);
    bool outside = !m->hard && m->link[0] == '/';
    char *target = gr_printf(parent, "%.*s%s", folder, m->path, m->link);
    if (target && (outside || !normalize(target)))
        *target = '\0';
    return target;
}

static graft_status add_item(void *user, const gr_tar_member *m)
{
    table *t = user;
    if (m->directory)
        return GRAFT_OK;
    item *i = gr_push(t, (void **)&t->items, &t->count, sizeof(*t->items));
    if (!i || !(i->path = gr_strdup(t, m->path)) || (m->link && !(i->link = target_of(t, m))))
        return GRAFT_ERR_MEMORY;
    if (!normalize(i->path))
        *i->path = '\0';
    i->offset = m->offset;
    i->size_bytes = m->size_bytes;
    return GRAFT_OK;
}

static int compare_items(const void *a, const void *b)
{
    return strcmp(((const item *)a)->path, ((const item *)b)->path);
}

/* The file at the end of a chain of links; NULL: there is none. */
static const item *follow(const table *t, const item *link)
{
    for (int step = 0; link && link->link && step < MAX_STEPS; step++) {
        item wanted = {.path = link->link};
        link = *wanted.path ? bsearch(&wanted, t->items, t->count, sizeof(wanted), compare_items)
                            : NULL;
    }
    return link && !link->link ? link : NULL;
}

graft_status gr_tar_links(graft_log *log, const char *title, const uint8_t *bytes,
                          size_t size_bytes,
                          graft_status (*visit)(void *user, const gr_tar_member *member),
                          void *user, size_t *broken)
{
    *broken = 0;
    table *t = gr_alloc(NULL, sizeof(*t));
    graft_status status =
        t ? gr_tar_scan(log, title, bytes, size_bytes, add_item, t) : GRAFT_ERR_MEMORY;
    if (status == GRAFT_ERR_MEMORY)
        gr_fail(log, status, "%s: no memory for its links", title);
    if (status == GRAFT_OK)
        qsort(t->items, t->count, sizeof(*t->items), compare_items);
    for (size_t i = 0; status == GRAFT_OK && i < t->count; i++) {
        const item *link = &t->items[i], *file = follow(t, link);
        if (!link->link)
            continue;
        *broken += !file;
        if (file)
            status = visit(user, &(gr_tar_member){.path = link->path,
                                                  .offset = file->offset,
                                                  .size_bytes = file->size_bytes});
    }
    gr_free(t);
    return status;
}
