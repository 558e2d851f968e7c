/* Rows of settings: texts and values, checks, and what tables must keep to. */
#include "settings/settings.h"

#include "train/settings.h"

#include <graft/graft.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct every_type {
    bool flag;
    int whole;
    uint64_t count, bytes;
    float number;
    double precise;
    const char *text, *given;
    graft_optimizer choice;
    graft_pool unset;
    unsigned bits;
    graft_int_list ints;
    graft_range range;
    graft_rand_augment rand;
    graft_color_jitter jitter;
} every_type;

#define FIELD(field) GR_SETTING(every_type, field)

static const graft_setting rows[] = {
    {"flag", FIELD(flag), GRAFT_SETTING_BOOL},
    {"whole", FIELD(whole), GRAFT_SETTING_INT, "-3", NULL, -3, 100},
    {"count", FIELD(count), GRAFT_SETTING_COUNT, NULL, NULL, 0, 0x1p62},
    {"bytes", FIELD(bytes), GRAFT_SETTING_BYTES},
    {"number", FIELD(number), GRAFT_SETTING_FLOAT, NULL, NULL, 0, 1},
    {"precise", FIELD(precise), GRAFT_SETTING_DOUBLE, NULL, NULL, 0, 1, .below_max = true},
    {"text", FIELD(text), GRAFT_SETTING_TEXT},
    {"given", FIELD(given), GRAFT_SETTING_TEXT, "some"},
    {"choice", FIELD(choice), GRAFT_SETTING_CHOICE, NULL, "adamw|sgd"},
    {"unset", FIELD(unset), GRAFT_SETTING_CHOICE, NULL, "|cls|avg"},
    {"bits", FIELD(bits), GRAFT_SETTING_FLAGS, "q", "q|k|v"},
    {"ints", FIELD(ints), GRAFT_SETTING_INTS, "1", NULL, 0, 9},
    {"range", FIELD(range), GRAFT_SETTING_RANGE, NULL, NULL, 0, 2},
    {"rand", FIELD(rand), GRAFT_SETTING_RAND_AUGMENT},
    {"jitter", FIELD(jitter), GRAFT_SETTING_COLOR_JITTER},
    {.key = NULL},
};

static gr_settings table = {rows, NULL};

/* Set from the first text, a value is written as the second. */
static void texts_come_back(void **state)
{
    (void)state;
    static const struct {
        const char *key, *text, *written;
    } cases[] = {
        {"flag", "yes", "yes"},
        {"flag", "false", "no"},
        {"whole", "-3", "-3"},
        {"whole", "8.0", "8"},
        {"count", "4611686018427387903", "4611686018427387903"},
        {"bytes", "1.5K", "1536"},
        {"bytes", "2MiB", "2097152"},
        {"number", "0.1", "0.100000001"},
        {"precise", "3e-4", "0.0003"},
        {"precise", "0.1234567890123456789", "0.12345678901234568"},
        {"text", "a photo of a {}.", "a photo of a {}."},
        {"choice", "sgd", "sgd"},
        {"unset", "avg", "avg"},
        {"bits", "v,q", "q,v"},
        {"ints", "1,5,9", "1,5,9"},
        {"range", "0.50,2", "0.5,2"},
        {"rand", "rand-m9-mstd0.5-inc1", "rand-m9-mstd0.5-inc1"},
        {"rand", "rand", "rand-m10"},
        {"rand", "rand-n3-p0.25-m2.50", "rand-m2.5-n3-p0.25"},
        {"rand", "", ""},
        {"jitter", "0.4", "0.4"},
        {"jitter", "0.4,0.4,0.4,0.1", "0.4,0.4,0.4,0.1"},
        {"jitter", "0.4,0,0.2", "0.4,0,0.2"},
        {"jitter", "0,0,0,0.1", "0,0,0,0.1"},
        {"jitter", "0,0,0", ""},
        {"jitter", "", ""},
    };
    every_type v = {0};
    char text[GRAFT_SETTING_TEXT_SIZE];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const graft_setting *s = gr_settings_find(table, cases[i].key);
        assert_int_equal(graft_setting_set(NULL, s, NULL, &v, cases[i].text), GRAFT_OK);
        assert_string_equal(graft_setting_text(s, &v, text), cases[i].written);
    }
}

static void assert_refused(const char *key, const char *text, const char *telling)
{
    const graft_setting *s = gr_settings_find(table, key);
    graft_log *log = graft_log_create(NULL);
    every_type before, after;
    char error[600];
    memset(&before, 0x55, sizeof(before));
    after = before;
    assert_int_equal(graft_setting_set(log, s, NULL, &after, text), GRAFT_ERR_ARGUMENT);
    graft_log_error(log, error, sizeof(error));
    if (!strstr(error, telling) || error[0] != '`')
        fail_msg("%s %s: '%s' does not tell '%s'", key, text, error, telling);
    assert_memory_equal(&before, &after, sizeof(before));
    assert_int_equal(graft_setting_set(log, s, "--shown so", &after, text), GRAFT_ERR_ARGUMENT);
    graft_log_error(log, error, sizeof(error));
    assert_memory_equal(error, "--shown so: expected ", 21);
    graft_log_destroy(&log);
}

static void wrong_texts_change_nothing(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"flag", "perhaps", "`flag` perhaps: expected yes or no"},
        {"whole", "101", "`whole` 101: expected a whole number from -3 to 100"},
        {"whole", "2.5", "expected a whole number"},
        {"whole", "", "expected a whole number"},
        {"whole", "8x", "expected a whole number"},
        {"count", "-1", "expected a whole number from 0 to 4611686018427387904"},
        {"count", "99999999999999999999", "expected a whole number"},
        {"bytes", "512Q", "expected a size such as 512M"},
        {"bytes", "-1M", "expected a size"},
        {"bytes", "1e30G", "expected a size"},
        {"number", "nan", "expected a number from 0 to 1"},
        {"number", "inf", "expected a number"},
        {"precise", "1", "expected a number from 0 to less than 1"},
        {"choice", "adam", "expected one of adamw|sgd"},
        {"choice", "", "expected one of"},
        {"unset", "", "expected one of cls|avg"},
        {"bits", "q,x", "expected a comma list of q, k, v"},
        {"bits", "", "expected a comma list"},
        {"ints", "1,10", "expected a comma list of whole numbers from 0 to 9"},
        {"ints", "1,2.5", "expected a comma list"},
        {"ints", "", "expected a comma list"},
        {"range", "1", "expected LEAST,MOST"},
        {"range", "1.5,1", "expected LEAST,MOST"},
        {"range", "0,3", "from 0 to 2"},
        {"rand", "rand-m9-x3", "expected parts such as rand-m9"},
        {"rand", "rand-m11", "m 0 to 10"},
        {"rand", "rand-n0", "n 1 to 16"},
        {"jitter", "0.4,0.4", "one number"},
        {"jitter", "0.4,", "one number"},
        {"jitter", "0.4,0.4,0.4,0.6", "0.5 for the hue"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_refused(cases[i][0], cases[i][1], cases[i][2]);
}

/* Defaults are set and all else stays; a choice without a name is not set. */
static void defaults_and_unset(void **state)
{
    (void)state;
    every_type v = {.count = 7};
    char text[GRAFT_SETTING_TEXT_SIZE];
    gr_settings_default(table, &v);
    assert_int_equal(v.whole, -3);
    assert_int_equal(v.bits, 1);
    assert_int_equal(v.ints.count, 1);
    assert_int_equal(v.count, 7);
    assert_null(graft_setting_text(gr_settings_find(table, "unset"), &v, text));
    assert_null(graft_setting_text(gr_settings_find(table, "text"), &v, text));
    json_t *object = json_object();
    gr_settings_json(table, GRAFT_SETTING_TRAINING, &v, &object);
    assert_null(json_object_get(object, "unset"));
    assert_null(json_object_get(object, "text"));
    assert_string_equal(json_string_value(json_object_get(object, "choice")), "adamw");
    json_decref(object);
}

static void assert_bad(const every_type *v, const char *telling)
{
    graft_log *log = graft_log_create(NULL);
    char error[600];
    assert_int_equal(gr_settings_check(log, table, v), GRAFT_ERR_ARGUMENT);
    graft_log_error(log, error, sizeof(error));
    if (strncmp(error, telling, strlen(telling)) != 0)
        fail_msg("'%s' does not begin with '%s'", error, telling);
    graft_log_destroy(&log);
}

/* What a program put into a struct is held against the rows. */
static void values_are_checked(void **state)
{
    (void)state;
    every_type good = {0}, v;
    gr_settings_default(table, &good);
    assert_int_equal(gr_settings_check(NULL, table, &good), GRAFT_OK);
    v = good, v.whole = 101;
    assert_bad(&v, "`whole` 101: expected");
    v = good, v.precise = NAN;
    assert_bad(&v, "`precise`");
    v = good, v.precise = 1.0;
    assert_bad(&v, "`precise` 1: expected a number from 0 to less than 1");
    v = good, v.choice = (graft_optimizer)2;
    assert_bad(&v, "`choice` 2: expected one of adamw|sgd");
    v = good, v.unset = (graft_pool)3;
    assert_bad(&v, "`unset` 3: expected one of cls|avg");
    v = good, v.given = NULL;
    assert_bad(&v, "`given`: is NULL; expected a text, such as 'some'");
    v = good, v.text = "\xff";
    assert_bad(&v, "`text`: is not UTF-8");
    v = good, v.range = (graft_range){1, 0.5};
    assert_bad(&v, "`range` 1,0.5");
    v = good, v.rand = (graft_rand_augment){.count = 2, .magnitude = 11};
    assert_bad(&v, "`rand`");
    v = good, v.jitter.hue = 0.6;
    assert_bad(&v, "`jitter`");
    v = good, v.ints = (graft_int_list){2, {1, 10}};
    assert_bad(&v, "`ints` 1,10");
}

/* Of every table: keys once, defaults that can be read and are written alike, words for values. */
static void assert_sound(const graft_setting *(*row)(int))
{
    const graft_setting *s, *other;
    for (int i = 0; (s = row(i)); i++) {
        char text[GRAFT_SETTING_TEXT_SIZE];
        double room[64] = {0};
        graft_setting alone = *s;
        alone.offset = 0;
        for (int k = 0; k < i && (other = row(k)); k++)
            if (strcmp(s->key, other->key) == 0 || (s->letter && s->letter == other->letter))
                fail_msg("%s: its key or letter is that of %s", s->key, other->key);
        assert_non_null(s->name);
        assert_non_null(s->help);
        if (s->type != GRAFT_SETTING_BOOL && !s->values)
            fail_msg("%s: no word for its values", s->key);
        if (!s->default_value)
            continue;
        assert_int_equal(graft_setting_set(NULL, &alone, NULL, room, s->default_value), GRAFT_OK);
        assert_string_equal(graft_setting_text(&alone, room, text), s->default_value);
    }
}

static void tables_are_sound(void **state)
{
    (void)state;
    assert_sound(graft_train_setting);
    assert_sound(graft_search_setting);
    assert_sound(graft_model_setting);
    graft_train_params p;
    graft_train_defaults(&p);
    assert_int_equal(gr_train_settings_check(NULL, &p), GRAFT_OK);
    assert_null(graft_method_setting(-1, 0));
    assert_null(graft_method_setting(0, 0)); /* linear has none */
}

/* What augmentation cannot do is refused by the rows alone. */
static void wrong_augmentation_is_refused(void **state)
{
    (void)state;
    static const graft_augment_params wrong[] = {
        {.rand_augment = {.count = -1}},
        {.rand_augment = {.count = 2, .magnitude = 11}},
        {.rand_augment = {.count = 2, .probability = 1.5}},
        {.rand_augment = {.count = 2, .deviation = -1}},
        {.color_jitter = {.brightness = -0.1}},
        {.color_jitter = {.hue = 0.6}},
        {.random_erasing = 1.5},
        {.random_erasing = NAN},
        {.crop_scale = {0.0, 1.0}},
        {.crop_scale = {0.5, 0.4}},
        {.crop_scale = {0.5, 1.1}},
        {.crop_scale = {NAN, 1.0}},
        {.crop_ratio = {0.0, 1.0}},
        {.crop_ratio = {1.0, 0.9}},
        {.crop_ratio = {1.0, 1e3}},
        {.crop_ratio = {1.0, NAN}},
    };
    graft_train_params defaults;
    graft_train_defaults(&defaults);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        graft_train_params p = defaults;
        p.augment = wrong[i];
        if (p.augment.crop_scale.min == 0.0 && p.augment.crop_scale.max == 0.0)
            p.augment.crop_scale = defaults.augment.crop_scale;
        if (p.augment.crop_ratio.min == 0.0 && p.augment.crop_ratio.max == 0.0)
            p.augment.crop_ratio = defaults.augment.crop_ratio;
        assert_int_equal(gr_train_settings_check(NULL, &p), GRAFT_ERR_ARGUMENT);
    }
}

/* An identity of 0.1.0 may spell a value as its user did, and lacks what came later. */
static void old_identities_are_known(void **state)
{
    (void)state;
    graft_train_params p;
    graft_train_defaults(&p);
    p.augment.crop_scale = (graft_range){0.5, 0.9};
    p.augment.rand_augment = (graft_rand_augment){3, 0.5, 9, 0, true};
    p.augment.color_jitter = (graft_color_jitter){0.4, 0.4, 0.4, 0};
    char *now = gr_train_settings_identity(&p);
    assert_true(gr_train_settings_same_identity(
        "{\"crop-scale\":\"0.50,0.9\",\"rand-augment\":\"rand-n3-m9.0-inc1\","
        "\"color-jitter\":\"0.4,0.4,0.4\"}",
        now));
    assert_false(gr_train_settings_same_identity(
        "{\"crop-scale\":\"0.50,0.8\",\"rand-augment\":\"rand-n3-m9.0-inc1\","
        "\"color-jitter\":\"0.4,0.4,0.4\"}",
        now));
    assert_false(gr_train_settings_same_identity("{\"of a later graft\":1}", now));
    assert_false(gr_train_settings_same_identity("", now));
    /* Where to stop and how to run is free. */
    p.max_steps = 5, p.out = "elsewhere", p.input.threads = 3;
    char *then = gr_train_settings_identity(&p);
    assert_string_equal(now, then);
    free(now);
    free(then);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_come_back),
        cmocka_unit_test(wrong_texts_change_nothing),
        cmocka_unit_test(defaults_and_unset),
        cmocka_unit_test(values_are_checked),
        cmocka_unit_test(tables_are_sound),
        cmocka_unit_test(old_identities_are_known),
        cmocka_unit_test(wrong_augmentation_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
