#!/usr/bin/python3
"""Writes what tests/train/test_steps.c compares with, from PyTorch in float64: ten steps of training of whole networks.

ten_steps.py FOLDER     one file per network and optimiser: the loss before each step and after the last, then a line per
                        parameter: its name, how long the way is that it went, and that way's product with random numbers
                        (seeded by the name)."""
import os
import sys

import torch

from formula import NETS, Trained, batch_of, seed_of, uniform

STEPS, BATCH = 10, 2
OPTIMISERS = {
    "sgd": lambda net: torch.optim.SGD([p for _, p in net.named()], lr=1e-5, momentum=.9, weight_decay=5e-4),
    "adamw": lambda net: torch.optim.AdamW(
        [{"params": [p for _, p in net.named() if p.dim() >= 2], "weight_decay": .05},
         {"params": [p for _, p in net.named() if p.dim() < 2], "weight_decay": 0}], lr=1e-5, eps=1e-4),
}


def write(name, kind, folder):
    net = Trained(name, True)
    x, labels = batch_of(net, BATCH)
    net.double()
    x = x.double()
    start = [p.detach().clone() for _, p in net.named()]
    optimiser = OPTIMISERS[kind](net)
    with open(os.path.join(folder, f"steps-{name}-{kind}.txt"), "w") as file:
        for step in range(STEPS + 1):
            optimiser.zero_grad()
            loss = net(x, labels)
            print(f"loss {loss.item():.9g} 0", file=file)
            if step < STEPS:
                loss.backward()
                optimiser.step()
        for (key, value), before in zip(net.named(), start):
            way = (value.detach() - before).flatten()
            along = (way * uniform(seed_of(key) + 1, len(way), -1, 1).double()).sum().item()
            print(f"{key} {way.norm().item():.9g} {along:.9g}", file=file)


torch.set_num_threads(1)
chosen = sys.argv[2:] or ["mobilefacenet", "arcface-r18"]
for name in chosen:
    for kind in OPTIMISERS:
        write(name, kind, sys.argv[1])
print(f"ten steps of {', '.join(chosen)} by PyTorch {torch.__version__} in {sys.argv[1]}")
