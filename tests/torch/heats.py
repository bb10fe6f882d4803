#!/usr/bin/python3
"""Writes what tests/explain/test_heat.c compares with, from PyTorch in float64: cross-correlation, attention and relevance
of Face-ViT's transformers, small ones by formula (transformer_gradients.py has their sizes). Written from the definitions in
docs/method.md, by whole matrices of attention and autograd.

heats.py FILE     a line per heat: case, kind, which face, then the cells' values"""
import sys

import torch
import torch.nn.functional as F

from formula import fill
from transformer_gradients import CASES, SMALL, inputs_of, network_of

COLS = 4  # of the grid of looks


def cross_correlation(tokens, others):
    whole = F.normalize(others.mean(0), dim=0)
    fit = torch.relu(F.normalize(tokens, dim=1) @ whole)
    return fit / (fit.sum() + 1e-7)


def on_the_diagonal(block):
    return F.normalize(block.diagonal().reshape(-1, COLS), dim=1).flatten()


def layers_of(net):
    return [first.fn.fn.weights for first, _ in net.transformer.layers]


def relevance(target, net):
    weights = layers_of(net)
    r = torch.eye(weights[0].shape[-1], dtype=torch.float64)
    for a, slope in zip(weights, torch.autograd.grad(target, weights, retain_graph=True)):
        r = r + torch.relu(a * slope)[0].mean(0) @ r
    return r


def heats_of_look(name, net, maps):
    score = net(*maps)["score"][0]
    cells = net.case["cells"]
    photos = slice(1, 1 + cells), slice(2 + cells, 2 + 2 * cells)
    r, first = relevance(score, net), layers_of(net)[0][0]
    if name.startswith("h2l"):
        tokens = [t[0] for t in net.tokens]
        for i in range(2):
            yield "cc", i, cross_correlation(tokens[i], tokens[1 - i])
        r = torch.cat([r[p] for p in photos]).mean(0)
    else:
        r = r[0]
    for i in range(2):
        yield "relevance", i, r[photos[i]]
    if name.startswith("h2l") or net.case["depth"] > 1:
        for i in range(2):
            yield "attention", i, on_the_diagonal(first.mean(0)[photos[i], photos[1 - i]])
            yield "head-1", i, on_the_diagonal(first[1][photos[i], photos[1 - i]])


def heats_of_recogniser(net, pictures):
    features = net(pictures)["embedding"].detach()
    for i in range(2):
        cosine = F.cosine_similarity(net(pictures[i:i + 1])["embedding"], features[1 - i:2 - i])[0]
        yield "relevance", i, relevance(cosine, net)[0, 1:]


def main():
    torch.set_num_threads(1)
    with open(sys.argv[1], "w") as file:
        for name, own in CASES.items():
            case = {**SMALL, **own, "learns": False, "photos": 2}
            net = network_of(name, case)
            fill(net)
            net.eval().double()
            inputs = [x.double() for x in inputs_of(name, case)]
            look = len(inputs) == 2
            for kind, face, heat in (heats_of_look(name, net, [x[:1] for x in inputs]) if look
                                     else heats_of_recogniser(net, inputs[0])):
                print(name, kind, face, len(heat), *(f"{v:.9g}" for v in heat.tolist()), file=file)
    print(f"heats of {', '.join(CASES)} by PyTorch {torch.__version__} in {sys.argv[1]}")


main()
