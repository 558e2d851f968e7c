/* Patterns of names, of which the tables of layouts are made. */
#include "support.h"

#include "weights/pattern.h"

static void patterns(void **state)
{
    static const struct {
        const char *from, *to, *name, *result; /* NULL: does not fit */
    } cases[] = {
        {"a.#.b.@", "c.#.@", "a.12.b.bias", "c.12.bias"},
        {"a.#.b.@", "c.#.@", "a.12.b.gain", NULL},
        {"a.#.b.@", "c.#.@", "a.012.b.bias", NULL},
        {"a.#.b.@", "c.#.@", "a..b.bias", NULL},
        {"a.#.b.@", "c.#.@", "a.99999999999999999999.b.bias", NULL},
        {"a.#.b.@", "c.#.@", "a.1.b.bias.x", NULL},
        {"a.#.b.#", "#.#-", "a.3.b.7", "3.6"},
        {"a.#.b.#", "#.#-", "a.3.b.0", NULL},
        {"#-.x", "#.x", "2.x", "3.x"},
        {"a", "b", "a", "b"},
        {"a", "b", "ab", NULL},
        {"ab", "b", "a", NULL},
        {"a*", "b*", "axy", "bxy"},
        {"a*", "b*", "a", "b"},
        {"a.#", "#", "a.", NULL},
    };
    char name[GR_NAME_BYTES], longest[2 * GR_NAME_BYTES];
    gr_name_parts parts;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool fits = gr_pattern_match(cases[i].from, cases[i].name, &parts) &&
                    gr_pattern_expand(cases[i].to, &parts, name);
        if (fits != (cases[i].result != NULL))
            fail_msg("%s in %s", cases[i].name, cases[i].from);
        if (fits)
            assert_string_equal(name, cases[i].result);
    }
    memset(longest, 'x', sizeof(longest));
    for (size_t length = GR_NAME_BYTES - 8; length < GR_NAME_BYTES + 8; length++) {
        longest[length] = '\0';
        bool fits = length < GR_NAME_BYTES;
        assert_int_equal(gr_pattern_match("*", longest, &parts), fits);
        assert_int_equal(fits && gr_pattern_expand("*.1", &parts, name),
                         length + 2 < GR_NAME_BYTES);
        longest[length] = 'x';
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(patterns),
    };
    return RUN_TESTS(tests);
}
