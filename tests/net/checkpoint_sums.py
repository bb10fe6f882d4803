#!/usr/bin/python3
"""checkpoint_sums.py FILE.. > checkpoint_sums.inc: sums over checkpoints, computed by torch, for test_checkpoint.c."""
import os
import sys

import torch

for path in sys.argv[1:]:
    state = torch.load(path, map_location="cpu")
    while not any(isinstance(v, torch.Tensor) for v in state.values()):
        state = next(state[k] for k in ("state_dict", "net_state_dict") if k in state)
    total = 0.0
    for t, x in enumerate(state.values()):
        x = x.double().flatten()
        total += float((x * (1 + torch.arange(len(x)) % 7)).sum()) * (1 + t % 5)
    names = [name.removeprefix("module.") for name in state]
    print(f'    {{"{os.path.basename(path)}", "{names[0]}", "{names[-1]}", {len(names)}, {total!r}}},')
