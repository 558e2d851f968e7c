/* The one fault that a layer of this folder makes, from GRAFT_FAULT=KIND:N, and that it was made:
 * a line in the file GRAFT_FAULT_MADE.
 *
 * | kind      | at its N-th call (from 1; 0: at every one) | | memory    | an allocation of device
 * memory fails                                                | | lost      | a submission fails,
 * and all that comes after: the device is lost                    | | wait      | waiting fails |
 * | drop      | a submission is not executed, and reported as done | | skip      | a dispatch is
 * not executed                                                          | | stale     | a copy
 * leaves what was there (Vulkan); a binary of another kernel is taken (OpenCL) | | wrong     | the
 * N-th kernel that is compiled does half of its work, always                      | | limits    |
 * the device promises eight times what it has                                         |
 */
#ifndef TESTS_FAULT_H
#define TESTS_FAULT_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the loader calls. */
#define FAULT_EXPORT __attribute__((visibility("default")))

static inline bool fault_is(const char *kind)
{
    const char *fault = getenv("GRAFT_FAULT");
    size_t length = strlen(kind);
    return fault && strncmp(fault, kind, length) == 0 && fault[length] == ':';
}

static inline void fault_made(void)
{
    const char *path = getenv("GRAFT_FAULT_MADE");
    FILE *file = path ? fopen(path, "a") : NULL;
    if (!file)
        return;
    fprintf(file, "%s\n", getenv("GRAFT_FAULT"));
    fclose(file);
}

/* Counts one more call of this kind; whether the fault is to be made now. */
static inline bool fault_is_due(const char *kind, int *calls)
{
    if (!fault_is(kind))
        return false;
    int n = atoi(strchr(getenv("GRAFT_FAULT"), ':') + 1);
    ++*calls;
    if (n != 0 && *calls != n)
        return false;
    fault_made();
    return true;
}

/* Half of a grid; false: nothing can be left out of it but all. */
static inline bool fault_halve(unsigned grid[3])
{
    for (int axis = 0; axis < 3; axis++)
        if (grid[axis] > 1) {
            grid[axis] /= 2;
            return true;
        }
    return false;
}

#endif
