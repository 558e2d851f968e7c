#include "command/console/help.h"

#include "command/console/args.h"
#include "command/console/names.h"

#include <stdio.h>
#include <string.h>

enum { HELP_COLUMN = 30 };

void cli_print_overview(void)
{
    printf("Usage: graft COMMAND [options]\n\n"
           "Fine-tunes Vision Transformers on any GPU, through OpenCL or Vulkan.\n\n"
           "Commands:\n");
    const cli_command *command;
    for (int i = 0; (command = cli_command_at(i)); i++)
        printf("  %-10s %s\n", command->name, command->summary);
    printf("\ngraft COMMAND --help tells more, graft --version the version.\n\n"
           "Environment:\n"
           "  GRAFT_LOG        error, warn, info, debug or trace: which messages are shown\n"
           "  GRAFT_DEVICE     the device to use when --device is not given\n"
           "  GRAFT_CACHE_DIR  where compiled kernels are kept\n"
           "  NO_COLOR         when set, nothing is coloured\n");
}

/* The default as text; "" when there is none to tell. */
static void default_text(const graft_setting *s, const void *params,
                         char text[GRAFT_SETTING_TEXT_SIZE])
{
    if (!graft_setting_text(s, params, text) ||
        (s->type == GRAFT_SETTING_BOOL && strcmp(text, "no") == 0))
        text[0] = '\0';
    if (s->unset && (text[0] == '\0' || strcmp(text, "0") == 0))
        snprintf(text, GRAFT_SETTING_TEXT_SIZE, "%s", s->unset);
}

static void print_option(const cli_command *command, cli_option o, const void *options)
{
    const graft_setting *s = o.setting;
    char left[80], value[GRAFT_SETTING_TEXT_SIZE], help[512], shown[512];
    bool flag = s->type == GRAFT_SETTING_BOOL;
    char letter[] = {'-', s->letter, ',', '\0'};
    int used = snprintf(left, sizeof(left), "  %3s --%s%s%s", s->letter ? letter : "", s->key,
                        flag ? "" : " ", flag ? "" : cli_value_word(s));
    if (used >= HELP_COLUMN)
        printf("%s\n%*s", left, HELP_COLUMN, "");
    else
        printf("%-*s", HELP_COLUMN, left);
    default_text(s, (const char *)options + o.offset, value);
    cli_name_options(command, s->help, help, sizeof(help));
    cli_name_options(command, value, shown, sizeof(shown));
    printf("%s%s%s%s\n", help, shown[0] ? " (default: " : "", shown, shown[0] ? ")" : "");
}

void cli_print_help(const cli_command *command, const void *options)
{
    cli_option o;
    printf("Usage: graft %s %s\n\n%s.\n", command->name, command->usage, command->summary);
    for (int i = CLI_COMMON_OPTIONS; (o = cli_option_at(command, i)).setting; i++) {
        if (o.setting->group || i == CLI_COMMON_OPTIONS)
            printf("\n%s:\n", o.setting->group ? o.setting->group : "Options");
        print_option(command, o, options);
    }
    printf("\nCommon options:\n");
    for (int i = 0; i < CLI_COMMON_OPTIONS; i++)
        print_option(command, cli_option_at(command, i), options);
}
