#include "base/json.h"

#include "base/file.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* A text as jansson is given it: ["filler", text]. */
typedef struct guarded {
    const char *text;
    size_t size, filler; /* bytes of each */
    size_t at;           /* of all that is read */
} guarded;

/* The longest string, with its quotes, or run of other bytes than blanks and brackets. */
static size_t longest_token(const char *text, size_t size)
{
    size_t longest = 0, length = 0;
    bool quoted = false;
    for (size_t i = 0; i < size; i++) {
        length++;
        if (quoted && text[i] == '\\') {
            i++;
            length++;
        } else if (text[i] == '"') {
            quoted = !quoted;
            longest = !quoted && length > longest ? length : longest;
            length = quoted;
        } else if (!quoted && strchr(" \t\r\n,:[]{}", text[i])) {
            length = 0;
        }
        longest = !quoted && length > longest ? length : longest;
    }
    return length > longest ? length : longest;
}

static size_t read_guarded(void *buffer, size_t room, void *user)
{
    guarded *g = user;
    char *out = buffer;
    size_t done = 0, head = g->filler + 4, all = head + g->size + 1;
    while (done < room && g->at < all) {
        size_t at = g->at;
        if (at >= head && at < head + g->size) {
            size_t left = head + g->size - at, part = room - done < left ? room - done : left;
            memcpy(out + done, g->text + (at - head), part);
            done += part;
            g->at += part;
            continue;
        }
        out[done++] = at == 0                          ? '['
                      : at == 1 || at == g->filler + 2 ? '"'
                      : at == g->filler + 3            ? ','
                      : at == all - 1                  ? ']'
                                                       : '.';
        g->at++;
    }
    return done;
}

/* Where its buffer for a token cannot grow, jansson leaves characters out and goes on. So a first
 * token makes it as large as any will need, and is looked at whether it came through. NULL: the
 * text is malformed, or *memory, there was none. */
static json_t *parse_guarded(const char *text, size_t size, bool *memory)
{
    guarded g = {text, size, longest_token(text, size) + 2, 0};
    json_error_t error;
    json_t *all = json_load_callback(read_guarded, &g, JSON_REJECT_DUPLICATES, &error);
    json_t *root = json_array_size(all) == 2 ? json_incref(json_array_get(all, 1)) : NULL;
    *memory = all ? json_string_length(json_array_get(all, 0)) != g.filler
                  : json_error_code(&error) == json_error_out_of_memory;
    json_decref(all);
    if (*memory || !(json_is_object(root) || json_is_array(root))) {
        json_decref(root);
        root = NULL;
    }
    return root;
}

graft_status gr_json_parse(graft_log *log, const char *source, const char *text, size_t size_bytes,
                           json_t **root)
{
    json_error_t error;
    bool memory;
    *root = parse_guarded(text, size_bytes, &memory);
    if (!*root && !memory) { /* what is wrong, by its line and column */
        *root = json_loadb(text, size_bytes, JSON_REJECT_DUPLICATES, &error);
        memory = !*root && json_error_code(&error) == json_error_out_of_memory;
    }
    if (memory)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: out of memory", source);
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
