/* RandAugment and colour jitter as texts. */
#include "settings/augment_text.h"

#include "settings/value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double HUE_MAX = 0.5, JITTER_MAX = 10.0, MAGNITUDE_MAX = 10.0, DEVIATION_MAX = 100.0;
enum { COUNT_MAX = 16 };

/* "rand", and what it stands for without further parts. */
static const graft_rand_augment plain = {.count = 2, .probability = 0.5, .magnitude = 10.0};

static bool within(double value, double min, double max)
{
    return value >= min && value <= max;
}

bool gr_rand_augment_fits(const graft_rand_augment *a)
{
    return a->count >= 0 && a->count <= COUNT_MAX && within(a->probability, 0, 1) &&
           within(a->magnitude, 0, MAGNITUDE_MAX) && within(a->deviation, 0, DEVIATION_MAX);
}

bool gr_color_jitter_fits(const graft_color_jitter *j)
{
    return within(j->brightness, 0, JITTER_MAX) && within(j->contrast, 0, JITTER_MAX) &&
           within(j->saturation, 0, JITTER_MAX) && within(j->hue, 0, HUE_MAX);
}

/* One part of "rand-m9-mstd0.5-inc1": a key and its number. */
static bool read_part(const char *part, size_t length, graft_rand_augment *out)
{
    size_t letters = strspn(part, "abcdefghijklmnopqrstuvwxyz");
    char *end;
    double value = strtod(part + letters, &end);
    if (letters == length)
        return length == 4 && strncmp(part, "rand", 4) == 0;
    if (end != part + length)
        return false;
    if (letters == 1 && *part == 'm')
        out->magnitude = value;
    else if (letters == 4 && strncmp(part, "mstd", 4) == 0)
        out->deviation = value;
    else if (letters == 1 && *part == 'n')
        out->count = within(value, 1, COUNT_MAX) ? (int)value : -1;
    else if (letters == 1 && *part == 'p')
        out->probability = value;
    else if (letters == 3 && strncmp(part, "inc", 3) == 0)
        out->increasing = value != 0.0;
    else
        return false;
    return true;
}

bool gr_rand_augment_parse(const char *text, graft_rand_augment *out)
{
    graft_rand_augment a = *text ? plain : (graft_rand_augment){0};
    for (const char *at = text; *at; at += *at == '-') {
        size_t length = strcspn(at, "-");
        if (!read_part(at, length, &a))
            return false;
        at += length;
    }
    if (!gr_rand_augment_fits(&a))
        return false;
    *out = a;
    return true;
}

static void append(char *text, const char *key, double value)
{
    size_t used = strlen(text);
    char number[32];
    gr_number_text(value, number, sizeof(number));
    snprintf(text + used, GRAFT_SETTING_TEXT_SIZE - used, "-%s%s", key, number);
}

void gr_rand_augment_text(const graft_rand_augment *a, char text[GRAFT_SETTING_TEXT_SIZE])
{
    snprintf(text, GRAFT_SETTING_TEXT_SIZE, "%s", a->count ? "rand" : "");
    if (a->count == 0)
        return;
    append(text, "m", a->magnitude);
    if (a->deviation != plain.deviation)
        append(text, "mstd", a->deviation);
    if (a->count != plain.count)
        append(text, "n", a->count);
    if (a->probability != plain.probability)
        append(text, "p", a->probability);
    if (a->increasing)
        append(text, "inc", 1);
}

/* One number for brightness, contrast and saturation, or three, or four with the hue's. */
bool gr_color_jitter_parse(const char *text, graft_color_jitter *out)
{
    double x[4] = {0};
    int count = *text ? gr_numbers_parse(text, 4, x) : 3;
    if (count == 1)
        x[1] = x[2] = x[0];
    graft_color_jitter j = {x[0], x[1], x[2], x[3]};
    if (count == 0 || count == 2 || !gr_color_jitter_fits(&j))
        return false;
    *out = j;
    return true;
}

void gr_color_jitter_text(const graft_color_jitter *j, char text[GRAFT_SETTING_TEXT_SIZE])
{
    const double x[4] = {j->brightness, j->contrast, j->saturation, j->hue};
    int count = x[3] != 0.0 ? 4 : 3;
    if (count == 3 && x[0] == x[1] && x[1] == x[2])
        count = x[0] != 0.0;
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < count; i++) {
        char number[32];
        gr_number_text(x[i], number, sizeof(number));
        used += (size_t)snprintf(text + used, GRAFT_SETTING_TEXT_SIZE - used, "%s%s", i ? "," : "",
                                 number);
    }
}
