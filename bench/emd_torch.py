#!/usr/bin/python3
"""The second look in PyTorch (Debian's python3-torch), for comparison: patch-wise Earth Mover's Distance of one
query with its candidates, APC weights, Sinkhorn as published (eps .05, at most 100 iterations).

  published   the published program's form: the query against k = 100 candidates at a time, every iteration tests
              the mean change of the whole batch
  batched     the same arithmetic done with care: the product of all patches by the fastest of three ways, blocks
              of candidates that fit the cache, sums in place, each pair leaves when it has stopped itself

Patches are unit vectors before the clock starts, pooled vectors too (the published program keeps its features so);
`secondlook bench emd` pays for that preparation within its time. The data are those of that command: the query is
.35 + U(-1, 1) for every number; a candidate takes each cell from the query, moved by up to one cell at random, and
adds noise of its own strength, (.35 .. 1.05) * U(-1, 1), so that matched cells have similarities of about .6 to .9
(random unit patches would have none, and far longer iterations). Prints one JSON document."""
import argparse
import json
import time

import torch

EPS, ITERATIONS, STOP = 0.05, 100, 0.1


def make_data(pairs, side, channels):
    """Unit patches [cells, channels] and unit means of the query, and of all candidates."""
    random = torch.Generator().manual_seed(1)

    def uniform(*shape):
        return torch.rand(*shape, generator=random) * 2 - 1

    query = 0.35 + uniform(side * side, channels)
    row, col = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")

    def moved(cells):
        return (cells.flatten() + (1.5 * uniform(pairs, side * side)).trunc().long()).clamp(0, side - 1)

    noise = (0.7 + 0.35 * uniform(pairs, 1, 1)) * uniform(pairs, side * side, channels)
    candidates = query[moved(row) * side + moved(col)] + noise

    def unit(x):
        return torch.nn.functional.normalize(x, dim=-1)

    return unit(query), unit(query.mean(0)), unit(candidates), unit(candidates.mean(1))


def weights(vectors, patches):
    """[g . p]+ / (sum + 1e-7)."""
    w = (patches @ vectors.unsqueeze(-1)).squeeze(-1).relu_()
    return w / (w.sum(-1, keepdim=True) + 1e-7)


def published(query, pooled, candidates, candidates_pooled):
    """One batch: patches of the candidates by patches of the query."""
    similarity = torch.einsum("nsc,mc->nsm", candidates, query)
    u = weights(pooled.expand(len(candidates), -1), candidates)
    v = weights(candidates_pooled, query.expand(len(candidates), -1, -1))
    K = torch.exp(-(1 - similarity) / EPS)
    r, c = torch.ones_like(u), torch.ones_like(v)
    for _ in range(ITERATIONS):
        r_old = r
        r = u / (K @ c.unsqueeze(-1)).squeeze(-1)
        c = v / (K.transpose(1, 2) @ r.unsqueeze(-1)).squeeze(-1)
        if (r - r_old).abs().mean() < STOP:
            break
    plan = r.unsqueeze(-1) * K * c.unsqueeze(-2)
    return torch.nan_to_num((plan * similarity).sum((1, 2))), 0


def product_by_matmul(candidates, query):
    return torch.matmul(candidates.flatten(0, 1), query.t()).view(len(candidates), -1, len(query))


def product_by_bmm(candidates, query):
    return torch.bmm(candidates, query.t().expand(len(candidates), -1, -1))


def product_by_convolution(candidates, query):
    """A 1x1 convolution goes to oneDNN, which can beat the BLAS that PyTorch was built with."""
    n, cells, channels = candidates.shape
    image = candidates.view(1, n * cells, 1, channels).permute(0, 3, 1, 2)  # channels last
    out = torch.nn.functional.conv2d(image, query.view(len(query), channels, 1, 1))
    return out.permute(0, 2, 3, 1).reshape(n, cells, len(query))


def batched(query, pooled, candidates, candidates_pooled, product):
    """One block. Returns scores and the sum of all pairs' iterations."""
    n = len(candidates)
    similarity = product(candidates, query)
    u = torch.matmul(candidates, pooled).relu_()
    v = torch.matmul(candidates_pooled, query.t()).relu_()
    u /= u.sum(1, keepdim=True) + 1e-7
    v /= v.sum(1, keepdim=True) + 1e-7
    K = torch.sub(similarity, 1).mul_(1 / EPS).exp_()
    r, c = torch.ones_like(u), torch.ones_like(v)
    scores, total = torch.empty(n), 0
    left = torch.arange(n)
    for iteration in range(1, ITERATIONS + 1):
        r_new = u / torch.bmm(K, c.unsqueeze(-1)).squeeze(-1)
        c = v / torch.bmm(r_new.unsqueeze(1), K).squeeze(1)
        done = r_new.sub(r).abs_().mean(1) < STOP if iteration < ITERATIONS else torch.ones(len(left), dtype=torch.bool)
        r = r_new
        count = int(done.sum())
        if count == 0:
            continue
        at = done.nonzero().squeeze(1)
        flow = torch.bmm(r[at].unsqueeze(1), K[at] * similarity[at]).squeeze(1)
        scores[left[at]] = torch.nan_to_num((flow * c[at]).sum(1))
        total += count * iteration
        if count == len(left):
            break
        keep = (~done).nonzero().squeeze(1)
        left, u, v, r, c = left[keep], u[keep], v[keep], r[keep], c[keep]
        K, similarity = K[keep], similarity[keep]
    return scores, total


def run(function, data, block, *more):
    query, pooled, candidates, candidates_pooled = data
    scores, total = [], 0
    for i in range(0, len(candidates), block):
        s, t = function(query, pooled, candidates[i:i + block], candidates_pooled[i:i + block], *more)
        scores.append(s)
        total += t
    return torch.cat(scores), total


def clock(function, seconds):
    """Best of the runs that fit in `seconds`, at least three."""
    best, begin, runs = float("inf"), time.perf_counter(), 0
    while runs < 3 or time.perf_counter() - begin < seconds:
        start = time.perf_counter()
        function()
        best = min(best, time.perf_counter() - start)
        runs += 1
    return best


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--patches", type=int, default=64, help="a square number (64)")
    parser.add_argument("--channels", type=int, default=512)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--pairs", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=3, help="for each form (3)")
    a = parser.parse_args()
    side = round(a.patches ** 0.5)
    if side * side != a.patches or min(a.patches, a.channels, a.threads, a.pairs) < 1:
        parser.error("patches must be a square number, and all counts 1 or more")
    torch.set_num_threads(a.threads)
    with torch.no_grad():
        data = make_data(a.pairs, side, a.channels)
        plain_scores, _ = run(published, data, 100)
        plain = clock(lambda: run(published, data, 100), a.seconds)
        sample = data[:2] + (data[2][:256], data[3][:256])

        def trial(product, block):
            return clock(lambda: run(batched, sample, block, product), 0)

        product = min((product_by_matmul, product_by_bmm, product_by_convolution), key=lambda p: trial(p, 64))
        way = product, min((16, 32, 64, 128, 256), key=lambda block: trial(product, block))
        scores, total = run(batched, data, way[1], way[0])
        careful = clock(lambda: run(batched, data, way[1], way[0]), a.seconds)
    print(json.dumps({
        "pairs_per_s": round(a.pairs / careful), "published_pairs_per_s": round(a.pairs / plain),
        "threads": a.threads, "patch_precision": "f32", "patches": a.patches, "channels": a.channels, "pairs": a.pairs,
        "iterations_mean": round(total / a.pairs, 2), "score_mean": round(float(scores.mean()), 6),
        "largest_difference_between_forms": float((scores - plain_scores).abs().max()),
        "product": way[0].__name__, "block": way[1], "torch": torch.__version__}))


if __name__ == "__main__":
    main()
