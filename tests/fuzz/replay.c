/* Runs targets without libFuzzer: every seed, then mutations of them, the same ones each time.
 *
 * usage: fuzz [--rounds N] [--write FOLDER] TARGET[,..]    seeds, and N mutations of them; or
 * writes the seeds to FOLDER/TARGET fuzz TARGET FILE ..                               these inputs
 * alone
 *
 * The input that kills the process, or takes more than ten seconds, is left in ./fuzz-TARGET.bin.
 */
#include "seeds.h"

#include "base/file.h"
#include "base/mem.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { MAX_INPUT = 1 << 20, MAX_SECONDS = 10 };

static uint8_t input[MAX_INPUT];
static volatile size_t input_size;
static char left_in[128];

/* Only what a signal handler may do. */
static void keep_input(int signal_number)
{
    static const char said[] = "fuzz: died or hung; the input is in fuzz-TARGET.bin\n";
    int fd = open(left_in, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    ssize_t wrote = fd >= 0 ? write(fd, input, input_size) : 0;
    wrote += write(2, said, sizeof(said) - 1);
    (void)wrote;
    signal(signal_number, SIG_DFL);
    raise(signal_number == SIGALRM ? SIGABRT : signal_number);
}

/* xorshift64* (Vigna, "An experimental exploration of Marsaglia's xorshift generators"). */
static uint64_t state = 88172645463325252u;

static size_t below(size_t limit)
{
    state ^= state >> 12, state ^= state << 25, state ^= state >> 27;
    return limit ? (size_t)((state * 2685821657736338717u) >> 33) % limit : 0;
}

static void replace(size_t at, size_t length, const void *with, size_t size)
{
    if (input_size - length + size > MAX_INPUT)
        return;
    memmove(input + at + size, input + at + length, input_size - at - length);
    memmove(input + at, with, size);
    input_size = input_size - length + size;
}

/* What readers have stumbled over elsewhere. */
static void put_number(size_t at)
{
    static const uint64_t numbers[] = {0,          1,          0x7f,      0x80,
                                       0xff,       0x7fff,     0xffff,    0x7fffffff,
                                       0x80000000, 0xffffffff, INT64_MAX, UINT64_MAX};
    uint64_t number = numbers[below(sizeof(numbers) / sizeof(numbers[0]))];
    size_t size = (size_t)1 << below(4), left = input_size - at;
    memcpy(input + at, &number, size < left ? size : left);
}

static void insert_text(size_t at)
{
    static const char *const texts[] = {"-1",      "0",    "99999999999999999999",
                                        "1e999",   "nan",  "null",
                                        "\"",      "[",    "{",
                                        "}",       "]",    ",",
                                        "\\u0000", "\xff", "../",
                                        "\n"};
    const char *text = texts[below(sizeof(texts) / sizeof(texts[0]))];
    replace(at, below(2) && at < input_size, text, strlen(text));
}

static void mutate(const fuzz_seeds *all)
{
    const fuzz_seed *other = &all->seeds[below((size_t)all->count)];
    size_t at = below(input_size), length = below(input_size - at + 1);
    if (!input_size) {
        replace(0, 0, other->data, other->size < MAX_INPUT ? other->size : MAX_INPUT);
        return;
    }
    switch (below(8)) {
    case 0:
        input[at] ^= (uint8_t)(1u << below(8));
        break;
    case 1:
        input[at] = (uint8_t)below(256);
        break;
    case 2:
        put_number(at);
        break;
    case 3:
        insert_text(at);
        break;
    case 4:
        input_size = at;
        break;
    case 5:
        replace(at, length < 64 ? length : 64, "", 0);
        break;
    case 6:
        replace(at, 0, input + at, length < 64 ? length : 64);
        break;
    case 7: {
        size_t from = below(other->size), size = below(other->size - from + 1);
        replace(at, 0, other->data + from, size < 256 ? size : 256);
    }
    }
}

static bool run(const fuzz_target *target, fixture *f)
{
    uint8_t *own = malloc(input_size + 1); /* so that a sanitizer sees where it ends */
    assert_non_null(own);
    memcpy(own, input, input_size);
    alarm(MAX_SECONDS);
    graft_status status = target->read(f, own, input_size);
    alarm(0);
    free(own);
    return status == GRAFT_OK;
}

static void take(const void *data, size_t size)
{
    input_size = size < MAX_INPUT ? size : MAX_INPUT;
    memcpy(input, data, input_size);
}

static void write_seeds(fixture *f, const fuzz_target *target, const fuzz_seeds *all,
                        const char *folder)
{
    for (int i = 0; i < all->count; i++) {
        char *path = gr_printf(f->memory, "%s/%s/seed-%d", folder, target->name, i);
        put_bytes(path, all->seeds[i].data, all->seeds[i].size);
    }
}

static void run_all(fixture *f, const fuzz_target *target, const fuzz_seeds *all, int rounds)
{
    clock_t began = clock();
    int read = 0, taken = 0;
    char text[1024];
    for (int i = 0; i < all->count; i++) {
        take(all->seeds[i].data, all->seeds[i].size);
        bool good = run(target, f);
        read += good;
        if (!good && getenv("GRAFT_LOG")) {
            graft_log_error(f->log, text, sizeof(text));
            printf("%s: seed %d: %s\n", target->name, i, text);
        }
    }
    for (int i = 0; i < rounds; i++) {
        const fuzz_seed *seed = &all->seeds[below((size_t)all->count)];
        take(seed->data, seed->size);
        for (size_t k = 1 + below(4); k > 0; k--)
            mutate(all);
        taken += run(target, f);
    }
    printf("%s: %d of %d seeds and %d of %d mutations were read, %.2f s\n", target->name, read,
           all->count, taken, rounds, (double)(clock() - began) / CLOCKS_PER_SEC);
}

static void run_target(const char *name, int rounds, const char *folder, char **files)
{
    const fuzz_target *target = fuzz_find(name);
    void *f = NULL;
    if (!target) {
        fprintf(stderr, "fuzz: %s: no such target\n", name);
        exit(2);
    }
    snprintf(left_in, sizeof(left_in), "fuzz-%s.bin", name);
    fixture_setup(&f);
    fuzz_seeds all = {.memory = ((fixture *)f)->memory};
    fuzz_collecting = &all;
    if (!*files)
        target->seed(f);
    for (; *files; files++)
        fuzz_add_file(*files);
    if (folder)
        write_seeds(f, target, &all, folder);
    else
        run_all(f, target, &all, rounds);
    fixture_teardown(&f);
}

int main(int argc, char **argv)
{
    const char *folder = NULL;
    int rounds = 0, at = 1;
    for (; at + 1 < argc && argv[at][0] == '-'; at += 2)
        if (strcmp(argv[at], "--rounds") == 0)
            rounds = atoi(argv[at + 1]);
        else
            folder = argv[at + 1];
    if (at >= argc)
        return 2;
    static const int fatal[] = {SIGSEGV, SIGBUS, SIGFPE, SIGABRT, SIGILL, SIGALRM};
    for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
        signal(fatal[i], keep_input);
    for (char *name = strtok(argv[at], ","); name; name = strtok(NULL, ","))
        run_target(name, rounds, folder, argv + at + 1);
    return 0;
}
