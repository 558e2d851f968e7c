/* The page of a run. */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include "command/console/page.h"

#include <jansson.h>

/* Fills a page that has begun from a document of graft bench. */
void bench_report(cli_page *page, const json_t *document);

#endif
