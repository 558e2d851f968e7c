#include "data/split_name.h"

#include <ctype.h>
#include <string.h>

enum { MAX_NAME = 32 };

/* "Training-Set" -> "trainingset"; empty when it is longer than any name that is known. */
static void simplify(gr_span name, char out[MAX_NAME])
{
    size_t length = 0;
    for (size_t i = 0; i < name.length && length < MAX_NAME - 1; i++)
        if (!memchr("_- .", name.at[i], 4))
            out[length++] = (char)tolower((unsigned char)name.at[i]);
    out[name.length < MAX_NAME ? length : 0] = '\0';
}

static void cut_ending(char *text, const char *ending)
{
    size_t length = strlen(text), tail = strlen(ending);
    if (length > tail && strcmp(text + length - tail, ending) == 0)
        text[length - tail] = '\0';
}

gr_split_role gr_split_role_of(gr_span name)
{
    static const struct {
        const char *name;
        gr_split_role role;
    } known[] = {
        {"train", GR_SPLIT_TRAIN}, {"training", GR_SPLIT_TRAIN}, {"val", GR_SPLIT_VAL},
        {"valid", GR_SPLIT_VAL},   {"validation", GR_SPLIT_VAL}, {"dev", GR_SPLIT_VAL},
        {"test", GR_SPLIT_TEST},   {"testing", GR_SPLIT_TEST},
    };
    char text[MAX_NAME];
    simplify(name, text);
    cut_ending(text, "set");
    cut_ending(text, "data");
    cut_ending(text, "images");
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (strcmp(text, known[i].name) == 0)
            return known[i].role;
    return GR_SPLIT_NONE;
}
