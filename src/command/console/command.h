/* What a subcommand is: a table of options and a function. One file per subcommand;
 * cli/list.h names them all. The command is a client of the public API alone. */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "command/console/console.h"

#include <graft/graft.h>
#include <stddef.h>

/* Some options of a subcommand: rows of its own, or those of a table of the library. What stands for
 * the value of a TEXT may be "[FILE]": then there may be none, and the text is "". */
typedef struct cli_options {
    const graft_setting *rows;                /* end with one without a key; NULL: */
    const graft_setting *(*table)(int index); /* the table's, from the row with the key */
    const char *from, *to;                    /* `from` to that before `to`; NULL: first, last */
    size_t offset; /* of the struct that rows belong to, in the options of the subcommand */
} cli_options;

/* An option: its row, and where its struct is. */
typedef struct cli_option {
    const graft_setting *setting; /* NULL: there is none */
    size_t offset;                /* in the options of the subcommand */
} cli_option;

/* The name and the offset of a field of a subcommand's options, for a row. */
#define CLI_FIELD(type, field) #field, offsetof(type, field)

/* Begins the options of every subcommand. */
typedef struct cli_common {
    bool help, verbose, json;
    graft_text_list operands; /* arguments that are no options */
} cli_common;

enum { CLI_MAX_OPTIONS = 128 };

/* A running subcommand. */
typedef struct cli {
    const struct cli_command *command;
    cli_console *console;
    graft_log *log;              /* NULL until the options are read */
    bool given[CLI_MAX_OPTIONS]; /* by the command line or a config file; see cli_option_at() */
    char error[1024];
    bool printed_json; /* a document is on standard output */
} cli;

typedef struct cli_command {
    const char *name;
    const char *summary;        /* one line */
    const char *usage;          /* what follows the name */
    const cli_options *options; /* end with some without rows and table */
    size_t options_bytes;       /* of the struct that begins with cli_common */
    const char *operand;        /* what operands are: "IMAGE"; NULL: there are none */
    int min_operands, max_operands;
    void (*defaults)(void *options); /* those that no row tells; may be NULL */
    graft_status (*run)(cli *c, void *options);
} cli_command;

/* NULL past the last one. */
const cli_command *cli_command_at(int index);

/* The row of a subcommand that can print JSON. */
#define CLI_JSON_OPTION                                                                            \
    {                                                                                              \
        "json", CLI_FIELD(cli_common, json), .type = GRAFT_SETTING_BOOL,                           \
                                             .help = "print the result as JSON",                   \
    }

/* The row of a subcommand that runs on a device, kept in options.device. */
#define CLI_DEVICE_OPTION(type)                                                                    \
    {                                                                                              \
        "device", CLI_FIELD(type, device), GRAFT_SETTING_TEXT, NULL, "BACKEND:INDEX|auto", 0, 0,   \
            "see graft devices", "$GRAFT_DEVICE, else auto"                                        \
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
