"""tools/finetune_table.py OUT SEED...: the results of tools/finetune as a table: P@1 in percent; of several models the
mean and the standard deviation (of a sample)."""
import json
import statistics
import sys


def precision(out, name, stage):
    with open(f"{out}/result-{name}.log") as f:
        return json.load(f)[stage]


def of_one(out, name, stage):
    found = precision(out, name, stage)
    low, high = found["interval"]["p1"]
    return f"{found['p1']:.2f} ({low:.2f} to {high:.2f})"


def of_several(out, names, stage):
    values = [precision(out, name, stage)["p1"] for name in names]
    spread = f" ± {statistics.stdev(values):.2f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.2f}{spread} ({', '.join(f'{v:.2f}' for v in values)})"


def main(out, *seeds):
    print("| recogniser | stage 1 alone | patch by patch (emd .7) |\n|---|---|---|")
    print(f"| as it came | {of_one(out, 'original', 'stage1')} | {of_one(out, 'original', 'stage2')} |")
    print(f"| finetuned on masked faces, {len(seeds)} seeds | {of_several(out, seeds, 'stage1')} | "
          f"{of_several(out, seeds, 'stage2')} |")


main(*sys.argv[1:])
