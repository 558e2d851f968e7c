#include "command/plot/gnuplot.h"

#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

extern char **environ;

/* Standard input, output and error of the child: files without names, as pipes could fill up. */
typedef struct streams {
    FILE *file[3];
} streams;

static void close_streams(streams *s)
{
    for (int i = 0; i < 3; i++)
        if (s->file[i])
            fclose(s->file[i]);
}

static graft_status fail(graft_status status, char error[256], const char *what, int number)
{
    snprintf(error, 256, "gnuplot: %s: %s", what, strerror(number));
    return status;
}

/* The terminal comes first. Text stays as it is: names of methods have underscores. */
static graft_status open_streams(const gr_figure *f, streams *s, char error[256])
{
    for (int i = 0; i < 3; i++)
        if (!(s->file[i] = tmpfile()))
            return fail(GRAFT_ERR_IO, error, "no temporary file", errno);
    fprintf(s->file[0],
            "set encoding utf8\n"
            "set terminal svg size %d,%d dynamic noenhanced font 'sans-serif,13' linewidth 1.4 "
            "name '%s' background rgb 'white'\n"
            "%s\n",
            f->width ? f->width : 720, f->height ? f->height : 420, f->name, f->script);
    if (fflush(s->file[0]) != 0 || fseek(s->file[0], 0, SEEK_SET) != 0)
        return fail(GRAFT_ERR_IO, error, "cannot write its script", errno);
    return GRAFT_OK;
}

static graft_status start(const streams *s, pid_t *child, char error[256])
{
    char name[] = "gnuplot", no_settings[] = "-d"; /* of the user's */
    char *const arguments[] = {name, no_settings, NULL};
    posix_spawn_file_actions_t actions;
    int number = posix_spawn_file_actions_init(&actions);
    if (number)
        return fail(GRAFT_ERR_MEMORY, error, "cannot be started", number);
    for (int i = 0; i < 3 && !number; i++)
        number = posix_spawn_file_actions_adddup2(&actions, fileno(s->file[i]), i);
    if (!number)
        number = posix_spawnp(child, name, &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (number != ENOENT)
        return number ? fail(GRAFT_ERR_IO, error, "cannot be started", number) : GRAFT_OK;
    snprintf(error, 256,
             "gnuplot: is needed for figures and not installed; install it with tools/setup "
             "--with-figures (Debian: gnuplot-nox)");
    return GRAFT_ERR_NOT_FOUND;
}

/* All of a stream as a text. NULL: out of memory or unreadable. */
static char *read_stream(FILE *file)
{
    long size = fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
    char *text = size >= 0 ? malloc((size_t)size + 1) : NULL;
    rewind(file);
    if (text)
        text[fread(text, 1, (size_t)size, file)] = '\0';
    return text;
}

/* gnuplot shows the line, a mark below it, and then what is wrong in a line of its own. */
static graft_status complain(FILE *messages, char error[256])
{
    char *text = read_stream(messages);
    const char *last = "";
    char *rest = NULL;
    for (char *line = text ? strtok_r(text, "\n", &rest) : NULL; line;
         line = strtok_r(NULL, "\n", &rest))
        if (line[strspn(line, " \t")])
            last = line + strspn(line, " \t");
    snprintf(error, 256, "gnuplot: failed: %.200s", *last ? last : "it does not say why");
    free(text);
    return GRAFT_ERR_IO;
}

/* The <svg> element of its output. */
static graft_status take_svg(const streams *s, int exit_status, char **svg, char error[256])
{
    if (exit_status != 0)
        return complain(s->file[2], error);
    char *text = read_stream(s->file[1]);
    const char *begin = text ? strstr(text, "<svg") : NULL;
    if (!begin) {
        free(text);
        return complain(s->file[2], error);
    }
    memmove(text, begin, strlen(begin) + 1);
    *svg = text;
    return GRAFT_OK;
}

graft_status gr_gnuplot_svg(const gr_figure *figure, char **svg, char error[256])
{
    streams s = {0};
    pid_t child = 0;
    int exit_status = 0;
    *svg = NULL;
    graft_status status = open_streams(figure, &s, error);
    if (status == GRAFT_OK)
        status = start(&s, &child, error);
    while (status == GRAFT_OK && waitpid(child, &exit_status, 0) < 0)
        if (errno != EINTR)
            status = fail(GRAFT_ERR_IO, error, "was lost", errno);
    if (status == GRAFT_OK)
        status = take_svg(&s, exit_status, svg, error);
    close_streams(&s);
    return status;
}

/* Between single quotes nothing but the quote is special. */
void gr_gnuplot_quote(FILE *script, const char *text)
{
    fputc('\'', script);
    for (; *text; text++) {
        if (*text == '\'')
            fputc('\'', script);
        fputc((unsigned char)*text < ' ' ? '?' : *text, script);
    }
    fputc('\'', script);
}
