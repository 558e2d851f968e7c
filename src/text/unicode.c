#include "text/unicode.h"

typedef struct range {
    uint32_t first, last;
} range;

/* Every step-th code point is a capital, whose small letter is `distance` away. */
typedef struct capital_range {
    uint32_t first, last;
    uint32_t step;
    int32_t distance;
} capital_range;

#include "text/unicode_ranges.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

uint32_t gr_utf8_next(const char **text)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *s = (const unsigned char *)*text;
    if (*s == 0)
        return 0;
    int length = *s < 0x80 ? 1 : *s >> 5 == 6 ? 2 : *s >> 4 == 14 ? 3 : *s >> 3 == 30 ? 4 : 0;
    uint32_t code = length == 1 ? *s : *s & (0x7fu >> length);
    for (int i = 1; i < length; i++) {
        if (s[i] >> 6 != 2) {
            length = 0;
            break;
        }
        code = code << 6 | (s[i] & 0x3fu);
    }
    bool surrogate = code >= 0xd800 && code < 0xe000;
    bool valid = length > 0 && code >= least[length] && code <= 0x10ffff && !surrogate;
    *text += valid ? length : 1;
    return valid ? code : 0xfffd;
}

size_t gr_utf8_put(uint32_t code, char out[4])
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    size_t length = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = length - 1; i > 0; i--, code >>= 6)
        out[i] = (char)(0x80u | (code & 0x3fu));
    static const unsigned char first[] = {0, 0, 0xc0, 0xe0, 0xf0};
    out[0] = (char)(first[length] | code);
    return length;
}

static bool is_in(const range *ranges, size_t count, uint32_t code)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (ranges[middle].last < code)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && ranges[low].first <= code;
}

bool gr_is_letter(uint32_t code)
{
    return is_in(letters, COUNT(letters), code);
}

bool gr_is_number(uint32_t code)
{
    return is_in(numbers, COUNT(numbers), code);
}

bool gr_is_space(uint32_t code)
{
    static const range spaces[] = {
        {9, 13},          {28, 32},         {0x85, 0x85},     {0xa0, 0xa0},     {0x1680, 0x1680},
        {0x2000, 0x200a}, {0x2028, 0x2029}, {0x202f, 0x202f}, {0x205f, 0x205f}, {0x3000, 0x3000}};
    return is_in(spaces, COUNT(spaces), code);
}

uint32_t gr_to_lower(uint32_t code)
{
    for (size_t i = 0; i < COUNT(capitals) && capitals[i].first <= code; i++) {
        const capital_range *c = &capitals[i];
        if (code <= c->last && (code - c->first) % c->step == 0)
            return (uint32_t)((int32_t)code + c->distance);
    }
    return code;
}
