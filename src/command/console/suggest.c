#include "command/console/args.h"

#include <stdio.h>
#include <string.h>

enum { MAX_WORD = 47 };

static int least(int a, int b, int c)
{
    int m = a < b ? a : b;
    return m < c ? m : c;
}

/* Levenshtein's distance: insertions, deletions and replacements from one word to the other. */
static int edit_distance(const char *a, const char *b)
{
    int row[MAX_WORD + 1], length = (int)strlen(b);
    for (int j = 0; j <= length; j++)
        row[j] = j;
    for (int i = 1; a[i - 1]; i++) {
        int diagonal = row[0];
        row[0] = i;
        for (int j = 1; j <= length; j++) {
            int replaced = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = least(row[j] + 1, row[j - 1] + 1, replaced);
        }
    }
    return row[length];
}

void cli_nearest_offer(cli_nearest *nearest, const char *word)
{
    size_t length = strlen(nearest->typed);
    if (length > MAX_WORD || strlen(word) > MAX_WORD)
        return;
    bool prefix = length >= 2 && strncmp(word, nearest->typed, length) == 0;
    int distance = prefix ? 1 : edit_distance(nearest->typed, word);
    int limit = length < 5 ? 1 + (length > 2) : (int)length / 3 + 1;
    if (distance > limit || (nearest->best[0] && distance >= nearest->distance))
        return;
    snprintf(nearest->best, sizeof(nearest->best), "%s", word);
    nearest->distance = distance;
}
