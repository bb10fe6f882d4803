"""A second implementation of `eval openset`, `calibrate`, `identify --fpir`'s rule and `eval verify`, from the definitions,
against the program: random galleries with ties. Exit 77: numpy is not here."""
import csv
import json
import math
import os
import subprocess
import sys
import tempfile

from twin_faces import SECONDLOOK, Faces, near, np, unit


def told(*args):
    return json.loads(subprocess.run([SECONDLOOK, *args, "--json"], check=True, stdout=subprocess.PIPE).stdout)


# ---------------------------------------------------------------- the definitions

def similarities(queries, gallery, alpha):
    s1 = np.round(unit(queries.embeddings) @ unit(gallery.embeddings).T, 6)
    s2 = np.round(np.einsum("qpc,gpc->qg", unit(queries.maps), unit(gallery.maps)) / gallery.maps.shape[1], 6)
    return s1, s2 if alpha == 1 else alpha * s2 + (1 - alpha) * s1


def searches(gallery, queries, same, k, alpha):
    """Best scores of searches for people who are there (with whether it was the right one) and who are not; by stage 1
    and by the mix of the first k."""
    s1, mix = similarities(queries, gallery, alpha)
    labels = np.array(gallery.labels)
    mated, others, strangers = ([], []), ([], []), 0
    stems = [image.rsplit(".", 1)[0] for image in gallery.images]
    for q, label in enumerate(queries.labels):
        stem = queries.images[q].rsplit(".", 1)[0]
        own = q if same else (stems.index(stem) if stem in stems else None)
        faces = [f for f in range(len(labels)) if f != own]
        for wanted, keep in ((True, faces), (False, [f for f in faces if labels[f] != label])):
            if not keep or (wanted and not any(labels[f] == label for f in keep)):
                continue
            order = sorted(keep, key=lambda f: (-s1[q, f], f))
            best = [order[0], max(order[:k], key=lambda f: mix[q, f])]  # max: the first of equals
            for by, key in ((0, s1), (1, mix)):
                score = key[q, best[by]]
                if wanted:
                    mated[by].append((score, labels[best[by]] == label))
                else:
                    others[by].append(score)
            strangers += not wanted and label not in gallery.labels
    return mated, others, strangers


def threshold_at(scores, rate):
    """The smallest score that at most `rate` of all reach."""
    if rate * len(scores) < 10 - 1e-9:
        return None
    ordered = np.sort(scores)
    values = np.unique(ordered)
    reaching = len(ordered) - np.searchsorted(ordered, values)
    return float(values[reaching <= rate * len(scores) + 1e-9][0])


def binomial_tail(k, n, p):
    """P(X >= k)."""
    return sum(math.comb(n, i) * p ** i * (1 - p) ** (n - i) for i in range(k, n + 1))


def check_clopper_pearson(told_interval, k, n, what):
    near(told_interval["mean"], 100 * k / n, 1e-4, what)
    low, high = told_interval["low"] / 100, told_interval["high"] / 100
    if k:
        near(binomial_tail(k, n, low), .025, 1e-4, what + " low")
    else:
        near(low, 0, 0, what + " low")
    if k < n:
        near(1 - binomial_tail(k + 1, n, high), .025, 1e-4, what + " high")
    else:
        near(high, 1, 0, what + " high")


# ---------------------------------------------------------------- open set

def check_openset(what, g, q, gallery, queries, same, k, alpha):
    document = told("eval", "openset", "--gallery", g, "--queries", q, "--rerank", "same-cell", "--weighting",
                    "uniform", "--patch-precision", "f32", "-k", str(k), "--alpha", str(alpha))
    mated, others, strangers = searches(gallery, queries, same, k, alpha)
    near(document["mated"], len(mated[0]), 0, what + " mated")
    near(document["nonmated"], len(others[0]), 0, what + " nonmated")
    near(document["strangers"], strangers, 0, what + " strangers")
    for by, part in ((0, "stage1"), (1, "score")):
        right = sum(r for _, r in mated[by])
        if mated[by]:
            near(document[part]["rank1"], 100 * right / len(mated[by]), 1e-4, f"{what} {part} rank 1")
        for rate, point in zip((.1, .01, .001), document[part]["at_fpir"]):
            name, t = f"{what} {part} {rate}", threshold_at(others[by], rate)
            if (t is None) != (point["threshold"] is None):
                sys.exit(f"{name}: {point['threshold']} and not {t}")
            if t is None:
                continue
            at = point["threshold"] - 2e-6  # scores of both sides differ by rounding
            near(point["threshold"], t, 4e-6, name + " threshold")
            check_clopper_pearson(point["fpir"], int(sum(s >= at for s in others[by])), len(others[by]), name + " FPIR")
            if mated[by]:
                missed = int(sum(not r or s < at for s, r in mated[by]))
                check_clopper_pearson(point["fnir"], missed, len(mated[by]), name + " FNIR")
        for point in document[part]["det"]:
            at = point["threshold"] - 2e-6
            near(point["fpir"], 100 * np.mean([s >= at for s in others[by]]), 1e-4, f"{what} {part} DET")
            if mated[by]:
                near(point["fnir"], 100 * np.mean([not r or s < at for s, r in mated[by]]), 1e-4, f"{what} {part} DET")
    print(f"{what}: {len(mated[0])} mated and {len(others[0])} non-mated searches, {strangers} by strangers")


def check_calibration(g, gallery):
    """All pairs of different people; what was promised is what is measured again."""
    options = ["--gallery", g, "--rerank", "none"]
    document = told("calibrate", *options)
    s1, _ = similarities(gallery, gallery, 1)
    n, labels = len(gallery.labels), gallery.labels
    pairs = [s1[i, k] for i in range(n) for k in range(i + 1, n) if labels[i] != labels[k]]
    near(document["pairs"], len(pairs), 0, "pairs")
    for row in document["bins"][0]["at_fmr"]:
        t = threshold_at(pairs, row["rate"])
        if (t is None) != (row["threshold"] is None):
            sys.exit(f"false match rate {row['rate']}: {row['threshold']} and not {t}")
        if t is not None:
            near(row["threshold"], t, 4e-6, f"threshold at {row['rate']}")
    again = told("eval", "openset", *options)
    for promised, measured in zip(again["promised"], again["score"]["at_fpir"]):
        if measured["threshold"] is not None:
            near(promised["threshold"], measured["threshold"], 1.2e-5, "promised threshold")  # kept to five places
    print(f"calibrate: {len(pairs)} pairs")


# ---------------------------------------------------------------- verification

def rates(scores, same, folds):
    accuracies, thresholds = [], []
    for fold in sorted(set(folds)):
        train, test = folds != fold, folds == fold
        values = np.sort(np.unique(scores[train]))
        cuts = np.concatenate(([values[0]], (values[1:] + values[:-1]) / 2, [values[-1] + 1e-3]))
        t = cuts[int(np.argmax([np.sum((scores[train] >= c) == same[train]) for c in cuts]))]
        accuracies.append(100 * np.mean((scores[test] >= t) == same[test]))
        thresholds.append(t)
    cuts = np.sort(np.unique(scores))[::-1]
    far = np.array([np.mean(scores[~same] >= c) for c in cuts])
    tar = np.array([np.mean(scores[same] >= c) for c in cuts])
    gap = np.abs(far - (1 - tar))
    at = int(np.argmin(gap))
    result = {"accuracy": np.mean(accuracies), "std": np.std(accuracies), "eer": 50 * (far[at] + 1 - tar[at])}
    for name, rate in (("1e-1", .1), ("1e-2", .01), ("1e-3", .001), ("1e-4", .0001)):
        allowed = far <= rate
        enough = rate * np.sum(~same) >= 1 - 1e-9
        result[name] = None if not enough else 100 * max(tar[allowed], default=0)
    return result


def check_verify(folder, g, gallery, rng):
    pairs, lines = [], []
    while len(pairs) < 500:
        i, k = int(rng.integers(0, len(gallery.labels))), int(rng.integers(0, len(gallery.labels)))
        if i != k and (gallery.labels[i] == gallery.labels[k] or rng.random() < .1):
            pairs.append((i, k))
            lines.append(f"{gallery.images[i]}\t{gallery.images[k]}\t{int(gallery.labels[i] == gallery.labels[k])}\r\n")
    path, out = os.path.join(folder, "pairs.txt"), os.path.join(folder, "pairs.csv")
    lines[7] = f"nobody/x y.jpg\t{gallery.images[0]}\t0\r\n"
    with open(path, "w", encoding="utf-8", newline="") as f:
        f.writelines(lines)
    document = told("eval", "verify", "--gallery", g, "--pairs", path, "--rerank", "same-cell", "--weighting",
                    "uniform", "--patch-precision", "f32", "--alpha", "0.5", "--csv", out, "--list-missing")
    near(document["missing"], 1, 0, "missing")
    if document["missing_photos"] != [{"line": 8, "image": "nobody/x y.jpg"}]:
        sys.exit(f"missing photos: {document['missing_photos']}")
    with open(out, newline="", encoding="utf-8") as f:
        rows = list(csv.DictReader(f))
    same = np.array([row["same"] == "1" for row in rows])
    folds = np.array([i * 10 // len(rows) for i in range(len(rows))])
    s1, mix = similarities(gallery, gallery, .5)
    _, s2 = similarities(gallery, gallery, 1)
    for part, own in (("stage1", s1), ("stage2", s2), ("score", mix)):
        scores = np.array([-1 if not row[part] else float(row[part]) for row in rows])
        for n, (i, k) in enumerate(pairs):
            if n != 7:
                near(scores[n], own[i, k], 3e-6, f"pair {n} {part}")
        expected = rates(scores, same, folds)
        for name in ("accuracy", "std", "eer"):
            near(document[part][name], expected[name], 2e-4, f"verify {part} {name}")
        for name in ("1e-1", "1e-2", "1e-3", "1e-4"):
            a, b = document[part]["tar_at_far"][name], expected[name]
            if (a is None) != (b is None) or (a is not None and abs(a - b) > 2e-4):
                sys.exit(f"verify {part} TAR at {name}: {a} and not {b}")
    print(f"verify: {len(rows)} pairs")


with tempfile.TemporaryDirectory() as folder:
    rng = np.random.default_rng(7)
    people = [p.astype(np.float32) for p in rng.normal(size=(120, 12))]

    def faces(count, ending, spread):
        """Faces near their people's centres, no two alike."""
        made = Faces(rng, count, 100, 40, ending)
        centres = np.array([people[int(label.split()[1])] for label in made.labels])
        made.embeddings = (centres + spread * rng.normal(size=centres.shape)).astype(np.float32)
        made.maps = rng.normal(size=made.maps.shape).astype(np.float32)
        return made

    gallery, doubles, queries = faces(240, ".jpg", .5), faces(200, ".jpg", .5), faces(130, ".png", .6)
    for i in range(0, 200, 2):  # a copy of a face, mostly of another person: equal in every bit to whoever is asked
        doubles.embeddings[i + 1], doubles.maps[i + 1] = doubles.embeddings[i], doubles.maps[i]
    for i in range(0, 40, 2):  # these were made of photos in the gallery
        k = int(rng.integers(0, 200))
        image = doubles.images[k].rsplit(".", 1)[0] + ".png"
        if image not in queries.images:
            queries.images[i], queries.labels[i] = image, doubles.labels[k]
    g, d, q = gallery.store(folder, "g"), doubles.store(folder, "d"), queries.store(folder, "q")
    check_openset("itself", g, g, gallery, gallery, True, 7, .5)
    check_openset("itself, whole gallery", g, g, gallery, gallery, True, 1000, 1)
    check_openset("queries, copies in the gallery", d, q, doubles, queries, False, 5, .25)
    check_calibration(g, gallery)
    check_verify(folder, g, gallery, rng)
