#include "weights/npy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

graft_status gr_npy_parse_prefix(graft_log *log, const char *name,
                                 const unsigned char prefix[GR_NPY_PREFIX_BYTES],
                                 size_t *header_start, size_t *header_bytes)
{
    if (memcmp(prefix, "\x93NUMPY", 6) != 0)
        return gr_fail(log, GRAFT_ERR_FORMAT, "%s: is not a .npy array", name);
    int version = prefix[6];
    if (version < 1 || version > 3)
        return gr_fail(log, GRAFT_ERR_UNSUPPORTED, "%s: expected .npy version 1 to 3, found %d",
                       name, version);
    *header_start = version == 1 ? 10 : 12;
    *header_bytes = 0;
    for (size_t i = *header_start; i-- > 8;)
        *header_bytes = *header_bytes << 8 | prefix[i];
    return GRAFT_OK;
}

typedef struct parser {
    graft_log *log;
    const char *name;
    const char *at;
} parser;

static graft_status malformed(const parser *p, const char *expected)
{
    return gr_fail(p->log, GRAFT_ERR_FORMAT, "%s: malformed .npy header: expected %s", p->name,
                   expected);
}

/* Skips white space, then `token` if it comes next. */
static bool accept(parser *p, const char *token)
{
    p->at += strspn(p->at, " \t\r\n");
    size_t length = strlen(token);
    if (strncmp(p->at, token, length) != 0)
        return false;
    p->at += length;
    return true;
}

static graft_status parse_string(parser *p, char *text, size_t size)
{
    char quote[2] = {accept(p, "'") ? '\'' : accept(p, "\"") ? '"' : '\0', '\0'};
    size_t length = quote[0] ? strcspn(p->at, quote) : size;
    if (length >= size || p->at[length] != quote[0])
        return malformed(p, "a short string");
    memcpy(text, p->at, length);
    text[length] = '\0';
    p->at += length + 1;
    return GRAFT_OK;
}

static graft_status parse_dtype(parser *p, gr_dtype *dtype)
{
    static const struct {
        const char *code;
        gr_dtype dtype;
    } types[] = {{"f8", GR_F64}, {"f4", GR_F32}, {"f2", GR_F16}, {"i8", GR_I64}, {"i4", GR_I32},
                 {"i2", GR_I16}, {"i1", GR_I8},  {"u4", GR_U32}, {"u1", GR_U8},  {"b1", GR_BOOL}};
    char text[16];
    GR_TRY(parse_string(p, text, sizeof(text)));
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (text[0] && strchr("<|=", text[0]) && strcmp(text + 1, types[i].code) == 0) {
            *dtype = types[i].dtype;
            return GRAFT_OK;
        }
    }
    return gr_fail(p->log, GRAFT_ERR_UNSUPPORTED,
                   "%s: element type '%s' is not supported; convert it to '<f4'", p->name, text);
}

static graft_status parse_shape(parser *p, gr_shape *shape)
{
    *shape = (gr_shape){0};
    if (!accept(p, "("))
        return malformed(p, "a tuple as shape");
    while (!accept(p, ")")) {
        if (shape->rank == GR_MAX_RANK)
            return gr_fail(p->log, GRAFT_ERR_UNSUPPORTED, "%s: more than %d dimensions", p->name,
                           GR_MAX_RANK);
        char *end;
        errno = 0;
        long long dim = strtoll(p->at, &end, 10);
        if (end == p->at || errno || dim < 0)
            return malformed(p, "a count of elements in shape");
        shape->dim[shape->rank++] = dim;
        p->at = end;
        if (!accept(p, ",") && !accept(p, ")"))
            return malformed(p, "',' or ')' in shape");
        if (p->at[-1] == ')')
            break;
    }
    return GRAFT_OK;
}

static graft_status parse_order(parser *p, bool *fortran)
{
    *fortran = accept(p, "True");
    return *fortran || accept(p, "False") ? GRAFT_OK : malformed(p, "True or False");
}

graft_status gr_npy_parse_header(graft_log *log, const char *name, const char *text,
                                 gr_dtype *dtype, gr_shape *shape)
{
    parser p = {log, name, text};
    enum { DESCR = 1, ORDER = 2, SHAPE = 4 };
    int seen = 0;
    bool fortran = false;
    if (!accept(&p, "{"))
        return malformed(&p, "'{'");
    while (!accept(&p, "}")) {
        char key[16];
        GR_TRY(parse_string(&p, key, sizeof(key)));
        int field = !strcmp(key, "descr")           ? DESCR
                    : !strcmp(key, "fortran_order") ? ORDER
                    : !strcmp(key, "shape")         ? SHAPE
                                                    : 0;
        if (!accept(&p, ":") || !field || (seen & field))
            return malformed(&p, "descr, fortran_order and shape, once each");
        seen |= field;
        GR_TRY(field == DESCR   ? parse_dtype(&p, dtype)
               : field == ORDER ? parse_order(&p, &fortran)
                                : parse_shape(&p, shape));
        if (!accept(&p, ",") && *p.at != '}')
            return malformed(&p, "',' or '}'");
    }
    if (seen != (DESCR | ORDER | SHAPE))
        return malformed(&p, "descr, fortran_order and shape, once each");
    if (fortran && shape->rank > 1)
        return gr_fail(log, GRAFT_ERR_UNSUPPORTED,
                       "%s: is in Fortran order; save numpy.ascontiguousarray() of it", name);
    return GRAFT_OK;
}
