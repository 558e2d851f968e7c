/* Tables of settings: from each row come the default of a parameter, its text on the command line
 * and in files, its checks, and its line in help and documents.
 *
 *     graft_train_params p;
 *     const graft_setting *s;
 *     graft_train_defaults(&p);
 *     for (int i = 0; (s = graft_train_setting(i)); i++)
 *         if (strcmp(s->key, "lr") == 0)
 *             status = graft_setting_set(log, s, NULL, &p, "3e-4");
 *
 * Thread-safety: all functions are safe; a struct is written by one thread at a time.
 */
#ifndef GRAFT_SETTINGS_H
#define GRAFT_SETTINGS_H

#include <graft/params.h>
#include <graft/status.h>
#include <stddef.h>
#include <stdint.h>

struct graft_log;

/* What a parameter is in its struct, and how it is written. */
typedef enum graft_setting_type {
    GRAFT_SETTING_BOOL,         /* bool: yes, no, true, false */
    GRAFT_SETTING_INT,          /* int */
    GRAFT_SETTING_COUNT,        /* uint64_t */
    GRAFT_SETTING_BYTES,        /* uint64_t: "512M", with K, M, G and T as powers of 1024 */
    GRAFT_SETTING_FLOAT,        /* float */
    GRAFT_SETTING_DOUBLE,       /* double */
    GRAFT_SETTING_TEXT,         /* const char *, which borrows the text */
    GRAFT_SETTING_TEXTS,        /* graft_text_list; no text sets it, its owner does */
    GRAFT_SETTING_CHOICE,       /* an enumeration from 0 on: one of `values` */
    GRAFT_SETTING_FLAGS,        /* unsigned, bits from 1 on: a comma list of `values` */
    GRAFT_SETTING_INTS,         /* graft_int_list: "1,5,10" */
    GRAFT_SETTING_RANGE,        /* graft_range: "0.08,1" */
    GRAFT_SETTING_RAND_AUGMENT, /* graft_rand_augment, as timm writes it: "rand-m9-mstd0.5-inc1" */
    GRAFT_SETTING_COLOR_JITTER, /* graft_color_jitter: "0.4" for all but the hue, "0.4,0.4,0.4,0.1"
                                 */
} graft_setting_type;

/* What a setting belongs to. Those of the task and of the training determine a run's result. */
typedef enum graft_setting_role {
    GRAFT_SETTING_TRAINING, /* how it is trained: what a recipe may settle */
    GRAFT_SETTING_TASK,     /* what is trained, on which images */
    GRAFT_SETTING_RUN,      /* where, and with which means; kept in config.json */
    GRAFT_SETTING_CALL,     /* of one call, kept nowhere */
} graft_setting_role;

/* A row. Rows and their texts live as long as the library, and may grow at their end. */
typedef struct graft_setting {
    const char *key;  /* in files, and the command's long option: "image-size" */
    const char *name; /* of the parameter in its struct: "input.image_size" */
    size_t offset;    /* of the parameter in its struct */
    graft_setting_type type;
    const char *default_value; /* as text; NULL: 0, false or NULL */
    const char *values; /* CHOICE and FLAGS: the names, "adamw|sgd"; a CHOICE whose 0 has no name,
                         * "|cls|avg", is not set while it is 0. Others: what stands for a value in
                         * help, "FILE"; may be NULL */
    double min, max;    /* of numbers, and of each in a list */
    const char *help;   /* one line without a stop */
    const char *unset;  /* what 0, "" or NULL stands for, "as the backbone was trained"; or NULL */
    const char *group;  /* the heading above it; NULL: that of the row before */
    graft_setting_role role;
    bool below_max; /* max itself is too large */
    char letter;    /* the command's short option; 0: none */
    bool above_min; /* min itself is too small */
} graft_setting;

enum { GRAFT_SETTING_TEXT_SIZE = 512 };

GRAFT_BEGIN_DECLS

/* Sets the parameter in `params`, the row's struct, from a text. A value that the row does not
 * allow leaves it as it was, and is GRAFT_ERR_ARGUMENT with one line. It begins with `shown`, such
 * as
 * "--lr fast"; NULL: the row's name in backquotes, and the text. Texts are borrowed. */
GRAFT_API graft_status graft_setting_set(struct graft_log *log, const graft_setting *setting,
                                         const char *shown, void *params, const char *text);

/* Writes the parameter as graft_setting_set() reads it, and returns `text`; NULL when it is not set
 * (no text, a CHOICE without a name). A text of TEXT or TEXTS that is longer is cut. */
GRAFT_API const char *graft_setting_text(const graft_setting *setting, const void *params,
                                         char text[GRAFT_SETTING_TEXT_SIZE]);

/* Copies the parameter from one of the row's structs to another, which then borrows what the first
 * did. */
GRAFT_API void graft_setting_copy(const graft_setting *setting, const void *from, void *to);

/* What the row allows, in words: "whole number from 1 to 4096". Returns `text`. */
GRAFT_API const char *graft_setting_allowed(const graft_setting *setting,
                                            char text[GRAFT_SETTING_TEXT_SIZE]);

GRAFT_END_DECLS

#endif
