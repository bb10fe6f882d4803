#!/usr/bin/python3
"""Writes what tests/model/test_gradients.c compares with, from PyTorch in float64: gradients of whole networks.

gradients.py FOLDER [NETWORK ...]   one file per network and mode (one mode where no batch is normalised), a line per parameter: its name, the length of its gradient, and
                        the gradient's product with random numbers (seeded by the name). The first line is the loss."""
import os
import sys

import torch

from formula import NETS, Trained, batch_of, seed_of, uniform

# In training, batch norms need several pictures. With frozen statistics one is enough, and has fewer numbers so near a
# corner of a ReLU that float32 and float64 come out on two sides of it.
BATCH = {"train": 3, "frozen": 1}

# Where the first picture does have some, another's seed.
SEEDS = {("arcface-r18", "frozen"): 2, ("iresnet18", "frozen"): 3}


def write(name, mode, folder):
    net = Trained(name, mode == "frozen")
    seed = SEEDS.get((name, mode), 1)
    x, labels = batch_of(net, BATCH[mode], seed)
    net.double()
    x = x.double().requires_grad_()
    loss = net(x, labels)
    loss.backward()
    with open(os.path.join(folder, f"gradient-{name}-{mode}.txt"), "w") as file:
        print(f"loss {loss.item():.9g} {seed}", file=file)
        for key, value in net.named() + [("input", x)]:
            grad = value.grad.flatten()
            along = (grad * uniform(seed_of(key) + 1, len(grad), -1, 1).double()).sum().item()
            print(f"{key} {grad.norm().item():.9g} {along:.9g}", file=file)


torch.set_num_threads(1)
chosen = sys.argv[2:] or [name for name in NETS if name != "layer"]  # which is the benchmark's
for name in chosen:
    for mode in "train", "frozen":
        if mode == "frozen" or any("running_mean" in key for key in NETS[name]().state_dict()):
            write(name, mode, sys.argv[1])
print(f"gradients of {', '.join(chosen)} by PyTorch {torch.__version__} in {sys.argv[1]}")
