#include "fixture.h"

#include "base/file.h"
#include "base/mem.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int fixture_setup(void **state)
{
    fixture *f = gr_alloc(NULL, sizeof(*f));
    assert_non_null(f);
    f->memory = f;
    f->log = graft_log_create(NULL);
    assert_non_null(f->log);
    const char *base = getenv("TMPDIR");
    f->directory = gr_printf(f, "%s/graft-test-XXXXXX", base ? base : "/tmp");
    assert_non_null(mkdtemp(f->directory));
    *state = f;
    return 0;
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *place)
{
    (void)info, (void)type, (void)place;
    return remove(path);
}

int fixture_teardown(void **state)
{
    fixture *f = *state;
    nftw(f->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    graft_log_destroy(&f->log);
    gr_free(f);
    return 0;
}

void check_ok(fixture *f, graft_status found)
{
    char text[1024];
    graft_log_error(f->log, text, sizeof(text));
    if (found != GRAFT_OK)
        fail_msg("%s: %s", graft_status_text(found), text);
}

void check_error(fixture *f, graft_status found, graft_status expected, ...)
{
    char text[1024];
    graft_log_error(f->log, text, sizeof(text));
    if (found != expected)
        fail_msg("expected '%s', found '%s': %s", graft_status_text(expected),
                 graft_status_text(found), text);
    if (strchr(text, '\n'))
        fail_msg("more than one line: %s", text);
    va_list parts;
    va_start(parts, expected);
    for (const char *part; (part = va_arg(parts, const char *));)
        if (!strstr(text, part))
            fail_msg("'%s' is not in the message: %s", part, text);
    va_end(parts);
}

char *path_of(fixture *f, const char *name)
{
    char *path = gr_path_join(f->memory, f->directory, name);
    assert_non_null(path);
    return path;
}

FILE *open_in(fixture *f, const char *name, const char *mode)
{
    FILE *file = fopen(path_of(f, name), mode);
    assert_non_null(file);
    return file;
}

void put_bytes(const char *path, const void *data, size_t size)
{
    char *directory = gr_path_directory(NULL, path);
    assert_int_equal(gr_make_directories(NULL, directory), GRAFT_OK);
    gr_free(directory);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    if (size)
        assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

void put_text(const char *path, const char *text)
{
    put_bytes(path, text, strlen(text));
}
