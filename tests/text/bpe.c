/* Characters, and the pieces that a text falls into. Expected numbers are those of transformers'
 * CLIPTokenizerFast with the vocabulary of tests/data/clip. */
#include "fixture.h"

#include "base/file.h"
#include "base/mem.h"
#include "text/bpe.h"
#include "text/unicode.h"

#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

enum { ROOM = 40, START = 534, END = 535 };

static char *shared(fixture *f, const char *name)
{
    const char *folder = getenv("CLIP");
    assert_non_null(folder);
    return gr_printf(f->memory, "%s%s%s", folder, *name ? "/" : "", name);
}

static void utf8(void **state)
{
    static const uint32_t codes[] = {0x41, 0xe9, 0x4e2d, 0x1f600, 0xfffd, 0x21};
    const char *text = "A\xc3\xa9\xe4\xb8\xad\xf0\x9f\x98\x80\xff!";
    (void)state;
    for (int i = 0; i < 6; i++)
        assert_int_equal(gr_utf8_next(&text), codes[i]);
    assert_int_equal(gr_utf8_next(&text), 0);
    assert_int_equal(gr_utf8_next(&text), 0);
    text = "\xc0\x80\xed\xa0\x80\xe4\xb8"; /* overlong, a surrogate, cut off */
    while (*text)
        assert_int_equal(gr_utf8_next(&text), 0xfffd);
    for (int i = 0; i < 5; i++) {
        char bytes[5] = {0};
        const char *at = bytes;
        size_t length = gr_utf8_put(codes[i], bytes);
        assert_int_equal(gr_utf8_next(&at), codes[i]);
        assert_ptr_equal(at, bytes + length);
    }
}

static void categories(void **state)
{
    (void)state;
    assert_true(gr_is_letter('z') && gr_is_letter(0xaa) && gr_is_letter(0x4e2d));
    assert_false(gr_is_letter('_') || gr_is_letter(0xd7) || gr_is_letter('5'));
    assert_true(gr_is_number('0') && gr_is_number(0xbd) && gr_is_number(0x664));
    assert_true(gr_is_space('\t') && gr_is_space(0x3000) && !gr_is_space('_'));
    assert_int_equal(gr_to_lower('Q'), 'q');
    assert_int_equal(gr_to_lower(0xc9), 0xe9);   /* E with acute */
    assert_int_equal(gr_to_lower(0x104), 0x105); /* every other one */
    assert_int_equal(gr_to_lower(0x105), 0x105);
    assert_int_equal(gr_to_lower(0x416), 0x436); /* Cyrillic */
    assert_int_equal(gr_to_lower(0x1e9e), 0xdf); /* to one far away */
    assert_int_equal(gr_to_lower(0x10400), 0x10428);
}

static void encodes(fixture *f, const gr_bpe *bpe, const char *text, const int *expected)
{
    int ids[ROOM], count;
    check_ok(f, gr_bpe_encode(f->log, bpe, text, ids, ROOM, &count));
    assert_int_equal(ids[0], START);
    assert_int_equal(ids[count - 1], END);
    for (int i = 1; i < count; i++)
        if (ids[i] != expected[i - 1])
            fail_msg("%s: piece %d is %d, expected %d", text, i, ids[i], expected[i - 1]);
}

static const struct {
    const char *text;
    int ids[ROOM];
} texts[] = {
    {"a photo of a tabby cat.", {320, 521, 518, 320, 515, 516, 514, 269, END}},
    {"  A  Photo\tof a TABBY\ncat. ", {320, 521, 518, 320, 515, 516, 514, 269, END}},
    {"a photo of a caf\xc3\xa9 au lait.",
     {320, 521, 518, 320, 513, 69, 532, 64, 340, 75, 64, 72, 339, 269, END}},
    {"a photo of a don't know 42!!.",
     {320, 521, 518, 320, 67, 78, 333, 525, 528, 78, 342, 275, 273, 0, 0, 269, END}},
    {"", {END}},
};

static void like_transformers(void **state)
{
    fixture *f = *state;
    gr_bpe *bpe;
    check_ok(f, gr_bpe_open(f->log, shared(f, ""), &bpe));
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        encodes(f, bpe, texts[i].text, texts[i].ids);
    gr_bpe_destroy(bpe);
}

/* OpenAI's single file gives the same numbers to the same merges. */
static void like_openai(void **state)
{
    fixture *f = *state;
    char *merges, *path = path_of(f, "bpe_simple_vocab_16e6.txt.gz");
    check_ok(f, gr_file_read(f->log, f->memory, shared(f, "merges.txt"), &merges, NULL));
    gzFile file = gzopen(path, "wb");
    assert_true(gzputs(file, merges) > 0);
    assert_int_equal(gzclose(file), Z_OK);
    const char *const paths[] = {path, f->directory};
    for (int i = 0; i < 2; i++) {
        gr_bpe *bpe;
        check_ok(f, gr_bpe_open(f->log, paths[i], &bpe));
        for (size_t k = 0; k < sizeof(texts) / sizeof(texts[0]); k++)
            encodes(f, bpe, texts[k].text, texts[k].ids);
        gr_bpe_destroy(bpe);
    }
}

static void long_texts_are_refused(void **state)
{
    fixture *f = *state;
    gr_bpe *bpe;
    int ids[ROOM], count;
    check_ok(f, gr_bpe_open(f->log, shared(f, "merges.txt"), &bpe));
    assert_error(f, gr_bpe_encode(f->log, bpe, "a photo of a cat", ids, 6, &count),
                 GRAFT_ERR_ARGUMENT, "a photo of a cat", "6 pieces");
    check_ok(f, gr_bpe_encode(f->log, bpe, "a photo of a cat", ids, 7, &count));
    assert_int_equal(count, 7);
    gr_bpe_destroy(bpe);
}

static void opening_fails(fixture *f, const char *path, graft_status expected, const char *telling)
{
    gr_bpe *bpe;
    assert_error(f, gr_bpe_open(f->log, path, &bpe), expected, telling);
    assert_null(bpe);
}

static void broken_vocabularies(void **state)
{
    fixture *f = *state;
    char *merges = path_of(f, "merges.txt"), *numbers = path_of(f, "vocab.json");
    opening_fails(f, f->directory, GRAFT_ERR_IO, "merges.txt");
    put_text(merges, "");
    opening_fails(f, merges, GRAFT_ERR_FORMAT, "#version");
    put_text(merges, "a b\nc d\n");
    opening_fails(f, merges, GRAFT_ERR_FORMAT, "#version");
    put_text(merges, "#version: 1\na b c\n");
    opening_fails(f, merges, GRAFT_ERR_FORMAT, "two pieces");
    put_text(merges, "#version: 1\na \xff\n");
    opening_fails(f, merges, GRAFT_ERR_FORMAT, "two pieces");
    put_text(merges, "#version: 1\na b\n");
    put_text(numbers, "{\"a\": 1}");
    opening_fails(f, merges, GRAFT_ERR_FORMAT, "<|startoftext|>");
    put_text(numbers, "{\"a\": -1, \"<|startoftext|>\": 2, \"<|endoftext|>\": 3}");
    opening_fails(f, merges, GRAFT_ERR_FORMAT, "numbers of pieces");
    put_text(numbers, "[1, 2");
    opening_fails(f, merges, GRAFT_ERR_FORMAT, "vocab.json");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8), cmocka_unit_test(categories), TEST(like_transformers),
        TEST(like_openai),      TEST(long_texts_are_refused), TEST(broken_vocabularies),
    };
    return RUN_TESTS(tests);
}
