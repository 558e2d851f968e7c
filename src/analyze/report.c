#include "analyze/report.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

void gr_report_note(gr_report *report, const char *section, const char *fmt, ...)
{
    char text[600];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    json_array_append_new(json_object_get(report->root, "notes"),
                          json_pack("{s:s,s:s}", "section", section, "text", text));
}

json_t *gr_json_numbers(const double *values, int64_t count)
{
    json_t *array = json_array();
    for (int64_t i = 0; i < count; i++)
        json_array_append_new(array, isfinite(values[i]) ? json_real(values[i]) : json_null());
    return array;
}
