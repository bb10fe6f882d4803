#!/usr/bin/python3
"""Checkpoints of random weights, written by PyTorch in both of its formats, imported and run by Secondlook, and
exported again as ONNX: embeddings and patch maps must agree with PyTorch's to 1e-4 of the largest value.

compare.py PROGRAM FORWARD [NODE_MODULES]     run by tests/torch/run; the ONNX files go through ONNX Runtime when
                                              NODE_MODULES has onnxruntime-node"""
import os
import subprocess
import sys
import tempfile

import numpy
import torch

from nets import NETS, with_random_weights

BOUND = 1e-4
HERE = os.path.dirname(os.path.abspath(__file__))


def save_zip(net, path):
    """As people save while they train: nested, with other things beside it."""
    torch.save({"epoch": 3, "state_dict": net.state_dict()}, path)


def save_legacy(net, path):
    """As ArcFace's checkpoint of 2018: of a DataParallel, before there was num_batches_tracked."""
    weights = {"module." + k: v for k, v in net.state_dict().items() if not k.endswith("num_batches_tracked")}
    torch.save(weights, path, _use_new_zipfile_serialization=False)


FORMATS = {"zip": save_zip, "legacy": save_legacy}


def run(*command, **more):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, **more)


def outputs_of(file, shapes):
    """Embedding and patch map, one after the other, as torch_forward.c and forward.js write them."""
    values = numpy.fromfile(file, dtype="<f4")
    sizes = [int(numpy.prod(s)) for s in shapes]
    assert len(values) == sum(sizes), (len(values), sizes)
    return numpy.split(values, [sizes[0]])


def report(name, how, want, got):
    """A line per output; True when all agree."""
    good = True
    for what, a, b in zip(("embedding", "patch map"), want, got):
        error = float(abs(a.ravel() - b).max() / abs(a).max())
        good &= error <= BOUND
        print(f"{name:12} {how:24} {what:10} largest difference / largest value {error:.1e}"
              f"{'' if error <= BOUND else '   TOO LARGE'}", flush=True)
    return good


def compare(name, seed, program, forward, modules, folder):
    net = with_random_weights(name, seed)
    x = torch.randn((2,) + net.shape)
    file = lambda ending: os.path.join(folder, name + ending)
    x.numpy().astype("<f4").tofile(file(".x"))
    with torch.no_grad():
        want = [y.numpy() for y in net.double()(x.double())]
    shapes = [y.shape for y in want]
    net.float()
    good = True
    for form, save in FORMATS.items():
        save(net, file("." + form))
        model = os.path.join(folder, f"{name}-{form}")
        run(program, "models", "import", file("." + form), "--arch", name, "-o", model)
        run(forward, model + ".json", file(".x"), file(".y"))
        good &= report(name, form, want, outputs_of(file(".y"), shapes))
    if modules:
        run(program, "models", "export", model + ".json", "-o", file(".onnx"))
        run("node", os.path.join(HERE, "forward.js"), file(".onnx"), ",".join(map(str, x.shape)), file(".x"),
            file(".y"), env=dict(os.environ, NODE_PATH=modules))
        good &= report(name, "ONNX in ONNX Runtime", want, outputs_of(file(".y"), shapes))
    return good


def main():
    program, forward, modules = sys.argv[1], sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else None
    print(f"PyTorch {torch.__version__} in float64 against {program}")
    with tempfile.TemporaryDirectory() as folder:
        good = [compare(name, seed, program, forward, modules, folder)
                for seed, name in enumerate(NETS)]
    sys.exit(0 if all(good) else 1)


main()
