/* From the fields of a struct to texts, and rows in words. */
#include "settings/augment_text.h"
#include "settings/value.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE = GRAFT_SETTING_TEXT_SIZE };

void gr_number_text(double value, char *text, size_t size)
{
    snprintf(text, size, "%.15g", value);
    if (strtod(text, NULL) != value)
        snprintf(text, size, "%.17g", value);
}

/* Name number `place` of names with bars between them; false: there are less. */
static bool name_at(const char *names, int place, char text[SIZE])
{
    for (; place > 0 && *names; place--) {
        names += strcspn(names, "|");
        names += *names == '|';
    }
    snprintf(text, SIZE, "%.*s", (int)strcspn(names, "|"), names);
    return place == 0 && *text;
}

static const char *choice_text(const graft_setting *s, int value, char text[SIZE])
{
    if (value >= 0 && name_at(s->values, value, text))
        return text;
    if (value == 0)
        return NULL;
    snprintf(text, SIZE, "%d", value);
    return text;
}

static void flags_text(const graft_setting *s, unsigned bits, char text[SIZE])
{
    size_t used = 0;
    char name[SIZE];
    text[0] = '\0';
    for (int i = 0; name_at(s->values, i, name); i++)
        if (bits & 1u << i)
            used += (size_t)snprintf(text + used, SIZE - used, "%s%s", used ? "," : "", name);
}

static void ints_text(const graft_int_list *list, char text[SIZE])
{
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < list->count && i < GRAFT_INT_LIST_MAX && used < SIZE; i++)
        used += (size_t)snprintf(text + used, SIZE - used, "%s%d", i ? "," : "", list->at[i]);
}

static void texts_text(const graft_text_list *list, char text[SIZE])
{
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < list->count && used < SIZE; i++)
        used += (size_t)snprintf(text + used, SIZE - used, "%s%s", i ? ", " : "", list->items[i]);
}

static void range_text(const graft_range *range, char text[SIZE])
{
    char min[32], max[32];
    gr_number_text(range->min, min, sizeof(min));
    gr_number_text(range->max, max, sizeof(max));
    snprintf(text, SIZE, "%s,%s", min, max);
}

const char *graft_setting_text(const graft_setting *setting, const void *params,
                               char text[GRAFT_SETTING_TEXT_SIZE])
{
    const void *field = (const char *)params + setting->offset;
    switch (setting->type) {
    case GRAFT_SETTING_BOOL:
        return strcpy(text, *(const bool *)field ? "yes" : "no");
    case GRAFT_SETTING_INT:
        snprintf(text, SIZE, "%d", *(const int *)field);
        break;
    case GRAFT_SETTING_COUNT:
    case GRAFT_SETTING_BYTES:
        snprintf(text, SIZE, "%" PRIu64, *(const uint64_t *)field);
        break;
    case GRAFT_SETTING_FLOAT:
        snprintf(text, SIZE, "%.9g", (double)*(const float *)field);
        break;
    case GRAFT_SETTING_DOUBLE:
        gr_number_text(*(const double *)field, text, SIZE);
        break;
    case GRAFT_SETTING_TEXT:
        if (!*(const char *const *)field)
            return NULL;
        snprintf(text, SIZE, "%s", *(const char *const *)field);
        break;
    case GRAFT_SETTING_TEXTS:
        texts_text(field, text);
        break;
    case GRAFT_SETTING_CHOICE:
        return choice_text(setting, *(const int *)field, text);
    case GRAFT_SETTING_FLAGS:
        flags_text(setting, *(const unsigned *)field, text);
        break;
    case GRAFT_SETTING_INTS:
        ints_text(field, text);
        break;
    case GRAFT_SETTING_RANGE:
        range_text(field, text);
        break;
    case GRAFT_SETTING_RAND_AUGMENT:
        gr_rand_augment_text(field, text);
        break;
    case GRAFT_SETTING_COLOR_JITTER:
        gr_color_jitter_text(field, text);
        break;
    }
    return text;
}

/* "q, k, v" of "q|k|v" */
static void names_text(const char *names, char text[SIZE])
{
    size_t used = (size_t)snprintf(text, SIZE, "comma list of ");
    char name[SIZE];
    for (int i = 0; name_at(names, i, name) && used < SIZE; i++)
        used += (size_t)snprintf(text + used, SIZE - used, "%s%s", i ? ", " : "", name);
}

static void limits_text(const graft_setting *s, const char *what, char text[SIZE])
{
    bool whole = s->type == GRAFT_SETTING_INT || s->type == GRAFT_SETTING_COUNT ||
                 s->type == GRAFT_SETTING_INTS;
    const char *above = s->above_min ? "more than " : "";
    const char *below = s->below_max ? "less than " : "";
    if (whole) /* every digit of the largest */
        snprintf(text, SIZE, "%s from %s%.0f to %s%.0f", what, above, s->min, below, s->max);
    else
        snprintf(text, SIZE, "%s from %s%.15g to %s%.15g", what, above, s->min, below, s->max);
}

const char *graft_setting_allowed(const graft_setting *setting, char text[GRAFT_SETTING_TEXT_SIZE])
{
    switch (setting->type) {
    case GRAFT_SETTING_BOOL:
        return strcpy(text, "yes or no");
    case GRAFT_SETTING_INT:
    case GRAFT_SETTING_COUNT:
        if (setting->min == 0 && setting->max == 1)
            return strcpy(text, "0 or 1");
        limits_text(setting, "whole number", text);
        break;
    case GRAFT_SETTING_FLOAT:
    case GRAFT_SETTING_DOUBLE:
        limits_text(setting, "number", text);
        break;
    case GRAFT_SETTING_BYTES:
        return strcpy(text, "size such as 512M or 1.5G");
    case GRAFT_SETTING_TEXT:
        return strcpy(text, "text");
    case GRAFT_SETTING_TEXTS:
        return strcpy(text, "list of texts");
    case GRAFT_SETTING_CHOICE:
        snprintf(text, SIZE, "%s", setting->values + (*setting->values == '|'));
        break;
    case GRAFT_SETTING_FLAGS:
        names_text(setting->values, text);
        break;
    case GRAFT_SETTING_INTS:
        limits_text(setting, "comma list of whole numbers", text);
        break;
    case GRAFT_SETTING_RANGE:
        limits_text(setting, "LEAST,MOST, two numbers", text);
        break;
    case GRAFT_SETTING_RAND_AUGMENT:
        return strcpy(text, "parts such as rand-m9-mstd0.5-n2-p0.5-inc1, with m 0 to 10, mstd 0 to "
                            "100, n 1 to 16, p 0 to 1");
    case GRAFT_SETTING_COLOR_JITTER:
        return strcpy(text, "one number from 0 to 10, or three, or four with commas, the last 0 to "
                            "0.5 for the hue");
    }
    return text;
}
