#!/usr/bin/python3
"""The published module's arithmetic in PyTorch (Debian's python3-torch), for comparison: H2L for one query beside its
candidates, all tokens of both photos through one transformer. Weights and maps are made up. Prints one JSON
document."""
import argparse
import json
import os
import sys
import time

import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "torch"))
from transformers import H2L  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--batch", type=int, default=20)
    parser.add_argument("--heads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    net = H2L({"width": 512, "hidden": 2048, "heads": options.heads, "depth": 1, "cells": 64, "positions": 130,
               "dim": 512, "single": False, "form": "published"}).eval()
    query, candidates = torch.randn(1, 64, 512), torch.randn(options.pairs, 64, 512)
    times = []
    with torch.no_grad():
        start = time.perf_counter()
        while len(times) < 4 or time.perf_counter() - start < options.seconds:
            at = time.perf_counter()
            for batch in candidates.split(options.batch):
                net(query, batch)
            times.append(time.perf_counter() - at)
    times = sorted(times[1:])
    print(json.dumps({"pairs_per_s": options.pairs / times[len(times) // 2], "pairs": options.pairs,
                      "batch": options.batch, "threads": options.threads, "torch": torch.__version__}))


main()
