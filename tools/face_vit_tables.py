#!/usr/bin/python3
"""tools/face_vit_tables.py prepare LFW PAIRS OUT EVERY   what tools/face-vit asks with: half b's photos as links below
                                                       OUT/asking and OUT/paired, and OUT/pairs-clean.txt, pairs-mask.txt
tools/face_vit_tables.py tables JSON_DIR FILE...          writes the tables between the marks of the files anew"""
import json
import os
import sys

from marked_tables import table, write_tables
from results_tables import crc32c

FOLDS = 10


def half_b(person):
    return crc32c(person.encode()) & 1 == 1


def link(source, target):
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if not os.path.lexists(target):
        os.symlink(source, target)


# ---- what asks

def asking(lfw, out, every):
    """Every n-th photo of the people of half b who have two and more."""
    photos = []
    for person in sorted(filter(half_b, os.listdir(lfw))):
        names = sorted(os.listdir(os.path.join(lfw, person)))
        photos += [(person, name) for name in names] if len(names) > 1 else []
    for person, name in photos[::every]:
        link(os.path.join(lfw, person, name), os.path.join(out, "asking", person, name))


def official(path):
    """(photo, photo, same) of LFW's list."""
    with open(path) as f:
        for line in f.read().split("\n")[1:]:
            w = line.split("\t")
            if len(w) == 3:
                yield (w[0], int(w[1])), (w[0], int(w[2])), 1
            elif len(w) == 4:
                yield (w[0], int(w[1])), (w[2], int(w[3])), 0


def photo(of):
    return f"{of[0]}/{of[0]}_{of[1]:04d}.jpg"


def pairs_of_b(lfw, pairs, out):
    """The official pairs whose people are both of half b, in an order that spreads them over the folds."""
    found = [p for p in official(pairs) if half_b(p[0][0]) and half_b(p[1][0])]
    same, other = [p for p in found if p[2]], [p for p in found if not p[2]]
    n = min(len(same), len(other)) // FOLDS * FOLDS
    with (open(os.path.join(out, "pairs-clean.txt"), "w") as clean,
          open(os.path.join(out, "pairs-mask.txt"), "w") as mask):
        for pair in (p for both in zip(same[:n], other[:n]) for p in both):
            a, b = photo(pair[0]), photo(pair[1])
            clean.write(f"clean/{a} clean/{b} {pair[2]}\n")
            mask.write(f"clean/{a} mask/{b} {pair[2]}\n")
            for one in (a, b):
                link(os.path.join(lfw, one), os.path.join(out, "paired", "clean", one))


def half_a(lfw, out):
    for person in os.listdir(lfw):
        if not half_b(person):
            link(os.path.join(lfw, person), os.path.join(out, "half-a", "clean", person))


# ---- tables

class Results:
    def __init__(self, folder):
        self.folder = folder

    def get(self, name):
        path = os.path.join(self.folder, name + ".json")
        return json.load(open(path)) if os.path.exists(path) else None

    def accuracy(self, name, part):
        """Mean and deviation over folds, in percent; one part of stage1, stage2, score."""
        found = self.get(name)
        return found.get(part) if found else None


def percent(r, part):
    a = r.accuracy(*part) if isinstance(part, tuple) else None
    return f"{a['accuracy']:.2f}" if a else ""


MODELS = (("C", "the network alone, cosine", "c", "stage1"), ("D", "`emd`, alpha .7", "c", "score"),
          ("V", "depth 2, 4 heads", "vit", "stage1"), ("H1", "depth 1, 4 heads", "h1", "stage1"),
          ("H2", "depth 1, 1 head", "h2", "stage2"), ("H2L", "depth 1, 2 heads", "h2l", "stage2"),
          ("H2L, alpha .7", "the same with stage 1", "h2l", "score"),
          ("H2L from the embedding", "depth 1, 2 heads", "h2l-begun", "stage2"),
          ("H2L from the embedding, alpha .7", "", "h2l-begun", "score"))


def verify_row(results, names, name, part):
    return [*names, *(percent(results, (f"verify-{name}-{s}", part)) for s in ("clean", "mask"))]


def measured(rows):
    """Rows of which something was measured."""
    return [row for row in rows if any(row[-2:])]


def models(results):
    rows = [verify_row(results, (title, what), name, part) for title, what, name, part in MODELS]
    return table(["model", "", "untouched", "one photo masked"], measured(rows))


def sizes(results):
    rows = [verify_row(results, (d, h), f"h2l-d{d}h{h}", "stage2") for d, h in ("11", "12", "14", "22")]
    return table(["depth", "heads", "untouched", "one photo masked"], measured(rows))


def people(results):
    rows = [verify_row(results, (n,), f"h2l-{n}", "stage2") for n in ("250", "500", "1000")]
    rows.append(verify_row(results, ("all",), "h2l-d1h2", "stage2"))
    return table(["people", "untouched", "one photo masked"], measured(rows))


def interval(d):
    low, high = d["interval"]["p1"]
    return f"{d['p1']:+.2f} ({low:.2f} to {high:.2f})"


LOOKS = (("D, `emd`", "c", "emd"), ("`oae`", "c", "oae"), ("H2", "h2", "h2"), ("H2L", "h2l", "h2l"),
         ("H2L from the embedding", "h2l-begun", "h2l"))


def looks(results, kind, sets, heads):
    """P@1 of stage 1, then of each look with its gain, for some sets of queries."""
    first, rows = ["C, stage 1"], []
    for s in sets:
        found = results.get(f"{kind}-c-{s}")
        first.append(f"{found['results'][0]['stage1']['p1']:.2f}" if found else "")
    for title, name, rerank in LOOKS:
        row = [title]
        for s in sets:
            found = results.get(f"{kind}-{name}-{s}")
            r = next((x for x in found["results"] if x.get("rerank") == rerank), None) if found else None
            row.append(f"{r['stage2']['p1']:.2f}, {interval(r['difference'])}" if r else "")
        if any(row[1:]):
            rows.append(row)
    return table(["look", *heads], [first, *rows])


def identify(results):
    return looks(results, "identify", ("clean", "mask", "sunglasses"), ("untouched", "mask", "sunglasses"))


def disguise(results):
    return looks(results, "disguise", ("scarf", "beard", "glasses"), ("scarf", "beard", "glasses"))


def cost(results):
    rows = []
    for name, title in (("bench-h2l-f32", "H2L, f32"), ("bench-h2l-bf16", "H2L, bf16"), ("bench-h2-f32", "H2, f32"),
                        ("bench-h2-bf16", "H2, bf16"), ("bench-emd", "`emd`, int8")):
        r = results.get(name)
        if r:
            rows.append([title, f"{r['pairs_per_s']:,.0f}", f"{1e3 * 100 / r['pairs_per_s']:,.1f}",
                         f"{r['gflop_per_pair']:.3f}" if "gflop_per_pair" in r else "",
                         f"{100 * r['share']:.0f} %" if "share" in r else ""])
    return table(["look", "pairs/s", "ms for 100 candidates", "GFLOP a pair", "of the rate of products"], rows)


def main(words):
    if words[:1] == ["prepare"] and len(words) == 5:
        asking(words[1], words[3], int(words[4]))
        pairs_of_b(words[1], words[2], words[3])
        half_a(words[1], words[3])
    elif words[:1] == ["tables"] and len(words) > 2:
        for page in words[2:]:
            write_tables(page, "table", {"models": models, "sizes": sizes, "people": people, "identify": identify,
                                         "disguise": disguise, "cost": cost}, Results(words[1]))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
