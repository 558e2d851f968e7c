/* A page of text, tables and figures in one HTML file that needs nothing else. */
#ifndef CLI_PAGE_H
#define CLI_PAGE_H

#include "command/console/command.h"

#include <stdio.h>

typedef struct cli_page {
    cli *c;
    char *text; /* the page, once cli_page_end() has succeeded; the caller frees it */
    size_t size;
    FILE *out;
    int figures;
    graft_status status; /* the first failure; later calls do nothing then */
} cli_page;

enum { CLI_COLORS = 8 };

/* "#0072b2": how figures and tables show the same thing. */
const char *cli_color(int index);

void cli_page_begin(cli_page *page, cli *c, const char *title);

/* Closes the page, also after a failure; then there is no text. */
graft_status cli_page_end(cli_page *page);

/* HTML as it is, and with texts made harmless: %s of `fmt` may be anything. */
void cli_page_html(cli_page *page, const char *html);
void cli_page_text(cli_page *page, const char *element, const char *fmt, ...) GRAFT_PRINTF(3, 4);

/* A script of gnuplot in the making, from cli_figure_begin to cli_page_figure. Line type i has
 * cli_color(i - 1). */
typedef struct cli_figure {
    FILE *script; /* NULL: out of memory; nothing is written then */
    char *text;
    size_t size;
    int width, height;
    bool plotting; /* a plot command is open */
} cli_figure;

/* 0: the usual size. */
void cli_figure_begin(cli_figure *figure, int width, int height);

/* Lines of the script; any plot command that is open ends before. */
void cli_figure_line(cli_figure *figure, const char *fmt, ...) GRAFT_PRINTF(2, 3);

/* Adds one thing to the plot command, "$data using 1:2 title"; `title` is quoted, or NULL. */
void cli_figure_plot(cli_figure *figure, const char *title, const char *fmt, ...)
    GRAFT_PRINTF(3, 4);

/* "set title", "set xlabel", .. with any text. */
void cli_figure_set(cli_figure *figure, const char *what, const char *text);

/* Draws the figure, appends it with its caption, and releases it. */
void cli_page_figure(cli_page *page, cli_figure *figure, const char *caption);

/* Whether figures can be drawn here; fails with the remedy. */
graft_status cli_figures_possible(cli *c);

#endif
