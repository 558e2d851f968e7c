/* Figures of a sweep, drawn by gnuplot. */
#ifndef SWEEP_FIGURES_H
#define SWEEP_FIGURES_H

#include "command/sweep/summary.h"

/* Writes the pictures OUT/figures/NAME.svg: accuracy over trainable parameters, over shots, and
 * over epochs for each data set, each with its script NAME.gp, which holds the numbers. Without
 * gnuplot only the scripts are written, and a message says so. */
graft_status sweep_figures_write(cli *c, const sweep_summary *summary);

#endif
