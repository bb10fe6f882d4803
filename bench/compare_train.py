"""Forward and backward of a step of training beside PyTorch, in turn on the same threads: the same networks, weights and
loss (tests/torch/formula.py). Of our rounds and theirs the median counts: a step is long, and meets what else runs."""
import os
import statistics
import subprocess
from functools import partial

from measuring import PROCESSORS, ROOT, beside, document_of, in_turn, missing, say

STEPS = (("mobilefacenet", 64), ("arcface-r18", 16), ("layer", 32))
TITLES = {"mobilefacenet": "MobileFaceNet", "arcface-r18": "ArcFace-18", "layer": "transformer layer, 130 x 512"}
ROUNDS, REPEATS, AGREES = 5, 2, 1e-3


def ours(network, batch, threads, precision):
    program = os.path.join(ROOT, "build", "train_step")
    return partial(document_of, [program, network, str(batch), str(threads), precision, str(REPEATS)])


def middle(runs):
    """The median of all times; the largest memory."""
    row = dict(runs[0])
    for key in ("step_ms", "processor_ms", "samples_per_s", "step_gflops", "product_gflops", "share"):
        if key in row:
            row[key] = statistics.median(run[key] for run in runs)
    row["peak_mb"] = max(run["peak_mb"] for run in runs)
    return row


def step(network, batch, threads, precisions, torch_is_here):
    work = {precision: ours(network, batch, threads, precision) for precision in precisions}
    if torch_is_here:
        work["torch"] = partial(document_of, beside("train_torch.py", network, batch, threads, REPEATS))
    rows = {name: middle(runs) for name, runs in in_turn(work, ROUNDS).items()}
    theirs = rows.get("torch")
    if theirs and abs(theirs["loss"] - rows["f32"]["loss"]) > AGREES * abs(theirs["loss"]):
        raise SystemExit(f"{network}: our loss is {rows['f32']['loss']}, PyTorch's {theirs['loss']}")
    for row in rows.values():
        row["times_f32"] = rows["f32"]["step_ms"] / row["step_ms"]
        if theirs:
            row["times_torch"] = theirs["step_ms"] / row["step_ms"]
            row["processor_times_torch"] = theirs["processor_ms"] / row["processor_ms"]
    return list(rows.values())


def measure(options):
    subprocess.run(["cmake", "--build", os.path.join(ROOT, "build"), "--target", "train_step"], check=True,
                   stdout=subprocess.DEVNULL)
    skipped = missing("torch", "PyTorch", "apt install python3-torch")
    flags = open("/proc/cpuinfo").read() if os.path.exists("/proc/cpuinfo") else ""
    precisions = ("f32", "bf16") if "avx512_bf16" in flags else ("f32",)
    rows, threads = [], min(PROCESSORS, options.threads[0])
    for network, batch in STEPS:
        say(f"a training step of {network}, batch {batch}, {threads} threads")
        rows += step(network, batch, threads, precisions, not skipped)
    return {"steps": rows}, skipped


def steps_table(document):
    head = ["network, batch", "program", "step, ms", "samples/s", "GFLOP/s", "share of f32 products' rate",
            "times PyTorch", "by processor's time", "peak memory, MB"]
    rows = []
    for row in document["train"]["steps"]:
        own = row["program"] == "secondlook"
        rows.append([f"{TITLES[row['network']]}, {row['batch']}",
                     f"{row['program']}, {row['precision']}" if own else row["program"], f"{row['step_ms']:.0f}",
                     f"{row['samples_per_s']:.1f}", f"{row['step_gflops']:.0f}" if own else "",
                     f"{row['share']:.2f}" if own else "", f"{row['times_torch']:.2f}" if "times_torch" in row else "",
                     f"{row['processor_times_torch']:.2f}" if "times_torch" in row else "", f"{row['peak_mb']:.0f}"])
    return head, rows


TABLES = {"training": ("Forward and backward of a step of training", steps_table)}
