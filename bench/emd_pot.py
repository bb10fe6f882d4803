#!/usr/bin/python3
"""The second look by POT (Debian's python3-pot), pair by pair on one thread, for comparison: cost 1 - similarity, APC
weights, scored by the sum of plan times similarity.

  sinkhorn   ot.sinkhorn at the same eps .05, run until the marginals hold to within 1e-6, as `--solver converged`
  emd        ot.emd, the exact plan, as `--solver exact`

The faces are those of `secondlook bench emd` (made_up.py); similarities are made by numpy within the time, as
everything that depends on both faces. Prints one JSON document."""
import argparse
import json
import os
import time
import warnings

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before numpy loads its BLAS

import numpy as np  # noqa: E402
import ot  # noqa: E402

from made_up import unit_patches  # noqa: E402

EPS, STOP, ITERATIONS = 0.05, 1e-6, 2000


def apc(patches, mean):
    w = np.maximum(patches @ mean, 0)
    return w / (w.sum() + 1e-7)


def score(query, pooled, candidate, candidate_pooled, plan_of):
    similarity = candidate @ query.T
    u, v = apc(candidate, pooled), apc(query, candidate_pooled)
    u, v = u / u.sum(), v / v.sum()  # in double POT wants equal sums
    return float((plan_of(u, v, 1 - similarity) * similarity).sum())


def sinkhorn(u, v, cost):
    return ot.sinkhorn(u, v, cost, EPS, numItermax=ITERATIONS, stopThr=STOP)


def measure(data, plan_of, seconds):
    """Pairs a second and the score of each, all being gone through until the time is over, once at least."""
    query, pooled, candidates, candidates_pooled = data
    scores, begin, pairs = [], time.perf_counter(), 0
    while pairs < len(candidates) or time.perf_counter() - begin < seconds:
        i = pairs % len(candidates)
        scores.append(score(query, pooled, candidates[i], candidates_pooled[i], plan_of))
        pairs += 1
    return round(pairs / (time.perf_counter() - begin), 1), scores[:len(candidates)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--patches", type=int, default=64, help="a square number (64)")
    parser.add_argument("--channels", type=int, default=512)
    parser.add_argument("--pairs", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=3, help="for each solver (3)")
    a = parser.parse_args()
    warnings.simplefilter("ignore")
    data = [x.astype(np.float64) for x in unit_patches(a.pairs, round(a.patches ** 0.5), a.channels)]
    out = {"pot": ot.__version__, "patches": a.patches, "channels": a.channels, "pairs": a.pairs}
    for name, plan_of in (("sinkhorn", sinkhorn), ("emd", ot.emd)):
        out[f"{name}_pairs_per_s"], out[f"{name}_scores"] = measure(data, plan_of, a.seconds)
    print(json.dumps(out))


if __name__ == "__main__":
    main()
