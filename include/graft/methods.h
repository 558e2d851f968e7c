/* The fine-tuning methods that this build knows, and their options. */
#ifndef GRAFT_METHODS_H
#define GRAFT_METHODS_H

#include <graft/export.h>
#include <stdbool.h>

/* All texts live as long as the library. */
typedef struct graft_method_info {
    const char *name;
    const char *summary;      /* one line */
    const char *source;       /* the paper */
    const char *not_foldable; /* why graft_merge refuses it; NULL: it can be folded */
    int option_count;
} graft_method_info;

typedef struct graft_method_option {
    const char *name;  /* set as "method.name=value" */
    const char *value; /* the default */
    const char *help;
    char allowed[64]; /* "whole number from 1 to 4096", "2d|1d" */
} graft_method_option;

GRAFT_BEGIN_DECLS

/* Thread-safety: all functions are safe. */
GRAFT_API int graft_method_count(void);

/* Method `index`, in the order in which methods act. False when there is none. */
GRAFT_API bool graft_method_get_info(int index, graft_method_info *info);

/* Option `option` of method `index`. False when there is none. */
GRAFT_API bool graft_method_get_option(int index, int option, graft_method_option *info);

GRAFT_END_DECLS

#endif
