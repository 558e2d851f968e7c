#include "analyze/report.h"

#include "base/json.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

void gr_report_add_in(gr_report *report, json_t *array, json_t *value)
{
    report->incomplete |= json_array_append_new(array, value) != 0;
}

void gr_report_set_in(gr_report *report, json_t *object, const char *key, json_t *value)
{
    report->incomplete |= json_object_set_new(object, key, value) != 0;
}

void gr_report_add(gr_report *report, const char *section, json_t *value)
{
    gr_report_add_in(report, json_object_get(report->root, section), value);
}

void gr_report_note(gr_report *report, const char *section, const char *fmt, ...)
{
    char text[600];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    gr_report_add(report, "notes", json_pack("{s:s,s:s}", "section", section, "text", text));
}

json_t *gr_json_numbers(const double *values, int64_t count)
{
    json_t *array = json_array();
    for (int64_t i = 0; i < count; i++)
        gr_json_append(&array, isfinite(values[i]) ? json_real(values[i]) : json_null());
    return array;
}
