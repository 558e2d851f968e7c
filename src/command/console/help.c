#include "command/console/help.h"

#include "command/console/args.h"

#include <inttypes.h>
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
static void default_text(const cli_option *o, const void *options, char *text, size_t size)
{
    const void *field = (const char *)options + o->offset;
    const char *const *words = field;
    text[0] = '\0';
    switch (o->kind) {
    case CLI_INT:
        snprintf(text, size, "%d", *(const int *)field);
        break;
    case CLI_COUNT:
    case CLI_SIZE:
        snprintf(text, size, "%" PRIu64, *(const uint64_t *)field);
        break;
    case CLI_FLOAT:
        snprintf(text, size, "%g", *(const double *)field);
        break;
    case CLI_TEXT:
        snprintf(text, size, "%s", *words ? *words : "");
        break;
    case CLI_FLAG:
        snprintf(text, size, "%s", *(const bool *)field ? "yes" : "");
        break;
    case CLI_LIST:
    case CLI_HEADING:
        break;
    }
    if (o->unset && (text[0] == '\0' || strcmp(text, "0") == 0))
        snprintf(text, size, "%s", o->unset);
}

static void print_option(const cli_option *o, const void *options)
{
    char left[80], value[64];
    if (o->kind == CLI_HEADING) {
        printf("\n%s:\n", o->name);
        return;
    }
    char letter[] = {'-', o->letter, ',', '\0'};
    int used = snprintf(left, sizeof(left), "  %3s --%s%s%s", o->letter ? letter : "", o->name,
                        o->kind == CLI_FLAG ? "" : " ", o->kind == CLI_FLAG ? "" : o->value);
    if (used >= HELP_COLUMN)
        printf("%s\n%*s", left, HELP_COLUMN, "");
    else
        printf("%-*s", HELP_COLUMN, left);
    default_text(o, options, value, sizeof(value));
    printf("%s%s%s%s\n", o->help, value[0] ? " (default: " : "", value, value[0] ? ")" : "");
}

void cli_print_help(const cli_command *command, const void *options)
{
    printf("Usage: graft %s %s\n\n%s.\n", command->name, command->usage, command->summary);
    if (command->options[0].kind != CLI_HEADING)
        printf("\nOptions:\n");
    for (const cli_option *o = command->options; o->name; o++)
        print_option(o, options);
    printf("\nCommon options:\n");
    for (const cli_option *o = cli_common_options; o->name; o++)
        print_option(o, options);
}
