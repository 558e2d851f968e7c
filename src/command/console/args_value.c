/* Option values: from text to the fields of a struct. */
#include "command/console/args.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static graft_status set_choice(cli *c, const cli_option *o, const char *shown, const char *text,
                               const char **field)
{
    size_t wanted = strlen(text);
    cli_nearest nearest = {.typed = text};
    for (const char *at = o->value; *at; at += *at == '|') {
        size_t length = strcspn(at, "|");
        if (length == wanted && strncmp(at, text, length) == 0) {
            *field = text;
            return GRAFT_OK;
        }
        char choice[32];
        snprintf(choice, sizeof(choice), "%.*s", (int)length, at);
        cli_nearest_offer(&nearest, choice);
        at += length;
    }
    bool near = nearest.best[0];
    return cli_fail(c, GRAFT_ERR_ARGUMENT, "%s %s: expected one of %s%s%s%s", shown, text, o->value,
                    near ? "; did you mean " : "", nearest.best, near ? "?" : "");
}

static graft_status set_text(cli *c, const cli_option *o, const char *shown, const char *text,
                             const char **field)
{
    if (islower((unsigned char)o->value[0]))
        return set_choice(c, o, shown, text, field);
    *field = text;
    return GRAFT_OK;
}

static graft_status set_flag(cli *c, const char *shown, const char *text, bool *field)
{
    *field = strcmp(text, "yes") == 0 || strcmp(text, "true") == 0;
    if (*field || strcmp(text, "no") == 0 || strcmp(text, "false") == 0)
        return GRAFT_OK;
    return cli_fail(c, GRAFT_ERR_ARGUMENT, "%s=%s: expected yes or no", shown, text);
}

static graft_status bad_number(cli *c, const cli_option *o, const char *shown, const char *text)
{
    const char *what = o->kind == CLI_FLOAT ? "a number" : "a whole number";
    return cli_fail(c, GRAFT_ERR_ARGUMENT, "%s %s: expected %s from %.15g to %.15g", shown, text,
                    what, o->min, o->max);
}

static graft_status set_whole(cli *c, const cli_option *o, const char *shown, const char *text,
                              void *field)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (end == text || *end || errno || (double)value < o->min || (double)value > o->max)
        return bad_number(c, o, shown, text);
    if (o->kind == CLI_INT)
        *(int *)field = (int)value;
    else
        *(uint64_t *)field = (uint64_t)value;
    return GRAFT_OK;
}

static graft_status set_float(cli *c, const cli_option *o, const char *shown, const char *text,
                              double *field)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end || !(value >= o->min && value <= o->max))
        return bad_number(c, o, shown, text);
    *field = value;
    return GRAFT_OK;
}

/* "512M": bytes, with K, M, G or T for powers of 1024. */
static graft_status set_size(cli *c, const char *shown, const char *text, uint64_t *field)
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
        return cli_fail(c, GRAFT_ERR_ARGUMENT, "%s %s: expected a size such as 512M or 1.5G", shown,
                        text);
    *field = (uint64_t)value;
    return GRAFT_OK;
}

graft_status cli_list_push(cli *c, cli_list *list, const char *item)
{
    const char **items = realloc(list->items, (size_t)(list->count + 1) * sizeof(*items));
    if (!items)
        return cli_fail(c, GRAFT_ERR_MEMORY, "out of memory");
    list->items = items;
    list->items[list->count++] = item;
    return GRAFT_OK;
}

void cli_list_unique(cli_list *list)
{
    int kept = 0;
    for (int i = 0; i < list->count; i++) {
        bool again = false;
        for (int k = i + 1; k < list->count; k++)
            again |= strcmp(list->items[i], list->items[k]) == 0;
        if (!again)
            list->items[kept++] = list->items[i];
    }
    list->count = kept;
}

static size_t size_of(cli_kind kind)
{
    switch (kind) {
    case CLI_FLAG:
        return sizeof(bool);
    case CLI_INT:
        return sizeof(int);
    case CLI_COUNT:
    case CLI_SIZE:
        return sizeof(uint64_t);
    case CLI_FLOAT:
        return sizeof(double);
    case CLI_TEXT:
        return sizeof(const char *);
    case CLI_LIST:
    case CLI_HEADING:
        break;
    }
    return 0;
}

void cli_copy_unset(const cli *c, const void *from, void *options)
{
    const cli_option *o;
    for (int i = 0; (o = cli_option_at(c->command, i)); i++)
        if (!c->given[i])
            memcpy((char *)options + o->offset, (const char *)from + o->offset, size_of(o->kind));
}

graft_status cli_set_option(cli *c, const cli_option *o, const char *shown, const char *text,
                            void *options)
{
    void *field = (char *)options + o->offset;
    switch (o->kind) {
    case CLI_FLAG:
        return set_flag(c, shown, text, field);
    case CLI_INT:
    case CLI_COUNT:
        return set_whole(c, o, shown, text, field);
    case CLI_SIZE:
        return set_size(c, shown, text, field);
    case CLI_FLOAT:
        return set_float(c, o, shown, text, field);
    case CLI_TEXT:
        return set_text(c, o, shown, text, field);
    case CLI_LIST:
        return cli_list_push(c, field, text);
    case CLI_HEADING:
        break;
    }
    return GRAFT_ERR_ARGUMENT;
}
