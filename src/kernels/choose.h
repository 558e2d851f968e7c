/* Which kernel runs for what, on which device, with which tunables: the one place that chooses.
 *
 * An operator asks by the name of its portable kernel ("softmax", "matmul"). table.c has the rows:
 * each says what it needs of a device and of the problem, and what runs. The first row whose needs
 * are met is taken, so better ones stand first and the portable kernel, which needs nothing, last.
 * GRAFT_KERNELS puts a row of choice before all others; rows that the self-test found wrong on a
 * device are passed over.
 *
 * Thread-safety: the table is constant; a device's forced and banned rows change when it is opened
 * or tested.
 */
#ifndef GR_KERNELS_CHOOSE_H
#define GR_KERNELS_CHOOSE_H

#include "backends/backend.h"

/* The size of a problem; zeros: unknown, and rows that need a size are passed over. */
typedef struct gr_problem {
    uint32_t axis; /* the shortest of its axes */
    double work;   /* multiply-adds */
} gr_problem;

/* What a row needs; 0 and false: nothing. */
typedef struct gr_needs {
    uint32_t classes; /* bit i: class i of devices (gr_device_class) */
    uint32_t vector_bits, vector_registers; /* of a CPU that runs OpenCL C, at least */
    uint32_t shared_bytes;                  /* of a work-group, at least */
    uint32_t workgroup;                     /* work-items in one, at least */
    bool gemm_library;
    gr_problem problem; /* at least */
} gr_needs;

typedef struct gr_variant {
    const char *kernel; /* the portable kernel that is asked for */
    const char *name;   /* of the row */
    gr_needs needs;
    const gr_kernel *runs; /* NULL: the operator calls a library or other operators' kernels */
    uint32_t width;        /* elements, or rows, that a work-item takes, at most as many if less;
                            * of matmul_split, work-groups that keep the device busy */
    uint32_t tunables[GR_MAX_TUNABLES]; /* 0: the kernel's own default */
} gr_variant;

/* The first row for `kernel` after `after` (NULL: of all) that the device and the problem (NULL:
 * of unknown size) allow. NULL: no more; a kernel without rows has none. */
const gr_variant *gr_variant_next(const gr_device *device, const char *kernel,
                                  const gr_problem *problem, const gr_variant *after);

/* The row that `item`, "kernel=row" of `length` characters, names; NULL: there is none. */
const gr_variant *gr_variant_named(const char *item, size_t length);

/* The kernel's own tunables, but for a work-group that the device allows, and those that `variant`
 * (NULL: none) sets. tunables: [GR_MAX_TUNABLES]. */
void gr_variant_tunables(const gr_device *device, const gr_variant *variant,
                         const gr_kernel *kernel, uint32_t *tunables);

#define GR_MAX_FORCED 16
#define GR_MAX_BANNED 48

/* Reads "softmax=lanes8,matmul=panel8" into the NULL-terminated rows [GR_MAX_FORCED + 1]. Class and
 * vectors may be other ones than the device has; what else a row needs must be there. Fails with
 * GRAFT_ERR_ARGUMENT, naming `variable`. */
graft_status gr_variants_force(const gr_device *device, const char *variable, const char *list,
                               const gr_variant **rows);

/* table.c */
extern const gr_variant gr_variants[];
extern const int gr_variant_count;

#endif
