#!/usr/bin/python3
"""Face-ViT's models with random weights, written by PyTorch as the published checkpoints are (the network inside),
imported and run by Secondlook: scores of h2l and h2, embeddings of h1 and vit must agree with PyTorch's to 1e-5.

compare_looks.py PROGRAM FORWARD LOOK     run by tests/torch/run"""
import os
import subprocess
import sys
import tempfile

import numpy
import torch

import nets
from transformers import H1, H2, H2L, V

BOUND = 1e-5
USUAL = {"width": 512, "hidden": 2048, "heads": 2, "depth": 1, "cells": 64, "positions": 130, "dim": 512,
         "single": False, "form": "published"}
LOOKS = {"h2l": (H2L, {}), "h2l deep": (H2L, {"depth": 2, "heads": 6}), "h2l single": (H2L, {"single": True}),
         "h2": (H2, {"heads": 1}), "h2 deep": (H2, {"depth": 2})}


def run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def random_net(net):
    for name, p in net.named_parameters():
        if name in ("sep", "cls_token", "pos_embedding"):
            torch.nn.init.normal_(p)
    return net.eval()


def report(name, want, got, scale=1.):
    error = float(numpy.abs(want.ravel() - got).max()) / scale
    print(f"{name:12} largest difference {error:.1e}{'' if error <= BOUND else '   TOO LARGE'}", flush=True)
    return error <= BOUND


def compare_look(name, program, look, folder):
    kind, own = LOOKS[name]
    net = random_net(kind({**USUAL, **own}))
    weights = net.state_dict()
    weights |= {"face_model." + k: v for k, v in nets.with_random_weights("arcface-r18", 3).state_dict().items()}
    weights["loss.weight"] = torch.zeros(10, 512)
    file = lambda ending: os.path.join(folder, name.replace(" ", "-") + ending)
    torch.save({"module." + k: v for k, v in weights.items()}, file(".pth"))
    maps = torch.randn(24, 64, 512)
    maps.numpy().astype("<f4").tofile(file(".x"))
    with torch.no_grad():
        want = net.double()(maps[:1].double(), maps[1:].double())["score"].numpy()
    run(program, "models", "import", file(".pth"), "--arch", name.split()[0], "-o", file(""))
    run(look, file(".json"), file(".x"), file(".y"))
    return report(name, want, numpy.fromfile(file(".y"), dtype="<f4"))


def compare_recogniser(name, program, forward, folder):
    case = {**USUAL, "positions": 129} if name == "h1" else {**USUAL, "depth": 3, "positions": 197, "form": "pre-norm"}
    net = random_net(H1(case, nets.with_random_weights("arcface-r18", 3)) if name == "h1" else V(case))
    file = lambda ending: os.path.join(folder, name + ending)
    torch.save(net.state_dict(), file(".pth"))
    x = torch.randn(2, 1, 128, 128) if name == "h1" else 255 * torch.rand(2, 3, 112, 112)
    x.numpy().astype("<f4").tofile(file(".x"))
    with torch.no_grad():
        want = net.double()(x.double())["embedding"].numpy()
    run(program, "models", "import", file(".pth"), "--arch", name, "-o", file(""))
    run(forward, file(".json"), file(".x"), file(".y"))
    return report(name, want, numpy.fromfile(file(".y"), dtype="<f4")[:want.size], float(numpy.abs(want).max()))


def main():
    program, forward, look = sys.argv[1:]
    torch.manual_seed(1)
    with tempfile.TemporaryDirectory() as folder:
        good = [compare_look(name, program, look, folder) for name in LOOKS]
        good += [compare_recogniser(name, program, forward, folder) for name in ("h1", "vit")]
    sys.exit(0 if all(good) else 1)


main()
