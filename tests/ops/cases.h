/* The tables of cases, by group. */
#ifndef OP_CASES_H
#define OP_CASES_H

#include "op_test.h"

#define OP_GROUP_LIST(F)                                                                           \
    F(elementwise)                                                                                 \
    F(rows)                                                                                        \
    F(reduce)                                                                                      \
    F(views)                                                                                       \
    F(matmul)                                                                                      \
    F(conv)                                                                                        \
    F(fourier)

#define OP_GROUP_DECLARE(name) extern const op_group op_group_##name;
OP_GROUP_LIST(OP_GROUP_DECLARE)
#undef OP_GROUP_DECLARE

#define OP_CASE_COUNT(cases) (int)(sizeof(cases) / sizeof((cases)[0]))

#endif
