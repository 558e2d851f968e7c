/* Reading folders, by POSIX's functions, which mingw-w64 has for Windows as well. */
#include "base/system.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

/* The handle of a folder is the DIR itself. */
gr_folder *gr_folder_open(const char *path)
{
    return (gr_folder *)opendir(path);
}

const char *gr_folder_next(gr_folder *folder)
{
    struct dirent *entry;
    do {
        errno = 0;
        entry = readdir((DIR *)folder);
    } while (entry && (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")));
    return entry ? entry->d_name : NULL;
}

void gr_folder_close(gr_folder *folder)
{
    closedir((DIR *)folder);
}
