#include "command/console/output.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The room doubles whenever it is full: at each power of two. */
static bool make_room(cli_table *table)
{
    size_t count = table->count;
    if (count & (count - 1))
        return true;
    char **cells = realloc(table->cells, (count ? 2 * count : 1) * sizeof(*cells));
    if (cells)
        table->cells = cells;
    return cells != NULL;
}

void cli_table_cell(cli_table *table, const char *fmt, ...)
{
    if (!make_room(table)) {
        table->failed = true;
        return;
    }
    char **cells = table->cells;
    va_list args;
    va_start(args, fmt);
    if (vasprintf(&cells[table->count], fmt, args) < 0) {
        cells[table->count] = NULL;
        table->failed = true;
    }
    va_end(args);
    table->count++;
}

/* Characters, not bytes, of UTF-8. */
static int width_of(const char *text)
{
    int width = 0;
    for (; *text; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

static bool is_number(const char *text)
{
    return *text && strspn(text, "0123456789.,%-e ") == strlen(text);
}

static char clean(char c)
{
    return (unsigned char)c < ' ' || c == 0x7f ? '?' : c;
}

void cli_clean_text(char *text)
{
    for (; *text; text++)
        *text = clean(*text);
}

void cli_print_text(const char *text)
{
    for (; *text; text++)
        putchar(clean(*text));
}

static void print_cell(const char *cell, int width, bool last)
{
    int pad = width - width_of(cell);
    bool right = is_number(cell);
    printf("%*s", right ? pad : 0, "");
    cli_print_text(cell);
    if (!last)
        printf("%*s", (right ? 0 : pad) + 2, "");
}

/* A heading stands where the cell below it does. */
static void print_heading(const cli_table *t, int column, int width, bool last)
{
    const char *heading = t->cells[column];
    bool right = t->count > (size_t)t->columns && is_number(t->cells[t->columns + column]);
    int pad = width - width_of(heading);
    printf("%*s", right ? pad : 0, "");
    cli_print_text(heading);
    printf("%*s", last ? 0 : (right ? 0 : pad) + 2, "");
}

static void measure_columns(const cli_table *t, int *widths)
{
    for (size_t i = 0; i < t->count; i++) {
        int *width = &widths[i % (size_t)t->columns], found = width_of(t->cells[i]);
        *width = found > *width ? found : *width;
    }
}

static void print_rows(const cli_table *t, const int *widths)
{
    for (size_t i = 0; i < t->count; i++) {
        int column = (int)(i % (size_t)t->columns);
        bool last = column == t->columns - 1;
        if (i < (size_t)t->columns)
            print_heading(t, column, widths[column], last);
        else
            print_cell(t->cells[i], widths[column], last);
        if (last)
            putchar('\n');
    }
}

void cli_table_release(cli_table *table)
{
    for (size_t i = 0; i < table->count; i++)
        free(table->cells[i]);
    free(table->cells);
    *table = (cli_table){0};
}

graft_status cli_table_print(cli *c, cli_table *table)
{
    int *widths = calloc((size_t)table->columns, sizeof(*widths));
    bool failed = table->failed || !widths;
    if (!failed) {
        measure_columns(table, widths);
        print_rows(table, widths);
    }
    free(widths);
    cli_table_release(table);
    return failed ? cli_fail(c, GRAFT_ERR_MEMORY, "out of memory") : GRAFT_OK;
}

void cli_accuracy_cell(cli_table *t, double accuracy)
{
    if (accuracy >= 0.0)
        cli_table_cell(t, "%.2f%%", 100.0 * accuracy);
    else
        cli_table_cell(t, "-");
}

json_t *cli_accuracy_json(double accuracy)
{
    return accuracy >= 0.0 ? json_real(accuracy) : json_null();
}

graft_status cli_print_json(cli *c, json_t *value)
{
    char *text = value
                     ? json_dumps(value, JSON_INDENT(2) | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15))
                     : NULL;
    json_decref(value);
    if (!text)
        return cli_fail(c, GRAFT_ERR_MEMORY, "out of memory");
    printf("%s\n", text);
    free(text);
    return GRAFT_OK;
}

json_t *cli_json_text(const char *text)
{
    json_t *json = json_string(text);
    if (json)
        return json;
    char *copy = strdup(text);
    for (char *at = copy; at && *at; at++)
        if ((unsigned char)*at >= 0x80)
            *at = '?';
    json = copy ? json_string(copy) : NULL;
    free(copy);
    return json;
}

const char *cli_grouped(int64_t number, char text[32])
{
    char digits[24];
    int length = snprintf(digits, sizeof(digits), "%" PRId64, number), used = 0;
    for (int i = 0; i < length; i++) {
        if (i && digits[i - 1] != '-' && (length - i) % 3 == 0)
            text[used++] = ',';
        text[used++] = digits[i];
    }
    text[used] = '\0';
    return text;
}

const char *cli_bytes(uint64_t bytes, char text[32])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes;
    int unit = 0;
    for (; value >= 1024.0 && unit < 4; unit++)
        value /= 1024.0;
    snprintf(text, 32, "%.*f %s", unit ? 1 : 0, value, units[unit]);
    return text;
}

graft_status cli_flush_output(cli *c)
{
    errno = 0;
    bool lost = fflush(stdout) != 0;
    lost |= ferror(stdout) != 0;
    if (!lost)
        return GRAFT_OK;
    if (errno == 0) { /* an earlier write failed: another one tells why */
        putchar('\n');
        fflush(stdout);
    }
    if (errno == 0)
        errno = EIO;
    return cli_fail(c, GRAFT_ERR_IO, "standard output: %s", strerror(errno));
}
