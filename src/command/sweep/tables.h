/* The tables of a sweep as rows of text. */
#ifndef SWEEP_TABLES_H
#define SWEEP_TABLES_H

#include "command/console/output.h"
#include "command/sweep/summary.h"

/* The cells of all data sets, or of one, which is then no column. The caller prints the empty
 * table that they fill, or gives it to cli_table_release(). */
void sweep_cells_table(const sweep_summary *summary, const sweep_item *only, cli_table *table);

/* Averages over the data sets, of the last epoch or of the best. */
void sweep_averages_table(const sweep_summary *summary, bool best, cli_table *table);

#endif
