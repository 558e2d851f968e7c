#include "data/text.h"

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"

#include <ctype.h>
#include <string.h>

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

static graft_status read_into(graft_log *log, const char *path, gr_text *text)
{
    char *bytes = NULL;
    size_t size_bytes = 0;
    GR_TRY(gr_file_read(log, text, path, &bytes, &size_bytes));
    if (size_bytes >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0) { /* byte order mark */
        bytes += 3;
        size_bytes -= 3;
    }
    if (memchr(bytes, '\0', size_bytes))
        return gr_fail(log, GRAFT_ERR_FORMAT, "%s: holds a NUL byte; expected text", path);
    if (!split_lines(text, bytes, size_bytes))
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory for its lines", path);
    return GRAFT_OK;
}

graft_status gr_text_read(graft_log *log, void *parent, const char *path, gr_text **out)
{
    *out = NULL;
    gr_text *text = gr_alloc(parent, sizeof(*text));
    if (!text)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: no memory", path);
    graft_status status = read_into(log, path, text);
    if (status == GRAFT_OK)
        *out = text;
    else
        gr_free(text);
    return status;
}
