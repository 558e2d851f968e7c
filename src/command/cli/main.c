/* graft: finds the subcommand, reads its options, runs it and reports how it ended. */
#include "command/cli/commands.h"
#include "command/console/args.h"
#include "command/console/help.h"
#include "command/console/names.h"
#include "command/console/output.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Exit codes. */
enum { EXIT_USAGE = 2, EXIT_INTERRUPTED = 130 };

static const cli_command *const commands[] = {
#define COMMAND_ENTRY(name) &cli_command_##name,
#define CLI_COMMAND         COMMAND_ENTRY
#include "command/cli/list.h"
#undef CLI_COMMAND
#undef COMMAND_ENTRY
};

const cli_command *cli_command_at(int index)
{
    int count = (int)(sizeof(commands) / sizeof(commands[0]));
    return index < count ? commands[index] : NULL;
}

graft_status cli_fail(cli *c, graft_status status, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(c->error, sizeof(c->error), fmt, args);
    va_end(args);
    cli_clean_text(c->error);
    return status;
}

graft_status cli_need(cli *c, const char *name, const char *value)
{
    if (value && *value)
        return GRAFT_OK;
    return cli_fail(c, GRAFT_ERR_ARGUMENT, "--%s: missing; usage: graft %s %s", name,
                    c->command->name, c->command->usage);
}

/* A file opened later must not land on a standard descriptor that the caller closed. Writing to
 * what is opened here fails, as it does on a closed descriptor. */
static void keep_standard_descriptors(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", O_RDONLY) < 0)
            return;
}

static void log_message(void *user, graft_log_level level, const char *text)
{
    const cli *c = user;
    char told[1024];
    if (level > c->console->level) /* a rank past the first is told of late */
        return;
    cli_name_options(c->command, text, told, sizeof(told));
    /* Errors are told once, when the command ends. */
    if (level != GRAFT_LOG_ERROR || c->console->level >= GRAFT_LOG_DEBUG)
        cli_console_message(c->console, level, told);
}

/* The one line that says why the command failed. */
static void report(cli *c, graft_status status)
{
    char text[1024];
    if (c->error[0] == '\0') {
        graft_log_error(c->log, text, sizeof(text));
        cli_name_options(c->command, text, c->error, sizeof(c->error));
    }
    if (c->error[0] == '\0')
        snprintf(c->error, sizeof(c->error), "%s", graft_status_text(status));
    snprintf(text, sizeof(text), "%.1000s", c->error);
    cli_console_message(c->console, GRAFT_LOG_ERROR, text);
}

static int exit_code(graft_status status)
{
    switch (status) {
    case GRAFT_OK:
        return EXIT_SUCCESS;
    case GRAFT_ERR_ARGUMENT:
        return EXIT_USAGE;
    case GRAFT_ERR_INTERRUPTED:
        return EXIT_INTERRUPTED;
    default:
        return EXIT_FAILURE;
    }
}

/* Whether the result was to be JSON on standard output; the options may be wrong before it. */
static bool wants_json(const cli_command *command, int argc, char **argv)
{
    const graft_setting *json = cli_find_option(command, "json", strlen("json"), NULL).setting;
    bool to_file = json && json->type != GRAFT_SETTING_BOOL;
    if (!json || (to_file && json->values[0] != '['))
        return false;
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--json") == 0)
            return !to_file || i + 1 == argc || argv[i + 1][0] == '-';
    return false;
}

/* One document is printed whatever happens: a program that reads it needs no other case. */
static void print_error(cli *c, graft_status status)
{
    cli_print_json(c, json_pack("{s:{s:o,s:s,s:i}}", "error", "message", cli_json_text(c->error),
                                "kind", graft_status_text(status), "exit_code", exit_code(status)));
    cli_flush_output(c);
}

static graft_status run_command(cli *c, void *options)
{
    const cli_common *common = options;
    if (common->help) {
        void *defaults = calloc(1, c->command->options_bytes);
        if (!defaults)
            return cli_fail(c, GRAFT_ERR_MEMORY, "out of memory");
        cli_set_defaults(c->command, defaults);
        cli_print_help(c->command, defaults);
        free(defaults);
        return GRAFT_OK;
    }
    if (!cli_console_set_level(c->console, common->verbose))
        cli_console_message(c->console, GRAFT_LOG_WARN,
                            "GRAFT_LOG: expected error, warn, info, debug or trace");
    graft_log_params params = {log_message, c, c->console->level};
    c->log = graft_log_create(&params);
    return c->log ? c->command->run(c, options) : cli_fail(c, GRAFT_ERR_MEMORY, "out of memory");
}

/* Ends with everything printed; a reader that went away needs no message. */
static int finish(cli *c, graft_status status)
{
    bool reader_gone = false;
    if (status == GRAFT_OK) {
        status = cli_flush_output(c);
        reader_gone = status != GRAFT_OK && errno == EPIPE;
    }
    if (status != GRAFT_OK && !reader_gone)
        report(c, status);
    return exit_code(status);
}

static int run(const cli_command *command, cli_console *console, int argc, char **argv)
{
    cli c = {.command = command, .console = console};
    void *options = calloc(1, command->options_bytes);
    graft_status status = GRAFT_ERR_MEMORY;
    if (options) {
        cli_set_defaults(command, options);
        status = cli_parse(&c, argc, argv, options);
        if (status == GRAFT_OK)
            status = run_command(&c, options);
        cli_release(command, options);
    }
    free(options);
    int code = finish(&c, status);
    if (code != EXIT_SUCCESS && !c.printed_json && wants_json(command, argc, argv))
        print_error(&c, status);
    graft_log_destroy(&c.log);
    return code;
}

static int unknown_command(cli_console *console, const char *name)
{
    cli c = {.console = console};
    cli_nearest nearest = {.typed = name};
    const cli_command *command;
    for (int i = 0; (command = cli_command_at(i)); i++)
        cli_nearest_offer(&nearest, command->name);
    if (nearest.best[0])
        cli_fail(&c, GRAFT_ERR_ARGUMENT, "%s: unknown command; did you mean %s?", name,
                 nearest.best);
    else
        cli_fail(&c, GRAFT_ERR_ARGUMENT, "%s: unknown command; graft --help lists them", name);
    return finish(&c, GRAFT_ERR_ARGUMENT);
}

int main(int argc, char **argv)
{
    static char help_option[] = "--help";
    cli_console console;
    keep_standard_descriptors();
    signal(SIGPIPE, SIG_IGN); /* a lost reader must not end a training run */
    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error of its own */
    cli_console_init(&console);
    cli c = {.console = &console};
    if (argc < 2) {
        cli_fail(&c, GRAFT_ERR_ARGUMENT, "a command is missing; graft --help lists them");
        return finish(&c, GRAFT_ERR_ARGUMENT);
    }
    bool help = strcmp(argv[1], "help") == 0;
    if (help && argc > 2) { /* graft help train: graft train --help */
        argv[1] = argv[2];
        argv[2] = help_option;
        help = false;
    }
    if (help || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        cli_print_overview();
        return finish(&c, GRAFT_OK);
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("graft %s\n", graft_version_text());
        return finish(&c, GRAFT_OK);
    }
    const cli_command *command;
    for (int i = 0; (command = cli_command_at(i)); i++)
        if (strcmp(command->name, argv[1]) == 0)
            return run(command, &console, argc - 2, argv + 2);
    return unknown_command(&console, argv[1]);
}
