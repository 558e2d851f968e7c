#include "text/bpe.h"

#include "base/mem.h"
#include "text/unicode.h"
#include "text/vocabulary.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

struct gr_bpe {
    gr_vocabulary vocabulary;
};

graft_status gr_bpe_open(graft_log *log, const char *path, gr_bpe **out)
{
    gr_bpe *bpe = gr_alloc(NULL, sizeof(*bpe));
    *out = NULL;
    if (!bpe)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: out of memory", path);
    graft_status status = gr_vocabulary_read(log, path, &bpe->vocabulary);
    if (status == GRAFT_OK)
        *out = bpe;
    else
        gr_bpe_destroy(bpe);
    return status;
}

void gr_bpe_destroy(gr_bpe *bpe)
{
    if (!bpe)
        return;
    gr_vocabulary_release(&bpe->vocabulary);
    gr_free(bpe);
}

/* One text on its way to numbers. */
typedef struct encoding {
    graft_log *log;
    const gr_vocabulary *vocabulary;
    const char *text; /* for messages */
    void *scratch;
    int *ids;
    int room, count;
    bool failed; /* no memory for a pair */
} encoding;

static graft_status add(encoding *e, int id)
{
    if (e->count == e->room)
        return gr_fail(e->log, GRAFT_ERR_ARGUMENT,
                       "text '%.60s': more than %d pieces, start and end included; shorten it",
                       e->text, e->room);
    e->ids[e->count++] = id;
    return GRAFT_OK;
}

static graft_status no_memory(const encoding *e)
{
    return gr_fail(e->log, GRAFT_ERR_MEMORY, "text: out of memory");
}

/* The place of the pair in the order of merging; INT_MAX: it is not merged. */
static int rank_of(encoding *e, const char *left, const char *right)
{
    char *pair = gr_printf(e->scratch, "%s %s", left, right);
    e->failed |= !pair;
    const json_t *rank = pair ? json_object_get(e->vocabulary->ranks, pair) : NULL;
    gr_free(pair);
    return rank ? (int)json_integer_value(rank) : INT_MAX;
}

/* Joins, everywhere in the word, the pair that comes first in the order. False: there is none. */
static bool merge_once(encoding *e, char **pieces, size_t *count)
{
    int best = INT_MAX;
    size_t at = 0;
    for (size_t i = 0; i + 1 < *count; i++) {
        int rank = rank_of(e, pieces[i], pieces[i + 1]);
        if (rank < best) {
            best = rank;
            at = i;
        }
    }
    if (best == INT_MAX)
        return false;
    const char *left = pieces[at], *right = pieces[at + 1];
    char *joined = gr_printf(e->scratch, "%s%s", left, right);
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++) {
        bool pair = i + 1 < *count && !strcmp(pieces[i], left) && !strcmp(pieces[i + 1], right);
        pieces[kept++] = pair ? joined : pieces[i];
        i += pair;
    }
    *count = kept;
    return joined != NULL;
}

/* A word: its bytes as characters, the last one marked, merged as far as they go. */
static graft_status encode_word(encoding *e, const char *word, size_t bytes)
{
    size_t count = bytes;
    char **pieces = gr_alloc_array(e->scratch, bytes, sizeof(*pieces));
    for (size_t i = 0; pieces && i < bytes; i++) {
        char character[4];
        size_t length = gr_vocabulary_byte((unsigned char)word[i], character);
        const char *mark = i + 1 == bytes ? "</w>" : "";
        pieces[i] = gr_printf(e->scratch, "%.*s%s", (int)length, character, mark);
        if (!pieces[i])
            pieces = NULL;
    }
    if (!pieces)
        return no_memory(e);
    while (merge_once(e, pieces, &count))
        ;
    if (e->failed) /* a pair that was not looked up may be one to merge */
        return no_memory(e);
    for (size_t i = 0; i < count; i++) {
        if (!pieces[i])
            return no_memory(e);
        const json_t *id = json_object_get(e->vocabulary->ids, pieces[i]);
        GR_TRY(add(e, id ? (int)json_integer_value(id) : e->vocabulary->end));
    }
    return GRAFT_OK;
}

/* What follows an apostrophe in a word of its own, as in "don't". */
static const char *contraction(const char *text)
{
    static const char *const endings[] = {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"};
    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
        if (strncmp(text, endings[i], strlen(endings[i])) == 0)
            return text + strlen(endings[i]);
    return NULL;
}

typedef enum word_kind {
    WORD_SPACE,
    WORD_LETTERS,
    WORD_NUMBER, /* a single one */
    WORD_OTHER,
} word_kind;

static word_kind kind_of(uint32_t code)
{
    return gr_is_space(code)    ? WORD_SPACE
           : gr_is_letter(code) ? WORD_LETTERS
           : gr_is_number(code) ? WORD_NUMBER
                                : WORD_OTHER;
}

/* The end of the word that begins at `text`, which is not empty. */
static const char *word_end(const char *text, word_kind *kind)
{
    const char *end = contraction(text), *next = text;
    *kind = end ? WORD_LETTERS : kind_of(gr_utf8_next(&next));
    if (end)
        return end;
    do
        end = next;
    while (*kind != WORD_NUMBER && *next && kind_of(gr_utf8_next(&next)) == *kind);
    return end;
}

/* The text in small letters and valid UTF-8. */
static char *lowercase(void *parent, const char *text)
{
    char *lower = gr_alloc(parent, 4 * strlen(text) + 1), *at = lower;
    while (lower && *text)
        at += gr_utf8_put(gr_to_lower(gr_utf8_next(&text)), at);
    return lower;
}

static graft_status encode(encoding *e, const char *text)
{
    GR_TRY(add(e, e->vocabulary->start));
    const char *at = lowercase(e->scratch, text);
    if (!at)
        return no_memory(e);
    while (*at) {
        word_kind kind;
        const char *end = word_end(at, &kind);
        if (kind != WORD_SPACE)
            GR_TRY(encode_word(e, at, (size_t)(end - at)));
        at = end;
    }
    return add(e, e->vocabulary->end);
}

graft_status gr_bpe_encode(graft_log *log, const gr_bpe *bpe, const char *text, int *ids, int room,
                           int *count)
{
    encoding e = {log, &bpe->vocabulary, text, gr_alloc(NULL, 1), ids, room, 0, false};
    graft_status status = e.scratch ? encode(&e, text) : no_memory(&e);
    gr_free(e.scratch);
    *count = e.count;
    return status;
}
