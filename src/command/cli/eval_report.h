/* The report of graft eval: what the model says of each image, and what follows from it. */
#ifndef CLI_EVAL_REPORT_H
#define CLI_EVAL_REPORT_H

#include "command/console/output.h"

enum {
    EVAL_TOP = 5,
    EVAL_BINS = 10,
    EVAL_WORST = 24,
    EVAL_THUMBNAIL = 96,
    EVAL_MOST_CLASSES = 5000
};

typedef struct eval_image {
    char *name;
    int label;
    int top[EVAL_TOP]; /* best first; -1 behind the last class */
    float probability[EVAL_TOP];
    float of_label;  /* probability of its own class */
    uint8_t *pixels; /* [EVAL_THUMBNAIL, EVAL_THUMBNAIL, 3], of the worst mistakes; else NULL */
} eval_image;

typedef struct eval_class {
    const char *name; /* NULL: no file tells */
    int64_t images, predicted, correct;
    double precision, recall, f1; /* NaN where nothing was predicted, or there is no image */
} eval_class;

/* Images whose best class has a probability in one tenth. */
typedef struct eval_bin {
    int64_t images;
    double confidence, accuracy; /* means */
} eval_bin;

typedef struct eval_report {
    cli *c;
    const char *data, *split;
    int classes, top; /* top: how many a right answer may be among, min(5, classes) */
    eval_image *images;
    size_t count, capacity;
    size_t worst[EVAL_WORST]; /* indices of mistakes, the surest first */
    int worst_count;
    eval_class *by_class;
    int64_t *confusion; /* [label, predicted] */
    eval_bin bins[EVAL_BINS];
    double accuracy, top_accuracy, loss, calibration_error;
    double macro_f1; /* mean over the classes that have images */
    bool failed;     /* out of memory */
} eval_report;

/* Visits the split, and works it all out. Zeroed before; released in any case. */
graft_status eval_report_collect(eval_report *report, graft_model *model);
void eval_report_release(eval_report *report);

/* "class 3", or its name. */
const char *eval_class_name(const eval_report *report, int index, char text[32]);

/* Writes report.html, confusion.csv, classes.csv, predictions.csv and predictions.json into a
 * folder, which is made. */
graft_status eval_report_write(eval_report *report, const char *folder);

/* eval_page.c: the page. */
graft_status eval_report_page(eval_report *report, char **html);

#endif
