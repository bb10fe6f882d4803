#!/usr/bin/python3
"""make_checkpoints.py: writes the corpora of fuzz_checkpoint, fuzz_pickle, fuzz_zip and fuzz_safetensors.

Checkpoints are torch.save's own (Debian's python3-torch); tests/net/test_checkpoint.c reads them too and knows their
values: element i (row-major) of the tensor made t-th is (7 t + i) % 17 - 8, which every type holds exactly.
"""
import collections
import json
import os
import pickle
import struct
import zipfile

import numpy
import torch

CORPUS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus")


def tensor(t, *shape, dtype=torch.float32):
    count = int(numpy.prod(shape, dtype=int))
    return torch.tensor([(7 * t + i) % 17 - 8 for i in range(count)]).reshape(shape).to(dtype)


def plain():
    state = collections.OrderedDict()
    state["module.fc.weight"] = tensor(0, 2, 3)
    state["module.fc.bias"] = tensor(1, 2)
    state["module.bn.num_batches_tracked"] = tensor(2, dtype=torch.int64)
    state._metadata = collections.OrderedDict([("", {"version": 1})])
    return state


def types():
    names = "float64 float16 bfloat16 int64 int32 int16 int8".split()
    state = {name: tensor(t, 5, dtype=getattr(torch, name)) for t, name in enumerate(names)}
    state["uint8"] = torch.tensor([0, 1, 128, 255], dtype=torch.uint8)
    state["bool"] = torch.tensor([True, False, True])
    return state


def views():
    whole = tensor(0, 3, 4)
    return {"whole": whole, "transposed": whole.t(), "row": whole[1], "column": whole[:, 2], "same": whole}


def nested():
    weight = torch.nn.Parameter(tensor(0, 2, 2))
    return {"epoch": 3, "best_acc1": torch.tensor(0.5), "loss": numpy.float64(1), "lr": 1e-3,
            "device": torch.device("cpu"), "dtype": torch.float32, "size": weight.size(),
            "optimizer": {"state": {0: {"step": 7}}, "param_groups": [{"params": [0, 1]}]},
            "net_state_dict": {"weight": weight}}


def checkpoints():
    for make in plain, types, views, nested:
        yield f"{make.__name__}.pth", make(), {}
        yield f"{make.__name__}.legacy.pth", make(), {"_use_new_zipfile_serialization": False}
    yield "protocol4.pth", plain(), {"pickle_protocol": 4}
    yield "protocol4.legacy.pth", plain(), {"pickle_protocol": 4, "_use_new_zipfile_serialization": False}


def path_of(kind, name):
    os.makedirs(os.path.join(CORPUS, kind), exist_ok=True)
    return os.path.join(CORPUS, kind, name)


def write(kind, name, data):
    with open(path_of(kind, name), "wb") as file:
        file.write(data)


def safetensors(tensors, metadata=None):
    header, data = {"__metadata__": metadata} if metadata else {}, b""
    for name, dtype, shape, raw in tensors:
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


class Run:
    """A pickle that runs a command where it is loaded by Python."""

    def __reduce__(self):
        return os.system, ("echo not run",)


def main():
    for name, state, options in checkpoints():
        torch.save(state, path_of("checkpoint", name), **options)
        if name.endswith("legacy.pth"):
            continue
        with zipfile.ZipFile(path_of("checkpoint", name)) as archive:
            inner = next(n for n in archive.namelist() if n.endswith("data.pkl"))
            write("pickle", name.replace(".pth", ".pkl"), archive.read(inner))
    everything = [None, True, False, 1, 300, -5, 1 << 40, 1 << 80, 1.5, "text", b"bytes", (), (1,), (1, 2), (1, 2, 3),
                  (1, 2, 3, 4), [], [1], [1, 2], {}, {1: 2}, {1: 2, 3: 4}, collections.OrderedDict(a=1)]
    everything += everything[-3:]
    for protocol in 2, 3, 4, 5:
        write("pickle", f"everything{protocol}.pkl", pickle.dumps(everything, protocol))
    write("pickle", "run.pkl", pickle.dumps(Run(), 2))
    with zipfile.ZipFile(path_of("zip", "plain.zip"), "w") as archive:
        archive.writestr("a/data.pkl", b"N.")
        archive.writestr("a/data/0", b"12345678")
    with zipfile.ZipFile(path_of("zip", "zip64.zip"), "w") as archive:
        with archive.open("a/data/0", "w", force_zip64=True) as entry:
            entry.write(b"12345678")
    with zipfile.ZipFile(path_of("zip", "packed.zip"), "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/data.pkl", b"N" * 100)
    raw = struct.pack("<6f", *range(6))
    write("safetensors", "plain.safetensors", safetensors(
        [("w", "F32", [2, 3], raw), ("b", "F16", [2], struct.pack("<2e", 1, 2)), ("n", "I64", [], bytes(8))],
        {"format": "pt"}))
    write("safetensors", "types.safetensors", safetensors(
        [("d", "F64", [1], bytes(8)), ("bf", "BF16", [2], bytes(4)), ("i", "I32", [1], bytes(4)),
         ("s", "I16", [1], bytes(2)), ("c", "I8", [1], bytes(1)), ("u", "U8", [1], bytes(1)),
         ("t", "BOOL", [1], bytes(1)), ("none", "F32", [0, 4], b"")]))


main()
