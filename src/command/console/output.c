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
    size_t flags = JSON_INDENT(2) | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15);
    c->printed_json = true;
    bool printed = value && json_dumpf(value, stdout, flags) == 0;
    json_decref(value);
    if (!printed && !ferror(stdout)) /* what was lost on its way, cli_flush_output() tells */
        return cli_fail(c, GRAFT_ERR_MEMORY, "out of memory");
    putchar('\n');
    return GRAFT_OK;
}

static void give_up_unless(bool complete, json_t **json)
{
    if (complete)
        return;
    json_decref(*json);
    *json = NULL;
}

void cli_json_set(json_t **object, const char *key, json_t *value)
{
    give_up_unless(json_object_set_new(*object, key, value) == 0, object);
}

void cli_json_append(json_t **array, json_t *value)
{
    give_up_unless(json_array_append_new(*array, value) == 0, array);
}

/* Bytes of the character of UTF-8 that `at` begins with; 0: there is none (RFC 3629, section 4). */
static int character_bytes(const unsigned char *at)
{
    int bytes = at[0] < 0x80 ? 1 : at[0] < 0xc2 ? 0 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
    bool bad = at[0] > 0xf4 || (at[0] == 0xe0 && at[1] < 0xa0) ||
               (at[0] == 0xed && at[1] >= 0xa0) || (at[0] == 0xf0 && at[1] < 0x90) ||
               (at[0] == 0xf4 && at[1] >= 0x90);
    for (int i = 1; i < bytes; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    return bad ? 0 : bytes;
}

static bool is_utf8(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    while (*at && character_bytes(at))
        at += character_bytes(at);
    return !*at;
}

json_t *cli_json_text(const char *text)
{
    if (is_utf8(text))
        return json_string(text);
    char *copy = strdup(text);
    for (char *at = copy; at && *at; at++)
        if ((unsigned char)*at >= 0x80)
            *at = '?';
    json_t *json = copy ? json_string(copy) : NULL;
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
