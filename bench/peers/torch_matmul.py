#!/usr/bin/env python3
"""The product of `graft bench --op matmul` in PyTorch.

usage: torch_matmul.py forward|dx M N K THREADS       answers as bench/sample.h says
"""
import sys

import torch

import sample


def main():
    m, n, k, threads = (int(a) for a in sys.argv[2:6])
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    weight = torch.rand(n, k) * 2 - 1
    if sys.argv[1] == "dx":
        left, right = torch.rand(m, n) * 2 - 1, weight
    else:
        left, right = torch.rand(m, k) * 2 - 1, weight.t()
    result = torch.empty(m, right.shape[1])

    def once():
        torch.mm(left, right, out=result)

    once()
    worst = (result.double() - left.double() @ right.double()).abs().max().item()
    if not worst < 1e-6 * left.shape[1]:
        sys.exit("torch_matmul: wrong by %g" % worst)
    print("peer PyTorch %s\nflop %d" % (torch.__version__, 2 * m * n * k))
    sample.serve(once, 0.2)


main()
