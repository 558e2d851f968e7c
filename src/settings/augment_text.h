/* RandAugment and colour jitter: their limits, and their texts. */
#ifndef GR_AUGMENT_TEXT_H
#define GR_AUGMENT_TEXT_H

#include <graft/settings.h>

/* Whether all numbers are within the limits of params.h. */
bool gr_rand_augment_fits(const graft_rand_augment *a);
bool gr_color_jitter_fits(const graft_color_jitter *j);

/* False: the text is none; *out stays. */
bool gr_rand_augment_parse(const char *text, graft_rand_augment *out);
bool gr_color_jitter_parse(const char *text, graft_color_jitter *out);

void gr_rand_augment_text(const graft_rand_augment *a, char text[GRAFT_SETTING_TEXT_SIZE]);
void gr_color_jitter_text(const graft_color_jitter *j, char text[GRAFT_SETTING_TEXT_SIZE]);

#endif
