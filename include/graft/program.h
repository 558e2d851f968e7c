/* HOW a graph runs on one device: compiled once, bound to buffers, run many times.
 *
 *     graft_graph *graph = graft_graph_create(log);
 *     graft_value *a = graft_input(graph, "a", GRAFT_F32, GRAFT_SHAPE(512, 768));
 *     graft_value *b = graft_input(graph, "b", GRAFT_F32, GRAFT_SHAPE(768, 256));
 *     graft_value *c = graft_matmul(a, b, NULL, 1.0f);
 *     graft_program_params params;
 *     graft_program_defaults(&params);
 *     params.outputs = &c, params.output_count = 1;
 *     graft_program *program;
 *     status = graft_program_create(log, device, &params, &program);
 *     graft_program_write(program, a, host_a, size_a);
 *     graft_program_bind(program, b, buffer, 0);
 *     graft_program_run(program);
 *     graft_program_read(program, c, host_c, size_c);
 */
#ifndef GRAFT_PROGRAM_H
#define GRAFT_PROGRAM_H

#include <graft/buffer.h>
#include <graft/graph.h>
#include <graft/params.h>
#include <stdbool.h>

/* A graph compiled for a device. Thread-safety: one thread at a time, as its device. */
typedef struct graft_program graft_program;

/* At the end of each run `target`, a parameter or state, takes on `value`, of its shape. All that a
 * run computes, other updates included, sees what targets were before it. */
typedef struct graft_assignment {
    graft_value *target;
    graft_value *value;
} graft_assignment;

/* How parameters are updated, see graft_optimizer; the formulas are AdamW's (arXiv 1711.05101) and
 * those of SGD with momentum: d = gradient + weight_decay w, m = momentum m + d, w -= lr m. */
typedef struct graft_optimizer_params {
    graft_optimizer kind;    /* ADAMW */
    float lr;                /* 0.001; see also graft_program_set_lr */
    float weight_decay;      /* 0 */
    float beta1, beta2, eps; /* 0.9, 0.999, 1e-8; ADAMW */
    float momentum;          /* 0.9; SGD */
} graft_optimizer_params;

/* Filled in by graft_program_defaults(); may grow at the end. */
typedef struct graft_program_params {
    graft_value *const *outputs; /* what a run computes; copied */
    int output_count;
    graft_value *loss; /* each run updates all parameters that it depends on, of one element; NULL:
                        * no such update */
    graft_optimizer_params optimizer;
    const graft_assignment *assignments; /* further updates, the application's own; copied */
    int assignment_count;
    graft_program
        *share;    /* parameters and state are those of the same name of this program, on the
                    * same device, as far as it has them; borrowed for the call; NULL: none */
    uint64_t seed; /* of dropout */
    bool profile;  /* measure each kernel of a run, see graft_program_profile; runs become slower */
} graft_program_params;

/* One kernel in one run, all of its dispatches together. */
typedef struct graft_kernel_time {
    char name[96]; /* "matmul/matmul": operator and kernel; "-" for a copy or a library */
    int dispatches;
    double milliseconds;
    double bytes; /* of the ranges of memory that they were given: what is moved at least, if all of
                   * it is read or written, and once */
    double flop;  /* of products, two for a multiply-add; 0 for kernels that memory holds up */
} graft_kernel_time;

GRAFT_BEGIN_DECLS

GRAFT_API void graft_program_defaults(graft_program_params *params);

/* Compiles what the outputs need, all of one graph, and uploads its constants. Borrows `log` and
 * `device`, which must outlive the program; keeps the graph alive. *out is NULL on failure: the
 * status of the graph, GRAFT_ERR_DEVICE_MEMORY for values that the device cannot hold,
 * GRAFT_ERR_ARGUMENT for an output that is NULL, listed twice, of another graph or no result of an
 * operator, and for updates that cannot be. Blocks, the
 * first time on a device for as long as its driver compiles. */
GRAFT_API graft_status graft_program_create(graft_log *log, graft_device *device,
                                            const graft_program_params *params,
                                            graft_program **out);

/* Waits for the device, frees the program and sets *program to NULL; NULL is accepted. */
GRAFT_API void graft_program_destroy(graft_program **program);

/* Says where an input is read from, or an output written to: the bytes of `buffer` from
 * offset_bytes on, a multiple of graft_buffer_alignment(), without a copy. It holds for all further
 * runs; the program keeps the buffer's memory alive. Binding another place between runs waits for
 * the device and costs recording the program anew. GRAFT_ERR_ARGUMENT for a value that is neither
 * input nor output of this program, a buffer of another device, or one that is too small. */
GRAFT_API graft_status graft_program_bind(graft_program *program, graft_value *value,
                                          graft_buffer *buffer, uint64_t offset_bytes);

/* Copies an input from the host, or parameters and state; size_bytes is that of the value. Where no
 * buffer is bound, the program makes one. Blocks until done, after runs queued before. */
GRAFT_API graft_status graft_program_write(graft_program *program, graft_value *value,
                                           const void *data, uint64_t size_bytes);

/* The learning rate of the next runs. */
GRAFT_API graft_status graft_program_set_lr(graft_program *program, float lr);

/* The number of the next run, which is 0 at first and grows by itself: dropout draws by it, and
 * AdamW corrects its moments by it. For going on where another program stopped. */
GRAFT_API graft_status graft_program_set_run(graft_program *program, uint64_t run);

/* Queues one run and returns (graft_device_wait waits for it); runs of one device follow one
 * another in order. With a loss or dropout it first waits for earlier runs, to write what changes
 * from run to run. GRAFT_ERR_ARGUMENT when an input has neither been bound nor written, or an
 * output is bound where another value lies.
 */
GRAFT_API graft_status graft_program_run(graft_program *program);

/* Waits, then copies an output, or parameters and state, to the host. */
GRAFT_API graft_status graft_program_read(graft_program *program, const graft_value *value,
                                          void *data, uint64_t size_bytes);

/* For a program made with `profile`: waits, writes the times of the latest run, longest first, into
 * times[max], and sets *count to how many kernels there are. GRAFT_ERR_UNSUPPORTED, when the
 * program is made, on a device that cannot measure. */
GRAFT_API graft_status graft_program_profile(graft_program *program, graft_kernel_time *times,
                                             int max, int *count);

/* Bytes of device memory for values in between, and the number of commands of one run. */
GRAFT_API uint64_t graft_program_memory(const graft_program *program);
GRAFT_API int graft_program_commands(const graft_program *program);

GRAFT_END_DECLS

#endif
