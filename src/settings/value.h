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

/* A number with as few digits as give it back, 0.0003 and not 0.00029999999999999997. */
void gr_number_text(double value, char *text, size_t size);

#endif
