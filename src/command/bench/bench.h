/* graft bench: what is measured, on which devices, and what came of it. docs/bench.md has the rules
 * that the figures keep to. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include "command/bench/patience.h"
#include "command/console/command.h"
#include "command/console/progress.h"
#include "command/console/trace.h"

#include <jansson.h>

/* The version of the document; it grows when a key changes its meaning. */
enum { BENCH_SCHEMA = 1 };

/* Suites, bits of bench_options.suites in the order of BENCH_SUITES. */
enum {
    BENCH_QUICK = 1 << 0,
    BENCH_PEAKS = 1 << 1,
    BENCH_OPS = 1 << 2,
    BENCH_TRAIN = 1 << 3,
    BENCH_INFER = 1 << 4,
    BENCH_MEMORY = 1 << 5,
};
#define BENCH_SUITES "quick|peaks|ops|train|infer|memory"

typedef struct bench_options {
    cli_common common;
    const char *device, *json, *report, *profile;
    bool compare;
    unsigned suites;
    const char *model, *method, *op, *shape;
    int batch_size;
} bench_options;

/* What other figures are shares of, per second; 0 until it is measured. */
typedef enum bench_peak {
    BENCH_PEAK_MULTIPLY_ADD, /* flop */
    BENCH_PEAK_BANDWIDTH,    /* bytes */
    BENCH_PEAK_COUNT,
} bench_peak;

typedef struct bench_device {
    graft_device *handle;
    graft_device_info info;
    double peak[BENCH_PEAK_COUNT];
    json_t *results, *failures; /* arrays */
    cli_trace_device lanes;     /* of --profile; its trace NULL: none */
} bench_device;

/* One thing being measured on one device. `once` blocks until the device is done. */
typedef struct bench_run {
    void *state;
    graft_status (*once)(void *state);
    void (*close)(void *state);
    double flop, bytes; /* of one run; 0: does not say */
    double error;       /* against the reference, relative; below 0: compared bit by bit */
    json_t *extra;      /* keys for its result, or NULL */
} bench_run;

/* How a result is told: `amount` of a unit in each second of a run, or the time itself. */
typedef enum bench_unit {
    BENCH_GFLOPS,
    BENCH_GBS,
    BENCH_IMAGES,
    BENCH_MICROSECONDS,
    BENCH_MIB, /* nothing is timed */
} bench_unit;

typedef struct bench_work bench_work;
typedef struct bench bench;

struct bench_work {
    const char *suite;
    char name[120];
    bench_unit unit;
    bool is_peak; /* the best sample becomes `peak` of the device */
    bench_peak peak;
    double amount; /* images, or launches, of a run */
    /* Prepares, runs, and compares with the reference. On failure nothing is left open. */
    graft_status (*open)(bench *b, bench_device *device, const bench_work *work, bench_run *run);
    /* What `open` reads; those that it does not need are 0. */
    const void *spec;
    int64_t shape[3];
    const char *model, *method;
    int batch_size;
    bool infer; /* of a model; false: train */
};

struct bench {
    cli *c;
    const bench_options *options;
    bench_device *devices;
    int device_count;
    graft_device *reference; /* opened when it is first needed */
    bench_work *works;
    size_t work_count;
    struct bench_truth *truth; /* what the reference has computed last, models.h */
    json_t *notes;             /* texts: what was left out, and why */
    cli_trace trace;           /* with --profile */
    cli_progress progress;
    const volatile int *stop;
    bench_patience patience;
    double started;                 /* cli_seconds() */
    double most_seconds, most_each; /* for all, and for one thing on one device */
    double allowance;               /* for the one at hand */
};

/* Adds an entry to bench.works, zeroed but for suite and name; NULL after a failed allocation. */
bench_work *bench_add(bench *b, const char *suite, const char *name);

/* What the suites hold. */
graft_status bench_add_peaks(bench *b, const char *suite, bool all);
graft_status bench_add_ops(bench *b, const char *suite, bool all);
graft_status bench_add_models(bench *b, unsigned suites);

/* Measures all of bench.works on all devices, by turns, into their results and failures. A figure
 * that cannot be had ends nothing. GRAFT_ERR_INTERRUPTED when the user wants to stop. */
graft_status bench_measure(bench *b);

/* What kernels on an open device are shares of, for a trace: takes some seconds. What cannot be
 * measured is said, and stays 0. */
void bench_measure_peaks(cli *c, graft_device *device, cli_trace_device *lanes);

/* Adds a line to the notes, and says it. */
void bench_note(bench *b, const char *fmt, ...) GRAFT_PRINTF(2, 3);

/* The reference device, opened on the first call. */
graft_status bench_reference(bench *b, graft_device **out);

/* Numbers in [-1, 1) that look random and are the same everywhere. */
void bench_fill(float *x, size_t count, uint32_t seed);

/* The largest difference over the largest number of `expected`; NaN counts as infinite. */
double bench_error(const float *x, const float *expected, size_t count);

/* Fails with GRAFT_ERR_NUMERIC when it is above `most`. */
graft_status bench_check(bench *b, double error, double most);

/* machine.c: the processor, the system, its load, clocks and temperatures. */
json_t *bench_machine(void);

/* The whole document, as docs/bench.schema.json describes it. Takes no ownership. */
json_t *bench_document(bench *b, bool interrupted);

/* The sheet of an open device: driver, limits, kernels. */
json_t *bench_sheet(const graft_device *device);

/* Prints the document as tables. */
graft_status bench_print(cli *c, const json_t *document);

#endif
