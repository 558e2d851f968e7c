/* The ranks of a job: processes of this command that mpirun or srun started together. */
#ifndef RANKS_H
#define RANKS_H

#include "command/console/command.h"
#include "command/ranks/mpi.h"

typedef struct cli_ranks {
    graft_ranks ranks; /* count 1: this process was started alone */
    ranks_place place;
    const ranks_module *module;
    double seconds;  /* in exchanges, with waiting for other ranks */
    uint64_t summed; /* bytes of gradients that this rank gave */
} cli_ranks;

/* Finds the others, where the environment tells of a launcher that started several; all ranks. A
 * build without that launcher's MPI is refused. Ranks past the first print errors only. */
graft_status cli_ranks_join(cli *c, cli_ranks *out);

/* Refuses what is of one process only where a launcher started several. */
graft_status cli_ranks_refuse(cli *c, const char *what);

/* All ranks; nothing where there is one. */
void cli_ranks_leave(cli_ranks *r);

/* Opens a device for each rank. `list`: one id, or one for each rank of a host, with commas; NULL
 * and "auto": the devices of the best kind, one after the other. Two ranks on one device are
 * refused unless `share`. What fails on one rank fails on all. */
graft_status cli_ranks_open_device(cli *c, cli_ranks *r, const char *list, bool share,
                                   graft_device **device);

/* Rank 0 says how much time went into exchanges. */
void cli_ranks_tell(cli *c, const cli_ranks *r, double train_seconds);

#endif
