/* Options from a JSON file, such as the config.json that a run leaves in its folder. */
#ifndef CLI_CONFIG_FILE_H
#define CLI_CONFIG_FILE_H

#include "command/console/args.h"

#include <jansson.h>

/* Loads the JSON object in a file, in which no key may occur twice. `remedy`, or NULL, is added to
 * the message when there is no such file. *root is the caller's (json_decref), NULL on failure. */
graft_status cli_load_object(cli *c, const char *path, const char *remedy, json_t **root);

/* Whether JSON may have a number for it. */
bool cli_takes_numbers(const graft_setting *setting);

/* Sets the options that the file names and the command line did not give, and marks them as given;
 * lists begin with the file's items. Keys are long option names. *root owns the texts that
 * `options` then borrows: the caller gives it to json_decref() when done; NULL on failure. */
graft_status cli_read_config(cli *c, const char *path, void *options, json_t **root);

/* The same of an object: `title` begins the errors. It keeps owning the texts. */
graft_status cli_set_options(cli *c, const char *title, const json_t *object, void *options);

#endif
