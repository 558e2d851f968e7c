/* What is made of all rows of a table. */
#include "settings/settings.h"

#include "base/json.h"
#include "settings/value.h"

#include <string.h>

const graft_setting *gr_settings_at(gr_settings table, int index)
{
    for (; *table; table++)
        for (const graft_setting *s = *table; s->key; s++)
            if (index-- == 0)
                return s;
    return NULL;
}

const graft_setting *gr_settings_find(gr_settings table, const char *key)
{
    const graft_setting *s;
    for (int i = 0; (s = gr_settings_at(table, i)); i++)
        if (strcmp(s->key, key) == 0)
            return s;
    return NULL;
}

void gr_settings_default(gr_settings table, void *params)
{
    const graft_setting *s;
    for (int i = 0; (s = gr_settings_at(table, i)); i++)
        if (s->default_value)
            graft_setting_set(NULL, s, NULL, params, s->default_value);
}

static bool has_bad_text(const graft_setting *s, const void *field)
{
    if (s->type == GRAFT_SETTING_TEXT)
        return !gr_is_utf8(*(const char *const *)field);
    const graft_text_list *texts = field;
    for (int i = 0; i < texts->count; i++)
        if (!gr_is_utf8(texts->items[i]))
            return true;
    return false;
}

static graft_status check_text(graft_log *log, const graft_setting *s, const void *field)
{
    if (s->type == GRAFT_SETTING_TEXT && s->default_value && !*(const char *const *)field)
        return gr_fail(log, GRAFT_ERR_ARGUMENT, "`%s`: is NULL; expected a text, such as '%s'",
                       s->name, s->default_value);
    if (has_bad_text(s, field))
        return gr_fail(log, GRAFT_ERR_ARGUMENT,
                       "`%s`: is not UTF-8, in which the run's settings are kept; rename it",
                       s->name);
    return GRAFT_OK;
}

/* What a row can write and read again is a value of its type within its limits. */
static graft_status check(graft_log *log, const graft_setting *s, const void *params)
{
    char text[GRAFT_SETTING_TEXT_SIZE];
    gr_setting_value value;
    graft_setting alone = *s;
    if (s->type == GRAFT_SETTING_TEXT || s->type == GRAFT_SETTING_TEXTS)
        return check_text(log, s, (const char *)params + s->offset);
    alone.offset = 0;
    return graft_setting_text(s, params, text) ? graft_setting_set(log, &alone, NULL, &value, text)
                                               : GRAFT_OK;
}

graft_status gr_settings_check(graft_log *log, gr_settings table, const void *params)
{
    const graft_setting *s;
    for (int i = 0; (s = gr_settings_at(table, i)); i++)
        GR_TRY(check(log, s, params));
    return GRAFT_OK;
}

static json_t *texts_json(const graft_text_list *texts)
{
    json_t *array = json_array();
    for (int i = 0; i < texts->count; i++)
        gr_json_append(&array, json_string(texts->items[i]));
    return array;
}

static bool is_set(const graft_setting *s, const void *params)
{
    char text[GRAFT_SETTING_TEXT_SIZE];
    return s->type == GRAFT_SETTING_TEXTS || graft_setting_text(s, params, text) != NULL;
}

static json_t *value_json(const graft_setting *s, const void *params)
{
    const void *field = (const char *)params + s->offset;
    char text[GRAFT_SETTING_TEXT_SIZE];
    switch (s->type) {
    case GRAFT_SETTING_BOOL:
        return json_boolean(*(const bool *)field);
    case GRAFT_SETTING_INT:
        return json_integer(*(const int *)field);
    case GRAFT_SETTING_COUNT:
    case GRAFT_SETTING_BYTES:
        return json_integer((json_int_t) * (const uint64_t *)field);
    case GRAFT_SETTING_FLOAT:
        return json_real((double)*(const float *)field);
    case GRAFT_SETTING_DOUBLE:
        return json_real(*(const double *)field);
    case GRAFT_SETTING_TEXT:
        return json_string(*(const char *const *)field);
    case GRAFT_SETTING_TEXTS:
        return texts_json(field);
    default:
        return json_string(graft_setting_text(s, params, text));
    }
}

void gr_settings_json(gr_settings table, graft_setting_role role, const void *params,
                      json_t **object)
{
    const graft_setting *s;
    for (int i = 0; (s = gr_settings_at(table, i)); i++)
        if (s->role == role && is_set(s, params))
            gr_json_set(object, s->key, value_json(s, params));
}

void gr_setting_json_canonical(const graft_setting *setting, json_t **object)
{
    const char *found = json_string_value(json_object_get(*object, setting->key));
    char text[GRAFT_SETTING_TEXT_SIZE];
    gr_setting_value value;
    graft_setting alone = *setting;
    alone.offset = 0;
    if (found && setting->type != GRAFT_SETTING_TEXT &&
        graft_setting_set(NULL, &alone, NULL, &value, found) == GRAFT_OK)
        gr_json_set(object, setting->key, json_string(graft_setting_text(&alone, &value, text)));
}
