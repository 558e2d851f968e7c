#include "command/console/write.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool cli_close_whole(FILE *file)
{
    bool failed = ferror(file) != 0;
    failed |= fclose(file) != 0;
    return !failed;
}

static bool write_all(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    if (!file)
        return false;
    fputs(text, file);
    return cli_close_whole(file);
}

graft_status cli_write_file(cli *c, const char *path, const char *text)
{
    char part[PATH_MAX];
    struct stat info;
    bool special = stat(path, &info) == 0 && !S_ISREG(info.st_mode);
    if (snprintf(part, sizeof(part), "%s%s", path, special ? "" : ".part") >= (int)sizeof(part))
        return cli_fail(c, GRAFT_ERR_ARGUMENT, "%s: the path is too long", path);
    if (write_all(part, text) && (special || rename(part, path) == 0))
        return GRAFT_OK;
    int error = errno;
    if (!special)
        unlink(part);
    return cli_fail(c, GRAFT_ERR_IO, "%s: cannot write: %s", path, strerror(error));
}
