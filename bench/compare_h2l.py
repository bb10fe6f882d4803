"""The look h2l beside the published module's arithmetic in PyTorch, and h2 and emd in the same table: one query with
its candidates on the same threads, in turn. Weights are made up on either side; that both give the same scores is what
tests/torch/run shows."""
from functools import partial

from measuring import beside, document_of, in_turn, missing, quickest, say, secondlook

PAIRS, ROUNDS, SECONDS = 100, 3, 1
TITLES = {"f32": "secondlook, h2l f32", "bf16": "secondlook, h2l bf16", "h2": "secondlook, h2 f32",
          "emd": "secondlook, emd int8", "torch": "PyTorch, h2l f32"}


def ours(threads, *more):
    return partial(document_of, secondlook("h2l", "--threads", threads, "--pairs", PAIRS, "--seconds", SECONDS, *more))


def looks(threads, torch_is_here):
    flags = open("/proc/cpuinfo").read()
    work = {"f32": ours(threads), "h2": ours(threads, "--rerank", "h2"),
            "emd": partial(document_of, secondlook("emd", "--threads", threads, "--seconds", SECONDS))}
    if "avx512_bf16" in flags:
        work["bf16"] = ours(threads, "--precision", "bf16")
    if torch_is_here:
        work["torch"] = partial(document_of, beside("h2l_torch.py", "--threads", threads, "--pairs", PAIRS, "--seconds",
                                                    SECONDS))
    rows = {name: dict(quickest(runs), name=name, threads=threads) for name, runs in in_turn(work, ROUNDS).items()}
    for row in rows.values():
        row["times_h2l"] = row["pairs_per_s"] / rows["f32"]["pairs_per_s"]
        if torch_is_here:
            row["times_torch"] = row["pairs_per_s"] / rows["torch"]["pairs_per_s"]
    return list(rows.values())


def measure(options):
    skipped = missing("torch", "PyTorch", "apt install python3-torch libopenblas0-openmp")
    rows = []
    for threads in options.threads:
        say(f"learned looks, threads: {threads}")
        rows += looks(threads, not skipped)
    return {"looks": rows}, skipped


def looks_table(document):
    head = ["", "threads", "pairs/s", "ms for 100", "GFLOP a pair", "share of products' rate", "times h2l f32",
            "times PyTorch"]
    return head, [[TITLES[row["name"]], str(row["threads"]), f"{row['pairs_per_s']:,.0f}",
                   f"{1e5 / row['pairs_per_s']:.1f}",
                   f"{row['gflop_per_pair']:.4f}" if "gflop_per_pair" in row else "",
                   f"{row['share']:.2f}" if "share" in row else "", f"{row['times_h2l']:.1f}",
                   f"{row['times_torch']:.1f}" if "times_torch" in row else ""] for row in document["h2l"]["looks"]]


TABLES = {"learned-looks": ("Learned looks: one query, 100 candidates of 64 patches, depth 1, 2 heads", looks_table)}
