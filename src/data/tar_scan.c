#include "data/tar_scan.h"

#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 512, MAX_PATH = 4096 };

/* The header as it lies in the file; all text. */
typedef struct header {
    char name[100];
    char mode[8], uid[8], gid[8];
    char size[12];
    char mtime[12];
    char checksum[8];
    char type;
    char link[100];
    char magic[8]; /* and version */
    char owner[32], group[32];
    char major[8], minor[8];
    char prefix[155];
    char padding[12];
} header;

_Static_assert(sizeof(header) == BLOCK, "a tar header is one block");

typedef struct scanner {
    graft_log *log;
    const char *title;
    const uint8_t *bytes;
    uint64_t size_bytes, at;
    char path[MAX_PATH];               /* of the coming member, when has_path */
    char link[MAX_PATH];               /* what it links to, when has_link */
    bool has_path, has_link, has_size; /* given by an extension header before it */
    uint64_t next_size_bytes;          /* when has_size */
} scanner;

static graft_status fail(const scanner *s, const char *what)
{
    return gr_fail(s->log, GRAFT_ERR_FORMAT, "%s: %s at byte %llu of the archive", s->title, what,
                   (unsigned long long)s->at);
}

/* Octal text, or base 256 (GNU) when the first bit is set; false when neither. */
static bool parse_number(const char *field, size_t length, uint64_t *value)
{
    const uint8_t *digits = (const uint8_t *)field;
    *value = 0;
    if (digits[0] & 0x80) {
        for (size_t i = 0; i < length; i++) {
            if (*value >> 55)
                return false;
            *value = *value << 8 | (i ? digits[i] : digits[i] & 0x7F);
        }
        return true;
    }
    size_t i = 0;
    while (i < length && digits[i] == ' ')
        i++;
    size_t start = i;
    for (; i < length && digits[i] >= '0' && digits[i] <= '7'; i++)
        *value = *value << 3 | (digits[i] - '0');
    return i > start && (i == length || digits[i] == ' ' || digits[i] == '\0');
}

/* The sum of the header's bytes with the checksum field taken as blanks. */
static bool checksum_holds(const header *h)
{
    const uint8_t *bytes = (const uint8_t *)h;
    uint64_t expected, sum = 0;
    for (size_t i = 0; i < BLOCK; i++) {
        bool blank = i >= offsetof(header, checksum) && i < offsetof(header, type);
        sum += blank ? ' ' : bytes[i];
    }
    return parse_number(h->checksum, sizeof(h->checksum), &expected) && sum == expected;
}

static void path_of(const header *h, char path[MAX_PATH])
{
    bool prefixed = !memcmp(h->magic, "ustar\0", 6) && h->prefix[0];
    snprintf(path, MAX_PATH, "%.*s%s%.*s", prefixed ? (int)sizeof(h->prefix) : 0, h->prefix,
             prefixed ? "/" : "", (int)sizeof(h->name), h->name);
}

static graft_status take_path(const scanner *s, const char *text, uint64_t length,
                              char path[MAX_PATH], bool *has)
{
    length = strnlen(text, length);
    if (length >= MAX_PATH)
        return fail(s, "path of more than 4095 bytes");
    memcpy(path, text, length);
    path[length] = '\0';
    *has = true;
    return GRAFT_OK;
}

static graft_status take_size(scanner *s, const char *text, uint64_t length)
{
    s->next_size_bytes = 0;
    for (uint64_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9' || s->next_size_bytes > UINT64_MAX / 20)
            return fail(s, "bad size record");
        s->next_size_bytes = s->next_size_bytes * 10 + (uint64_t)(text[i] - '0');
    }
    s->has_size = true;
    return GRAFT_OK;
}

/* Records "LENGTH key=value\n", where LENGTH counts the whole record. */
static graft_status take_pax(scanner *s, const char *text, uint64_t left)
{
    while (left) {
        uint64_t length = 0, digits = 0;
        while (digits < left && digits < 9 && text[digits] >= '0' && text[digits] <= '9')
            length = length * 10 + (uint64_t)(text[digits++] - '0');
        const char *equals = memchr(text, '=', left);
        if (!digits || length > left || length < digits + 3 || text[digits] != ' ' ||
            text[length - 1] != '\n' || !equals || equals >= text + length - 1)
            return fail(s, "bad pax header");
        const char *key = text + digits + 1, *value = equals + 1;
        uint64_t value_bytes = (uint64_t)(text + length - 1 - value);
        if (equals - key == 4 && !memcmp(key, "path", 4))
            GR_TRY(take_path(s, value, value_bytes, s->path, &s->has_path));
        else if (equals - key == 8 && !memcmp(key, "linkpath", 8))
            GR_TRY(take_path(s, value, value_bytes, s->link, &s->has_link));
        else if (equals - key == 4 && !memcmp(key, "size", 4))
            GR_TRY(take_size(s, value, value_bytes));
        text += length;
        left -= length;
    }
    return GRAFT_OK;
}

/* Names of a member: from its header, where no extension told them before. */
static void name_member(scanner *s, const header *h, gr_tar_member *member)
{
    bool link = h->type == '1' || h->type == '2';
    if (!s->has_path)
        path_of(h, s->path);
    if (link && !s->has_link)
        snprintf(s->link, MAX_PATH, "%.*s", (int)sizeof(h->link), h->link);
    s->has_path = s->has_link = s->has_size = false;
    member->path = s->path;
    member->link = link ? s->link : NULL;
    member->hard = h->type == '1';
    member->directory = h->type == '5';
}

/* One member: header at s->at, then its data. */
static graft_status scan_member(scanner *s, gr_tar_member *member, bool *wanted)
{
    const header *h = (const header *)(s->bytes + s->at);
    if (s->size_bytes - s->at < BLOCK)
        return fail(s, s->at ? "header cut short (truncated?)"
                             : "not an uncompressed tar archive: too short");
    if (!checksum_holds(h))
        return fail(s, s->at ? "bad header (damaged?)"
                             : "not an uncompressed tar archive: bad header");
    uint64_t size = 0;
    if (!parse_number(h->size, sizeof(h->size), &size))
        return fail(s, "bad member size");
    bool extension = h->type == 'L' || h->type == 'K' || h->type == 'x' || h->type == 'g';
    if (!extension && s->has_size)
        size = s->next_size_bytes;
    /* Links and the like carry no data, whatever their size field says. */
    if (h->type >= '1' && h->type <= '6')
        size = 0;
    uint64_t data = s->at + BLOCK;
    if (size > s->size_bytes - data)
        return fail(s, "member longer than the archive (truncated?)");
    const char *text = (const char *)s->bytes + data;
    *wanted = h->type && strchr("01257", h->type);
    *wanted |= h->type == '\0'; /* a file, before there were types */
    *member = (gr_tar_member){.offset = data, .size_bytes = size};
    if (h->type == 'L')
        GR_TRY(take_path(s, text, size, s->path, &s->has_path));
    else if (h->type == 'K')
        GR_TRY(take_path(s, text, size, s->link, &s->has_link));
    else if (h->type == 'x')
        GR_TRY(take_pax(s, text, size));
    else if (!extension)
        name_member(s, h, member);
    s->at = data + (size + BLOCK - 1) / BLOCK * BLOCK; /* no overflow: size < 2^63 here */
    return GRAFT_OK;
}

/* An archive ends with blocks of zeros. Without them it may have been cut, but every member up to
 * here is whole. */
static bool is_end(const scanner *s)
{
    static const char zeros[BLOCK];
    if (s->at < s->size_bytes)
        return s->size_bytes - s->at >= BLOCK && !memcmp(s->bytes + s->at, zeros, BLOCK);
    gr_log(s->log, GRAFT_LOG_WARN, "%s: the archive has no end mark; it may have been cut short",
           s->title);
    return true;
}

graft_status gr_tar_scan(graft_log *log, const char *title, const uint8_t *bytes, size_t size_bytes,
                         graft_status (*visit)(void *user, const gr_tar_member *member), void *user)
{
    scanner *s = calloc(1, sizeof(*s));
    if (!s)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory", title);
    s->log = log;
    s->title = title;
    s->bytes = bytes;
    s->size_bytes = size_bytes;
    graft_status status = GRAFT_OK;
    while (status == GRAFT_OK && !is_end(s)) {
        gr_tar_member member;
        bool wanted = false;
        status = scan_member(s, &member, &wanted);
        if (status == GRAFT_OK && wanted)
            status = visit(user, &member);
    }
    free(s);
    return status;
}
