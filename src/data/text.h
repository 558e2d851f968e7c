/* A small text file as lines. */
#ifndef GR_DATA_TEXT_H
#define GR_DATA_TEXT_H

#include <graft/log.h>
#include <stddef.h>

/* Lines without their ends and without trailing blanks; the caller may write into them. */
typedef struct gr_text {
    size_t count;
    char **lines;
} gr_text;

/* Reads a text file into an allocation of `parent`. A NUL byte is an error: the
 * file is not text. */
graft_status gr_text_read(graft_log *log, void *parent, const char *path, gr_text **out);

#endif
