#!/usr/bin/python3
"""Writes what tests/model/test_transformer_gradients.c compares with, from PyTorch in float64: outputs and gradients of
Face-ViT's transformers, small ones by formula.

transformer_gradients.py FOLDER     one file per case, a line per tensor as gradients.py writes them"""
import math
import os
import sys

import torch
import torch.nn.functional as F

import nets
from formula import CLASSES, fill, margin_loss, seed_of, uniform, weights
from transformers import H1, H2, H2L, V

SMALL = {"width": 64, "hidden": 96, "heads": 3, "depth": 2, "cells": 12, "positions": 26, "dim": 40, "single": False,
         "form": "published", "photos": 3, "learns": False}

# learns: batch norms by the batch's statistics.
CASES = {
    "vit": {"positions": 197, "form": "pre-norm"},
    "h1": {"width": 512, "positions": 129, "depth": 1},
    "h2": {},
    "h2-d1": {"depth": 1},
    "h2l": {"learns": True},
    "h2l-d1-single": {"depth": 1, "single": True, "positions": 0},
    "h2l-text": {"form": "text"},
}


def random(name, *shape):
    return uniform(seed_of(name), math.prod(shape), -1, 1).reshape(shape)


def network_of(name, case):
    arch = name.split("-")[0]
    return H1(case, nets.ArcFace18()) if arch == "h1" else {"vit": V, "h2": H2, "h2l": H2L}[arch](case)


def inputs_of(name, case):
    n = case["photos"]
    if name == "vit":
        return [random("input", n, 3, 112, 112)]
    if name == "h1":
        return [random("input", n, 1, 128, 128)]
    return [random(which, n, case["cells"], case["width"]) for which in ("first", "second")]


def line(file, name, x):
    x = x.detach().flatten()
    along = (x * uniform(seed_of(name) + 1, len(x), -1, 1).double()).sum().item()
    print(f"{name} {x.norm().item():.9g} {along:.9g}", file=file)


def write(name, case, folder):
    net = network_of(name, case)
    fill(net)
    net.train(case["learns"]).double()
    outputs = net(*(x.double() for x in inputs_of(name, case)))
    x = outputs[next(iter(outputs))]
    labels = torch.arange(len(x)) * 3 % CLASSES
    params = [(k, p) for k, p in net.named_parameters() if not k.startswith("face_model.")]
    if "logits" in outputs:
        loss = F.cross_entropy(x, labels % 2)
    else:
        head = torch.nn.Parameter(weights("head.weight", (CLASSES, x.shape[1])).double())
        params.append(("head.weight", head))
        loss = margin_loss(x, head, labels)
    loss.backward()
    with open(os.path.join(folder, f"gradient-{name}.txt"), "w") as file:
        print(f"loss {loss.item():.9g} 0", file=file)
        for key, value in outputs.items():
            line(file, key, value)
        for key, value in params:
            if value.grad is not None:  # a norm before attention that nothing reads has none
                line(file, "grad:" + key, value.grad)


if __name__ == "__main__":
    torch.set_num_threads(1)
    for name, own in CASES.items():
        write(name, {**SMALL, **own}, sys.argv[1])
    print(f"gradients of {', '.join(CASES)} by PyTorch {torch.__version__} in {sys.argv[1]}")
