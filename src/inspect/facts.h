/* What the names and shapes of a backbone's tensors do not tell, and what does. */
#ifndef GR_FACTS_H
#define GR_FACTS_H

#include "build/config.h"

enum { GR_FACTS_MOST = 7 };

typedef struct gr_fact {
    const char *key, *from;
    char value[128];
} gr_fact;

typedef struct gr_facts {
    gr_fact items[GR_FACTS_MOST];
    size_t count;
} gr_facts;

/* Of a backbone and the geometry that was read off it. Thread-safety: safe. */
void gr_facts_read(const struct gr_tensors *backbone, const gr_model_config *config, gr_facts *out);

#endif
