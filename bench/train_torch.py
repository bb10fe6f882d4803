#!/usr/bin/python3
"""Forward and backward of a step of training in PyTorch (Debian's python3-torch), for comparison: the networks, weights
and loss of bench/train_step.c (tests/torch/formula.py). The quickest of ROUNDS; peak memory of the whole process. One
JSON line: train_torch.py NETWORK BATCH THREADS ROUNDS."""
import json
import os
import resource
import sys
import time

import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "tests", "torch"))
from formula import Trained, batch_of  # noqa: E402

name, batch, threads, rounds = sys.argv[1], *map(int, sys.argv[2:5])
torch.set_num_threads(threads)
net = Trained(name, False)
x, labels = batch_of(net, batch)


def once():
    wall, processor = time.monotonic(), time.process_time()
    for _, p in net.named():
        p.grad = None
    loss = net(x, labels)
    loss.backward()
    return time.monotonic() - wall, time.process_time() - processor, loss.item()


once()
runs = [once() for _ in range(rounds)]
wall, processor = min(r[0] for r in runs), min(r[1] for r in runs)
print(json.dumps({"program": f"PyTorch {torch.__version__}", "network": name, "batch": batch, "threads": threads,
                  "precision": "f32", "loss": round(runs[-1][2], 6), "step_ms": round(1e3 * wall, 3),
                  "processor_ms": round(1e3 * processor, 3), "samples_per_s": round(batch / wall, 2),
                  "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)}))
