/* Numbers in a configuration of Hugging Face peft that no adapter can have: each is refused in a
 * line that names it, or does not matter because the tensors tell it. A rank of zero was divided
 * by. */
#include "support.h"

#include "adapter/peft.h"
#include "base/mem.h"
#include "weights/load.h"

#include <stdlib.h>

static char *data_path(fixture *f, const char *name)
{
    return gr_printf(f->memory, "%s/data/peft/%s", GRAFT_TEST_SOURCE, name);
}

/* A folder of tests/data/peft, whose configuration has `value` in the place of a key's. */
static graft_status read_with(fixture *f, const char *method, const char *key, const char *value)
{
    static gr_tensors *backbone;
    gr_tensors *t = NULL;
    char *folder = gr_printf(f->memory, "%s/%s-%s", f->directory, method, key), *bytes, *text,
         name[80];
    size_t size;
    json_t *config;
    if (!backbone)
        check_ok(f, gr_backbone_load(f->log, data_path(f, "vit"), &backbone));
    snprintf(name, sizeof(name), "%s/" GR_PEFT_CONFIG, method);
    check_ok(f, gr_json_read(f->log, data_path(f, name), &config));
    json_object_set_new(config, key, json_loads(value, JSON_DECODE_ANY, NULL));
    assert_non_null(text = json_dumps(config, 0));
    json_decref(config);
    put_text(gr_printf(f->memory, "%s/" GR_PEFT_CONFIG, folder), text);
    free(text);
    snprintf(name, sizeof(name), "%s/" GR_PEFT_WEIGHTS, method);
    check_ok(f, gr_file_read(f->log, f->memory, data_path(f, name), &bytes, &size));
    put_bytes(gr_printf(f->memory, "%s/" GR_PEFT_WEIGHTS, folder), bytes, size);
    graft_status status = gr_peft_read(f->log, folder, backbone, &t);
    gr_tensors_destroy(&t);
    return status;
}

/* Each must be refused with the key in the message; "": some status. */
static void refuse(fixture *f, const char *method, const char *key, const char *value,
                   const char *telling)
{
    char text[1024];
    graft_status status = read_with(f, method, key, value);
    graft_log_error(f->log, text, sizeof(text));
    if (*telling && (status == GRAFT_OK || !strstr(text, telling) || strchr(text, '\n')))
        fail_msg("%s, %s %s: %d, %s", method, key, value, status, text);
}

static void numbers_that_cannot_be(void **state)
{
    static const struct {
        const char *method, *key;
    } keys[] = {{"lora", "r"},
                {"lora", "lora_alpha"},
                {"dora", "r"},
                {"dora", "lora_alpha"},
                {"vera", "r"},
                {"vera", "projection_prng_key"},
                {"boft", "boft_block_size"},
                {"boft", "boft_block_num"},
                {"boft", "boft_n_butterfly_factor"},
                {"fourierft", "n_frequency"},
                {"fourierft", "scaling"}};
    static const char *const numbers[] = {"0", "-1", "2147483648", "1e300", "null", "\"8\"", "[]"};
    fixture *f = *state;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        for (size_t n = 0; n < sizeof(numbers) / sizeof(numbers[0]); n++)
            refuse(f, keys[i].method, keys[i].key, numbers[n], "");
    static const char *const ranks[] = {"lora", "dora", "vera"};
    for (int i = 0; i < 3; i++) {
        refuse(f, ranks[i], "r", "0", "r is 0: expected a whole number above 0");
        refuse(f, ranks[i], "r", "-1", "r is -1: expected a whole number above 0");
        refuse(f, ranks[i], "r", "1e300", "expected a whole number above 0");
    }
    refuse(f, "lora", "lora_alpha", "1e300", "alpha");
    refuse(f, "fourierft", "n_frequency", "0", "n_frequency");
    refuse(f, "fourierft", "scaling", "\"8\"", "scaling is \"8\"");
}

/* Numbers of single modules. */
static void patterns_that_cannot_be(void **state)
{
    fixture *f = *state;
    refuse(f, "lora", "alpha_pattern", "{\"query\": \"8\"}", "'query': expected a number");
    refuse(f, "lora", "alpha_pattern", "{\"query\": []}", "'query': expected a number");
    refuse(f, "lora", "alpha_pattern", "{\"query\": 1e300}", "'query': expected a number");
    refuse(f, "lora", "alpha_pattern", "{\"q.*y\": 8}", "a regular expression");
    refuse(f, "lora", "alpha_pattern", "{\"query\": 0}", "");
    check_ok(f, read_with(f, "lora", "rank_pattern", "{\"query\": 0}")); /* tensors tell ranks */
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(numbers_that_cannot_be), TEST(patterns_that_cannot_be)};
    return RUN_TESTS(tests);
}
