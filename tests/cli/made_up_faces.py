"""made_up_faces.py SECONDLOOK: what the benchmarks answer on their made-up faces is what follows from those of
bench/made_up.py, with which peers are measured."""
import itertools
import json
import os
import subprocess
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench"))
from made_up import embeddings, unit_patches  # noqa: E402


def answers(*options):
    command = [sys.argv[1], "bench", *options, "--json", "--answers", "--seconds", ".05"]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)


def best_permutation(similarity):
    """Of equal weights on both sides the best plan moves each patch whole."""
    cells = range(len(similarity))
    return max(np.mean([similarity[p[m], m] for m in cells]) for p in itertools.permutations(cells))


bank, queries = embeddings(500, 3, 32)
found = answers("stage1", "--faces", "500", "--dim", "32", "--queries", "3", "-k", "7")["nearest"]
assert np.array_equal(np.argsort(-queries @ bank.T, kind="stable")[:, :7], found), found

query, _, candidates, _ = unit_patches(5, 2, 48)
scores = answers("emd", "--pairs", "5", "--patches", "4", "--channels", "48", "--patch-precision", "f32", "--weighting",
                 "uniform", "--solver", "exact")["scores"]
expected = [best_permutation(candidate @ query.T) for candidate in candidates]
assert np.abs(np.subtract(scores, expected)).max() < 1e-5, (scores, expected)
