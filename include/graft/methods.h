/* The fine-tuning methods that this build knows, and their options. */
#ifndef GRAFT_METHODS_H
#define GRAFT_METHODS_H

#include <graft/settings.h>

/* All texts live as long as the library. */
typedef struct graft_method_info {
    const char *name;
    const char *summary;      /* one line */
    const char *source;       /* the paper */
    const char *not_foldable; /* why graft_merge refuses it; NULL: it can be folded */
    int option_count;
} graft_method_info;

GRAFT_BEGIN_DECLS

/* Thread-safety: all functions are safe. */
GRAFT_API int graft_method_count(void);

/* Method `index`, in the order in which methods act. False when there is none. */
GRAFT_API bool graft_method_get_info(int index, graft_method_info *info);

/* Option `option` of method `index`, set as "method.key=value"; NULL when there is none. The struct
 * that it belongs to is the library's own. */
GRAFT_API const graft_setting *graft_method_setting(int index, int option);

GRAFT_END_DECLS

#endif
