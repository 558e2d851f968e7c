/* Finding the cases below a folder. */
#include "golden.h"

#include "base/mem.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 4 };

static int visit_at(const char *path, int depth, void (*visit)(void *, const char *), void *user)
{
    char *config = gr_path_join(NULL, path, "config.json");
    bool is_case = config && gr_file_exists(config);
    gr_free(config);
    if (is_case) {
        visit(user, path);
        return 1;
    }
    struct dirent **entries;
    int found = 0, count = depth < MAX_DEPTH ? scandir(path, &entries, NULL, alphasort) : -1;
    for (int i = 0; i < count; i++) {
        char *below =
            entries[i]->d_name[0] == '.' ? NULL : gr_path_join(NULL, path, entries[i]->d_name);
        if (below && gr_file_is_directory(below))
            found += visit_at(below, depth + 1, visit, user);
        gr_free(below);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    return found;
}

int golden_visit(const char *path, void (*visit)(void *user, const char *path), void *user)
{
    char *trimmed = gr_strdup(NULL, path);
    if (!trimmed)
        return 0;
    for (size_t n = strlen(trimmed); n > 1 && trimmed[n - 1] == '/'; n--)
        trimmed[n - 1] = '\0';
    int found = visit_at(trimmed, 0, visit, user);
    gr_free(trimmed);
    return found;
}
