/* The tables of a sweep: aligned text, Markdown and JSON. */
#ifndef SWEEP_REPORT_H
#define SWEEP_REPORT_H

#include "command/sweep/summary.h"

/* All of it; the caller gives it to json_decref(). NULL: out of memory. */
json_t *sweep_report_json(const sweep_summary *summary);

/* Prints text, or JSON. */
graft_status sweep_report_print(cli *c, const sweep_summary *summary, bool json);

/* Writes OUT/results.md, which shows the figure of parameters where there is one, and
 * OUT/results.json. */
graft_status sweep_report_write(cli *c, const sweep_summary *summary);

#endif
