/* Figures, drawn by gnuplot in a child process.
 *
 * Needs the public API alone: the command and the tests compile it, the library does without. Data
 * stands in the script as a datablock: "$loss << EOD" .. "EOD".
 */
#ifndef GR_PLOT_GNUPLOT_H
#define GR_PLOT_GNUPLOT_H

#include <graft/status.h>
#include <stdio.h>

typedef struct gr_figure {
    const char *name;   /* a word: begins the ids of the SVG, must differ between those of a page */
    const char *script; /* what to set and to plot; the terminal is set already */
    int width, height;  /* pixels; 0: 720, 420 */
} gr_figure;

/* Runs the script. *svg is an <svg> element without XML prolog, fit for a file and for HTML; the
 * caller frees it. On failure it is NULL and `error` one line with the remedy; without gnuplot that
 * is GRAFT_ERR_NOT_FOUND. Thread-safety: safe. */
graft_status gr_gnuplot_svg(const gr_figure *figure, char **svg, char error[256]);

/* Writes a text as a string of gnuplot, quotes included, whatever is in it. */
void gr_gnuplot_quote(FILE *script, const char *text);

#endif
