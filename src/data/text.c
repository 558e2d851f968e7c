#include "data/text.h"

#include "base/log.h"
#include "base/mem.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const long long max_bytes = 1 << 30;

static graft_status read_bytes(graft_log *log, void *parent, const char *path, FILE *file,
                               char **bytes, size_t *size_bytes)
{
    struct stat info;
    if (fstat(fileno(file), &info))
        return gr_fail(log, GRAFT_ERR_IO, "%s: %s", path, strerror(errno));
    if (!S_ISREG(info.st_mode) || info.st_size > max_bytes)
        return gr_fail(log, GRAFT_ERR_FORMAT, "%s: expected a text file of at most %lld bytes",
                       path, max_bytes);
    *size_bytes = (size_t)info.st_size;
    *bytes = gr_alloc(parent, *size_bytes + 1);
    if (!*bytes)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory for %zu bytes", path, *size_bytes);
    if (fread(*bytes, 1, *size_bytes, file) != *size_bytes)
        return gr_fail(log, GRAFT_ERR_IO, "%s: could not be read to its end", path);
    if (memchr(*bytes, '\0', *size_bytes))
        return gr_fail(log, GRAFT_ERR_FORMAT, "%s: holds a NUL byte; expected text", path);
    return GRAFT_OK;
}

static void trim(char *line, size_t length)
{
    while (length && isspace((unsigned char)line[length - 1]))
        line[--length] = '\0';
}

static bool split_lines(gr_text *text, char *bytes, size_t size_bytes)
{
    size_t count = 1;
    for (size_t i = 0; i < size_bytes; i++)
        count += bytes[i] == '\n';
    text->lines = gr_alloc_array(text, count, sizeof(*text->lines));
    if (!text->lines)
        return false;
    for (char *line = bytes, *end = bytes + size_bytes; line < end;) {
        char *next = memchr(line, '\n', (size_t)(end - line));
        size_t length = next ? (size_t)(next - line) : (size_t)(end - line);
        text->lines[text->count++] = line;
        line[length] = '\0';
        trim(line, length);
        line += length + 1;
    }
    return true;
}

graft_status gr_text_read(graft_log *log, void *parent, const char *path, gr_text **out)
{
    *out = NULL;
    FILE *file = fopen(path, "rb");
    if (!file)
        return gr_fail(log, errno == ENOENT ? GRAFT_ERR_NOT_FOUND : GRAFT_ERR_IO, "%s: %s", path,
                       strerror(errno));
    char *bytes = NULL;
    size_t size_bytes = 0;
    gr_text *text = gr_alloc(parent, sizeof(*text));
    graft_status status = text ? read_bytes(log, text, path, file, &bytes, &size_bytes)
                               : gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory", path);
    if (status == GRAFT_OK && !split_lines(text, bytes, size_bytes))
        status = gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory for its lines", path);
    fclose(file);
    if (status == GRAFT_OK)
        *out = text;
    else
        gr_free(text);
    return status;
}
