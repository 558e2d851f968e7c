/* What the library adds to an application's graph. */
#ifndef GR_COMPUTE_SCALARS_H
#define GR_COMPUTE_SCALARS_H

#include "graph/graph.h"

/* How the names of such values begin; an application's may not. */
#define GR_COMPUTE_OWN "."

/* The graph's input of a gr_scalars, made at first use: a program writes it before each run. */
gr_value *gr_compute_scalars(gr_graph *graph);

#endif
