/* The page of graft analyze: figures of the report that graft_analyze() makes. */
#ifndef CLI_ANALYZE_H
#define CLI_ANALYZE_H

#include "command/console/page.h"

#include <jansson.h>

/* The whole page between its begin and end. */
void cli_analyze_page(cli_page *page, const json_t *report);

/* Its parts. Run i has cli_color(i) in all of them; what is not about a run is gray. */
void cli_analyze_curves(cli_page *page, const json_t *runs);
void cli_analyze_tradeoff(cli_page *page, const json_t *runs);
void cli_analyze_weights(cli_page *page, const json_t *linears);
void cli_analyze_features(cli_page *page, const json_t *features);
void cli_analyze_filters(cli_page *page, const json_t *report);

/* Items of an object as C values: "" and NaN where there is none. */
const char *cli_json_string(const json_t *object, const char *key);
double cli_json_number(const json_t *object, const char *key);
int cli_json_int(const json_t *object, const char *key); /* -1: none */

/* Defines $name, lines "x y" with y of the array, thinned out to at most 200: each is the mean of a
 * group. xs: where they are; NULL: at 0, 1, .. */
void cli_figure_data(cli_figure *figure, const char *name, const json_t *xs, const json_t *ys);

/* Begins a figure of `count` panels, four in a row. */
void cli_panels_begin(cli_figure *figure, size_t count);

#define CLI_GRAY "lc rgb '#999999' lw 2.5"

#endif
