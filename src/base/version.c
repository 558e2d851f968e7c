#include <graft/version.h>

#define TEXT_OF(value)        #value
#define VERSION_TEXT(a, b, c) TEXT_OF(a) "." TEXT_OF(b) "." TEXT_OF(c)

uint32_t graft_version(void)
{
    return GRAFT_VERSION;
}

const char *graft_version_text(void)
{
    return VERSION_TEXT(GRAFT_VERSION_MAJOR, GRAFT_VERSION_MINOR, GRAFT_VERSION_PATCH);
}
