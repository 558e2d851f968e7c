/* The one door to an MPI library. Open MPI and MPICH differ in what is compiled, so each has a
 * module of its own beside libgraft, "libgraft-openmpi.so" and "libgraft-mpich.so", both made of
 * mpi.c; the command opens the one that belongs to the launcher that started it, and needs neither
 * to start. */
#ifndef RANKS_MPI_H
#define RANKS_MPI_H

#include <graft/ranks.h>
#include <stdint.h>

typedef struct ranks_place {
    int rank, count;
    int local_rank, local_count; /* among the ranks of this host */
    char host[64];
} ranks_place;

/* What a module exports, under the name RANKS_MODULE_SYMBOL. */
typedef struct ranks_module {
    uint32_t version;                        /* GRAFT_VERSION of its build */
    graft_status (*begin)(ranks_place *out); /* once; all ranks */
    void (*end)(void);                       /* all ranks */
    graft_status (*gather)(void *user, const void *mine, size_t size_bytes, void *all);
    graft_status (*sum)(void *user, float *values, size_t count);
} ranks_module;

#define RANKS_MODULE_SYMBOL graft_ranks_module

#endif
