/* What the listing of recipes shares with its Markdown form. */
#ifndef CLI_RECIPES_H
#define CLI_RECIPES_H

#include "command/console/command.h"

#include <jansson.h>

/* The settings of a recipe, as graft train --dry-run prints them, without those that no recipe is
 * about. `task` NULL: what its tasks have in common. The caller gives *out to json_decref(). */
graft_status cli_recipe_settings(cli *c, const char *recipe, const char *task, json_t **out);

/* Prints docs/recipes.md. */
graft_status cli_print_recipes_markdown(cli *c);

#endif
