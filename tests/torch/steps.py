#!/usr/bin/python3
"""The processor's time for forward and backward of a training step, PyTorch's beside Secondlook's, alternating: steps.py PROGRAM."""
import re
import statistics
import subprocess
import sys
import time

import torch

from formula import Trained, batch_of

THREADS, ROUNDS = 1, 3
torch.set_num_threads(THREADS)


def torch_step(name, mode, batch):
    net = Trained(name, mode == "frozen")
    x, labels = batch_of(net, batch)

    def once():
        start = time.process_time()
        for _, p in net.named():
            p.grad = None
        net(x, labels).backward()
        return 1e3 * (time.process_time() - start)
    once()
    return lambda: min(once() for _ in range(2))


for name, batch in (("mobilefacenet", 16), ("arcface-r18", 8)):
    theirs, ours, once = [], [], torch_step(name, "train", batch)
    for _ in range(ROUNDS):
        theirs.append(once())
        run = [sys.argv[1], name, "train", str(batch), str(THREADS), "2"]
        out = subprocess.run(run, check=True, capture_output=True, text=True).stdout
        ours.append(float(re.match(r"([\d.]+) ms", out)[1]))
    a, b = statistics.median(theirs), statistics.median(ours)
    print(f"{name} batch {batch}, {THREADS} threads: PyTorch {a:.0f} ms, Secondlook {b:.0f} ms, {a / b:.2f} times as fast")
