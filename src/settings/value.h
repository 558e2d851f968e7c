/* Private to src/settings: the small languages of single types. */
#ifndef GR_SETTINGS_VALUE_H
#define GR_SETTINGS_VALUE_H

#include <graft/settings.h>

/* Room for any value but texts. */
typedef struct gr_setting_value {
    _Alignas(16) char bytes[256];
} gr_setting_value;

/* A whole text as numbers with commas: how many, 0 when it is anything else or has more than
 * `most`. */
int gr_numbers_parse(const char *text, int most, double *out);

/* False: the text is none; *out stays. */
bool gr_rand_augment_parse(const char *text, graft_rand_augment *out);
bool gr_color_jitter_parse(const char *text, graft_color_jitter *out);

void gr_rand_augment_text(const graft_rand_augment *a, char text[GRAFT_SETTING_TEXT_SIZE]);
void gr_color_jitter_text(const graft_color_jitter *j, char text[GRAFT_SETTING_TEXT_SIZE]);

/* A number with as few digits as give it back, 0.0003 and not 0.00029999999999999997. */
void gr_number_text(double value, char *text, size_t size);

#endif
