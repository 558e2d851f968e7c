/* All subcommands, in the order in which the help lists them. */
CLI_COMMAND(devices)
CLI_COMMAND(train)
CLI_COMMAND(eval)
CLI_COMMAND(predict)
CLI_COMMAND(merge)
CLI_COMMAND(inspect)
CLI_COMMAND(methods)
CLI_COMMAND(recipes)
