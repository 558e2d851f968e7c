/* libFuzzer's entries: GRAFT_FUZZ names the target. */
#include "fuzz.h"

#include <stdlib.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void *state;

static void remove_scratch(void)
{
    fixture_teardown(&state);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    fixture_setup(&state);
    return atexit(remove_scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const fuzz_target *target;
    const char *name = getenv("GRAFT_FUZZ");
    if (!target && !(target = fuzz_find(name ? name : ""))) {
        fprintf(stderr, "GRAFT_FUZZ: expected the name of a target\n");
        exit(2);
    }
    target->read(state, data, size);
    return 0;
}
