/* Options of methods: from text to config structs and back. */
#include "peft/compose.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    unsigned bits;
} target_names[] = {
    {"q", GR_TARGET_Q},       {"k", GR_TARGET_K},     {"v", GR_TARGET_V},
    {"proj", GR_TARGET_PROJ}, {"fc1", GR_TARGET_FC1}, {"fc2", GR_TARGET_FC2},
};

enum { TARGET_COUNT = sizeof(target_names) / sizeof(target_names[0]) };

static bool parse_targets(const char *text, unsigned *bits)
{
    *bits = 0;
    for (const char *at = text; *at; at += *at == ',') {
        size_t length = strcspn(at, ",");
        int i = 0;
        while (i < TARGET_COUNT && (strlen(target_names[i].name) != length ||
                                    strncmp(target_names[i].name, at, length) != 0))
            i++;
        if (i == TARGET_COUNT)
            return false;
        *bits |= target_names[i].bits;
        at += length;
    }
    return *bits != 0;
}

static bool parse_choice(const char *choices, const char *text, int *index)
{
    size_t wanted = strlen(text);
    *index = 0;
    for (const char *at = choices;; at++, ++*index) {
        size_t length = strcspn(at, "|");
        if (length == wanted && strncmp(at, text, length) == 0)
            return true;
        at += length;
        if (!*at)
            return false;
    }
}

/* Writes to `list` only what is a whole list of numbers within the option's limits. */
static bool parse_list(const gr_option *o, const char *text, gr_numbers *list)
{
    gr_numbers found = {0};
    for (const char *at = text;; at++) {
        char *end;
        long number = strtol(at, &end, 10);
        if (end == at || (*end && *end != ',') || found.count == GR_NUMBERS_MAX ||
            (double)number < o->min || (double)number > o->max)
            return false;
        found.at[found.count++] = (int)number;
        at = end;
        if (!*at)
            break;
    }
    *list = found;
    return true;
}

static graft_status set_number(graft_log *log, const gr_option *o, const char *key,
                               const char *text, void *field)
{
    char *end;
    double value = strtod(text, &end);
    bool whole = o->type != GR_OPTION_INT || value == floor(value);
    if (end == text || *end || !whole || !(value >= o->min && value <= o->max))
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "%s=%s: expected %s from %g to %g", key, text,
                       o->type == GR_OPTION_INT ? "a whole number" : "a number", o->min, o->max);
    if (o->type == GR_OPTION_INT)
        *(int *)field = (int)value;
    else
        *(float *)field = (float)value;
    return GRAFT_OK;
}

static graft_status set_option(graft_log *log, const gr_option *o, const char *key,
                               const char *text, void *field)
{
    switch (o->type) {
    case GR_OPTION_INT:
    case GR_OPTION_FLOAT:
        return set_number(log, o, key, text, field);
    case GR_OPTION_CHOICE:
        if (!parse_choice(o->choices, text, field))
            return gr_fail(log, GRAFT_ERR_ARGUMENT, "%s=%s: expected one of %s", key, text,
                           o->choices);
        return GRAFT_OK;
    case GR_OPTION_TARGETS:
        if (!parse_targets(text, field))
            return gr_fail(log, GRAFT_ERR_ARGUMENT,
                           "%s=%s: expected a comma list of q, k, v, proj, fc1, fc2", key, text);
        return GRAFT_OK;
    case GR_OPTION_LIST:
        if (!parse_list(o, text, field))
            return gr_fail(log, GRAFT_ERR_ARGUMENT,
                           "%s=%s: expected a comma list of at most %d whole numbers from %g to %g",
                           key, text, GR_NUMBERS_MAX, o->min, o->max);
        return GRAFT_OK;
    }
    return GRAFT_ERR_ARGUMENT;
}

static graft_status unknown_option(graft_log *log, const gr_method *m, const char *key)
{
    char names[256] = "none";
    size_t used = 0;
    for (const gr_option *o = m->options; o && o->name && used < sizeof(names); o++)
        used +=
            (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", used ? ", " : "", o->name);
    return gr_fail(log, GRAFT_ERR_ARGUMENT, "%s: unknown option; those of %s are: %s", key, m->name,
                   names);
}

graft_status gr_methods_set(graft_log *log, gr_methods *methods, const char *key, const char *value)
{
    size_t length = strcspn(key, ".");
    for (int i = 0; i < methods->count; i++) {
        const gr_method *m = methods->item[i].method;
        if (strlen(m->name) != length || strncmp(m->name, key, length) != 0 || !key[length])
            continue;
        for (const gr_option *o = m->options; o && o->name; o++)
            if (strcmp(o->name, key + length + 1) == 0)
                return set_option(log, o, key, value, (char *)methods->item[i].config + o->offset);
        return unknown_option(log, m, key);
    }
    char name[128];
    gr_methods_name(methods, name, sizeof(name));
    return gr_fail(log, GRAFT_ERR_ARGUMENT, "%s: no such method in %s; write method.option=value",
                   key, name);
}

graft_status gr_methods_set_all(graft_log *log, gr_methods *methods, const char *const *items,
                                int count)
{
    for (int i = 0; i < count; i++) {
        char key[128];
        size_t length = strcspn(items[i], "=");
        if (!items[i][length] || length >= sizeof(key))
            return gr_fail(log, GRAFT_ERR_ARGUMENT, "--set %s: write method.option=value",
                           items[i]);
        memcpy(key, items[i], length);
        key[length] = '\0';
        GR_TRY(gr_methods_set(log, methods, key, items[i] + length + 1));
    }
    return GRAFT_OK;
}

static void targets_text(unsigned bits, char *text)
{
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < TARGET_COUNT; i++)
        if (bits & target_names[i].bits)
            used += (size_t)snprintf(text + used, GR_OPTION_TEXT - used, "%s%s", used ? "," : "",
                                     target_names[i].name);
}

static void list_text(const gr_numbers *list, char *text)
{
    size_t used = 0;
    for (int i = 0; i < list->count && used < GR_OPTION_TEXT; i++)
        used +=
            (size_t)snprintf(text + used, GR_OPTION_TEXT - used, "%s%d", i ? "," : "", list->at[i]);
}

const char *gr_option_text(const gr_option *option, const void *config, char text[GR_OPTION_TEXT])
{
    const void *field = (const char *)config + option->offset;
    const char *choice = option->choices;
    switch (option->type) {
    case GR_OPTION_INT:
        snprintf(text, GR_OPTION_TEXT, "%d", *(const int *)field);
        break;
    case GR_OPTION_FLOAT:
        snprintf(text, GR_OPTION_TEXT, "%.9g", (double)*(const float *)field);
        break;
    case GR_OPTION_CHOICE:
        for (int skip = *(const int *)field; skip > 0; skip--)
            choice += strcspn(choice, "|") + 1;
        snprintf(text, GR_OPTION_TEXT, "%.*s", (int)strcspn(choice, "|"), choice);
        break;
    case GR_OPTION_TARGETS:
        targets_text(*(const unsigned *)field, text);
        break;
    case GR_OPTION_LIST:
        list_text(field, text);
        break;
    }
    return text;
}
