/* What a subcommand is: a table of options and a function. One file per subcommand;
 * cli/list.h names them all. The command is a client of the public API alone. */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "command/console/console.h"

#include <graft/graft.h>
#include <stddef.h>

typedef enum cli_kind {
    CLI_FLAG,    /* bool */
    CLI_INT,     /* int */
    CLI_COUNT,   /* uint64_t */
    CLI_SIZE,    /* uint64_t, bytes: "512M" */
    CLI_FLOAT,   /* double */
    CLI_TEXT,    /* const char * */
    CLI_LIST,    /* cli_list: the option may be repeated */
    CLI_HEADING, /* no option: a line of the help */
} cli_kind;

typedef struct cli_option {
    const char *name; /* the long one; of a heading its text */
    char letter;      /* the short one, or 0 */
    cli_kind kind;
    size_t offset;     /* in the subcommand's options */
    const char *value; /* a placeholder, "FILE", or the only choices, "adamw|sgd" */
    double min, max;   /* INT, COUNT, FLOAT */
    const char *help;
    const char *unset; /* what the help tells instead of a default that is 0 or NULL */
} cli_option;

typedef struct cli_list {
    const char **items; /* the array is owned, the texts are borrowed */
    int count;
} cli_list;

/* Begins the options of every subcommand. */
typedef struct cli_common {
    bool help, verbose, json;
    cli_list operands; /* arguments that are no options */
} cli_common;

enum { CLI_MAX_OPTIONS = 128 };

/* A running subcommand. */
typedef struct cli {
    const struct cli_command *command;
    cli_console *console;
    graft_log *log;              /* NULL until the options are read */
    bool given[CLI_MAX_OPTIONS]; /* by the command line or a config file; see cli_option_at() */
    char error[1024];
} cli;

typedef struct cli_command {
    const char *name;
    const char *summary;       /* one line */
    const char *usage;         /* what follows the name */
    const cli_option *options; /* ends with a NULL name */
    size_t options_bytes;      /* of the struct that begins with cli_common */
    const char *operand;       /* what operands are: "IMAGE"; NULL: there are none */
    int min_operands, max_operands;
    void (*defaults)(void *options); /* may be NULL */
    graft_status (*run)(cli *c, void *options);
} cli_command;

/* NULL past the last one. */
const cli_command *cli_command_at(int index);

/* Largest values of numbers without a limit of their own. */
#define CLI_WHOLE_MAX 1e9
#define CLI_COUNT_MAX 0x1p62

/* The row of a subcommand that can print JSON. */
#define CLI_JSON_OPTION                                                                            \
    {                                                                                              \
        .name = "json", .kind = CLI_FLAG, .offset = offsetof(cli_common, json),                    \
        .help = "print the result as JSON",                                                        \
    }

/* Keeps the line that main() prints when the command failed; returns `status`. */
graft_status cli_fail(cli *c, graft_status status, const char *fmt, ...) GRAFT_PRINTF(3, 4);

/* Fails unless the option --name has a value. */
graft_status cli_need(cli *c, const char *name, const char *value);

#define CLI_TRY(expr)                                                                              \
    do {                                                                                           \
        graft_status cli_status_ = (expr);                                                         \
        if (cli_status_ != GRAFT_OK)                                                               \
            return cli_status_;                                                                    \
    } while (0)

#endif
