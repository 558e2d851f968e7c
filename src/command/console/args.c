#include "command/console/args.h"

#include <stdio.h>
#include <string.h>

static const graft_setting common_rows[] = {
    {"help", CLI_FIELD(cli_common, help), .type = GRAFT_SETTING_BOOL, .help = "show this help",
     .letter = 'h'},
    {"verbose", CLI_FIELD(cli_common, verbose), .type = GRAFT_SETTING_BOOL,
     .help = "tell more; GRAFT_LOG=error|warn|info|debug|trace is finer", .letter = 'v'},
};

_Static_assert(sizeof(common_rows) / sizeof(common_rows[0]) == CLI_COMMON_OPTIONS, "see args.h");

/* Row *index of some options; else *index counts down by those that there are. */
static const graft_setting *row_of(const cli_options *options, int *index)
{
    const graft_setting *s;
    bool within = !options->from;
    for (int i = 0;; i++) {
        s = options->rows ? &options->rows[i] : options->table(i);
        if (!s || !s->key || (options->to && strcmp(s->key, options->to) == 0))
            return NULL;
        within |= options->from && strcmp(s->key, options->from) == 0;
        if (within && (*index)-- == 0)
            return s;
    }
}

cli_option cli_option_at(const cli_command *command, int index)
{
    if (index < CLI_COMMON_OPTIONS)
        return (cli_option){&common_rows[index], 0};
    index -= CLI_COMMON_OPTIONS;
    for (const cli_options *some = command->options; some->rows || some->table; some++) {
        const graft_setting *s = row_of(some, &index);
        if (s)
            return (cli_option){s, some->offset};
    }
    return (cli_option){0};
}

cli_option cli_find_option(const cli_command *command, const char *key, size_t length, int *index)
{
    cli_option o;
    for (int i = 0; (o = cli_option_at(command, i)).setting; i++)
        if (strlen(o.setting->key) == length && strncmp(o.setting->key, key, length) == 0) {
            if (index)
                *index = i;
            return o;
        }
    return (cli_option){0};
}

void cli_set_defaults(const cli_command *command, void *options)
{
    cli_option o;
    for (int i = 0; (o = cli_option_at(command, i)).setting; i++)
        if (o.setting->default_value)
            graft_setting_set(NULL, o.setting, NULL, (char *)options + o.offset,
                              o.setting->default_value);
    if (command->defaults)
        command->defaults(options);
}

static cli_option find_letter(const cli_command *command, char letter, int *index)
{
    cli_option o;
    for (*index = 0; (o = cli_option_at(command, *index)).setting; ++*index)
        if (o.setting->letter == letter)
            break;
    return o;
}

static graft_status unknown_option(cli *c, const char *argument, size_t length)
{
    char name[64];
    snprintf(name, sizeof(name), "%.*s", (int)length, argument + 2);
    cli_nearest nearest = {.typed = name};
    cli_option o;
    for (int i = 0; (o = cli_option_at(c->command, i)).setting; i++)
        cli_nearest_offer(&nearest, o.setting->key);
    if (nearest.best[0])
        return cli_fail(c, GRAFT_ERR_ARGUMENT, "--%s: unknown option; did you mean --%s?", name,
                        nearest.best);
    return cli_fail(c, GRAFT_ERR_ARGUMENT, "--%s: unknown option; graft %s --help lists them", name,
                    c->command->name);
}

/* One argument that begins with '-'. *used is how many arguments it took, 1 or 2. */
static graft_status parse_option(cli *c, char **argv, int left, void *options, int *used)
{
    const char *argument = argv[0], *value = NULL;
    cli_option o;
    int index = 0;
    char shown[72];
    if (argument[1] == '-') {
        size_t length = strcspn(argument + 2, "=");
        o = cli_find_option(c->command, argument + 2, length, &index);
        if (!o.setting)
            return unknown_option(c, argument, length);
        value = argument[2 + length] ? argument + 3 + length : NULL;
    } else {
        o = find_letter(c->command, argument[1], &index);
        if (!o.setting)
            return cli_fail(c, GRAFT_ERR_ARGUMENT,
                            "%.2s: unknown option; graft %s --help lists them", argument,
                            c->command->name);
        value = argument[2] ? argument + 2 : NULL;
    }
    snprintf(shown, sizeof(shown), "--%s", o.setting->key);
    bool optional = o.setting->values && o.setting->values[0] == '[';
    bool has_next = left > 1 && !(argv[1][0] == '-' && argv[1][1]);
    if (o.setting->type == GRAFT_SETTING_BOOL && !value) {
        value = "yes";
    } else if (optional && !value && !has_next) {
        value = "";
    } else if (!value) {
        if (left < 2 || (strncmp(argv[1], "--", 2) == 0 && argv[1][2]))
            return cli_fail(c, GRAFT_ERR_ARGUMENT, "%s: a value is missing: expected %s", shown,
                            cli_value_word(o.setting));
        value = argv[1];
        *used = 2;
    }
    c->given[index] = true;
    return cli_set_option(c, o, shown, value, options);
}

static graft_status check_operands(cli *c, const cli_common *common)
{
    const cli_command *command = c->command;
    int count = common->operands.count;
    if (count > command->max_operands)
        return cli_fail(c, GRAFT_ERR_ARGUMENT, "%s: unexpected argument; expected %s%s%s",
                        common->operands.items[command->max_operands],
                        command->max_operands ? "one " : "options only",
                        command->max_operands ? command->operand : "",
                        command->max_operands > 1 ? " or more" : "");
    if (count < command->min_operands)
        return cli_fail(c, GRAFT_ERR_ARGUMENT, "%s: missing; usage: graft %s %s", command->operand,
                        command->name, command->usage);
    return GRAFT_OK;
}

graft_status cli_parse(cli *c, int argc, char **argv, void *options)
{
    cli_common *common = options;
    bool only_operands = false;
    for (int i = 0, used; i < argc; i += used) {
        used = 1;
        if (!only_operands && strcmp(argv[i], "--") == 0)
            only_operands = true;
        else if (!only_operands && argv[i][0] == '-' && argv[i][1])
            CLI_TRY(parse_option(c, argv + i, argc - i, options, &used));
        else
            CLI_TRY(cli_list_push(c, &common->operands, argv[i]));
    }
    return common->help ? GRAFT_OK : check_operands(c, common);
}

void cli_release(const cli_command *command, void *options)
{
    cli_option o;
    for (int i = 0; (o = cli_option_at(command, i)).setting; i++)
        if (o.setting->type == GRAFT_SETTING_TEXTS)
            cli_list_free(
                (graft_text_list *)(void *)((char *)options + o.offset + o.setting->offset));
    cli_list_free(&((cli_common *)options)->operands);
}
