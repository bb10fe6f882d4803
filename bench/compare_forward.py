"""Our forwards beside ONNX Runtime's f32, in turn, one thread: milliseconds a batch in f32, bf16 and, where NAME.int8
is there ('models quantise'), int8, with the cosine of all outputs to ONNX Runtime's."""
import json
import os
import subprocess
import tempfile
from functools import partial

import numpy as np

from measuring import ROOT, document_of, in_turn, least, say

ORT = "onnxruntime-node@1.30"
NETWORKS = (("mobilefacenet-128", "1,3,112,112"), ("faceplugin-512", "1,3,112,112"),
            ("retinaface-mnet25", "1,3,512,512"), ("arcface-r18", "1,1,128,128"), ("arcface-r18", "8,1,128,128"))
PRECISIONS = ("f32", "bf16", "int8")


def onnx_runtime():
    """The folder of Node's modules with ONNX Runtime in it (its own build; none of its scripts run), or None."""
    here = os.path.join(ROOT, "build", "bench")
    modules = os.path.join(here, "node_modules")
    if not os.path.isdir(os.path.join(modules, "onnxruntime-node")):
        os.makedirs(here, exist_ok=True)
        try:
            subprocess.run(["npm", "install", "--ignore-scripts", "--silent", "--no-save", ORT], cwd=here, check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        except (OSError, subprocess.CalledProcessError):
            return None
    return modules


def picture(name, shape, crop):
    """The input, f32 [N, C, H, W]: waves or, for the batch's every photo, the crop as the model's manifest wants it."""
    n, channels, height, width = shape
    if not crop:
        return (.9 * np.sin(.01 * np.arange(np.prod(shape)))).astype(np.float32)
    from PIL import Image  # only those who give a crop need it
    manifest = os.path.join(ROOT, "models", f"{name}.json")
    wants = json.load(open(manifest)).get("input", {}) if os.path.isfile(manifest) else {}
    pixels = np.array(Image.open(crop).convert("RGB" if channels == 3 else "L").resize((width, height)), np.float32)
    pixels = (pixels.reshape(height, width, channels) - wants.get("mean", [127.5])) / wants.get("std", [127.5])
    return np.broadcast_to(pixels.transpose(2, 0, 1), (n, channels, height, width)).astype(np.float32)


def timed(command, folder, **environment):
    """The document a command prints, with the outputs it left in the folder that has its input."""
    out = os.path.join(folder, "outputs")
    document = document_of([*command, os.path.join(folder, "input"), out], **environment)
    return document | {"outputs": np.fromfile(out, np.float32).astype(np.float64)}


def cosine(a, b):
    return float(a @ b / np.sqrt(a @ a) / np.sqrt(b @ b))


def forwards(path, shape, modules, folder):
    """{precision: runs}, ONNX Runtime's among them as 'ort'."""
    program, ranges, work = os.path.join(ROOT, "build", "bench_forward"), path.replace(".onnx", ".int8"), {}
    if modules:
        work["ort"] = partial(timed, ["node", os.path.join(ROOT, "bench", "forward_ort.js"), path, shape, "1"], folder,
                              NODE_PATH=modules)
    for precision in PRECISIONS:
        how = ranges if precision == "int8" else precision
        if how != ranges or os.path.isfile(ranges):
            work[precision] = partial(timed, [program, path, shape, "1", how], folder)
    return in_turn(work, 3)


def figures(name, shape, runs, crop):
    rows = []
    ort = runs.pop("ort", None)
    for precision, mine in runs.items():
        row = {"network": name, "input": shape, "precision": precision, "threads": 1, "isa": mine[0]["isa"],
               "ms": least(mine, "median_ms")}
        if ort:
            row |= {"onnx_runtime": ort[0]["runtime"], "onnx_runtime_ms": least(ort, "median_ms")}
            row["times_onnx_runtime"] = row["onnx_runtime_ms"] / row["ms"]
            if crop or precision != "int8":  # int8 has the ranges of faces, which waves are not
                row["cosine"] = cosine(mine[0]["outputs"], ort[0]["outputs"])
        rows.append(row)
    return rows


def measure(options):
    subprocess.run(["cmake", "--build", os.path.join(ROOT, "build"), "--target", "bench_forward"], check=True,
                   stdout=subprocess.DEVNULL)
    modules, rows, absent = onnx_runtime(), [], []
    with tempfile.TemporaryDirectory() as folder:
        for name, shape in NETWORKS:
            path = os.path.join(options.models, f"{name}.onnx")
            if not os.path.isfile(path):
                absent.append(name)
                continue
            say(f"forward of {name}, {shape}")
            picture(name, [int(n) for n in shape.split(",")], options.crop).tofile(os.path.join(folder, "input"))
            rows += figures(name, shape, forwards(path, shape, modules, folder), options.crop)
    for name in dict.fromkeys(absent):
        say(f"no {name}.onnx in {options.models}: left out")
    skipped = [] if modules else [{"peer": "ONNX Runtime", "install": f"npm install {ORT} in build/bench (needs npm)"}]
    return {"data": "an aligned crop" if options.crop else "a made-up picture", "forwards": rows,
            "absent": list(dict.fromkeys(absent))}, skipped


def forwards_table(document):
    lines = {}
    for row in document["forward"]["forwards"]:
        line = lines.setdefault((row["network"], row["input"]), {})
        line[row["precision"]] = row
    rows = []
    for (name, shape), line in lines.items():
        ort = line["f32"].get("onnx_runtime_ms")
        cells = [f"{name}, {shape.replace(',', ' x ')}", f"{ort:.2f}" if ort else ""]
        for precision in PRECISIONS:
            row = line.get(precision, {})
            cells += [f"{row['ms']:.2f}" if row else "", f"{row['times_onnx_runtime']:.2f} x" if ort and row else "",
                      f"{row['cosine']:.5f}" if "cosine" in row else ""]
        rows.append(cells)
    return ["network, input", "ONNX Runtime, ms"] + [text for p in PRECISIONS for text in (p, "", "cosine")], rows


TABLES = {"forwards": ("Forwards on one thread, milliseconds a batch", forwards_table)}
