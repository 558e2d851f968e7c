/* From command lines and config files to the options of a subcommand. */
#ifndef CLI_ARGS_H
#define CLI_ARGS_H

#include "command/console/command.h"

/* The options that every subcommand has come first. */
enum { CLI_COMMON_OPTIONS = 2 };

/* An option of the subcommand or of all, without a setting past the last one. */
cli_option cli_option_at(const cli_command *command, int index);

/* Finds one by its key; *index (may be NULL) is its place in cli.given. */
cli_option cli_find_option(const cli_command *command, const char *key, size_t length, int *index);

/* What stands for a value in help: "FILE", "adamw|sgd". */
const char *cli_value_word(const graft_setting *setting);

/* Sets the defaults of all options. */
void cli_set_defaults(const cli_command *command, void *options);

/* Reads arguments after the subcommand's name into `options`, which has its defaults. Anything
 * wrong is GRAFT_ERR_ARGUMENT and one line that names the argument. */
graft_status cli_parse(cli *c, int argc, char **argv, void *options);

/* Sets one option from text; `shown` is how messages name it ("--epochs"). The text is borrowed. */
graft_status cli_set_option(cli *c, cli_option o, const char *shown, const char *text,
                            void *options);

/* Copies the options that were not given from `from`, the options of the same subcommand; lists
 * stay as they are. */
void cli_copy_unset(const cli *c, const void *from, void *options);

/* Frees the lists. */
void cli_release(const cli_command *command, void *options);

/* Lists of options are the command's own: it frees their arrays. */
graft_status cli_list_push(cli *c, graft_text_list *list, const char *item);
void cli_list_free(graft_text_list *list);

/* Keeps the last of equal items. */
void cli_list_unique(graft_text_list *list);

/* Of the words offered the one nearest to what was typed; "" when none is near. */
typedef struct cli_nearest {
    const char *typed;
    char best[48];
    int distance;
} cli_nearest;
void cli_nearest_offer(cli_nearest *nearest, const char *word);

#endif
