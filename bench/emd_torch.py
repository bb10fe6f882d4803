#!/usr/bin/python3
"""The second look in PyTorch (Debian's python3-torch), for comparison: patch-wise Earth Mover's Distance of one
query with its candidates, APC weights, Sinkhorn as published (eps .05, at most 100 iterations).

  published_loop   what the published program does for a query: patches stay as the network gives them, channels
                   before cells; k = 100 candidates are gathered from the bank, in which they lie anywhere; every
                   iteration transposes K in memory, and fetches and tests the mean change of the whole batch
  batched          the same arithmetic done with care: the product of all patches by the fastest of three ways, blocks
                   of candidates that fit the cache, sums in place, each pair leaves when it has stopped itself

Patches are unit vectors before the clock starts, pooled vectors too (the published program keeps its features so);
`secondlook bench emd`, whose faces these are (made_up.py), prepares its own then as well. The loop's candidates are
drawn anew for each of its runs, without replacement, so that each is met once a run. Prints one JSON document."""
import argparse
import json
import time

import torch

from made_up import unit_patches

EPS, ITERATIONS, STOP, CANDIDATES = 0.05, 100, 0.1, 100


def weights_in_place(w):
    """[w]+ / (sum + 1e-7)."""
    w.relu_()
    return w.div_(w.sum(1, keepdim=True) + 1e-7)


def published_query(query, pooled, bank, bank_pooled, nearest):
    """Scores of the candidates `nearest` of a bank [N, C, R] and [N, C]; query [C, R], pooled [C]."""
    patches, means = bank[nearest], bank_pooled[nearest]
    similarity = torch.einsum("cm,ncs->nsm", query, patches).contiguous()
    K = torch.exp(-(1 - similarity) / EPS)
    u = torch.relu(torch.einsum("c,ncs->ns", pooled, patches))
    v = torch.relu(torch.einsum("cm,nc->nm", query, means))
    u = u / (u.sum(1, keepdim=True) + 1e-7)
    v = v / (v.sum(1, keepdim=True) + 1e-7)
    r, c = torch.ones_like(u), torch.ones_like(v)
    for _ in range(ITERATIONS):
        r_old = r
        r = u / torch.matmul(K, c.unsqueeze(-1)).squeeze(-1)
        c = v / torch.matmul(K.transpose(1, 2).contiguous(), r.unsqueeze(-1)).squeeze(-1)
        if (r - r_old).abs().mean().item() < STOP:
            break
    plan = torch.matmul(r.unsqueeze(-1), c.unsqueeze(1)) * K
    return torch.nan_to_num((plan * similarity).sum((1, 2)))


def published_loop(query, pooled, bank, bank_pooled):
    """All of the bank once, CANDIDATES a query, in an order of its own each time; scores in the bank's order."""
    order, scores = torch.randperm(len(bank)), torch.empty(len(bank))
    for nearest in order.split(CANDIDATES):
        scores[nearest] = published_query(query, pooled, bank, bank_pooled, nearest)
    return scores


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


def batched_block(query, pooled, candidates, candidates_pooled, product):
    """Scores of one block of candidates [n, R, C], and the sum of all pairs' iterations."""
    n = len(candidates)
    similarity = product(candidates, query)
    u = weights_in_place(torch.matmul(candidates, pooled))
    v = weights_in_place(torch.matmul(candidates_pooled, query.t()))
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


def batched(query, pooled, candidates, candidates_pooled, block, product):
    blocks = [batched_block(query, pooled, candidates[i:i + block], candidates_pooled[i:i + block], product)
              for i in range(0, len(candidates), block)]
    return torch.cat([scores for scores, _ in blocks]), sum(total for _, total in blocks)


def clock(function, seconds):
    """Best of the runs that fit in `seconds`, at least three."""
    best, begin, runs = float("inf"), time.perf_counter(), 0
    while runs < 3 or time.perf_counter() - begin < seconds:
        start = time.perf_counter()
        function()
        best = min(best, time.perf_counter() - start)
        runs += 1
    return best


def fastest_way(query, pooled, candidates, candidates_pooled):
    """The block and the product that are quickest here, tried on some candidates."""
    def trial(block, product):
        return clock(lambda: batched(query, pooled, candidates[:256], candidates_pooled[:256], block, product), 0)

    product = min((product_by_matmul, product_by_bmm, product_by_convolution), key=lambda p: trial(64, p))
    return min((16, 32, 64, 128, 256), key=lambda block: trial(block, product)), product


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
    torch.manual_seed(1)
    data = query, pooled, candidates, candidates_pooled = [torch.from_numpy(x) for x in
                                                           unit_patches(a.pairs, side, a.channels)]
    with torch.no_grad():
        published = query.t().contiguous(), pooled, candidates.transpose(1, 2).contiguous(), candidates_pooled
        careful = *data, *fastest_way(*data)
        loop_scores = published_loop(*published)
        scores, iterations = batched(*careful)
        loop_seconds = clock(lambda: published_loop(*published), a.seconds)
        seconds = clock(lambda: batched(*careful), a.seconds)
    print(json.dumps({
        "torch": torch.__version__, "patch_precision": "f32", "threads": a.threads, "patches": a.patches,
        "channels": a.channels, "pairs": a.pairs, "block": careful[-2], "product": careful[-1].__name__,
        "batched_pairs_per_s": round(a.pairs / seconds), "batched_iterations_mean": round(iterations / a.pairs, 3),
        "batched_scores": scores.tolist(), "published_loop_pairs_per_s": round(a.pairs / loop_seconds),
        "published_loop_scores": loop_scores.tolist()}))


if __name__ == "__main__":
    main()
