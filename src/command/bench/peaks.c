/* What a device can do at most, and what it costs to ask it. */
#include "command/bench/graphs.h"

#include <stdlib.h>
#include <string.h>

/* ---- Kernels of their own --------------------------------------------------------------- */

static graft_status run_peak(void *state)
{
    return graft_peak_run(state);
}

static void close_peak(void *state)
{
    graft_peak_test *test = state;
    graft_peak_destroy(&test);
}

static graft_status open_peak(bench *b, bench_device *d, const bench_work *work, bench_run *run)
{
    graft_peak_test *test;
    const graft_peak *peak = work->spec;
    CLI_TRY(graft_peak_create(b->c->log, d->handle, *peak, &test));
    double amount = graft_peak_work(test);
    bool is_flop = *peak == GRAFT_PEAK_MULTIPLY_ADD;
    *run = (bench_run){test, run_peak, close_peak, is_flop ? amount : 0.0, is_flop ? 0.0 : amount,
                       -1.0, NULL};
    return GRAFT_OK;
}

/* ---- Device memory ---------------------------------------------------------------------- */

/* 128 MiB of floats: no cache holds two of them. In units, of which the reference takes some. */
enum { ROW = 1 << 16, MEMORY_ROWS = 512, SMALL_ROWS = 64 };

static graft_value *copy(bench_graph *g, const int64_t *shape)
{
    return graft_scale(bench_units(g, GRAFT_SHAPE(ROW)), 2.0f);
}

static graft_value *triad(bench_graph *g, const int64_t *shape)
{
    graft_value *a = bench_units(g, GRAFT_SHAPE(ROW));
    return graft_add(a, bench_units(g, GRAFT_SHAPE(ROW)), 2.0f);
}

static const bench_op copy_op = {"copy", copy, 0, 200.0 * ROW};
static const bench_op triad_op = {"triad", triad, 0, 200.0 * ROW};

static graft_status open_memory(bench *b, bench_device *d, const bench_work *work, bench_run *run)
{
    bench_work fitting = *work;
    uint64_t memory = d->info.memory_bytes;
    if (memory && memory < (uint64_t)8 * MEMORY_ROWS * ROW * sizeof(float))
        fitting.shape[0] = SMALL_ROWS;
    return bench_open_graph(b, d, &fitting, run);
}

/* ---- What a kernel costs that does nothing ---------------------------------------------- */

enum { CHAIN = 200 };

/* Each waits for the one before it. */
static graft_value *chain(bench_graph *g, const int64_t *shape)
{
    graft_value *x = bench_units(g, GRAFT_SHAPE(16));
    for (int64_t i = 0; i < shape[1]; i++)
        x = graft_scale(x, -1.0f);
    return x;
}

static const bench_op chain_op = {"chain", chain, 0, 0};

/* ---- To the device and back ------------------------------------------------------------- */

enum { TRANSFER_BYTES = 32 << 20 };

typedef struct transfer {
    graft_buffer *buffer;
    float *data;
} transfer;

static graft_status upload(void *state)
{
    transfer *t = state;
    return graft_buffer_write(t->buffer, 0, t->data, TRANSFER_BYTES);
}

static graft_status download(void *state)
{
    transfer *t = state;
    return graft_buffer_read(t->buffer, 0, t->data, TRANSFER_BYTES);
}

static void close_transfer(void *state)
{
    transfer *t = state;
    graft_buffer_destroy(&t->buffer);
    free(t->data);
    free(t);
}

/* What comes back is what was sent. */
static graft_status try_transfer(bench *b, bench_device *d, transfer *t)
{
    const size_t count = TRANSFER_BYTES / sizeof(float);
    CLI_TRY(graft_buffer_create(d->handle, TRANSFER_BYTES, GRAFT_MEMORY_DEVICE, &t->buffer));
    bench_fill(t->data, count, 5);
    CLI_TRY(upload(t));
    memset(t->data, 0, TRANSFER_BYTES);
    CLI_TRY(download(t));
    float *expected = malloc(TRANSFER_BYTES);
    if (!expected)
        return cli_fail(b->c, GRAFT_ERR_MEMORY, "out of memory");
    bench_fill(expected, count, 5);
    bool equal = memcmp(t->data, expected, TRANSFER_BYTES) == 0;
    free(expected);
    return equal ? GRAFT_OK : cli_fail(b->c, GRAFT_ERR_NUMERIC, "other bytes came back");
}

static graft_status open_transfer(bench *b, bench_device *d, const bench_work *work, bench_run *run)
{
    transfer *t = calloc(1, sizeof(*t));
    if (t)
        t->data = malloc(TRANSFER_BYTES);
    graft_status status =
        t && t->data ? try_transfer(b, d, t) : cli_fail(b->c, GRAFT_ERR_MEMORY, "out of memory");
    if (status != GRAFT_OK) {
        if (t)
            close_transfer(t);
        return status;
    }
    bool up = strcmp(work->name, "upload") == 0;
    *run = (bench_run){t, up ? upload : download, close_transfer, 0.0, TRANSFER_BYTES, -1.0, NULL};
    return GRAFT_OK;
}

/* ---- The suite -------------------------------------------------------------------------- */

static const graft_peak multiply_add = GRAFT_PEAK_MULTIPLY_ADD;
static const graft_peak shared_memory = GRAFT_PEAK_SHARED_MEMORY;

/* `all` false: what other figures are shares of. */
graft_status bench_add_peaks(bench *b, const char *suite, bool all)
{
    const struct {
        bool needed;
        bench_work work;
    } works[] = {
        {true,
         {.name = "multiply_add f32",
          .unit = BENCH_GFLOPS,
          .is_peak = true,
          .peak = BENCH_PEAK_MULTIPLY_ADD,
          .open = open_peak,
          .spec = &multiply_add}},
        {true,
         {.name = "copy",
          .unit = BENCH_GBS,
          .is_peak = true,
          .peak = BENCH_PEAK_BANDWIDTH,
          .open = open_memory,
          .spec = &copy_op,
          .shape = {MEMORY_ROWS}}},
        {true,
         {.name = "triad",
          .unit = BENCH_GBS,
          .is_peak = true,
          .peak = BENCH_PEAK_BANDWIDTH,
          .open = open_memory,
          .spec = &triad_op,
          .shape = {MEMORY_ROWS}}},
        {false,
         {.name = "shared_memory", .unit = BENCH_GBS, .open = open_peak, .spec = &shared_memory}},
        {false,
         {.name = "submit",
          .unit = BENCH_MICROSECONDS,
          .amount = 1,
          .open = bench_open_graph,
          .spec = &chain_op,
          .shape = {1, 1}}},
        {false,
         {.name = "launch",
          .unit = BENCH_MICROSECONDS,
          .amount = CHAIN,
          .open = bench_open_graph,
          .spec = &chain_op,
          .shape = {1, CHAIN}}},
        {false, {.name = "upload", .unit = BENCH_GBS, .open = open_transfer}},
        {false, {.name = "download", .unit = BENCH_GBS, .open = open_transfer}},
    };
    for (size_t i = 0; i < sizeof(works) / sizeof(works[0]); i++) {
        if (!all && !works[i].needed)
            continue;
        bench_work *w = bench_add(b, suite, works[i].work.name);
        if (!w)
            return cli_fail(b->c, GRAFT_ERR_MEMORY, "out of memory");
        *w = works[i].work;
        w->suite = suite;
    }
    return GRAFT_OK;
}
