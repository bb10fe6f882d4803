"""tools/finetune_table.py OUT SEED...: the results of tools/finetune as a table: P@1 in percent, masked and untouched;
of several models the mean and the standard deviation (of a sample)."""
import json
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
    values = [measured(out, name, stage)["p1"] for name in names]
    spread = f" ± {statistics.stdev(values):.2f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.2f}{spread} ({', '.join(f'{v:.2f}' for v in values)})"


def main(out, *seeds):
    print("| recogniser | masked: stage 1 | second look | untouched: stage 1 | second look |\n|---|---|---|---|---|")
    for name, what in ("original", "as it came, `emd` .7"), ("encoder", "with its query encoder, `oae` .3"):
        cells = [of_one(out, f"{kind}-{name}", stage) for kind in ("result", "untouched") for stage in STAGES]
        print(f"| {what} | {' | '.join(cells)} |")
    cells = [of_several(out, [f"{kind}-{seed}" for seed in seeds], stage)
             for kind in ("result", "untouched") for stage in STAGES]
    print(f"| finetuned on masked faces, {len(seeds)} seeds, `emd` .7 | {' | '.join(cells)} |")


main(*sys.argv[1:])
