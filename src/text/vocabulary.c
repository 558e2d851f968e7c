#include "text/vocabulary.h"

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "text/gzip.h"
#include "text/unicode.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

static const char MERGES[] = "merges.txt", NUMBERS[] = "vocab.json";
static const char OPENAI[] = "bpe_simple_vocab_16e6.txt.gz";
static const char START[] = "<|startoftext|>", END[] = "<|endoftext|>";

/* OpenAI's file lists more merges than its model uses; files beyond the limit are none of ours. */
enum { OPENAI_MERGES = 49152 - 256 - 2, MAX_BYTES = 64 << 20 };

static bool is_printable(unsigned byte)
{
    return (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
}

size_t gr_vocabulary_byte(unsigned char byte, char out[4])
{
    uint32_t code = byte;
    if (!is_printable(byte)) {
        code = 256;
        for (unsigned b = 0; b < byte; b++)
            code += !is_printable(b);
    }
    return gr_utf8_put(code, out);
}

/* The text of a file that may be compressed, an allocation of `parent`. */
static graft_status read_text(graft_log *log, void *parent, const char *path, char **text)
{
#ifdef GRAFT_HAVE_GZIP
    return gr_gzip_read(log, parent, path, MAX_BYTES, text);
#else
    GR_TRY(gr_file_read(log, parent, path, text, NULL));
    return memcmp(*text, "\x1f\x8b", 2)
               ? GRAFT_OK
               : gr_fail(log, GRAFT_ERR_UNSUPPORTED,
                         "%s: compressed, and this build of graft has no zlib: unpack it with "
                         "gunzip, or build with -Dgzip=enabled",
                         path);
#endif
}

static graft_status malformed(graft_log *log, const char *path, const char *what)
{
    return gr_fail(log, GRAFT_ERR_FORMAT, "%s: %s", path, what);
}

static bool starts_with_version(const char *text, const char *end)
{
    const char *version = strstr(text, "#version");
    return version && version < end;
}

/* Lines "left right" after a first one that tells the version. */
static graft_status read_merges(graft_log *log, const char *path, gr_vocabulary *v)
{
    char *text = NULL;
    void *scratch = gr_alloc(NULL, 1);
    graft_status status = scratch ? read_text(log, scratch, path, &text) : GRAFT_ERR_MEMORY;
    char *line = status == GRAFT_OK ? strchr(text, '\n') : NULL;
    if (status == GRAFT_OK && (!line || !starts_with_version(text, line)))
        status = malformed(log, path, "expected a first line with #version, as tokenizers have");
    for (int rank = 0; line && rank < OPENAI_MERGES && status == GRAFT_OK; rank++) {
        char *next = strchr(++line, '\n');
        if (!next)
            break;
        *next = '\0';
        const char *space = strchr(line, ' ');
        if (!space || strchr(space + 1, ' ') || !gr_is_utf8(line))
            status = malformed(log, path, "expected two pieces of text in each line");
        else if (json_object_set_new(v->ranks, line, json_integer(rank)))
            status = gr_fail(log, GRAFT_ERR_MEMORY, "%s: out of memory", path);
        line = next;
    }
    gr_free(scratch);
    return status;
}

static graft_status read_numbers(graft_log *log, const char *path, gr_vocabulary *v)
{
    json_decref(v->ids);
    return gr_json_read(log, path, &v->ids);
}

static bool add_piece(gr_vocabulary *v, const char *piece)
{
    json_int_t number = (json_int_t)json_object_size(v->ids);
    return json_object_set_new(v->ids, piece, json_integer(number)) == 0;
}

/* The order of OpenAI's code: printable bytes, then the others; with and without the end of a word;
 * merges; start and end. */
static graft_status number_pieces(graft_log *log, gr_vocabulary *v)
{
    bool ok = true;
    for (int last = 0; last < 2; last++)
        for (int printable = 1; printable >= 0; printable--)
            for (unsigned byte = 0; byte < 256; byte++) {
                char piece[16];
                size_t length = gr_vocabulary_byte((unsigned char)byte, piece);
                memcpy(piece + length, last ? "</w>" : "", last ? 5 : 1);
                if (is_printable(byte) == printable)
                    ok = ok && add_piece(v, piece);
            }
    const char *pair;
    json_t *rank;
    json_object_foreach(v->ranks, pair, rank)
    {
        char piece[512];
        const char *space = strchr(pair, ' ');
        int length = snprintf(piece, sizeof(piece), "%.*s%s", (int)(space - pair), pair, space + 1);
        ok = ok && length < (int)sizeof(piece) && add_piece(v, piece);
    }
    if (ok && add_piece(v, START) && add_piece(v, END))
        return GRAFT_OK;
    return gr_fail(log, GRAFT_ERR_FORMAT, "vocabulary: its merges cannot be numbered");
}

static graft_status find_marks(graft_log *log, const char *path, gr_vocabulary *v)
{
    const json_t *start = json_object_get(v->ids, START), *end = json_object_get(v->ids, END);
    const char *piece;
    json_t *number;
    json_object_foreach(v->ids, piece, number)
    {
        json_int_t value = json_integer_value(number);
        if (!json_is_integer(number) || value < 0 || value > INT_MAX)
            return malformed(log, path, "expected numbers of pieces");
    }
    if (!start || !end)
        return malformed(log, path, "has no <|startoftext|> and <|endoftext|>; is it CLIP's?");
    v->start = (int)json_integer_value(start);
    v->end = (int)json_integer_value(end);
    return GRAFT_OK;
}

/* A folder stands for the files that it should hold. */
static char *merges_path(void *parent, const char *path)
{
    if (!gr_file_is_directory(path))
        return gr_strdup(parent, path);
    char *merges = gr_path_join(parent, path, MERGES);
    if (!merges || gr_file_exists(merges))
        return merges;
    char *openai = gr_path_join(parent, path, OPENAI);
    return openai && gr_file_exists(openai) ? openai : merges;
}

static graft_status read_all(graft_log *log, void *scratch, const char *path, gr_vocabulary *v)
{
    char *merges = merges_path(scratch, path);
    char *folder = merges ? gr_path_directory(scratch, merges) : NULL;
    char *numbers = folder ? gr_path_join(scratch, folder, NUMBERS) : NULL;
    v->ids = json_object();
    v->ranks = json_object();
    if (!numbers || !v->ids || !v->ranks)
        return gr_fail(log, GRAFT_ERR_MEMORY, "%s: out of memory", path);
    GR_TRY(read_merges(log, merges, v));
    bool numbered = !gr_path_has_suffix(merges, ".gz") && gr_file_exists(numbers);
    GR_TRY(numbered ? read_numbers(log, numbers, v) : number_pieces(log, v));
    return find_marks(log, numbered ? numbers : merges, v);
}

graft_status gr_vocabulary_read(graft_log *log, const char *path, gr_vocabulary *out)
{
    *out = (gr_vocabulary){0};
    void *scratch = gr_alloc(NULL, 1);
    graft_status status = scratch ? read_all(log, scratch, path, out)
                                  : gr_fail(log, GRAFT_ERR_MEMORY, "%s: out of memory", path);
    gr_free(scratch);
    return status;
}

void gr_vocabulary_release(gr_vocabulary *vocabulary)
{
    json_decref(vocabulary->ids);
    json_decref(vocabulary->ranks);
    *vocabulary = (gr_vocabulary){0};
}
