/* Standard output: results, as aligned tables for people and as JSON for machines. */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include "command/console/command.h"

#include <jansson.h>

/* A table is filled cell by cell, row by row. Cells that are numbers go to the right. An allocation
 * failure sticks and is reported by cli_table_print(). */
typedef struct cli_table {
    int columns;
    char **cells;
    size_t count;
    bool failed;
} cli_table;

void cli_table_cell(cli_table *table, const char *fmt, ...) GRAFT_PRINTF(2, 3);

void cli_table_release(cli_table *table);

/* Prints with the first row as headings, then releases the table. */
graft_status cli_table_print(cli *c, cli_table *table);

/* "12.34%", or "-" and null for a negative one, which is not known. */
void cli_accuracy_cell(cli_table *table, double accuracy);
json_t *cli_accuracy_json(double accuracy);

/* Prints a JSON value and takes the reference. NULL stands for out of memory. */
graft_status cli_print_json(cli *c, json_t *value);

/* Building: the value is taken; where it is NULL, or there is no memory, *json is freed and NULL
 * from then on, which cli_print_json tells. */
void cli_json_set(json_t **object, const char *key, json_t *value);
void cli_json_append(json_t **array, json_t *value);

/* A JSON text of any bytes: what is not UTF-8 becomes '?'. NULL: out of memory. */
json_t *cli_json_text(const char *text);

/* "1,234,567" and "1.5 GiB" */
const char *cli_grouped(int64_t number, char text[32]);
const char *cli_bytes(uint64_t bytes, char text[32]);

/* A text without control characters, so that names in files cannot steer the terminal. */
void cli_print_text(const char *text);
void cli_clean_text(char *text); /* the same in place, for other outputs */

/* Fails when anything printed to standard output was lost. */
graft_status cli_flush_output(cli *c);

#endif
