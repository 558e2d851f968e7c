/* Ending early: SIGINT and SIGTERM ask the library to stop, a second one ends the process. */
#ifndef CLI_STOP_H
#define CLI_STOP_H

/* Installs the handlers and returns the flag that they set, which lives as long as the process. */
const volatile int *cli_stop_on_signals(void);

#endif
