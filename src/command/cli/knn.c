#include "command/cli/knn.h"

#include "command/console/output.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TEMPERATURE 0.07
enum { QUERIES = 64 };

/* Features of length 1, and what they are of. */
typedef struct set {
    cli *c;
    float *features; /* [capacity, width] */
    int *labels;
    int count, capacity, width;
    bool failed; /* out of memory */
} set;

static bool grow(set *s)
{
    int capacity = s->capacity ? 2 * s->capacity : 1024;
    float *features = realloc(s->features, (size_t)capacity * (size_t)s->width * sizeof(*features));
    if (features)
        s->features = features;
    int *labels = realloc(s->labels, (size_t)capacity * sizeof(*labels));
    if (labels)
        s->labels = labels;
    if (features && labels)
        s->capacity = capacity;
    return features && labels;
}

static bool add(void *user, const graft_seen_image *image, int64_t done, int64_t total)
{
    set *s = user;
    double squares = 0.0;
    cli_console_images(s->c->console, done, total);
    s->failed = s->count == s->capacity && !grow(s);
    if (s->failed)
        return false;
    float *row = s->features + (size_t)s->count * (size_t)s->width;
    for (int i = 0; i < s->width; i++)
        squares += (double)image->values[i] * (double)image->values[i];
    for (int i = 0; i < s->width; i++)
        row[i] = (float)((double)image->values[i] / fmax(sqrt(squares), 1e-12));
    s->labels[s->count++] = image->label;
    return true;
}

static graft_status collect(set *s, graft_model *model, const char *data, const char *split)
{
    s->width = graft_model_features(model);
    graft_status status = graft_model_visit(model, GRAFT_OUTPUT_FEATURES, data, split, add, s);
    return s->failed ? cli_fail(s->c, GRAFT_ERR_MEMORY, "--knn: out of memory") : status;
}

/* The class that the nearest of `train` vote for, given the cosines [train->count], which are
 * spent. votes: [classes]. */
static int vote(const set *train, float *cosines, int neighbours, double *votes, int classes)
{
    int winner = 0;
    memset(votes, 0, (size_t)classes * sizeof(*votes));
    for (int k = 0; k < neighbours && k < train->count; k++) {
        int nearest = 0;
        for (int i = 1; i < train->count; i++)
            nearest = cosines[i] > cosines[nearest] ? i : nearest;
        votes[train->labels[nearest]] += exp(((double)cosines[nearest] - 1.0) / TEMPERATURE);
        cosines[nearest] = -INFINITY;
    }
    for (int c = 1; c < classes; c++)
        winner = votes[c] > votes[winner] ? c : winner;
    return winner;
}

static int class_count(const set *train)
{
    int most = 0;
    for (int i = 0; i < train->count; i++)
        most = train->labels[i] > most ? train->labels[i] : most;
    return most + 1;
}

/* All cosines of some queries at once: a product on the device. */
static graft_status make_product(cli *c, graft_device *device, graft_graph *graph, const set *train,
                                 graft_value **queries, graft_value **cosines,
                                 graft_program **program)
{
    graft_program_params params;
    *queries = graft_input(graph, "queries", GRAFT_F32, GRAFT_SHAPE(QUERIES, train->width));
    graft_value *keys = graft_constant(graph, "keys", GRAFT_F32,
                                       GRAFT_SHAPE(train->count, train->width), train->features);
    *cosines = graft_linear(*queries, keys, NULL);
    graft_program_defaults(&params);
    params.outputs = cosines;
    params.output_count = 1;
    return graft_program_create(c->log, device, &params, program);
}

static graft_status classify(cli *c, graft_device *device, const set *train, const set *test,
                             int neighbours, int *correct)
{
    graft_value *queries = NULL, *cosines = NULL;
    graft_program *program = NULL;
    graft_graph *graph = graft_graph_create(c->log);
    int classes = class_count(train);
    size_t block = (size_t)QUERIES * (size_t)train->width;
    size_t rows = (size_t)QUERIES * (size_t)train->count;
    float *in = calloc(block, sizeof(*in)), *out = calloc(rows, sizeof(*out));
    double *votes = calloc((size_t)classes, sizeof(*votes));
    graft_status status = in && out && votes && graph
                              ? make_product(c, device, graph, train, &queries, &cosines, &program)
                              : cli_fail(c, GRAFT_ERR_MEMORY, "--knn: out of memory");
    for (int first = 0; first < test->count && status == GRAFT_OK; first += QUERIES) {
        int n = test->count - first < QUERIES ? test->count - first : QUERIES;
        memcpy(in, test->features + (size_t)first * (size_t)train->width,
               (size_t)n * (size_t)train->width * sizeof(*in));
        status = graft_program_write(program, queries, in, block * sizeof(*in));
        if (status == GRAFT_OK)
            status = graft_program_run(program);
        if (status == GRAFT_OK)
            status = graft_program_read(program, cosines, out, rows * sizeof(*out));
        for (int i = 0; i < n && status == GRAFT_OK; i++)
            *correct += vote(train, out + (size_t)i * (size_t)train->count, neighbours, votes,
                             classes) == test->labels[first + i];
    }
    graft_program_destroy(&program);
    graft_graph_destroy(&graph);
    free(in);
    free(out);
    free(votes);
    return status;
}

static graft_status print(cli *c, const char *data, int neighbours, const set *train,
                          const set *test, int correct, bool json)
{
    double accuracy = (double)correct / (double)test->count;
    if (json)
        return cli_print_json(c,
                              json_pack("{s:o,s:i,s:f,s:i,s:i}", "data", cli_json_text(data),
                                        "neighbours", neighbours, "accuracy", accuracy,
                                        "train_images", train->count, "test_images", test->count));
    cli_table t = {.columns = 4};
    cli_table_cell(&t, "neighbours");
    cli_table_cell(&t, "train");
    cli_table_cell(&t, "test");
    cli_table_cell(&t, "accuracy");
    cli_table_cell(&t, "%d", neighbours);
    cli_table_cell(&t, "%d", train->count);
    cli_table_cell(&t, "%d", test->count);
    cli_table_cell(&t, "%.2f%%", 100.0 * accuracy);
    return cli_table_print(c, &t);
}

graft_status cli_knn(cli *c, graft_device *device, graft_model *model, const char *data,
                     int neighbours, bool json)
{
    set train = {.c = c}, test = {.c = c};
    int correct = 0;
    graft_status status = collect(&train, model, data, "train");
    if (status == GRAFT_OK)
        status = collect(&test, model, data, "test");
    if (status == GRAFT_OK && (train.count == 0 || test.count == 0))
        status = cli_fail(c, GRAFT_ERR_ARGUMENT, "--knn %s: has no images to compare", data);
    if (status == GRAFT_OK)
        status = classify(c, device, &train, &test, neighbours, &correct);
    if (status == GRAFT_OK)
        status = print(c, data, neighbours, &train, &test, correct, json);
    free(train.features);
    free(train.labels);
    free(test.features);
    free(test.labels);
    return status;
}
