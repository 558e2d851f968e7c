/* What the tests of whole runs share: a ViT of 30 thousand numbers with random weights, a folder of
 * small pictures, a log that keeps its warnings, comparisons of run folders, and the command as a
 * process.
 */
#ifndef RUN_SUPPORT_H
#define RUN_SUPPORT_H

#include "data/support.h"
#include "devices.h"
#include "weights/tensors.h"

#include <graft/graft.h>
#include <sys/types.h>

/* The scratch folder of the running test program; one for all its tests. */
fixture *scratch_open(void);
fixture *scratch(void);
void scratch_close(void);

/* A path in the scratch folder that no earlier call returned, for the folder of a run. */
char *new_path(const char *name);

/* ---- Inputs ----------------------------------------------------------------------------- */

enum { RUN_CLASSES = 3, RUN_TRAIN = 12, RUN_TEST = 9, RUN_BATCH = 4, RUN_SIZE = 32 };

/* The tensors of a ViT: 32x32 images, 8x8 patches, width 32, 2 blocks, 2 heads, no head. The tensor
 * `broken` (may be NULL) is left out, or has a wrong shape when `misshapen`. */
gr_tensors *tiny_tensors(const char *broken, bool misshapen);

/* The path of such a backbone; written once. */
const char *tiny_backbone(void);

/* The same with one number changed. */
char *other_backbone(void);

/* The path of a folder with train/ and test/ of three classes, told apart by colour and stripes;
 * written once. */
const char *tiny_images(void);

/* lora on the above: batches of 4, 3 epochs of 3 steps, no decoding threads to speak of. */
graft_train_params tiny_run(const char *out);

/* ---- Runs ------------------------------------------------------------------------------- */

/* A log that keeps warnings. */
typedef struct listener {
    graft_log *log;
    int warnings;
    char text[2000]; /* of all of them */
} listener;
void listener_open(listener *l);
void listener_close(listener *l);

/* Runs, or fails the test with the message. */
graft_train_result train_ok(gr_device *device, const graft_train_params *params);

/* An open model, or the test fails. NULL adapter: none. */
graft_model *model_ok(graft_log *log, gr_device *device, const char *backbone, const char *adapter);

char *in_folder(const char *folder, const char *name);
char *text_of(const char *path); /* a whole file; fails the test when it cannot be read */
int lines_of(const char *path);  /* 0 when there is no such file */

/* Both files have the same bytes; the message names what the difference is about. */
void assert_same_bytes(const char *a, const char *b, const char *about);

/* Adapters byte for byte, metrics but for images_per_s. */
void assert_same_run(const char *a, const char *b, const char *about);

/* Nothing in the folder, at any depth, has a temporary's name. */
void assert_no_temporaries(const char *folder);

/* Files in a folder, at any depth; 0 when it does not exist. */
int files_below(const char *folder);

/* ---- The command ------------------------------------------------------------------------ */

typedef struct command {
    pid_t pid;
    const char *program; /* NULL: graft. Set before command_start, as limit_bytes */
    char *errors;     /* path of what it writes to stderr */
    char *output;     /* and to stdout */
    long limit_bytes; /* of each file it writes; 0: no limit */
} command;

/* Starts the program with the arguments; the list ends with NULL. */
void command_start(command *c, const char *const *arguments);

/* Waits for the end: the exit code, or minus the signal. */
int command_wait(command *c);

/* Starts, waits, and returns the code. */
int command_run(command *c, const char *const *arguments);
#define RUN_COMMAND(c, ...) command_run(c, (const char *const[]){__VA_ARGS__, NULL})

/* The command fails by itself, with exactly one line that holds the text. */
void command_fails(command *c, const char *const *arguments, const char *telling);
#define COMMAND_FAILS(c, telling, ...)                                                             \
    command_fails(c, (const char *const[]){__VA_ARGS__, NULL}, telling)

#endif
