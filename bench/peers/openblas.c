/* The product of `graft bench --op matmul` in OpenBLAS: openblas forward|dx M N K */
#include "bench/product.h"

#include <cblas.h>

static int once(void *user)
{
    const product *p = user;
    if (p->dx)
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, p->m, p->k, p->n, 1.0f, p->left,
                    p->n, p->weight, p->k, 0.0f, p->result, p->k);
    else
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, p->m, p->n, p->k, 1.0f, p->left, p->k,
                    p->weight, p->k, 0.0f, p->result, p->n);
    return 0;
}

int main(int argc, char **argv)
{
    product p;
    if (!product_read(&p, argv + 1, argc - 1))
        return 2;
    printf("peer %s\n", openblas_get_config());
    once(&p);
    return product_check(&p) ? sample_serve(once, &p, 0.2) : 1;
}
