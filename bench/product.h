/* The product that the matrix programs time, and its check: a linear layer, y [M, N] = x [M, K] W^T
 * with W [N, K], or the gradient to its input, dx [M, K] = dy [M, N] W.
 * Arguments: forward|dx M N K. */
#ifndef BENCH_PRODUCT_H
#define BENCH_PRODUCT_H

#include "sample.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct product {
    bool dx;
    int m, n, k;
    float *left, *weight, *result; /* x or dy; W; y or dx */
    size_t left_count, weight_count, result_count;
} product;

static inline float product_number(size_t i)
{
    return (float)(i * 2654435761u % 4093) / 2046.0f - 1.0f;
}

/* False: bad arguments, or no memory. */
static inline bool product_read(product *p, char **args, int count)
{
    if (count != 4)
        return false;
    *p = (product){strcmp(args[0], "dx") == 0, atoi(args[1]), atoi(args[2]), atoi(args[3])};
    size_t m = (size_t)p->m, n = (size_t)p->n, k = (size_t)p->k;
    p->left_count = m * (p->dx ? n : k);
    p->weight_count = n * k;
    p->result_count = m * (p->dx ? k : n);
    p->left = aligned_alloc(64, p->left_count * 4 + 64 - p->left_count * 4 % 64);
    p->weight = aligned_alloc(64, p->weight_count * 4 + 64 - p->weight_count * 4 % 64);
    p->result = aligned_alloc(64, p->result_count * 4 + 64 - p->result_count * 4 % 64);
    if (!p->left || !p->weight || !p->result)
        return false;
    for (size_t i = 0; i < p->left_count; i++)
        p->left[i] = product_number(i);
    for (size_t i = 0; i < p->weight_count; i++)
        p->weight[i] = product_number(i + 77);
    return true;
}

static inline double product_element(const product *p, size_t row, size_t col)
{
    size_t n = (size_t)p->n, k = (size_t)p->k;
    double sum = 0.0;
    if (p->dx)
        for (size_t i = 0; i < n; i++)
            sum += (double)p->left[row * n + i] * p->weight[i * k + col];
    else
        for (size_t i = 0; i < k; i++)
            sum += (double)p->left[row * k + i] * p->weight[col * k + i];
    return sum;
}

/* Compares some thousand elements, among them all of the last row and column, with sums in double.
 * Prints the worst error relative to the number of terms, each at most 1. */
static inline bool product_check(const product *p)
{
    size_t cols = (size_t)(p->dx ? p->k : p->n), rows = (size_t)p->m;
    double worst = 0.0, terms = p->dx ? p->n : p->k;
    for (size_t i = 0; i < p->result_count; i++) {
        bool edge = i / cols == rows - 1 || i % cols == cols - 1;
        if (!edge && i % 911 != 0)
            continue;
        double error = fabs(p->result[i] - product_element(p, i / cols, i % cols)) / terms;
        worst = error > worst || isnan(error) ? error : worst;
    }
    printf("worst_error %.2g\nflop %.0f\n", worst, 2.0 * p->m * p->n * p->k);
    return worst < 1e-6;
}

#endif
