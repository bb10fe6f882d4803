"""tools/finetune_table.py OUT CLASSES SEED...: the results of tools/finetune as a table: P@1 in percent, masked and
untouched; of one model with its interval, of several the mean and the standard deviation (of a sample)."""
import json
import os
import statistics
import sys

STAGES = "stage1", "stage2"


def measured(out, name, stage):
    with open(f"{out}/{name}.log", encoding="utf-8") as f:
        return json.load(f)["results"][0][stage]


def of_one(out, name, stage):
    found = measured(out, name, stage)
    low, high = found["interval"]["p1"]
    return f"{found['p1']:.2f} ({low:.2f} to {high:.2f})"


def of_several(out, names, stage):
    if len(names) == 1:
        return of_one(out, names[0], stage)
    values = [measured(out, name, stage)["p1"] for name in names]
    spread = f"{statistics.mean(values):.2f} ± {statistics.stdev(values):.2f}"
    return f"{spread} ({', '.join(f'{v:.2f}' for v in values)})"


def main(out, classes, *seeds):
    print("| recogniser | masked: stage 1 | second look | untouched: stage 1 | second look |\n|---|---|---|---|---|")
    rows = [("as it came, `emd` .7", ["original"])]
    if os.path.exists(f"{out}/result-encoder.log"):
        rows.append(("with its query encoder, `oae` .3", ["encoder"]))
    rows.append((f"finetuned, `--classes {classes}`, seed {', '.join(seeds)}, `emd` .7",
                 [f"{classes}-{seed}" for seed in seeds]))
    for what, names in rows:
        cells = [of_several(out, [f"{kind}-{name}" for name in names], stage)
                 for kind in ("result", "untouched") for stage in STAGES]
        print(f"| {what} | {' | '.join(cells)} |")


main(*sys.argv[1:])
