#include "base/json.h"

#include "base/file.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

graft_status gr_json_parse(graft_log *log, const char *source, const char *text, size_t size_bytes,
                           json_t **root)
{
    json_error_t error;
    *root = json_loadb(text, size_bytes, JSON_REJECT_DUPLICATES, &error);
    if (!*root) {
        /* The parser quotes the text near the error, line breaks included. */
        for (char *c = error.text; *c; c++)
            if ((unsigned char)*c < ' ')
                *c = ' ';
        return gr_fail(log, GRAFT_ERR_FORMAT, "%s: invalid JSON at line %d, column %d: %s", source,
                       error.line, error.column, error.text);
    }
    if (!json_is_object(*root)) {
        json_decref(*root);
        *root = NULL;
        return gr_fail(log, GRAFT_ERR_FORMAT, "%s: expected a JSON object", source);
    }
    return GRAFT_OK;
}

graft_status gr_json_read(graft_log *log, const char *path, json_t **root)
{
    char *text;
    size_t size;
    *root = NULL;
    GR_TRY(gr_file_read(log, NULL, path, &text, &size));
    graft_status status = gr_json_parse(log, path, text, size, root);
    gr_free(text);
    return status;
}

bool gr_is_utf8(const char *text)
{
    json_t *value = text ? json_string(text) : NULL;
    json_decref(value);
    return !text || value;
}

static void give_up_unless(bool complete, json_t **json)
{
    if (complete)
        return;
    json_decref(*json);
    *json = NULL;
}

void gr_json_set(json_t **object, const char *key, json_t *value)
{
    give_up_unless(json_object_set_new(*object, key, value) == 0, object);
}

void gr_json_append(json_t **array, json_t *value)
{
    give_up_unless(json_array_append_new(*array, value) == 0, array);
}

/* Some parts that jansson writes it does not look back at: what has failed once stays so. */
typedef struct text_buffer {
    char *data;
    size_t size, room;
    bool failed;
} text_buffer;

static int append_text(const char *part, size_t size, void *user)
{
    text_buffer *b = user;
    if (!b->failed && b->size + size + 1 > b->room) {
        size_t room = 2 * (b->size + size) + 256;
        char *data = realloc(b->data, room);
        b->failed = !data;
        b->data = data ? data : b->data;
        b->room = data ? room : b->room;
    }
    if (b->failed)
        return -1;
    memcpy(b->data + b->size, part, size);
    b->size += size;
    b->data[b->size] = '\0';
    return 0;
}

char *gr_json_text(const json_t *json, size_t flags)
{
    text_buffer b = {0};
    if (json && json_dump_callback(json, append_text, &b, flags) == 0 && !b.failed)
        return b.data;
    free(b.data);
    return NULL;
}
