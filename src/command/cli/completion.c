/* graft completion: what shells complete command lines by, made of the tables of options. */
#include "command/cli/commands.h"

#include "command/console/args.h"
#include "command/console/names.h"

#include <stdio.h>
#include <string.h>

/* Whether values can be told from the tables. */
static bool has_words(const graft_setting *s)
{
    return strcmp(s->key, "method") == 0 || strcmp(s->key, "recipe") == 0 ||
           s->type == GRAFT_SETTING_CHOICE || s->type == GRAFT_SETTING_FLAGS;
}

/* Prints them, each after a blank. */
static void print_words(const graft_setting *s)
{
    graft_method_info method;
    graft_recipe_info recipe;
    bool methods = strcmp(s->key, "method") == 0, recipes = strcmp(s->key, "recipe") == 0;
    for (int i = 0; methods && graft_method_get_info(i, &method); i++)
        printf(" %s", method.name);
    for (int i = 0; recipes && graft_recipe_get_info(i, &recipe); i++)
        printf(" %s", recipe.name);
    if (methods || recipes)
        return;
    putchar(' ');
    for (const char *at = cli_value_word(s); *at; at++)
        putchar(*at == '|' ? ' ' : *at);
}

/* A text within single quotes; `special` are further characters that get a backslash. `quote` is
 * how the shell writes a quote there. */
static void print_quoted(const char *text, const char *special, const char *quote)
{
    for (; *text; text++) {
        if (*text == '\'')
            printf("%s", quote);
        else
            printf("%s%c", strchr(special, *text) ? "\\" : "", *text);
    }
}

static void print_help(const cli_command *command, const graft_setting *s, const char *special,
                       const char *quote)
{
    char help[512];
    cli_name_options(command, s->help, help, sizeof(help));
    print_quoted(help, special, quote);
}

static void print_commands(void)
{
    const cli_command *command;
    for (int i = 0; (command = cli_command_at(i)); i++)
        printf(" %s", command->name);
}

static void bash_command(const cli_command *command)
{
    cli_option o;
    for (int i = 0; (o = cli_option_at(command, i)).setting; i++)
        if (has_words(o.setting)) {
            printf("    '%s --%s'", command->name, o.setting->key);
            if (o.setting->letter)
                printf("|'%s -%c'", command->name, o.setting->letter);
            printf(") words='");
            print_words(o.setting);
            printf("' ;;\n");
        }
    printf("    '%s '*) [[ $cur == -* ]] && words='", command->name);
    for (int i = 0; (o = cli_option_at(command, i)).setting; i++)
        printf(" --%s", o.setting->key);
    printf("' ;;\n");
}

static void print_bash(void)
{
    const cli_command *command;
    printf("# bash completion of graft, by graft completion bash\n"
           "_graft() {\n"
           "    local cur=${COMP_WORDS[COMP_CWORD]} words=''\n"
           "    if [[ $COMP_CWORD -eq 1 ]]; then\n"
           "        words='");
    print_commands();
    printf(" --help --version'\n"
           "    else\n"
           "    case \"${COMP_WORDS[1]} ${COMP_WORDS[COMP_CWORD-1]}\" in\n");
    for (int i = 0; (command = cli_command_at(i)); i++)
        bash_command(command);
    printf("    esac\n"
           "    fi\n"
           "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
           "}\n"
           "complete -o bashdefault -o default -F _graft graft\n");
}

static void zsh_option(const cli_command *command, const graft_setting *s, const char *name)
{
    printf("            '%s%s[", s->type == GRAFT_SETTING_TEXTS ? "*" : "", name);
    print_help(command, s, "[]\\:", "'\\''");
    printf("]");
    if (s->type != GRAFT_SETTING_BOOL) {
        printf(":");
        print_quoted(cli_value_word(s), "\\:", "'\\''");
        if (has_words(s)) {
            printf(":(");
            print_words(s);
            printf(")");
        } else {
            printf(":_files");
        }
    }
    printf("' \\\n");
}

static void zsh_command(const cli_command *command)
{
    cli_option o;
    printf("    %s)\n        _arguments -S \\\n", command->name);
    for (int i = 0; (o = cli_option_at(command, i)).setting; i++) {
        char name[72];
        snprintf(name, sizeof(name), "--%s", o.setting->key);
        zsh_option(command, o.setting, name);
        snprintf(name, sizeof(name), "-%c", o.setting->letter);
        if (o.setting->letter)
            zsh_option(command, o.setting, name);
    }
    printf("            '*:file:_files'\n        ;;\n");
}

static void print_zsh(void)
{
    const cli_command *command;
    printf("#compdef graft\n"
           "# zsh completion of graft, by graft completion zsh\n"
           "if (( CURRENT == 2 )); then\n"
           "    local -a commands=(\n");
    for (int i = 0; (command = cli_command_at(i)); i++) {
        printf("        '%s:", command->name);
        print_quoted(command->summary, "\\:", "'\\''");
        printf("'\n");
    }
    printf("    )\n"
           "    _describe command commands\n"
           "else\n"
           "    local command=$words[2]\n"
           "    shift words\n"
           "    (( CURRENT-- ))\n"
           "    case $command in\n");
    for (int i = 0; (command = cli_command_at(i)); i++)
        zsh_command(command);
    printf("    esac\n"
           "fi\n");
}

static void fish_command(const cli_command *command)
{
    cli_option o;
    printf("complete -c graft -n __fish_use_subcommand -f -a %s -d '", command->name);
    print_quoted(command->summary, "\\", "\\'");
    printf("'\n");
    for (int i = 0; (o = cli_option_at(command, i)).setting; i++) {
        printf("complete -c graft -n '__fish_seen_subcommand_from %s' -l %s", command->name,
               o.setting->key);
        if (o.setting->letter)
            printf(" -s %c", o.setting->letter);
        if (has_words(o.setting)) {
            printf(" -x -a '");
            print_words(o.setting);
            printf("'");
        } else if (o.setting->type != GRAFT_SETTING_BOOL) {
            printf(" -r");
        }
        printf(" -d '");
        print_help(command, o.setting, "\\", "\\'");
        printf("'\n");
    }
}

static void print_fish(void)
{
    const cli_command *command;
    printf("# fish completion of graft, by graft completion fish\n");
    for (int i = 0; (command = cli_command_at(i)); i++)
        fish_command(command);
}

static graft_status run(cli *c, void *options)
{
    static const struct {
        const char *name;
        void (*print)(void);
    } shells[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};
    const cli_common *common = options;
    for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++)
        if (strcmp(common->operands.items[0], shells[i].name) == 0) {
            shells[i].print();
            return GRAFT_OK;
        }
    return cli_fail(c, GRAFT_ERR_ARGUMENT, "%s: no such shell; expected bash, zsh or fish",
                    common->operands.items[0]);
}

const cli_command cli_command_completion = {
    .name = "completion",
    .summary = "Prints what a shell completes graft's command lines by",
    .usage = "bash|zsh|fish",
    .options = (const cli_options[]){{.rows = NULL}},
    .options_bytes = sizeof(cli_common),
    .operand = "SHELL",
    .min_operands = 1,
    .max_operands = 1,
    .run = run,
};
