/* From texts to the fields of a struct. */
#include "settings/value.h"

#include "base/log.h"
#include "settings/augment_text.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(graft_optimizer) == sizeof(int), "CHOICE sets enumerations as whole numbers");
_Static_assert(sizeof(graft_int_list) <= sizeof(gr_setting_value), "room for every value");

int gr_numbers_parse(const char *text, int most, double *out)
{
    for (int count = 0; count < most;) {
        char *end;
        out[count++] = strtod(text, &end);
        if (end == text || (*end && *end != ','))
            return 0;
        if (!*end)
            return count;
        text = end + 1;
    }
    return 0;
}

static bool within(const graft_setting *s, double value)
{
    return (s->above_min ? value > s->min : value >= s->min) &&
           (s->below_max ? value < s->max : value <= s->max);
}

static bool parse_bool(const char *text, bool *out)
{
    bool yes = strcmp(text, "yes") == 0 || strcmp(text, "true") == 0;
    if (!yes && strcmp(text, "no") != 0 && strcmp(text, "false") != 0)
        return false;
    *out = yes;
    return true;
}

static bool parse_number(const graft_setting *s, const char *text, double *out)
{
    char *end;
    *out = strtod(text, &end);
    return end != text && !*end && within(s, *out);
}

/* Every digit counts, of a seed for instance; "8.0", which files may hold, is whole, too. */
static bool parse_whole(const graft_setting *s, const char *text, int64_t *out)
{
    char *end;
    double value;
    errno = 0;
    *out = strtoll(text, &end, 10);
    if (end != text && !*end && !errno)
        return within(s, (double)*out);
    if (!parse_number(s, text, &value) || value != floor(value) || fabs(value) > 0x1p53)
        return false;
    *out = (int64_t)value;
    return true;
}

/* "512M": bytes, with K, M, G or T for powers of 1024. */
static bool parse_bytes(const char *text, uint64_t *out)
{
    static const char units[] = "KkMmGgTt";
    char *end;
    double value = strtod(text, &end);
    bool number = end != text && isfinite(value) && value >= 0.0;
    const char *unit = *end ? strchr(units, *end) : NULL;
    if (unit) {
        value = ldexp(value, 10 * (int)((unit - units) / 2 + 1));
        end++;
        end += *end == 'i';
    }
    end += *end == 'B';
    if (!number || *end || value >= 0x1p63)
        return false;
    *out = (uint64_t)value;
    return true;
}

/* The place of a word of `length` among names with bars between them; -1: it is none. A name that
 * is empty is not offered. */
static int place_of(const char *names, const char *word, size_t length)
{
    int place = 0;
    for (const char *at = names;; at++, place++) {
        size_t found = strcspn(at, "|");
        if (found > 0 && found == length && strncmp(at, word, length) == 0)
            return place;
        at += found;
        if (!*at)
            return -1;
    }
}

static bool parse_flags(const char *names, const char *text, unsigned *out)
{
    unsigned bits = 0;
    for (const char *at = text;; at++) {
        size_t length = strcspn(at, ",");
        int place = place_of(names, at, length);
        if (place < 0)
            return false;
        bits |= 1u << place;
        at += length;
        if (!*at)
            break;
    }
    *out = bits;
    return true;
}

static bool parse_ints(const graft_setting *s, const char *text, graft_int_list *out)
{
    double numbers[GRAFT_INT_LIST_MAX];
    int count = gr_numbers_parse(text, GRAFT_INT_LIST_MAX, numbers);
    for (int i = 0; i < count; i++)
        if (!within(s, numbers[i]) || numbers[i] != floor(numbers[i]))
            return false;
    if (count == 0)
        return false;
    out->count = count;
    for (int i = 0; i < count; i++)
        out->at[i] = (int)numbers[i];
    return true;
}

static bool parse_range(const graft_setting *s, const char *text, graft_range *out)
{
    double x[2];
    if (gr_numbers_parse(text, 2, x) != 2 || !within(s, x[0]) || !within(s, x[1]) || x[0] > x[1])
        return false;
    *out = (graft_range){x[0], x[1]};
    return true;
}

static bool parse_scalar(const graft_setting *s, const char *text, void *field)
{
    int64_t whole = 0;
    double number = 0.0;
    bool is_whole = s->type == GRAFT_SETTING_INT || s->type == GRAFT_SETTING_COUNT;
    if (is_whole ? !parse_whole(s, text, &whole) : !parse_number(s, text, &number))
        return false;
    if (s->type == GRAFT_SETTING_INT)
        *(int *)field = (int)whole;
    else if (s->type == GRAFT_SETTING_COUNT)
        *(uint64_t *)field = (uint64_t)whole;
    else if (s->type == GRAFT_SETTING_FLOAT)
        *(float *)field = (float)number;
    else
        *(double *)field = number;
    return true;
}

static bool parse(const graft_setting *s, const char *text, void *field)
{
    int place;
    switch (s->type) {
    case GRAFT_SETTING_BOOL:
        return parse_bool(text, field);
    case GRAFT_SETTING_INT:
    case GRAFT_SETTING_COUNT:
    case GRAFT_SETTING_FLOAT:
    case GRAFT_SETTING_DOUBLE:
        return parse_scalar(s, text, field);
    case GRAFT_SETTING_BYTES:
        return parse_bytes(text, field);
    case GRAFT_SETTING_TEXT:
        *(const char **)field = text;
        return true;
    case GRAFT_SETTING_TEXTS: /* whose owner adds to them */
        return false;
    case GRAFT_SETTING_CHOICE:
        place = place_of(s->values, text, strlen(text));
        if (place >= 0)
            *(int *)field = place;
        return place >= 0;
    case GRAFT_SETTING_FLAGS:
        return parse_flags(s->values, text, field);
    case GRAFT_SETTING_INTS:
        return parse_ints(s, text, field);
    case GRAFT_SETTING_RANGE:
        return parse_range(s, text, field);
    case GRAFT_SETTING_RAND_AUGMENT:
        return gr_rand_augment_parse(text, field);
    case GRAFT_SETTING_COLOR_JITTER:
        return gr_color_jitter_parse(text, field);
    }
    return false;
}

/* What stands before the words of graft_setting_allowed(). */
static const char *article(const graft_setting *s)
{
    switch (s->type) {
    case GRAFT_SETTING_CHOICE:
        return "one of ";
    case GRAFT_SETTING_INT:
        return s->min == 0 && s->max == 1 ? "" : "a ";
    case GRAFT_SETTING_COUNT:
    case GRAFT_SETTING_FLOAT:
    case GRAFT_SETTING_DOUBLE:
    case GRAFT_SETTING_BYTES:
    case GRAFT_SETTING_FLAGS:
    case GRAFT_SETTING_INTS:
        return "a ";
    default:
        return "";
    }
}

graft_status graft_setting_set(graft_log *log, const graft_setting *setting, const char *shown,
                               void *params, const char *text)
{
    char allowed[GRAFT_SETTING_TEXT_SIZE];
    if (parse(setting, text, (char *)params + setting->offset))
        return GRAFT_OK;
    graft_setting_allowed(setting, allowed);
    if (shown)
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "%s: expected %s%s", shown, article(setting),
                       allowed);
    return gr_fail(log, GRAFT_ERR_ARGUMENT, "`%s` %s: expected %s%s", setting->name, text,
                   article(setting), allowed);
}

static size_t size_of(graft_setting_type type)
{
    switch (type) {
    case GRAFT_SETTING_BOOL:
        return sizeof(bool);
    case GRAFT_SETTING_INT:
    case GRAFT_SETTING_CHOICE:
        return sizeof(int);
    case GRAFT_SETTING_FLAGS:
        return sizeof(unsigned);
    case GRAFT_SETTING_COUNT:
    case GRAFT_SETTING_BYTES:
        return sizeof(uint64_t);
    case GRAFT_SETTING_FLOAT:
        return sizeof(float);
    case GRAFT_SETTING_DOUBLE:
        return sizeof(double);
    case GRAFT_SETTING_TEXT:
        return sizeof(const char *);
    case GRAFT_SETTING_TEXTS:
        return sizeof(graft_text_list);
    case GRAFT_SETTING_INTS:
        return sizeof(graft_int_list);
    case GRAFT_SETTING_RANGE:
        return sizeof(graft_range);
    case GRAFT_SETTING_RAND_AUGMENT:
        return sizeof(graft_rand_augment);
    case GRAFT_SETTING_COLOR_JITTER:
        return sizeof(graft_color_jitter);
    }
    return 0;
}

void graft_setting_copy(const graft_setting *setting, const void *from, void *to)
{
    memcpy((char *)to + setting->offset, (const char *)from + setting->offset,
           size_of(setting->type));
}
