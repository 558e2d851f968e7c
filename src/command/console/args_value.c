/* Option values: from text to the fields of a struct. */
#include "command/console/args.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *cli_value_word(const graft_setting *setting)
{
    return setting->values + (setting->values[0] == '|'); /* 0 without a name is not offered */
}

/* The choice nearest to what was typed, for the end of a message. */
static void suggest(const graft_setting *s, const char *text, char *error, size_t size)
{
    cli_nearest nearest = {.typed = text};
    size_t used = strlen(error);
    for (const char *at = cli_value_word(s); *at; at += *at == '|') {
        char choice[32];
        size_t length = strcspn(at, "|");
        snprintf(choice, sizeof(choice), "%.*s", (int)length, at);
        cli_nearest_offer(&nearest, choice);
        at += length;
    }
    if (nearest.best[0])
        snprintf(error + used, size - used, "; did you mean %s?", nearest.best);
}

/* The array of a list that the command made. */
static const char **array_of(const graft_text_list *list)
{
    return (const char **)(uintptr_t)list->items;
}

graft_status cli_list_push(cli *c, graft_text_list *list, const char *item)
{
    const char **items = realloc(array_of(list), (size_t)(list->count + 1) * sizeof(*items));
    if (!items)
        return cli_fail(c, GRAFT_ERR_MEMORY, "out of memory");
    items[list->count++] = item;
    list->items = items;
    return GRAFT_OK;
}

void cli_list_free(graft_text_list *list)
{
    free(array_of(list));
    *list = (graft_text_list){0};
}

void cli_list_unique(graft_text_list *list)
{
    const char **items = array_of(list);
    int kept = 0;
    for (int i = 0; i < list->count; i++) {
        bool again = false;
        for (int k = i + 1; k < list->count; k++)
            again |= strcmp(items[i], items[k]) == 0;
        if (!again)
            items[kept++] = items[i];
    }
    list->count = kept;
}

void cli_copy_unset(const cli *c, const void *from, void *options)
{
    cli_option o;
    for (int i = 0; (o = cli_option_at(c->command, i)).setting; i++)
        if (!c->given[i] && o.setting->type != GRAFT_SETTING_TEXTS)
            graft_setting_copy(o.setting, (const char *)from + o.offset,
                               (char *)options + o.offset);
}

graft_status cli_set_option(cli *c, cli_option o, const char *shown, const char *text,
                            void *options)
{
    const graft_setting *s = o.setting;
    char *params = (char *)options + o.offset, told[512], error[800];
    if (s->type == GRAFT_SETTING_TEXTS)
        return cli_list_push(c, (graft_text_list *)(void *)(params + s->offset), text);
    graft_log *log = graft_log_create(NULL);
    snprintf(told, sizeof(told), "%s%c%s", shown, s->type == GRAFT_SETTING_BOOL ? '=' : ' ', text);
    graft_status status = graft_setting_set(log, s, told, params, text);
    graft_log_error(log, error, sizeof(error));
    graft_log_destroy(&log);
    if (status == GRAFT_OK)
        return status;
    if (s->type == GRAFT_SETTING_CHOICE)
        suggest(s, text, error, sizeof(error));
    return cli_fail(c, status, "%s", error);
}
