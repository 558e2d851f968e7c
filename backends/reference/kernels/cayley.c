#include "backends/reference/reference.h"

#include "shaders/cayley.gk.h"

enum { X, Y, MOST = 64 };

/* Row and column exchanged: y solves (I + S)^T y^T = (I - S)^T. */
typedef struct equations {
    uint32_t size;
    double left[MOST][MOST], right[MOST][MOST];
} equations;

static void load(gr_ref_call *call, uint64_t first, equations *e)
{
    uint32_t n = e->size;
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t j = 0; j < n; j++) {
            double skew = (gr_ref_get(call, X, first + (uint64_t)j * n + i) -
                           gr_ref_get(call, X, first + (uint64_t)i * n + j)) /
                          2;
            e->left[i][j] = (i == j) + skew;
            e->right[i][j] = (i == j) - skew;
        }
    }
}

static void exchange(equations *e, uint32_t a, uint32_t b)
{
    for (uint32_t j = 0; j < e->size; j++) {
        double left = e->left[a][j], right = e->right[a][j];
        e->left[a][j] = e->left[b][j];
        e->right[a][j] = e->right[b][j];
        e->left[b][j] = left;
        e->right[b][j] = right;
    }
}

/* Elimination with the largest pivot of each column; leaves the solution in `right`. */
static void solve(equations *e)
{
    for (uint32_t k = 0; k < e->size; k++) {
        uint32_t pivot = k;
        for (uint32_t i = k + 1; i < e->size; i++)
            if (fabs(e->left[i][k]) > fabs(e->left[pivot][k]))
                pivot = i;
        exchange(e, k, pivot);
        for (uint32_t i = 0; i < e->size; i++) {
            double factor = e->left[i][k] / e->left[k][k];
            for (uint32_t j = 0; j < e->size && i != k; j++) {
                e->left[i][j] -= factor * e->left[k][j];
                e->right[i][j] -= factor * e->right[k][j];
            }
        }
    }
    for (uint32_t i = 0; i < e->size; i++)
        for (uint32_t j = 0; j < e->size; j++)
            e->right[i][j] /= e->left[i][i];
}

void gr_ref_cayley(gr_ref_call *call)
{
    GR_REF_PARAMS(call, cayley, p);
    uint32_t n = gr_ref_tunable(call, "BLOCK");
    equations e = {.size = n};
    if (n < 1 || n > MOST) {
        gr_ref_fault(call, "BLOCK %u, expected 1 to %d", n, MOST);
        return;
    }
    for (uint32_t block = 0; block < p.blocks; block++) {
        uint64_t first = (uint64_t)block * n * n;
        load(call, first, &e);
        solve(&e);
        for (uint32_t i = 0; i < n; i++)
            for (uint32_t j = 0; j < n; j++)
                gr_ref_put(call, Y, first + (uint64_t)i * n + j, e.right[j][i]);
    }
}
