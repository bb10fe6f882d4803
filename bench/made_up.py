"""The made-up faces of `secondlook bench`, number for number (cli/bench/cmd_bench.c, bench_emd.c, bench_stage1.c), so that a
peer's answers can be held against ours."""
import numpy as np

AT_ONCE = 1 << 17  # numbers whose steps stay in a cache


def uniform(seed, first, count):
    """Numbers first, first + 1, ... of the generator (SplitMix64) of this seed: float32 in [-1, 1), [count]."""
    out = np.empty(count, np.float32)
    for at in range(0, count, AT_ONCE):
        n = min(AT_ONCE, count - at)
        z = np.arange(first + at + 1, first + at + n + 1, dtype=np.uint64)
        z = z * np.uint64(0x9E3779B97F4A7C15) + np.uint64(seed)
        z = (z ^ z >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ z >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
        out[at:at + n] = ((z ^ z >> np.uint64(31)) >> np.uint64(11)) * 2.0 ** -52 - 1
    return out


def unit(x):
    return x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-12)


def patch_maps(pairs, side, channels):
    """One query and its candidates: maps [R, C] and [pairs, R, C] as `bench emd` has them. The query is .35 + U(-1, 1);
    a candidate takes each cell from the query, moved by up to one cell, and adds noise of its own strength."""
    cells = side * side
    query = np.float32(.35) + uniform(1, 0, cells * channels).reshape(cells, channels)
    first = cells * channels + (pairs + 1) * channels  # embeddings come between, which APC does not look at
    row, col = np.divmod(np.arange(cells), side)
    candidates = np.empty((pairs, cells, channels), np.float32)
    for i in range(pairs):
        numbers = uniform(1, first + i * (1 + cells * (2 + channels)), 1 + cells * (2 + channels))
        noise = np.float32(.7) + np.float32(.35) * numbers[0]
        cell = numbers[1:].reshape(cells, 2 + channels)
        moved = np.clip(np.stack((row, col)) + (np.float32(1.5) * cell[:, :2].T).astype(int), 0, side - 1)
        candidates[i] = query[moved[0] * side + moved[1]] + noise * cell[:, 2:]
    return query, candidates


def unit_patches(pairs, side, channels):
    """Unit patches and pooled unit vectors: the query's, [R, C] and [C], its candidates', [pairs, R, C], [pairs, C]."""
    query, candidates = patch_maps(pairs, side, channels)
    return unit(query), unit(query.mean(0)), unit(candidates), unit(candidates.mean(1))


def embeddings(faces, queries, dim):
    """Unit vectors of `bench stage1`: the gallery's [faces, dim] and the queries' [queries, dim]."""
    bank = uniform(2, 0, faces * dim).reshape(faces, dim)
    asked = uniform(2, faces * dim, queries * dim).reshape(queries, dim)
    return unit(bank), unit(asked)
