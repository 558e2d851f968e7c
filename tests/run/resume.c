/* A run that was stopped, however and wherever, ends as if it had never been. */
#include "support.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* Everything random is on: dropout of two methods, drop-path, crops, flips, shuffling. */
static const char *const settings[] = {"lora.dropout=0.2", "lora.r=4", "convpass.dropout=0.1"};

static graft_train_params random_run(const char *out, graft_optimizer optimizer)
{
    graft_train_params p = tiny_run(out);
    p.method = "lora+convpass";
    p.set.items = settings;
    p.set.count = 3;
    p.optimizer = optimizer;
    p.lr = optimizer == GRAFT_OPTIMIZER_SGD ? 0.05 : 0.01;
    p.drop_path = 0.3;
    p.augment.flip = true;
    p.augment.crop = GRAFT_CROP_RANDOM_RESIZED;
    p.augment.rand_augment = (graft_rand_augment){2, 0.5, 9, 0.5, true};
    p.augment.color_jitter = (graft_color_jitter){0.4, 0.4, 0.4, 0};
    p.augment.random_erasing = 0.25;
    if (optimizer == GRAFT_OPTIMIZER_ADAMW) {
        p.augment.mixup = 0.8;
        p.augment.cutmix = 1.0;
        p.augment.label_smoothing = 0.1;
    } else {
        p.ema = 0.75;
    }
    p.head_norm = optimizer == GRAFT_OPTIMIZER_SGD;
    p.checkpoint_every = 2;
    return p;
}

/* When to stop: after a step, or during an evaluation. */
typedef struct stopper {
    bool stop;
    uint64_t step;   /* after this many; 0: never */
    int evaluations; /* at this report of an evaluation; 0: never */
} stopper;

static bool watch_progress(void *user, const graft_train_progress *progress)
{
    stopper *s = user;
    if (progress->evaluating)
        s->stop |= s->evaluations && --s->evaluations == 0;
    else
        s->stop |= s->step && progress->step == s->step;
    return !s->stop;
}

static void stop_and_resume(gr_device *device, graft_train_params p, stopper s)
{
    p.progress = watch_progress;
    p.user = &s;
    fixture *f = scratch();
    graft_status status = graft_train(f->log, gr_device_to_public(device), &p, NULL);
    assert_error(f, status, GRAFT_ERR_INTERRUPTED, "`resume`");
}

/* Stops after a step, then twice within evaluations, then at a step that has a checkpoint. */
static void continues_after_stops(gr_device *device, graft_optimizer optimizer)
{
    char *whole = new_path("whole"), *cut = new_path("cut");
    graft_train_params p = random_run(whole, optimizer);
    graft_train_result expected = train_ok(device, &p), result;
    p.out = cut;
    stop_and_resume(device, p, (stopper){.step = 1});
    p.resume = true;
    stop_and_resume(device, p, (stopper){.evaluations = 1});
    stop_and_resume(device, p, (stopper){.evaluations = 2});
    stop_and_resume(device, p, (stopper){.step = 6});
    assert_int_equal(lines_of(in_folder(cut, "metrics.jsonl")), 6 + 1);
    stop_and_resume(device, p, (stopper){.step = 8});
    result = train_ok(device, &p);
    assert_same_run(whole, cut, optimizer == GRAFT_OPTIMIZER_ADAMW ? "adamw" : "sgd");
    assert_true(result.accuracy == expected.accuracy);
    assert_true(result.best_accuracy == expected.best_accuracy);
    assert_int_equal(result.best_epoch, expected.best_epoch);
    assert_int_equal(result.steps, expected.steps);
    result = train_ok(device, &p); /* a finished run has nothing left to do */
    assert_same_run(whole, cut, "resumed when finished");
}

static void stopped_adamw_continues(void **state)
{
    continues_after_stops(((test_target *)*state)->device, GRAFT_OPTIMIZER_ADAMW);
}

static void stopped_sgd_continues(void **state)
{
    continues_after_stops(((test_target *)*state)->device, GRAFT_OPTIMIZER_SGD);
}

/* Waits until the run has written so many lines, then a moment that depends on the seed. */
static void wait_for_lines(const command *c, const char *metrics, int lines, unsigned *seed)
{
    siginfo_t info = {0};
    while (lines_of(metrics) < lines) {
        waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOHANG | WNOWAIT);
        if (info.si_pid)
            return;
        usleep(300);
    }
    usleep((useconds_t)(rand_r(seed) % 8000));
}

/* Kills the run after it got some steps further, resumes, and so on until it ends by itself. */
static void killed_run_continues(void **state)
{
    gr_device *device = ((test_target *)*state)->device;
    char *whole = new_path("whole"), *cut = new_path("cut");
    graft_train_params p = random_run(whole, GRAFT_OPTIMIZER_ADAMW);
    train_ok(device, &p);
    char *config = in_folder(whole, "config.json"), *metrics = in_folder(cut, "metrics.jsonl");
    unsigned seed = 3;
    int kills = 0, code = 0;
    for (int lines = 1; lines < 20; lines += 4) {
        command c = {0};
        command_start(&c, (const char *const[]){"train", "--config", config, "--out", cut,
                                                "--resume", "--device", device->info.id, NULL});
        wait_for_lines(&c, metrics, lines, &seed);
        kill(c.pid, SIGKILL);
        code = command_wait(&c);
        if (code >= 0)
            break;
        kills++;
    }
    assert_int_equal(code, 0);
    assert_true(kills >= 1);
    assert_same_run(whole, cut, "killed");
    assert_no_temporaries(cut);
}

/* Resuming what is done does nothing, and has no times of kernels to list. */
static void finished_run_is_done(void **state)
{
    gr_device *device = ((test_target *)*state)->device;
    graft_train_params p = random_run(new_path("done"), GRAFT_OPTIMIZER_ADAMW);
    graft_train_result first = train_ok(device, &p);
    p.resume = true;
    p.profile = device->caps.timestamps;
    graft_train_result again = train_ok(device, &p);
    assert_int_equal(again.steps, first.steps);
    assert_true(again.accuracy == first.accuracy);
}

/* Without a learning rate no evaluation is better than the first. A run that was stopped on the way
 * ends where it would have, and has ended when it is asked to go on. */
static void patience_ends_a_run(void **state)
{
    gr_device *device = ((test_target *)*state)->device;
    char *whole = new_path("whole"), *cut = new_path("cut");
    graft_train_params p = tiny_run(whole);
    p.lr = p.warmup_lr = p.min_lr = 0.0;
    p.epochs = 12;
    p.eval_every = 2;
    p.patience = 1;
    graft_train_result result = train_ok(device, &p);
    assert_int_equal(result.steps, 4 * 3); /* evaluated after epochs 2 and 4 */
    assert_int_equal(result.best_epoch, 2);
    p.out = cut;
    stop_and_resume(device, p, (stopper){.step = 7});
    p.resume = true;
    stop_and_resume(device, p, (stopper){.evaluations = 2});
    assert_int_equal(train_ok(device, &p).steps, result.steps);
    assert_same_run(whole, cut, "patience");
    assert_int_equal(train_ok(device, &p).steps, result.steps);
    assert_same_run(whole, cut, "ended by patience already");
}

static void patience_that_is_not_used_up(void **state)
{
    gr_device *device = ((test_target *)*state)->device;
    graft_train_params p = tiny_run(new_path("out"));
    p.lr = p.warmup_lr = p.min_lr = 0.0;
    p.patience = 3; /* after the last of its epochs */
    assert_int_equal(train_ok(device, &p).steps, 9);
}

static void patience_needs_evaluations(void **state)
{
    fixture *f = scratch();
    gr_device *device = ((test_target *)*state)->device;
    graft_train_params p = tiny_run(new_path("out"));
    p.patience = 1;
    p.test_split = "";
    assert_error(f, graft_train(f->log, gr_device_to_public(device), &p, NULL), GRAFT_ERR_ARGUMENT,
                 "`patience` 1", "test_split");
}

/* What a kill in the middle of a write leaves behind goes away when the run continues. */
static void resuming_clears_temporaries(void **state)
{
    gr_device *device = ((test_target *)*state)->device;
    char *out = new_path("out"), name[80];
    graft_train_params p = tiny_run(out);
    p.max_steps = 2;
    train_ok(device, &p);
    pid_t gone = fork();
    if (gone == 0)
        _exit(0);
    waitpid(gone, NULL, 0);
    for (int i = 0; i < 2; i++) {
        snprintf(name, sizeof(name), "%s.graft-%ld-%d.tmp", i ? "checkpoint/" : "", (long)gone, i);
        put_text(in_folder(out, name), "half a file");
    }
    snprintf(name, sizeof(name), ".graft-%ld-0.tmp", (long)getppid());
    put_text(in_folder(out, name), "of a process that still writes");
    p.resume = true;
    p.max_steps = 3;
    train_ok(device, &p);
    assert_int_equal(remove(in_folder(out, name)), 0);
    assert_no_temporaries(out);
}

/* Another setting that changes the result is refused; where to stop and when to save is free. */
static void resuming_with_other_settings(void **state)
{
    gr_device *device = ((test_target *)*state)->device;
    fixture *f = scratch();
    char *out = new_path("out");
    graft_train_params p = tiny_run(out);
    p.max_steps = 4;
    train_ok(device, &p);
    char *config = text_of(in_folder(out, "config.json"));
    p.resume = true;
    p.max_steps = 0;
    p.checkpoint_every = 3;
    graft_train_params changed[] = {p, p, p, p, p};
    changed[0].lr = 0.02;
    changed[1].seed = 8;
    changed[2].augment.flip = true;
    changed[3].method = "linear";
    changed[4].patience = 1;
    for (int i = 0; i < 5; i++) {
        graft_status status = graft_train(f->log, gr_device_to_public(device), &changed[i], NULL);
        assert_error(f, status, GRAFT_ERR_ARGUMENT, "checkpoint", "other settings");
    }
    assert_string_equal(text_of(in_folder(out, "config.json")), config);
    assert_int_equal(train_ok(device, &p).steps, 9);
}

/* Lines that are lost cannot be written again: a run must not pretend. */
static void resuming_with_lost_metrics(void **state)
{
    gr_device *device = ((test_target *)*state)->device;
    fixture *f = scratch();
    char *out = new_path("out");
    graft_train_params p = tiny_run(out);
    p.max_steps = 4;
    train_ok(device, &p);
    p.resume = true;
    put_text(in_folder(out, "metrics.jsonl"), "{}\n");
    assert_error(f, graft_train(f->log, gr_device_to_public(device), &p, NULL), GRAFT_ERR_FORMAT,
                 "metrics.jsonl", "3 bytes");
    assert_int_equal(remove(in_folder(out, "metrics.jsonl")), 0);
    assert_error(f, graft_train(f->log, gr_device_to_public(device), &p, NULL), GRAFT_ERR_IO,
                 "metrics.jsonl");
}

int main(void)
{
    const test_case cases[] = {
        TEST_CASE(stopped_adamw_continues),      TEST_CASE(stopped_sgd_continues),
        TEST_CASE(killed_run_continues),         TEST_CASE(finished_run_is_done),
        TEST_CASE(resuming_clears_temporaries),  TEST_CASE(resuming_with_other_settings),
        TEST_CASE(resuming_with_lost_metrics),   TEST_CASE(patience_ends_a_run),
        TEST_CASE(patience_that_is_not_used_up), TEST_CASE(patience_needs_evaluations),
    };
    scratch_open();
    int failures = TEST_RUN("resume", cases, TEST_EXECUTING);
    scratch_close();
    return failures;
}
