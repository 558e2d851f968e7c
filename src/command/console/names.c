#include "command/console/names.h"

#include "command/console/args.h"

#include <stdio.h>
#include <string.h>

static bool is_named(const graft_setting *s, const char *name, size_t length)
{
    return s->name && strlen(s->name) == length && strncmp(s->name, name, length) == 0;
}

/* The key of the option; NULL: there is none. */
static const char *key_of(const cli_command *command, const char *name, size_t length)
{
    cli_option o;
    const graft_setting *s;
    for (int i = 0; command && (o = cli_option_at(command, i)).setting; i++)
        if (is_named(o.setting, name, length))
            return o.setting->key;
    for (int i = 0; (s = graft_train_setting(i)); i++)
        if (is_named(s, name, length))
            return s->key;
    return NULL;
}

void cli_name_options(const cli_command *command, const char *text, char *out, size_t size)
{
    size_t used = 0;
    for (const char *at = text; *at && used + 1 < size;) {
        size_t length = strcspn(at + 1, "`");
        const char *key = *at == '`' ? key_of(command, at + 1, length) : NULL;
        if (key && at[1 + length]) {
            int written = snprintf(out + used, size - used, "--%s", key);
            used += (size_t)written < size - used ? (size_t)written : size - used - 1;
            at += length + 2;
        } else {
            out[used++] = *at++;
        }
    }
    out[used] = '\0';
}
