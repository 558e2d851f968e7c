/* The module of an MPI library, version 3 or newer. */
#include "command/ranks/mpi.h"

#include <graft/version.h>
#include <mpi.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Numbers that are summed at once: bounds the memory, and what MPI counts as int. */
enum { CHUNK = 1 << 22 };

static ranks_place place;

static graft_status begin(ranks_place *out)
{
    MPI_Comm local;
    char name[MPI_MAX_PROCESSOR_NAME];
    int thread, length = 0;
    if (MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &thread) != MPI_SUCCESS)
        return GRAFT_ERR_IO;
    MPI_Comm_rank(MPI_COMM_WORLD, &place.rank);
    MPI_Comm_size(MPI_COMM_WORLD, &place.count);
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, place.rank, MPI_INFO_NULL, &local);
    MPI_Comm_rank(local, &place.local_rank);
    MPI_Comm_size(local, &place.local_count);
    MPI_Comm_free(&local);
    MPI_Get_processor_name(name, &length);
    snprintf(place.host, sizeof(place.host), "%.*s", length, name);
    *out = place;
    return GRAFT_OK;
}

static void end(void)
{
    MPI_Finalize();
}

static graft_status gather(void *user, const void *mine, size_t size_bytes, void *all)
{
    (void)user;
    int size = (int)size_bytes;
    return MPI_Allgather(mine, size, MPI_BYTE, all, size, MPI_BYTE, MPI_COMM_WORLD) == MPI_SUCCESS
               ? GRAFT_OK
               : GRAFT_ERR_IO;
}

/* How a vector is shared out: rank i adds up numbers first[i] .. first[i] + count[i] - 1. */
typedef struct parts {
    int *first, *count;           /* of the vector */
    int *mine_first, *mine_count; /* of what others send of the own part */
    float *received;              /* [ranks, own count] */
} parts;

static bool share_out(parts *p, int count)
{
    size_t ranks = (size_t)place.count;
    int *numbers = malloc(4 * ranks * sizeof(int));
    if (!numbers)
        return false;
    *p = (parts){numbers, numbers + ranks, numbers + 2 * ranks, numbers + 3 * ranks, NULL};
    for (int i = 0; i < place.count; i++) {
        p->first[i] = (int)((long long)count * i / place.count);
        p->count[i] = (int)((long long)count * (i + 1) / place.count) - p->first[i];
    }
    int own = p->count[place.rank];
    for (int i = 0; i < place.count; i++) {
        p->mine_first[i] = i * own;
        p->mine_count[i] = own;
    }
    p->received = malloc(ranks * (size_t)(own ? own : 1) * sizeof(float));
    return p->received != NULL;
}

/* Each rank gets its part of all vectors, adds them in the order of ranks, whatever the order in
 * which they came, and gives the sum to all: every rank sends and receives the vector about twice,
 * however many they are. */
static bool sum_chunk(float *values, int count)
{
    parts p = {0};
    bool done = share_out(&p, count) &&
                MPI_Alltoallv(values, p.count, p.first, MPI_FLOAT, p.received, p.mine_count,
                              p.mine_first, MPI_FLOAT, MPI_COMM_WORLD) == MPI_SUCCESS;
    if (done) {
        float *sum = values + p.first[place.rank];
        int own = p.count[place.rank];
        memcpy(sum, p.received, (size_t)own * sizeof(float));
        for (int i = 1; i < place.count; i++)
            for (int k = 0; k < own; k++)
                sum[k] += p.received[i * own + k];
        done = MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_FLOAT, values, p.count, p.first, MPI_FLOAT,
                              MPI_COMM_WORLD) == MPI_SUCCESS;
    }
    free(p.first);
    free(p.received);
    return done;
}

static graft_status sum(void *user, float *values, size_t count)
{
    (void)user;
    for (size_t at = 0; at < count; at += CHUNK) {
        size_t left = count - at;
        if (!sum_chunk(values + at, left < CHUNK ? (int)left : CHUNK))
            return GRAFT_ERR_IO;
    }
    return GRAFT_OK;
}

__attribute__((visibility("default"))) extern const ranks_module RANKS_MODULE_SYMBOL;
const ranks_module RANKS_MODULE_SYMBOL = {GRAFT_VERSION, begin, end, gather, sum};
