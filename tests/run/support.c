#include "support.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/philox.h"
#include "weights/safetensors.h"

#include <ftw.h>
#include <png.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static fixture *the_scratch;

fixture *scratch_open(void)
{
    void *state = NULL;
    fixture_setup(&state);
    the_scratch = state;
    return the_scratch;
}

fixture *scratch(void)
{
    return the_scratch;
}

void scratch_close(void)
{
    void *state = the_scratch;
    fixture_teardown(&state);
}

char *new_path(const char *name)
{
    static int count;
    char *path = gr_printf(the_scratch, "%s/%s-%d", the_scratch->directory, name, ++count);
    assert_non_null(path);
    return path;
}

/* ---- Inputs ----------------------------------------------------------------------------- */

enum { DIM = 32, HIDDEN = 64, PATCH = 8, TOKENS = 17, DEPTH = 2 };

typedef struct maker {
    gr_tensors *tensors;
    const char *broken;
    bool misshapen;
} maker;

/* Normal numbers keyed by the name; norms around one. */
static void add(const maker *m, const char *name, gr_shape shape)
{
    void *data;
    bool broken = m->broken && strcmp(m->broken, name) == 0;
    if (broken && !m->misshapen)
        return;
    if (broken)
        shape.dim[0]++;
    check_ok(the_scratch,
             gr_tensors_add_new(the_scratch->log, m->tensors, name, GR_F32, shape, &data));
    uint32_t counter[4] = {(uint32_t)hash_bytes(name, strlen(name))}, random[4];
    float *values = data, pair[2];
    bool scale = strstr(name, "norm") && strstr(name, "weight");
    for (int64_t i = 0; i < gr_shape_count(&shape); i++) {
        counter[1] = (uint32_t)i;
        gr_philox_seeded(5, counter, random);
        gr_philox_normal(random[0], random[1], pair);
        values[i] = 0.15f * pair[0] + (scale ? 1.0f : 0.0f);
    }
}

static void add_linear(const maker *m, const char *prefix, const char *name, int64_t out,
                       int64_t in)
{
    char full[80];
    snprintf(full, sizeof(full), "%s%s.weight", prefix, name);
    add(m, full, in ? GR_SHAPE(out, in) : GR_SHAPE(out));
    snprintf(full, sizeof(full), "%s%s.bias", prefix, name);
    add(m, full, GR_SHAPE(out));
}

gr_tensors *tiny_tensors(const char *broken, bool misshapen)
{
    maker m = {gr_tensors_create(), broken, misshapen};
    assert_non_null(m.tensors);
    add(&m, "cls_token", GR_SHAPE(1, 1, DIM));
    add(&m, "pos_embed", GR_SHAPE(1, TOKENS, DIM));
    add(&m, "patch_embed.proj.weight", GR_SHAPE(DIM, 3, PATCH, PATCH));
    add(&m, "patch_embed.proj.bias", GR_SHAPE(DIM));
    for (int i = 0; i < DEPTH; i++) {
        char prefix[32];
        snprintf(prefix, sizeof(prefix), "blocks.%d.", i);
        add_linear(&m, prefix, "norm1", DIM, 0);
        add_linear(&m, prefix, "attn.qkv", 3 * DIM, DIM);
        add_linear(&m, prefix, "attn.proj", DIM, DIM);
        add_linear(&m, prefix, "norm2", DIM, 0);
        add_linear(&m, prefix, "mlp.fc1", HIDDEN, DIM);
        add_linear(&m, prefix, "mlp.fc2", DIM, HIDDEN);
    }
    add_linear(&m, "", "norm", DIM, 0);
    check_ok(the_scratch, gr_tensors_set_metadata(the_scratch->log, m.tensors, "graft.heads", "2"));
    return m.tensors;
}

const char *tiny_backbone(void)
{
    static char *path;
    if (path)
        return path;
    gr_tensors *tensors = tiny_tensors(NULL, false);
    char *made = path_of(the_scratch, "vit.safetensors");
    check_ok(the_scratch, gr_safetensors_write(the_scratch->log, made, tensors, NULL));
    gr_tensors_destroy(&tensors);
    return path = made;
}

/* Stripes of the class's direction over its colour, shifted from image to image. */
static void put_picture(const char *name, int label, int index)
{
    uint8_t pixels[RUN_SIZE * RUN_SIZE * 3], *p = pixels;
    for (int y = 0; y < RUN_SIZE; y++)
        for (int x = 0; x < RUN_SIZE; x++)
            for (int c = 0; c < 3; c++) {
                int along = label == 0 ? x : label == 1 ? y : x + y;
                int stripe = (along + 3 * index) % 8 < 4 ? 60 : 0;
                *p++ = (uint8_t)((c == label ? 150 : 40) + stripe + (x * 7 + y * index) % 30);
            }
    bytes b = encode_png(the_scratch, pixels, RUN_SIZE, RUN_SIZE,
                         (png_kind){8, PNG_COLOR_TYPE_RGB, false, false});
    put_bytes(path_of(the_scratch, name), b.data, b.size);
}

char *other_backbone(void)
{
    char *path = path_of(scratch(), "other.safetensors");
    gr_tensors *t = tiny_tensors(NULL, false);
    const gr_tensor *norm = gr_tensors_find(t, "blocks.1.norm2.weight");
    ((float *)norm->data)[3] += 0.5f;
    check_ok(scratch(), gr_safetensors_write(scratch()->log, path, t, NULL));
    gr_tensors_destroy(&t);
    return path;
}

const char *tiny_images(void)
{
    static char *path;
    if (path)
        return path;
    for (int i = 0; i < RUN_TRAIN + RUN_TEST; i++) {
        char name[64];
        const char *split = i < RUN_TRAIN ? "train" : "test";
        snprintf(name, sizeof(name), "images/%s/%c/%d.png", split, 'a' + i % RUN_CLASSES, i);
        put_picture(name, i % RUN_CLASSES, i);
    }
    return path = path_of(the_scratch, "images");
}

graft_train_params tiny_run(const char *out)
{
    graft_train_params p;
    graft_train_defaults(&p);
    p.backbone = tiny_backbone();
    p.data = tiny_images();
    p.method = "lora";
    p.input.threads = 2;
    p.epochs = 3;
    p.batch_size = RUN_BATCH;
    p.lr = 0.01;
    p.seed = 7;
    p.out = out;
    return p;
}

/* ---- Runs ------------------------------------------------------------------------------- */

static void keep_warning(void *user, graft_log_level level, const char *text)
{
    listener *l = user;
    size_t used = strlen(l->text);
    if (level != GRAFT_LOG_WARN)
        return;
    l->warnings++;
    snprintf(l->text + used, sizeof(l->text) - used, "%s\n", text);
}

void listener_open(listener *l)
{
    *l = (listener){0};
    l->log = graft_log_create(&(graft_log_params){keep_warning, l, GRAFT_LOG_WARN});
    assert_non_null(l->log);
}

void listener_close(listener *l)
{
    graft_log_destroy(&l->log);
}

graft_train_result train_ok(gr_device *device, const graft_train_params *params)
{
    graft_train_result result = {0};
    check_ok(the_scratch,
             graft_train(the_scratch->log, gr_device_to_public(device), params, &result));
    return result;
}

graft_model *model_ok(graft_log *log, gr_device *device, const char *backbone, const char *adapter)
{
    graft_model_params params = {.backbone = {.path = backbone},
                                 .adapter = adapter,
                                 .batch_size = 4,
                                 .input = {.threads = 1}};
    graft_model *model = NULL;
    TEST_OK(log, graft_model_open(log, gr_device_to_public(device), &params, &model));
    if (!adapter)
        TEST_OK(log, graft_model_attach(model, NULL));
    return model;
}

char *in_folder(const char *folder, const char *name)
{
    char *path = gr_path_join(the_scratch, folder, name);
    assert_non_null(path);
    return path;
}

char *text_of(const char *path)
{
    char *text = NULL;
    check_ok(the_scratch, gr_file_read(the_scratch->log, the_scratch, path, &text, NULL));
    return text;
}

int lines_of(const char *path)
{
    FILE *file = fopen(path, "r");
    int count = 0;
    for (int c; file && (c = getc(file)) != EOF;)
        count += c == '\n';
    if (file)
        fclose(file);
    return count;
}

void assert_same_bytes(const char *a, const char *b, const char *about)
{
    char *left, *right;
    size_t left_size, right_size;
    check_ok(the_scratch, gr_file_read(the_scratch->log, the_scratch, a, &left, &left_size));
    check_ok(the_scratch, gr_file_read(the_scratch->log, the_scratch, b, &right, &right_size));
    if (left_size != right_size || memcmp(left, right, left_size) != 0)
        fail_msg("%s: %s and %s differ", about, a, b);
    gr_free(left);
    gr_free(right);
}

/* Cuts ", "images_per_s": 12" out of each line. */
static void drop_rates(char *text)
{
    static const char key[] = ", \"images_per_s\": ";
    for (size_t i = 0; text[i]; i++) {
        if (strncmp(text + i, key, sizeof(key) - 1) != 0)
            continue;
        size_t length = strcspn(text + i, "}");
        memmove(text + i, text + i + length, strlen(text + i + length) + 1);
    }
}

void assert_same_run(const char *a, const char *b, const char *about)
{
    static const char *const same[] = {"adapter.safetensors", "best.safetensors"};
    for (int i = 0; i < 2; i++)
        assert_same_bytes(in_folder(a, same[i]), in_folder(b, same[i]), about);
    char *left = text_of(in_folder(a, "metrics.jsonl"));
    char *right = text_of(in_folder(b, "metrics.jsonl"));
    drop_rates(left);
    drop_rates(right);
    if (strcmp(left, right) != 0)
        fail_msg("%s: metrics.jsonl differs:\n%s\n--\n%s", about, left, right);
}

static int found_files, found_temporaries;

static int look_at(const char *path, const struct stat *info, int type, struct FTW *place)
{
    (void)info;
    found_files += type == FTW_F;
    found_temporaries += strncmp(path + place->base, ".graft", 6) == 0;
    return 0;
}

int files_below(const char *folder)
{
    found_files = found_temporaries = 0;
    nftw(folder, look_at, 16, FTW_PHYS);
    return found_files;
}

void assert_no_temporaries(const char *folder)
{
    files_below(folder);
    assert_int_equal(found_temporaries, 0);
}

/* ---- The command ------------------------------------------------------------------------ */

/* In the child: nothing but exec after this. */
static void limit_files(long most)
{
    struct rlimit limit = {(rlim_t)most, (rlim_t)most};
    signal(SIGXFSZ, SIG_IGN); /* too large is then an error like a full disk */
    setrlimit(RLIMIT_FSIZE, &limit);
}

void command_start(command *c, const char *const *arguments)
{
    const char *program = c->program ? c->program : getenv("GRAFT");
    const char *argv[40] = {program};
    int count = 1;
    assert_non_null(program);
    while (arguments[count - 1]) {
        argv[count] = arguments[count - 1];
        assert_in_range(++count, 1, 38);
    }
    if (!c->errors) {
        c->errors = new_path("stderr");
        c->output = new_path("stdout");
    }
    fflush(NULL);
    c->pid = fork();
    assert_true(c->pid >= 0);
    if (c->pid > 0)
        return;
    if (!freopen(c->output, "w", stdout) || !freopen(c->errors, "w", stderr))
        _exit(99);
    setenv("GRAFT_LOG", "error", 1);
    if (c->limit_bytes)
        limit_files(c->limit_bytes);
    execv(program, (char *const *)(uintptr_t)argv);
    _exit(99);
}

int command_wait(command *c)
{
    int status;
    assert_int_equal(waitpid(c->pid, &status, 0), c->pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int command_run(command *c, const char *const *arguments)
{
    command_start(c, arguments);
    return command_wait(c);
}

void command_fails(command *c, const char *const *arguments, const char *telling)
{
    int code = command_run(c, arguments);
    const char *text = text_of(c->errors);
    if (code != 1 && code != 2)
        fail_msg("exit code %d, expected 1 or 2: %s", code, text);
    if (lines_of(c->errors) != 1 || !strstr(text, telling))
        fail_msg("expected one line with '%s', found: %s", telling, text);
    if (strchr(text, '`'))
        fail_msg("a parameter that no option stands for: %s", text);
}
