/* Files: reading, mapping, and writes that leave either the old content or the new one. */
#include "support.h"

#include "base/file.h"
#include "base/mem.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static void expect_content(fixture *f, const char *path, const char *expected)
{
    char *data;
    size_t size;
    assert_int_equal(gr_file_read(f->log, f->memory, path, &data, &size), GRAFT_OK);
    assert_int_equal(size, strlen(expected));
    assert_string_equal(data, expected);
}

static void reads_and_maps(void **state)
{
    fixture *f = *state;
    const char *path = path_of(f, "file");
    put_text(path, "some text");
    expect_content(f, path, "some text");
    gr_mapping mapping;
    assert_int_equal(gr_file_map(f->log, path, &mapping), GRAFT_OK);
    assert_int_equal(mapping.size_bytes, 9);
    assert_memory_equal(mapping.data, "some text", 9);
    gr_file_unmap(&mapping);
    assert_null(mapping.data);
}

static void an_empty_file_is_fine(void **state)
{
    fixture *f = *state;
    const char *path = path_of(f, "empty");
    put_text(path, "");
    expect_content(f, path, "");
    gr_mapping mapping;
    assert_int_equal(gr_file_map(f->log, path, &mapping), GRAFT_OK);
    assert_int_equal(mapping.size_bytes, 0);
    gr_file_unmap(&mapping);
}

/* Pipes and /proc files announce no size. */
static void reads_files_of_unknown_size(void **state)
{
    fixture *f = *state;
    char *data;
    size_t size;
    if (!gr_file_exists("/proc/self/maps"))
        skip();
    assert_int_equal(gr_file_read(f->log, f->memory, "/proc/self/maps", &data, &size), GRAFT_OK);
    assert_true(size > 100);
    assert_int_equal(strlen(data), size);
}

static void unreadable_files_are_named(void **state)
{
    fixture *f = *state;
    char *data;
    gr_mapping mapping;
    const char *missing = path_of(f, "missing");
    assert_error(f, gr_file_read(f->log, NULL, missing, &data, NULL), GRAFT_ERR_IO, missing,
                 "No such file");
    assert_error(f, gr_file_map(f->log, missing, &mapping), GRAFT_ERR_IO, missing, "No such file");
    assert_error(f, gr_file_map(f->log, f->directory, &mapping), GRAFT_ERR_IO, f->directory,
                 "directory");
    assert_error(f, gr_file_read(f->log, NULL, f->directory, &data, NULL), GRAFT_ERR_IO,
                 f->directory, "directory");
    const char *pipe = path_of(f, "pipe");
    assert_int_equal(mkfifo(pipe, 0600), 0);
    assert_error(f, gr_file_map(f->log, pipe, &mapping), GRAFT_ERR_IO, pipe, "regular file");
}

static void a_write_replaces(void **state)
{
    fixture *f = *state;
    const char *path = path_of(f, "file");
    assert_int_equal(gr_file_write(f->log, path, "old content", 11), GRAFT_OK);
    expect_content(f, path, "old content");
    assert_int_equal(gr_file_write(f->log, path, "new", 3), GRAFT_OK);
    expect_content(f, path, "new");
    assert_int_equal(file_count(f->directory), 1);
    mode_t mask = umask(0);
    umask(mask);
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0666 & ~mask);
}

static void a_write_goes_through_a_link(void **state)
{
    fixture *f = *state;
    const char *path = path_of(f, "file"), *link = path_of(f, "link");
    put_text(path, "old");
    assert_int_equal(symlink(path, link), 0);
    assert_int_equal(gr_file_write(f->log, link, "new", 3), GRAFT_OK);
    expect_content(f, path, "new");
    struct stat info;
    assert_int_equal(lstat(link, &info), 0);
    assert_true(S_ISLNK(info.st_mode));
}

static void the_target_is_untouched_until_commit(void **state)
{
    fixture *f = *state;
    const char *path = path_of(f, "file");
    put_text(path, "old");
    gr_file_writer *writer;
    assert_int_equal(gr_file_writer_open(f->log, path, &writer), GRAFT_OK);
    assert_int_equal(gr_file_writer_write(writer, "new", 3), GRAFT_OK);
    expect_content(f, path, "old");
    gr_file_writer_cancel(&writer);
    assert_null(writer);
    gr_file_writer_cancel(&writer);
    expect_content(f, path, "old");
    assert_int_equal(file_count(f->directory), 1);
}

/* Two writers in one process do not share a temporary file; the last commit wins. */
static void writers_do_not_collide(void **state)
{
    fixture *f = *state;
    const char *path = path_of(f, "file");
    gr_file_writer *a, *b;
    assert_int_equal(gr_file_writer_open(f->log, path, &a), GRAFT_OK);
    assert_int_equal(gr_file_writer_open(f->log, path, &b), GRAFT_OK);
    gr_file_writer_write(a, "first", 5);
    gr_file_writer_write(b, "second", 6);
    assert_int_equal(gr_file_writer_commit(&a), GRAFT_OK);
    assert_int_equal(gr_file_writer_commit(&b), GRAFT_OK);
    expect_content(f, path, "second");
    assert_int_equal(file_count(f->directory), 1);
}

/* A file size limit stands in for a full disk: write() stops in the middle and then fails. */
static void a_full_disk_leaves_the_old_file(void **state)
{
    fixture *f = *state;
    const char *path = path_of(f, "file");
    put_text(path, "old");
    static const char data[64 * 1024];
    struct rlimit old, limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    limit = (struct rlimit){.rlim_cur = 10000, .rlim_max = old.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    gr_file_writer *writer;
    graft_status opened = gr_file_writer_open(f->log, path, &writer);
    graft_status status = gr_file_writer_write(writer, data, sizeof(data));
    setrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(opened, GRAFT_OK);
    assert_error(f, status, GRAFT_ERR_IO, path, "cannot write", "File too large");
    assert_int_equal(file_count(f->directory), 1);
    /* The failure sticks, though there is room again. */
    assert_int_equal(gr_file_writer_write(writer, data, 1), GRAFT_ERR_IO);
    assert_int_equal(gr_file_writer_commit(&writer), GRAFT_ERR_IO);
    assert_null(writer);
    expect_content(f, path, "old");
    assert_int_equal(file_count(f->directory), 1);
}

static void impossible_targets_are_named(void **state)
{
    fixture *f = *state;
    const char *nowhere = path_of(f, "no/such/file");
    assert_error(f, gr_file_write(f->log, nowhere, "x", 1), GRAFT_ERR_IO, nowhere, "No such file");
    assert_error(f, gr_file_write(f->log, f->directory, "x", 1), GRAFT_ERR_IO, f->directory,
                 "not a regular file");
    const char *pipe = path_of(f, "pipe");
    assert_int_equal(mkfifo(pipe, 0600), 0);
    assert_error(f, gr_file_write(f->log, pipe, "x", 1), GRAFT_ERR_IO, pipe, "not a regular file");
    assert_int_equal(file_count(f->directory), 1);
}

static void directories_are_made(void **state)
{
    fixture *f = *state;
    const char *deep = path_of(f, "a//b/c/");
    assert_int_equal(gr_make_directories(f->log, deep), GRAFT_OK);
    assert_true(gr_file_is_directory(path_of(f, "a/b/c")));
    assert_int_equal(gr_make_directories(f->log, deep), GRAFT_OK);
    put_text(path_of(f, "file"), "");
    assert_error(f, gr_make_directories(f->log, path_of(f, "file")), GRAFT_ERR_IO,
                 path_of(f, "file"), "File exists");
    assert_error(f, gr_make_directories(f->log, path_of(f, "file/below")), GRAFT_ERR_IO,
                 "cannot create");
}

static void paths_are_joined(void **state)
{
    void *m = ((fixture *)*state)->memory;
    assert_string_equal(gr_path_join(m, "a/b", "c"), "a/b/c");
    assert_string_equal(gr_path_join(m, "a/", "c"), "a/c");
    assert_string_equal(gr_path_join(m, "", "c"), "c");
    assert_string_equal(gr_path_join(m, "a", "/c"), "/c");
    assert_string_equal(gr_path_directory(m, "a/b/c"), "a/b");
    assert_string_equal(gr_path_directory(m, "/c"), "/");
    assert_string_equal(gr_path_directory(m, "c"), ".");
    assert_true(gr_path_has_suffix("x.npz", ".npz"));
    assert_false(gr_path_has_suffix("npz", ".npz"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reads_and_maps),
        TEST(an_empty_file_is_fine),
        TEST(reads_files_of_unknown_size),
        TEST(unreadable_files_are_named),
        TEST(a_write_replaces),
        TEST(a_write_goes_through_a_link),
        TEST(the_target_is_untouched_until_commit),
        TEST(writers_do_not_collide),
        TEST(a_full_disk_leaves_the_old_file),
        TEST(impossible_targets_are_named),
        TEST(directories_are_made),
        TEST(paths_are_joined),
    };
    return RUN_TESTS(tests);
}
