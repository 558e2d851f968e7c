#include "weights/pattern.h"

#include <stdio.h>
#include <string.h>

enum { MAX_DIGITS = 4 };

/* Reads a number and moves *name behind it. */
static bool read_number(const char **name, int *number)
{
    const char *digits = *name;
    int value = 0, length = 0;
    while (digits[length] >= '0' && digits[length] <= '9' && length <= MAX_DIGITS)
        value = 10 * value + digits[length++] - '0';
    *name += length;
    *number = value;
    return length > 0 && length <= MAX_DIGITS && (length == 1 || digits[0] != '0');
}

static bool match_number(const char **pattern, const char **name, gr_name_parts *parts)
{
    int number;
    if (parts->count == GR_NAME_NUMBERS || !read_number(name, &number))
        return false;
    bool less_one = (*pattern)[1] == '-';
    *pattern += less_one ? 2 : 1;
    parts->number[parts->count++] = number + less_one;
    return true;
}

bool gr_pattern_match(const char *pattern, const char *name, gr_name_parts *parts)
{
    *parts = (gr_name_parts){.rest = ""};
    if (strlen(name) >= GR_NAME_BYTES)
        return false;
    while (*pattern) {
        if (*pattern == '#') {
            if (!match_number(&pattern, &name, parts))
                return false;
        } else if (*pattern == '*' || *pattern == '@') {
            parts->rest = name;
            return *pattern == '*' || strcmp(name, "weight") == 0 || strcmp(name, "bias") == 0;
        } else if (*pattern++ != *name++) {
            return false;
        }
    }
    return *name == '\0';
}

bool gr_pattern_expand(const char *pattern, const gr_name_parts *parts, char name[GR_NAME_BYTES])
{
    size_t used = 0;
    int next = 0;
    while (*pattern && used < GR_NAME_BYTES) {
        size_t room = GR_NAME_BYTES - used;
        if (*pattern == '#' && next < parts->count) {
            bool less_one = pattern[1] == '-';
            int number = parts->number[next++] - less_one;
            if (number < 0)
                return false;
            used += (size_t)snprintf(name + used, room, "%d", number);
            pattern += less_one ? 2 : 1;
        } else if (*pattern == '*' || *pattern == '@') {
            used += (size_t)snprintf(name + used, room, "%s", parts->rest);
            pattern++;
        } else {
            name[used++] = *pattern++;
        }
    }
    if (used >= GR_NAME_BYTES)
        return false;
    name[used] = '\0';
    return true;
}
