"""Stage 2 on 64 patches of 512 channels beside PyTorch and POT: the same made-up faces, candidates prepared before the
clock runs (unit patches; ours packed for the kernel as well), the solver run for every pair."""
from functools import partial

import numpy as np

from measuring import beside, document_of, in_turn, missing, quickest, say, secondlook

# How far a score may be from the peer's to be the same answer. The published loop stops by its batch's mean change.
AGREES = {"int8": 1e-3, "bf16": 1e-3, "f32": 1e-5, "batched": 0, "published loop": .02, "converged": 1e-5,
          "exact": 1e-5}
FORMS = ("int8", "bf16", "f32")
PAIRS, SOLVER_PAIRS, ROUNDS, SECONDS = 1000, 300, 5, .5


def ours(threads, pairs, precision, *more):
    return partial(document_of, secondlook("emd", "--answers", "--threads", threads, "--pairs", pairs,
                                           "--seconds", SECONDS, "--patch-precision", precision, *more))


def figure(program, form, precision, threads, run, prefix=""):
    """One figure of a run's document; scores stay in it until they have been held against the peer's."""
    return {"program": program, "form": form, "patch_precision": precision, "threads": threads,
            "patches": run["patches"], "channels": run["channels"], "pairs": run["pairs"],
            "pairs_per_s": run[f"{prefix}pairs_per_s"], "iterations_mean": run.get(f"{prefix}iterations_mean"),
            "score_mean": float(np.mean(run[f"{prefix}scores"])), "scores": run[f"{prefix}scores"]}


def hold_against(row, reference):
    """How far the scores of a figure are from those of the reference; ends the program where that is too far."""
    away = np.abs(np.subtract(row["scores"], reference["scores"]))
    row |= {"score_difference_max": float(away.max()), "score_difference_mean": float(away.mean())}
    if not away.max() <= AGREES[row["form"]]:
        raise SystemExit(f"{row['program']}, {row['form']}: a score {away.max():.2g} away from that of "
                         f"{reference['program']}, {reference['form']}: there is nothing to compare")


def second_look(threads, torch_is_here):
    """Our forms and PyTorch's in turn."""
    work = {precision: ours(threads, PAIRS, precision) for precision in FORMS}
    if torch_is_here:
        work["torch"] = partial(document_of, beside("emd_torch.py", "--threads", threads, "--pairs", PAIRS,
                                                     "--seconds", 3 * SECONDS))
    runs = in_turn(work, ROUNDS)
    rows = [figure("secondlook", p, p, threads, quickest(runs[p])) for p in FORMS]
    if torch_is_here:
        for form, prefix in (("batched", "batched_"), ("published loop", "published_loop_")):
            run = quickest(runs["torch"], f"{prefix}pairs_per_s")
            rows.append(figure("PyTorch", form, "f32", threads, run, prefix))
        careful, published = rows[-2:]
        for row in rows:
            hold_against(row, careful)
            row["times_batched"] = row["pairs_per_s"] / careful["pairs_per_s"]
            row["times_published_loop"] = row["pairs_per_s"] / published["pairs_per_s"]
    for row in rows:
        del row["scores"]
    return rows


def solvers():
    """The other solvers beside POT's on one thread: our similarities in f32, POT's in double."""
    work = {solver: ours(1, SOLVER_PAIRS, "f32", "--solver", solver) for solver in ("converged", "exact")}
    work["pot"] = partial(document_of, beside("emd_pot.py", "--pairs", SOLVER_PAIRS))
    runs, rows = in_turn(work, 3), []
    for solver, name in (("converged", "sinkhorn"), ("exact", "emd")):
        pair = [figure("secondlook", solver, "f32", 1, quickest(runs[solver])),
                figure("POT", f"ot.{name}", "f64", 1, quickest(runs["pot"], f"{name}_pairs_per_s"), f"{name}_")]
        hold_against(*pair)
        for row in pair:
            row["times_peer"] = row["pairs_per_s"] / pair[1]["pairs_per_s"]
            del row["scores"]
        rows += pair
    return rows


def measure(options):
    no_torch = missing("torch", "PyTorch", "apt install python3-torch libopenblas0-openmp")
    no_pot = missing("ot", "POT", "apt install python3-pot")
    part = {"data": "made-up faces, 64 patches of 512 channels, one query", "second_look": [], "solvers": []}
    for threads in options.threads:
        say(f"stage 2, threads: {threads}")
        part["second_look"] += second_look(threads, not no_torch)
    if not no_pot:
        say("stage 2, the other solvers")
        part["solvers"] = solvers()
    return part, no_torch + no_pot


def second_look_table(document):
    rows = document["emd"]["second_look"]
    counts = list(dict.fromkeys(row["threads"] for row in rows))
    head = [""]
    for n in counts:
        head += [f"{n} thread{'s'[:n > 1]}: pairs/s", "times batched", "times published loop"]
    lines = {}
    for row in rows:
        name = f"{row['program']}, {row['form']}"
        line = lines.setdefault(name, [name])
        line.append(f"{row['pairs_per_s']:,.0f}")
        line += [f"{row[key]:.1f}" if key in row else "" for key in ("times_batched", "times_published_loop")]
    for row in rows:
        if row["threads"] == counts[-1]:
            lines[f"{row['program']}, {row['form']}"] += [
                f"{row[key]:.1e}" if row.get(key) else "" for key in ("score_difference_mean", "score_difference_max")]
    return head + ["score's difference from batched: mean", "largest"], list(lines.values())


def solvers_table(document):
    return (["", "pairs/s", "times POT", "mean score", "largest difference"],
            [[f"{row['program']}, {row['form']}", f"{row['pairs_per_s']:,.0f}", f"{row['times_peer']:.1f}",
              f"{row['score_mean']:.4f}", f"{row['score_difference_max']:.1e}" if "score_difference_max" in row else ""]
             for row in document["emd"]["solvers"]])


TABLES = {"second-look": ("Stage 2, the solver run for every pair", second_look_table),
          "solvers": ("Stage 2, the other solvers on one thread; POT in double", solvers_table)}
