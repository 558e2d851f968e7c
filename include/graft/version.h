/* The version of the library, and what an application may rely on when it changes.
 *
 * Versions are MAJOR.MINOR.PATCH. Within a major version (before 1.0.0: within a minor version)
 * functions, enumerators and the meaning of fields stay. Structs that a `*_defaults()` function
 * fills in may grow at their end: fill them by that function, then set fields by name, and a
 * program that is compiled anew behaves as before. All other structs keep their size; handles are
 * opaque. A program must run with a library of the version that it was compiled for, or a later
 * PATCH: `graft_version()` tells which one is loaded. The soname is of what stays:
 * libgraft.so.MAJOR, before 1.0.0 libgraft.so.0.MINOR.
 */
#ifndef GRAFT_VERSION_H
#define GRAFT_VERSION_H

#include <graft/export.h>
#include <stdint.h>

/* What this header belongs to. */
#define GRAFT_VERSION_MAJOR 0
#define GRAFT_VERSION_MINOR 1
#define GRAFT_VERSION_PATCH 0

/* Versions as numbers that compare: 1.2.3 is 0x010203. */
#define GRAFT_VERSION_NUMBER(major, minor, patch)                                                  \
    ((uint32_t)(major) << 16 | (uint32_t)(minor) << 8 | (uint32_t)(patch))
#define GRAFT_VERSION                                                                              \
    GRAFT_VERSION_NUMBER(GRAFT_VERSION_MAJOR, GRAFT_VERSION_MINOR, GRAFT_VERSION_PATCH)

GRAFT_BEGIN_DECLS

/* The version of the library that is loaded, to be compared with GRAFT_VERSION.
 * Thread-safety: safe. */
GRAFT_API uint32_t graft_version(void);

/* The same as text, "0.1.0": a constant. Thread-safety: safe. */
GRAFT_API const char *graft_version_text(void);

GRAFT_END_DECLS

#endif
