/* A report while it is made: what is analysed, and the JSON that it becomes. */
#ifndef GR_ANALYZE_REPORT_H
#define GR_ANALYZE_REPORT_H

#include "analyze/run.h"

#include <graft/analyze.h>

typedef struct gr_report {
    graft_log *log;
    graft_device *device; /* NULL: no features */
    const graft_analyze_params *params;
    gr_analyzed_run *runs;
    int run_count;
    gr_tensors *backbone; /* NULL: not given */
    json_t *root;         /* the result */
    bool incomplete;      /* there was no memory for something in it */
} gr_report;

/* Appends to a section of the root; takes the value. NULL, and what there is no memory for, makes
 * the report incomplete. */
void gr_report_add(gr_report *report, const char *section, json_t *value);

/* The same in a part of the report: an object or an array of it. */
void gr_report_set_in(gr_report *report, json_t *object, const char *key, json_t *value);
void gr_report_add_in(gr_report *report, json_t *array, json_t *value);

/* Says in "notes" why something is missing from a section: a key of the report. */
void gr_report_note(gr_report *report, const char *section, const char *fmt, ...)
    GRAFT_PRINTF(3, 4);

/* An array of numbers; null where one is not finite. */
json_t *gr_json_numbers(const double *values, int64_t count);

/* The sections. Each appends to its key of the root. */
graft_status gr_report_weights(gr_report *report);
graft_status gr_report_features(gr_report *report);
graft_status gr_report_filters(gr_report *report);

#endif
