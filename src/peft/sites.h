/* Where methods may act on the weights of a backbone, noted while its graph is built and in the
 * order in which they act there: what merging walks, whatever the backbone is. */
#ifndef GR_SITES_H
#define GR_SITES_H

#include "peft/method.h"

typedef struct gr_site {
    const char *module; /* "blocks.3.attn.q" */
    const char *tensor; /* "blocks.3.attn.qkv": these rows of its .weight and .bias */
    int64_t row, rows;
    gr_linear_target target; /* a linear; 0: an output */
    gr_point point;          /* of an output */
} gr_site;

/* Strings live as long as the graph. */
typedef struct gr_sites {
    gr_site *items;
    size_t count;
} gr_sites;

gr_sites *gr_sites_create(void); /* NULL when out of memory */
void gr_sites_destroy(gr_sites *sites);

/* Does nothing where b->sites is NULL. Out of memory fails the graph. */
void gr_sites_note_linear(gr_build *b, const gr_linear_site *linear);
void gr_sites_note_output(gr_build *b, gr_point point, const char *module, const gr_value *y);

#endif
