#include "command/console/args.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const cli_option cli_common_options[] = {
    {.name = "help", 'h', CLI_FLAG, offsetof(cli_common, help), .help = "show this help"},
    {.name = "verbose",
     'v',
     CLI_FLAG,
     offsetof(cli_common, verbose),
     .help = "tell more; GRAFT_LOG=error|warn|info|debug|trace is finer"},
    {.name = NULL},
};

enum { COMMON_COUNT = sizeof(cli_common_options) / sizeof(cli_common_options[0]) - 1 };

const cli_option *cli_option_at(const cli_command *command, int index)
{
    if (index < COMMON_COUNT)
        return &cli_common_options[index];
    const cli_option *o = &command->options[index - COMMON_COUNT];
    return o->name ? o : NULL;
}

const cli_option *cli_find_option(const cli_command *command, const char *name, size_t length,
                                  int *index)
{
    const cli_option *o;
    for (int i = 0; (o = cli_option_at(command, i)); i++) {
        if (o->kind == CLI_HEADING || strlen(o->name) != length ||
            strncmp(o->name, name, length) != 0)
            continue;
        if (index)
            *index = i;
        return o;
    }
    return NULL;
}

static const cli_option *find_letter(const cli_command *command, char letter, int *index)
{
    const cli_option *o;
    for (*index = 0; (o = cli_option_at(command, *index)); ++*index)
        if (o->kind != CLI_HEADING && o->letter == letter)
            return o;
    return NULL;
}

static graft_status unknown_option(cli *c, const char *argument, size_t length)
{
    char name[64];
    snprintf(name, sizeof(name), "%.*s", (int)length, argument + 2);
    cli_nearest nearest = {.typed = name};
    const cli_option *o;
    for (int i = 0; (o = cli_option_at(c->command, i)); i++)
        if (o->kind != CLI_HEADING)
            cli_nearest_offer(&nearest, o->name);
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
    const cli_option *o;
    int index = 0;
    char shown[72];
    if (argument[1] == '-') {
        size_t length = strcspn(argument + 2, "=");
        o = cli_find_option(c->command, argument + 2, length, &index);
        if (!o)
            return unknown_option(c, argument, length);
        value = argument[2 + length] ? argument + 3 + length : NULL;
    } else {
        o = find_letter(c->command, argument[1], &index);
        if (!o)
            return cli_fail(c, GRAFT_ERR_ARGUMENT,
                            "%.2s: unknown option; graft %s --help lists them", argument,
                            c->command->name);
        value = argument[2] ? argument + 2 : NULL;
    }
    snprintf(shown, sizeof(shown), "--%s", o->name);
    if (o->kind == CLI_FLAG && !value) {
        value = "yes";
    } else if (!value) {
        if (left < 2 || (strncmp(argv[1], "--", 2) == 0 && argv[1][2]))
            return cli_fail(c, GRAFT_ERR_ARGUMENT, "%s: a value is missing: expected %s", shown,
                            o->value);
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
    const cli_option *o;
    for (int i = 0; (o = cli_option_at(command, i)); i++)
        if (o->kind == CLI_LIST)
            free(((cli_list *)((char *)options + o->offset))->items);
    free(((cli_common *)options)->operands.items);
}
