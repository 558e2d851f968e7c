/* JSON while memory fails: a text is read whole, or not at all. jansson itself leaves characters
 * out where its buffer for a token cannot grow. */
#include "support.h"

#include "base/json.h"

#include <stdlib.h>

static long left; /* allocations that succeed */

static void *allocate(size_t size)
{
    return left-- == 0 ? NULL : malloc(size);
}

static const char text[] = "{\"a name of rather more than sixteen characters\": \"and a text that "
                           "is longer still, \\\"q\\\"\","
                           " \"numbers\": [0.00050050002813339233, 1234567890123456789, -1], "
                           "\"blocks.0.attn.proj.bias\": {}}";

static void whole_or_not_at_all(void **state)
{
    fixture *f = *state;
    json_t *expected, *found;
    int failures = 0;
    left = -1;
    check_ok(f, gr_json_parse(f->log, "text", text, strlen(text), &expected));
    for (int n = 0; n < 200; n++) {
        left = n;
        graft_status status = gr_json_parse(f->log, "text", text, strlen(text), &found);
        left = -1;
        if (status == GRAFT_OK && !json_equal(found, expected))
            fail_msg("without allocation %d: %s", n, json_dumps(found, 0));
        if (status != GRAFT_OK)
            assert_error(f, status, GRAFT_ERR_MEMORY, "text: out of memory");
        failures += status != GRAFT_OK;
        json_decref(found);
    }
    assert_true(failures > 0);
    json_decref(expected);
}

/* Messages count lines and columns of the text, whatever stands before it. */
static void errors_have_their_places(void **state)
{
    fixture *f = *state;
    json_t *json;
    left = -1;
    assert_error(f, gr_json_parse(f->log, "text", "{\n\"a\" 1}", 8, &json), GRAFT_ERR_FORMAT,
                 "line 2, column 5");
    assert_error(f, gr_json_parse(f->log, "text", "{},[]", 5, &json), GRAFT_ERR_FORMAT,
                 "line 1, column 3");
    assert_error(f, gr_json_parse(f->log, "text", "{}]", 3, &json), GRAFT_ERR_FORMAT,
                 "line 1, column 3");
    assert_error(f, gr_json_parse(f->log, "text", "[1]", 3, &json), GRAFT_ERR_FORMAT,
                 "expected a JSON object");
    assert_error(f, gr_json_parse(f->log, "text", "", 0, &json), GRAFT_ERR_FORMAT, "invalid JSON");
}

int main(void)
{
    json_set_alloc_funcs(allocate, free);
    const struct CMUnitTest tests[] = {TEST(whole_or_not_at_all), TEST(errors_have_their_places)};
    return RUN_TESTS(tests);
}
