/* Several ranks that train together, as threads with a reference device each: the run is that of
 * one process, whatever their number, and what goes wrong in one ends all. */
#include "support.h"

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_RANKS = 4, ERROR_TEXT = 512 };

/* ---- An exchange between threads --------------------------------------------------------- */

typedef struct meeting {
    pthread_barrier_t barrier;
    int count;
    const void *given[MOST_RANKS];
    float *sums;
    const char *replaced, *replacement; /* in what the last rank says; NULL: nothing */
} meeting;

typedef struct member {
    meeting *meeting;
    int rank;
    graft_train_params params;
    graft_ranks ranks;
    graft_train_result result;
    graft_status status;
    char error[ERROR_TEXT];
    pthread_t thread;
} member;

/* Another version, say, as a process of another build would tell it. */
static void replace(char *text, size_t size, const char *old, const char *new)
{
    for (size_t i = 0; i + strlen(old) <= size; i++)
        if (memcmp(text + i, old, strlen(old)) == 0)
            memcpy(text + i, new, strlen(new));
}

static graft_status gather(void *user, const void *mine, size_t size, void *all)
{
    member *m = user;
    meeting *at = m->meeting;
    at->given[m->rank] = mine;
    pthread_barrier_wait(&at->barrier);
    for (int i = 0; i < at->count; i++)
        memcpy((char *)all + (size_t)i * size, at->given[i], size);
    if (at->replaced)
        replace((char *)all + (size_t)(at->count - 1) * size, size, at->replaced, at->replacement);
    pthread_barrier_wait(&at->barrier);
    return GRAFT_OK;
}

static graft_status sum(void *user, float *values, size_t count)
{
    member *m = user;
    meeting *at = m->meeting;
    at->given[m->rank] = values;
    if (pthread_barrier_wait(&at->barrier) == PTHREAD_BARRIER_SERIAL_THREAD) {
        at->sums = calloc(count, sizeof(float));
        for (int i = 0; i < at->count; i++)
            for (size_t k = 0; k < count; k++)
                at->sums[k] += ((const float *)at->given[i])[k];
    }
    pthread_barrier_wait(&at->barrier);
    memcpy(values, at->sums, count * sizeof(float));
    if (pthread_barrier_wait(&at->barrier) == PTHREAD_BARRIER_SERIAL_THREAD)
        free(at->sums);
    pthread_barrier_wait(&at->barrier);
    return GRAFT_OK;
}

/* ---- Runs -------------------------------------------------------------------------------- */

static void *work(void *user)
{
    member *m = user;
    graft_log *log = graft_log_create(NULL);
    graft_device *device = NULL;
    m->status = graft_device_open(log, "reference:0", "", &device);
    if (m->status != GRAFT_OK)
        abort(); /* the others would wait for it */
    m->status = graft_train(log, device, &m->params, &m->result);
    graft_log_error(log, m->error, sizeof(m->error));
    graft_device_close(&device);
    graft_log_destroy(&log);
    return NULL;
}

static void prepare(member *members, int count, const graft_train_params *params)
{
    for (int i = 0; i < count; i++) {
        members[i] = (member){.rank = i, .params = *params};
        members[i].ranks = (graft_ranks){i, count, gather, sum, &members[i]};
        members[i].params.ranks = &members[i].ranks;
    }
}

static void run_all(member *members, int count, meeting *at)
{
    at->count = count;
    pthread_barrier_init(&at->barrier, NULL, (unsigned)count);
    for (int i = 0; i < count; i++) {
        members[i].meeting = at;
        pthread_create(&members[i].thread, NULL, work, &members[i]);
    }
    for (int i = 0; i < count; i++)
        pthread_join(members[i].thread, NULL);
    pthread_barrier_destroy(&at->barrier);
}

/* Trains in a new folder with so many ranks and returns it. */
static char *train_with(int count, graft_train_params params)
{
    member members[MOST_RANKS];
    if (!params.out)
        params.out = new_path("ranks");
    prepare(members, count, &params);
    run_all(members, count, &(meeting){0});
    for (int i = 0; i < count; i++) {
        if (members[i].status != GRAFT_OK)
            fail_msg("rank %d: %s", i, members[i].error);
        assert_float_equal(members[i].result.accuracy, members[0].result.accuracy, 0.0);
        assert_true(members[i].result.loss == members[0].result.loss);
    }
    return (char *)params.out;
}

/* Every rank ends with a line; `telling`: a part of it. */
static void refused(member *members, int count, meeting *at, const char *telling)
{
    run_all(members, count, at);
    for (int i = 0; i < count; i++) {
        assert_int_not_equal(members[i].status, GRAFT_OK);
        if (!strstr(members[i].error, telling))
            fail_msg("rank %d: \"%s\" has no \"%s\"", i, members[i].error, telling);
    }
}

/* Losses of steps and evaluations, with accuracies, in metrics.jsonl. */
static int read_curve(const char *folder, double *curve, int max)
{
    FILE *file = fopen(in_folder(folder, "metrics.jsonl"), "r");
    char line[512];
    int count = 0;
    assert_non_null(file);
    while (count < max && fgets(line, sizeof(line), file)) {
        json_t *found = json_loads(line, 0, NULL);
        curve[count++] = json_number_value(json_object_get(found, "loss")) +
                         json_number_value(json_object_get(found, "accuracy"));
        json_decref(found);
    }
    fclose(file);
    return count;
}

static void assert_same_curve(const char *a, const char *b, const char *about)
{
    enum { MOST = 200 };
    double left[MOST], right[MOST];
    int count = read_curve(a, left, MOST);
    assert_int_equal(read_curve(b, right, MOST), count);
    for (int i = 0; i < count; i++)
        if (fabs(left[i] - right[i]) > 1e-5)
            fail_msg("%s: line %d: %.8f and %.8f", about, i, left[i], right[i]);
}

/* Batches of 5 of 12 images: the last of an epoch has 2, of which some ranks have none. */
static graft_train_params uneven_run(int epochs)
{
    graft_train_params p = tiny_run(NULL);
    p.batch_size = 5;
    p.epochs = epochs;
    p.eval_every = epochs;
    p.lr = 0.001;
    p.drop_path = 0.2;
    p.augment.flip = true;
    p.ema = 0.9;
    return p;
}

static void curves_agree_and_repeat(void **state)
{
    (void)state;
    graft_train_params p = uneven_run(17); /* 51 steps */
    char *one = train_with(1, p), *two = train_with(2, p), *four = train_with(4, p);
    assert_same_curve(one, two, "1 and 2 ranks");
    assert_same_curve(one, four, "1 and 4 ranks");
    assert_same_run(four, train_with(4, p), "4 ranks, twice");
}

static void mixed_batches_are_those_of_one(void **state)
{
    (void)state;
    graft_train_params p = uneven_run(2);
    p.augment.mixup = 0.4;
    p.augment.cutmix = 1.0;
    p.augment.random_erasing = 0.5;
    assert_same_curve(train_with(1, p), train_with(3, p), "mixup");
}

static void resumes_with_other_ranks(void **state)
{
    (void)state;
    graft_train_params p = uneven_run(3);
    char *whole = train_with(1, p);
    for (int ranks = 1; ranks <= 4; ranks += 3) {
        graft_train_params part = p;
        part.max_steps = 4;
        part.out = train_with(2, part);
        part.resume = true;
        part.max_steps = 0;
        train_with(ranks, part);
        assert_same_curve(whole, part.out, "resumed");
    }
}

/* The first training pictures as another set, of which one is cut off. */
static const char *copy_images(const char *set, int broken, int count)
{
    char from[64], to[64], *picture;
    size_t size;
    for (int i = 0; i < count; i++) {
        snprintf(from, sizeof(from), "train/%c/%d.png", 'a' + i % RUN_CLASSES, i);
        snprintf(to, sizeof(to), "%s/train/%c/%d.png", set, 'a' + i * RUN_CLASSES / count, i);
        check_ok(scratch(), gr_file_read(scratch()->log, scratch(), in_folder(tiny_images(), from),
                                         &picture, &size));
        put_bytes(path_of(scratch(), to), picture, i == broken ? size / 2 : size);
    }
    return path_of(scratch(), set);
}

static void differences_are_refused_by_all(void **state)
{
    (void)state;
    member m[MOST_RANKS];
    graft_train_params p = uneven_run(1);
    p.out = new_path("refused");
    prepare(m, 2, &p);
    m[1].params.lr = 0.5;
    refused(m, 2, &(meeting){0}, "rank 1: lr is 0.5, but 0.001 on rank 0");
    prepare(m, 2, &p);
    m[1].params.shots = 2;
    refused(m, 2, &(meeting){0}, "rank 1: shots is 2");
    prepare(m, 2, &p);
    m[1].params.data = copy_images("other", -1, 12);
    m[0].params.test_split = m[1].params.test_split = "";
    refused(m, 2, &(meeting){0}, "rank 1: has another set of training images than rank 0");
    prepare(m, 2, &p);
    refused(m, 2,
            &(meeting){.replaced = "\""
                                   "0.1.0"
                                   "\"",
                       .replacement = "\""
                                      "0.9.9"
                                      "\""},
            "rank 1: runs graft 0.9.9, but rank 0 0.1.0");
    prepare(m, 3, &p);
    m[2].params.backbone = "nowhere.safetensors";
    run_all(m, 3, &(meeting){0});
    assert_non_null(strstr(m[0].error, "rank 2 failed"));
    assert_non_null(strstr(m[2].error, "nowhere.safetensors"));
    assert_int_equal(files_below(p.out), 0);
}

static void what_ranks_cannot_do_is_refused(void **state)
{
    (void)state;
    member m[MOST_RANKS];
    graft_train_params p = uneven_run(1);
    p.out = new_path("refused");
    p.batch_size = 3;
    prepare(m, 4, &p);
    refused(m, 4, &(meeting){0}, "`batch_size`: 3 images for 4 ranks");
    p.batch_size = 4;
    p.head_norm = true;
    prepare(m, 2, &p);
    refused(m, 2, &(meeting){0}, "`head_norm`: takes its statistics from a whole batch");
}

/* A picture that only one rank reads is broken: none waits for it. */
static void one_that_fails_ends_all(void **state)
{
    (void)state;
    member m[MOST_RANKS];
    graft_train_params p = uneven_run(2);
    p.no_shuffle = true;
    p.augment.flip = false;
    p.data = copy_images("broken", 9, 10);
    p.test_split = "";
    p.out = new_path("failed");
    prepare(m, 2, &p);
    run_all(m, 2, &(meeting){0});
    assert_non_null(strstr(m[0].error, "rank 1 has no batch for the next step"));
    assert_non_null(strstr(m[1].error, "9.png"));
}

int main(void)
{
    const test_case cases[] = {
        TEST_CASE(curves_agree_and_repeat),         TEST_CASE(mixed_batches_are_those_of_one),
        TEST_CASE(resumes_with_other_ranks),        TEST_CASE(differences_are_refused_by_all),
        TEST_CASE(what_ranks_cannot_do_is_refused), TEST_CASE(one_that_fails_ends_all),
    };
    scratch_open();
    int failures = TEST_RUN("ranks", cases, TEST_REFERENCE);
    scratch_close();
    return failures;
}
