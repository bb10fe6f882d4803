#!/usr/bin/python3
"""Writes what tests/train/test_optimiser.c compares with: ten steps of PyTorch's optimisers in float64.

optimisers.py FILE     a line per case: its name, then the weights after ten steps. Gradients are made by formula: of
                       element i in step t, .3 sin(1.7 i + .9 t) + .1 w."""
import math
import sys

import torch

CASES = {
    "sgd": lambda p: torch.optim.SGD(p, lr=.1, weight_decay=.02),
    "momentum": lambda p: torch.optim.SGD(p, lr=.1, momentum=.9, weight_decay=.02),
    "adamw": lambda p: torch.optim.AdamW(p, lr=.01, betas=(.9, .999), eps=1e-8, weight_decay=.05),
    "adamw_rank_1": lambda p: torch.optim.AdamW(p, lr=.01, betas=(.9, .999), eps=1e-8, weight_decay=0),
}
with open(sys.argv[1], "w") as file:
    for name, make in CASES.items():
        w = torch.tensor([math.cos(i) for i in range(8)], dtype=torch.float64, requires_grad=True)
        optimiser = make([w])
        for t in range(10):
            w.grad = torch.tensor([.3 * math.sin(1.7 * i + .9 * t) for i in range(8)],
                                  dtype=torch.float64) + .1 * w.detach()
            optimiser.step()
        print(name, *(f"{x:.9g}" for x in w.tolist()), file=file)
print(f"four optimisers by PyTorch {torch.__version__} in {sys.argv[1]}")
