"""A second implementation of `eval identify`, from the definitions, against the program: random galleries with ties,
queries that nobody matches, photos to be passed over, cuts at k and mixes of alpha. Exit 77: numpy is not here."""
import csv
import json
import os
import subprocess
import sys
import tempfile

from twin_faces import SECONDLOOK, Faces, crc32c, near, np, unit


# ---------------------------------------------------------------- the definitions

def metrics(right, r):
    """P@1, RP, MAP@R and the rank of the first right one of a whole ranking of booleans."""
    right = np.asarray(right, bool)
    top = np.zeros(r)
    top[:min(r, len(right))] = right[:r]
    precision = np.cumsum(top) / np.arange(1, r + 1)
    rank = int(np.argmax(right)) + 1 if right.any() else 0
    return float(len(right) > 0 and right[0]), top.sum() / r, (precision * top).sum() / r, rank


class Twin:
    def __init__(self, gallery, queries, same=False, exclude=True, reference=False, people="all", least=0, limit=0):
        self.g, self.q, self.same, self.exclude, self.reference = gallery, queries, same, exclude, reference
        photos = {l: gallery.labels.count(l) for l in set(gallery.labels)}
        self.keep = [i for i, l in enumerate(gallery.labels) if photos[l] >= least]
        self.own = [self.own_photo(i) for i in range(len(queries.labels))]
        self.r, asked, self.unmatched = {}, [], []
        for i, label in enumerate(queries.labels):
            if photos.get(label, 0) < least:
                continue
            if people != "all" and (crc32c(label.encode()) & 1) != (people == "b"):
                continue
            found = [k for k in self.keep if gallery.labels[k] == label]
            self.r[i] = len(found) - (self.own[i] in found and not (reference and same))
            (asked if self.r[i] else self.unmatched).append(i)
        self.asked = [asked[j * len(asked) // limit] for j in range(limit)] if 0 < limit < len(asked) else asked

    def own_photo(self, i):
        if self.same:
            return i
        if not self.exclude:
            return None
        stem = self.q.images[i].rsplit(".", 1)[0]
        found = [k for k, image in enumerate(self.g.images) if image.rsplit(".", 1)[0] == stem]
        return found[0] if found else None

    def scores(self, i, kind):
        if kind == "same-cell":  # same-cell cosine, every cell alike
            return (unit(self.g.maps) * unit(self.q.maps[i])).sum(axis=2).mean(axis=1)
        return (unit(self.g.embeddings) * unit(self.q.embeddings[i])).sum(axis=1)

    def rank(self, i, first, rerank, k, alpha):
        """Both orders of the gallery: lists of faces."""
        faces = [f for f in self.keep if f != self.own[i]]
        s1 = np.round(self.scores(i, first), 6)  # what is equal in every bit stays so; nothing else comes together
        order = sorted(faces, key=lambda f: (-s1[f], f))
        if rerank == "none":
            return order, order
        key = np.round(alpha * self.scores(i, rerank) + (1 - alpha) * s1, 6)
        head = sorted(order[:k], key=lambda f: -key[f])  # stable
        return order, head + order[k:]

    def evaluate(self, first, rerank, k, alpha):
        rows = []
        for i in self.asked:
            orders = self.rank(i, first, rerank, k, alpha)
            right = [[self.g.labels[f] == self.q.labels[i] for f in order] for order in orders]
            firsts = [order[0] if order else None for order in orders]
            best = sorted(right[0][:k], reverse=True) + right[0][k:]
            rows.append([metrics(right[0], self.r[i]), metrics(right[1], self.r[i]), metrics(best, self.r[i]), firsts])
        return rows


# ---------------------------------------------------------------- against the program

def check_interval(told, values, rng, what):
    """The program's interval is near one of this file's own resamples."""
    draws = np.sort(values[rng.integers(0, len(values), (2000, len(values)))].mean(axis=1)) * 100
    slack = 100 / len(values) + .08 * (draws[1949] - draws[50])  # one query, and the draws' own noise
    near(told[0], draws[50], slack, what + " low")
    near(told[1], draws[1949], slack, what + " high")


def check_result(result, rows, twin, what):
    rng = np.random.default_rng(9)
    names = ("p1", "rp", "mapr")
    for part, at in (("stage1", 0), ("stage2", 1), ("max", 2)):
        for m, name in enumerate(names):
            near(result[part][name], 100 * np.mean([row[at][m] for row in rows]), 2e-4, f"{what} {part} {name}")
    for m, name in enumerate(names):
        gain = np.array([row[1][m] - row[0][m] for row in rows])
        near(result["difference"][name], 100 * gain.mean(), 2e-4, f"{what} difference {name}")
        check_interval(result["difference"]["interval"][name], gain, rng, f"{what} difference {name}")
        check_interval(result["stage2"]["interval"][name], np.array([row[1][m] for row in rows]), rng, f"{what} {name}")
    near(result["won"], sum(row[1][0] > row[0][0] for row in rows), 0, what + " won")
    near(result["lost"], sum(row[1][0] < row[0][0] for row in rows), 0, what + " lost")
    for part, at in (("stage1", 0), ("stage2", 1)):
        for rank in range(100):
            cmc = 100 * np.mean([0 < row[at][3] <= rank + 1 for row in rows])
            near(result["cmc"][part][rank], cmc, 2e-4, f"{what} {part} CMC at {rank + 1}")


def check_lines(lines, rows, twin, what):
    if len(lines) != len(rows) + len(twin.unmatched):
        sys.exit(f"{what}: {len(lines)} lines for {len(rows)} queries and {len(twin.unmatched)} unmatched")
    for line, i, row in zip(lines, twin.asked, rows):
        where = f"{what} {line['image']}"
        if line["image"] != twin.q.images[i] or line["label"] != twin.q.labels[i] or int(line["relevant"]) != twin.r[i]:
            sys.exit(f"{where}: {line} for {twin.q.images[i]}, R {twin.r[i]}")
        for part, at in (("stage1", 0), ("stage2", 1)):
            p1, rp, mapr, rank = row[at]
            near(float(line[part + "_p1"]), p1, 0, where + " p1")
            near(float(line[part + "_rp"]), rp, 2e-6, where + " rp")
            near(float(line[part + "_mapr"]), mapr, 2e-6, where + " mapr")
            face = "" if row[3][at] is None else twin.g.images[row[3][at]]
            if line[part + "_first"] != face or (line[part + "_rank"] or "0") != str(rank):
                sys.exit(f"{where}: {part} {line[part + '_first']} at {line[part + '_rank']}, not {face} at {rank}")
    for line, i in zip(lines[len(rows):], twin.unmatched):
        if line["image"] != twin.q.images[i] or line["relevant"] != "0" or line["stage1_p1"] or line["stage2_first"]:
            sys.exit(f"{what}: {line} for the unmatched {twin.q.images[i]}")


def compare(folder, what, gallery, queries, options, twin):
    out = os.path.join(folder, "lines.csv")
    command = [SECONDLOOK, "eval", "identify", "--gallery", gallery, "--queries", queries, "--json", "--csv", out,
               "--stage1", "embedding,same-cell", "--rerank", "none,same-cell", "--feature", "map", "--weighting",
               "uniform", "--patch-precision", "f32", "--alpha", "0,.25,1", "-k", "1,7,1000", *options]
    document = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    with open(out, newline="", encoding="utf-8") as f:
        lines = list(csv.DictReader(f))
    near(document["queries"], len(twin.asked), 0, what + " queries")
    near(document["unmatched"], len(twin.unmatched), 0, what + " unmatched")
    near(document["gallery"], len(twin.keep), 0, what + " gallery")
    each = len(lines) // len(document["results"])
    for c, result in enumerate(document["results"]):
        name = f"{what}: {result['first']} {result['rerank']} k {result['k']} alpha {result['alpha']}"
        alpha = 0 if result["alpha"] is None else result["alpha"]
        rows = twin.evaluate(result["first"], result["rerank"], result["k"], alpha)
        check_result(result, rows, twin, name)
        check_lines(lines[c * each:(c + 1) * each], rows, twin, name)
    print(f"{what}: {len(twin.asked)} queries and {len(twin.unmatched)} unmatched")
    return len(document["results"])


with tempfile.TemporaryDirectory() as folder:
    rng = np.random.default_rng(20261125)
    gallery, queries = Faces(rng, 140, 70, 25, ".jpg"), Faces(rng, 60, 80, 25, ".png")
    for i in range(0, 40, 2):  # these were made of photos in the gallery
        k = int(rng.integers(0, 140))
        if gallery.images[k].rsplit(".", 1)[0] + ".png" not in queries.images:
            queries.images[i], queries.labels[i] = gallery.images[k].rsplit(".", 1)[0] + ".png", gallery.labels[k]
    g, q = gallery.store(folder, "g"), queries.store(folder, "q")
    done = compare(folder, "exclude", g, q, [], Twin(gallery, queries))
    compare(folder, "include", g, q, ["--same-photo", "include"], Twin(gallery, queries, exclude=False))
    compare(folder, "half a", g, q, ["--people", "a"], Twin(gallery, queries, people="a"))
    compare(folder, "half b, 9 queries", g, q, ["--people", "b", "--limit", "9"],
            Twin(gallery, queries, people="b", limit=9))
    compare(folder, "itself", g, g, [], Twin(gallery, gallery, same=True))
    compare(folder, "itself, R as published", g, g, ["--reference-metrics"],
            Twin(gallery, gallery, same=True, reference=True))
    compare(folder, "people of 3 photos", g, g, ["--min-photos", "3", "--threads", "3"],
            Twin(gallery, gallery, same=True, least=3))
    if done != 2 + 9:
        sys.exit(f"{done} configurations and not 11: upon the embedding none and cells nine times, upon cells none")
