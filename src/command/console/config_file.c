#include "command/console/config_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

bool cli_takes_numbers(const graft_setting *s)
{
    return s->type == GRAFT_SETTING_INT || s->type == GRAFT_SETTING_COUNT ||
           s->type == GRAFT_SETTING_BYTES || s->type == GRAFT_SETTING_FLOAT ||
           s->type == GRAFT_SETTING_DOUBLE;
}

static graft_status set_scalar(cli *c, cli_option o, const char *shown, const json_t *value,
                               void *options)
{
    char text[64] = "";
    if (json_is_string(value))
        return cli_set_option(c, o, shown, json_string_value(value), options);
    if (json_is_boolean(value) && o.setting->type == GRAFT_SETTING_BOOL)
        snprintf(text, sizeof(text), "%s", json_is_true(value) ? "yes" : "no");
    else if (json_is_integer(value) && cli_takes_numbers(o.setting))
        snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_real(value) && cli_takes_numbers(o.setting))
        snprintf(text, sizeof(text), "%.17g", json_real_value(value));
    else
        return cli_fail(c, GRAFT_ERR_FORMAT, "%s: not the kind of value that --%s takes", shown,
                        o.setting->key);
    return cli_set_option(c, o, shown, text, options);
}

/* The file's items come first, so that what the command line says later wins. */
static graft_status set_list(cli *c, cli_option o, const char *shown, const json_t *value,
                             void *options)
{
    graft_text_list *list =
        (graft_text_list *)(void *)((char *)options + o.offset + o.setting->offset);
    graft_text_list own = *list;
    graft_status status = GRAFT_OK;
    const json_t *item;
    size_t i;
    *list = (graft_text_list){0};
    json_array_foreach(value, i, item)
    {
        if (status == GRAFT_OK)
            status = set_scalar(c, o, shown, item, options);
    }
    for (int k = 0; k < own.count && status == GRAFT_OK; k++)
        status = cli_list_push(c, list, own.items[k]);
    cli_list_free(&own);
    return status;
}

static graft_status set_key(cli *c, const char *path, const char *key, const json_t *value,
                            void *options)
{
    int index;
    cli_option o = cli_find_option(c->command, key, strlen(key), &index);
    char shown[512];
    snprintf(shown, sizeof(shown), "%s: %s", path, key);
    if (!o.setting)
        return cli_fail(c, GRAFT_ERR_FORMAT, "%s: no such option of graft %s", shown,
                        c->command->name);
    if (json_is_array(value) && o.setting->type == GRAFT_SETTING_TEXTS)
        return set_list(c, o, shown, value, options);
    if (c->given[index] || json_is_null(value))
        return GRAFT_OK;
    c->given[index] = true;
    return set_scalar(c, o, shown, value, options);
}

graft_status cli_load_object(cli *c, const char *path, const char *remedy, json_t **root)
{
    json_error_t error;
    *root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (!*root && error.line < 0)
        return cli_fail(c, GRAFT_ERR_NOT_FOUND, "%s: %s%s%s", path, strerror(errno),
                        remedy ? "; " : "", remedy ? remedy : "");
    if (!*root)
        return cli_fail(c, GRAFT_ERR_FORMAT, "%s: line %d: %s", path, error.line, error.text);
    if (json_is_object(*root))
        return GRAFT_OK;
    json_decref(*root);
    *root = NULL;
    return cli_fail(c, GRAFT_ERR_FORMAT, "%s: expected a JSON object", path);
}

graft_status cli_set_options(cli *c, const char *title, const json_t *object, void *options)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value)
        CLI_TRY(set_key(c, title, key, value, options));
    return GRAFT_OK;
}

graft_status cli_read_config(cli *c, const char *path, void *options, json_t **root)
{
    CLI_TRY(cli_load_object(c, path, NULL, root));
    graft_status status = cli_set_options(c, path, *root, options);
    if (status != GRAFT_OK) {
        json_decref(*root);
        *root = NULL;
    }
    return status;
}
