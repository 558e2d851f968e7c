#!/usr/bin/env python3
"""The product of `graft bench --op matmul` (forward) or matmul_dx (dx) in JAX, compiled.

usage: jax_matmul.py forward|dx M N K       answers as bench/sample.h says
"""
import sys

import jax
import jax.numpy as jnp
import numpy as np

import sample


def main():
    m, n, k = (int(a) for a in sys.argv[2:5])
    rng = np.random.default_rng(0)
    weight = jnp.asarray(rng.uniform(-1, 1, (n, k)), jnp.float32)
    left = jnp.asarray(rng.uniform(-1, 1, (m, n if sys.argv[1] == "dx" else k)), jnp.float32)
    product = jax.jit((lambda a, w: a @ w) if sys.argv[1] == "dx" else (lambda a, w: a @ w.T))
    result = np.asarray(product(left, weight), np.float64)
    expected = np.asarray(left, np.float64) @ (np.asarray(weight, np.float64) if sys.argv[1] == "dx"
                                              else np.asarray(weight, np.float64).T)
    if not np.abs(result - expected).max() < 1e-6 * left.shape[1]:
        sys.exit("jax_matmul: wrong result")
    print("peer JAX %s\nflop %d" % (jax.__version__, 2 * m * n * k))
    sample.serve(lambda: product(left, weight).block_until_ready(), 0.2)


main()
