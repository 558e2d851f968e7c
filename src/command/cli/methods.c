/* graft methods: the fine-tuning methods, their options and what they train. */
#include "command/cli/commands.h"
#include "command/cli/methods.h"

#include "command/console/output.h"

#include <stdio.h>

typedef struct methods_options {
    cli_common common;
    const char *count, *method;
    graft_text_list set;
    bool markdown;
} methods_options;

static const graft_setting rows[] = {
    {"count", CLI_FIELD(methods_options, count), GRAFT_SETTING_TEXT, NULL, "MODEL|FILE", 0, 0,
     "count the trainable parameters on vit_base_patch16_224 or so", .letter = 'c'},
    {"method", CLI_FIELD(methods_options, method), GRAFT_SETTING_TEXT, NULL, "NAME[+NAME]", 0, 0,
     "count these together", "each one alone", .letter = 'm'},
    {"set", CLI_FIELD(methods_options, set), GRAFT_SETTING_TEXTS, NULL, "METHOD.OPTION=VALUE", 0, 0,
     "an option of a method; needs --method; may be repeated", .letter = 's'},
    {"markdown", CLI_FIELD(methods_options, markdown), GRAFT_SETTING_BOOL, NULL, NULL, 0, 0,
     "print the page docs/methods.md"},
    CLI_JSON_OPTION,
    {.key = NULL},
};

graft_status cli_count_method(cli *c, const char *model, const char *method,
                              const graft_text_list *set, int64_t *count)
{
    graft_count counted = {0};
    graft_status status = graft_count_trainable(c->log, model, method, set, 1, &counted);
    *count = counted.without_head;
    return status;
}

graft_status cli_count_fitting(cli *c, const char *model, const char *method, int64_t *count)
{
    graft_count counted = {0};
    graft_log *quiet = graft_log_create(NULL);
    graft_status status = graft_count_trainable(quiet, model, method, NULL, 1, &counted);
    graft_log_destroy(&quiet);
    *count = status == GRAFT_OK ? counted.without_head : -1;
    if (status == GRAFT_OK || status == GRAFT_ERR_UNSUPPORTED)
        return GRAFT_OK;
    return cli_count_method(c, model, method, NULL, count);
}

const char *cli_count_text(int64_t count, char text[32])
{
    return count < 0 ? "-" : cli_grouped(count, text);
}

static void print_options(int method, const graft_method_info *m)
{
    const graft_setting *s;
    for (int i = 0; (s = graft_method_setting(method, i)); i++) {
        char name[64], allowed[GRAFT_SETTING_TEXT_SIZE];
        snprintf(name, sizeof(name), "%s.%s=%s", m->name, s->key,
                 s->default_value ? s->default_value : "");
        printf("    %-30s %s (%s)\n", name, s->help, graft_setting_allowed(s, allowed));
    }
}

static graft_status print_list(void)
{
    graft_method_info m;
    for (int i = 0; graft_method_get_info(i, &m); i++) {
        printf("%-14s %s (%s)\n", m.name, m.summary, m.source);
        print_options(i, &m);
    }
    return GRAFT_OK;
}

/* Each method alone, or the ones of --method together. */
static graft_status print_counts(cli *c, const methods_options *o)
{
    cli_table t = {.columns = 2};
    graft_method_info m;
    graft_status status = GRAFT_OK;
    int64_t count;
    char text[32];
    cli_table_cell(&t, "method");
    cli_table_cell(&t, "parameters without head");
    for (int i = 0; status == GRAFT_OK && graft_method_get_info(i, &m); i++) {
        const char *name = o->method ? o->method : m.name;
        status = o->method ? cli_count_method(c, o->count, name, &o->set, &count)
                           : cli_count_fitting(c, o->count, name, &count);
        cli_table_cell(&t, "%s", name);
        cli_table_cell(&t, "%s", cli_count_text(count, text));
        if (o->method)
            break;
    }
    if (status == GRAFT_OK)
        return cli_table_print(c, &t);
    cli_table_release(&t);
    return status;
}

static json_t *options_json(int method)
{
    json_t *array = json_array();
    const graft_setting *s;
    char allowed[GRAFT_SETTING_TEXT_SIZE];
    for (int i = 0; (s = graft_method_setting(method, i)); i++)
        cli_json_append(&array,
                        json_pack("{s:s,s:s?,s:s,s:s}", "name", s->key, "default", s->default_value,
                                  "allowed", graft_setting_allowed(s, allowed), "help", s->help));
    return array;
}

static graft_status print_json(cli *c, const methods_options *o)
{
    json_t *array = json_array();
    graft_method_info m;
    graft_status status = GRAFT_OK;
    for (int i = 0; status == GRAFT_OK && graft_method_get_info(i, &m); i++) {
        json_t *method =
            json_pack("{s:s,s:s,s:s,s:b,s:o}", "name", m.name, "summary", m.summary, "source",
                      m.source, "foldable", m.not_foldable == NULL, "options", options_json(i));
        int64_t count;
        if (o->count) {
            status = cli_count_fitting(c, o->count, m.name, &count);
            cli_json_set(&method, "trainable_without_head",
                         count < 0 ? json_null() : json_integer(count));
        }
        cli_json_append(&array, method);
    }
    if (status == GRAFT_OK)
        return cli_print_json(c, array);
    json_decref(array);
    return status;
}

static graft_status print_json_count(cli *c, const methods_options *o)
{
    int64_t count;
    CLI_TRY(cli_count_method(c, o->count, o->method, &o->set, &count));
    return cli_print_json(c, json_pack("{s:o,s:I}", "name", cli_json_text(o->method),
                                       "trainable_without_head", (json_int_t)count));
}

static graft_status run(cli *c, void *options)
{
    const methods_options *o = options;
    if (o->method && !o->count)
        return cli_fail(c, GRAFT_ERR_ARGUMENT, "--method: needs --count MODEL");
    if (o->set.count && !o->method)
        return cli_fail(c, GRAFT_ERR_ARGUMENT, "--set: needs --count MODEL and --method NAME");
    if (o->markdown)
        return cli_print_methods_markdown(c);
    if (o->common.json)
        return o->method ? print_json_count(c, o) : print_json(c, o);
    return o->count ? print_counts(c, o) : print_list();
}

const cli_command cli_command_methods = {
    .name = "methods",
    .summary = "Lists the fine-tuning methods, their options and parameter counts",
    .usage = "[--count MODEL|FILE [--method NAME[+NAME]]] [--json]",
    .options = (const cli_options[]){{.rows = rows}, {.rows = NULL}},
    .options_bytes = sizeof(methods_options),
    .run = run,
};
