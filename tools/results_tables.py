#!/usr/bin/python3
"""tools/results_tables.py half-a PHOTOS       path,label lines of half a of the people, for enroll --labels
tools/results_tables.py tables JSON_DIR FILE...   writes the tables between the marks of the files anew from JSON results

A table stands between <!-- table: NAME --> and <!-- end -->; the functions below are named as the tables are."""
import json
import os
import sys

from marked_tables import table, write_tables

MODELS = ("mobilefacenet-192", "mobilefacenet-128", "faceplugin-512")
SETS = (("lfw", "untouched"), ("mask", "mask"), ("sunglasses", "sunglasses"), ("crop", "crop, aligned again"))


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def half_a(photos):
    for person in sorted(os.listdir(photos)):
        if crc32c(person.encode()) & 1 == 0:
            for photo in sorted(os.listdir(os.path.join(photos, person))):
                print(f"{os.path.join(photos, person, photo)},{person}")


class Results:
    def __init__(self, folder):
        self.folder = folder

    def get(self, model, queries, name):
        path = os.path.join(self.folder, f"{model}-{queries}-{name}.json")
        return json.load(open(path)) if os.path.exists(path) else None

    def rows(self, model, queries, name):
        document = self.get(model, queries, name)
        return document["results"] if document else []


def find(rows, **wanted):
    return next((r for r in rows if all(r.get(k) == v for k, v in wanted.items())), None)


def best_marked(values, form="{:.2f}"):
    """Cells of numbers or None; the largest in bold."""
    known = [v for v in values if v is not None]
    texts = ["" if v is None else form.format(v) for v in values]
    return [f"**{t}**" if v is not None and v == max(known) else t for v, t in zip(values, texts)]


def gain(r):
    d = r["difference"]
    low, high = d["interval"]["p1"]
    return f"{r['stage2']['p1']:.2f}, {d['p1']:+.2f} ({low:.2f} to {high:.2f}), +{r['won']} -{r['lost']}"


def headline(results):
    rows = []
    for model in MODELS:
        for queries, title in SETS:
            found = results.rows(model, queries, "main")
            emd, oae = find(found, rerank="emd"), find(found, rerank="oae")
            if emd:
                rows.append([model, title, f"{emd['stage1']['p1']:.2f}", gain(emd), gain(oae) if oae else ""])
    return table(["model", "query", "stage 1", "dissertation's: `emd`, map, APC, .7", "`oae`, .6"], rows)


def measures(results):
    rows = []
    for model in MODELS:
        for queries, title in SETS:
            found = results.rows(model, queries, "main")
            emd, oae = find(found, rerank="emd"), find(found, rerank="oae")
            if not emd:
                continue
            three = [emd["stage1"], emd["stage2"], (oae or emd)["stage2"], emd["max"]]
            cells = [" -> ".join(f"{m[key]:.2f}" for m in three) for key in ("rp", "mapr")]
            rows.append([model, title, *cells, f"{emd['max']['p1']:.2f}"])
    return table(["model", "query", "RP: stage 1 -> emd -> oae -> best order", "MAP@R", "best P@1"], rows)


def looks(results):
    rows = []
    for model in MODELS:
        for queries, title in SETS:
            main, more = results.rows(model, queries, "main"), results.rows(model, queries, "second")
            if not main:
                continue
            named = [find(main, rerank="emd"), find(more, rerank="emd"), find(more, rerank="maxsim"),
                     find(more, rerank="same-cell"), find(main, rerank="oae")]
            values = [main[0]["stage1"]["p1"]] + [r["stage2"]["p1"] if r else None for r in named]
            rows.append([model, title] + best_marked(values))
    return table(["model", "query", "stage 1", "emd, map, APC", "emd, contributions", "maxsim, contributions",
                  "same cell, contributions", "oae"], rows)


def sweep_of(results, queries):
    """Weighting x feature x grid, a column for each model and look."""
    models = [m for m in MODELS if results.rows(m, queries, "sweep")]
    looks_ = ("emd", "maxsim", "same-cell")
    head = ["feature", "grid", "weighting"] + [f"{m.split('-')[1]} {look}" for m in models for look in looks_]
    rows = [["", "", "(stage 1)"] + [f"{results.rows(m, queries, 'sweep')[0]['stage1']['p1']:.1f}" for m in models
                                     for _ in looks_]]
    for feature in ("map", "contributions"):
        for grid in ("native", "4x4"):
            for weighting in ("uniform", "apc", "cc", "sc", "lmk"):
                found = [find(results.rows(m, queries, "sweep"), rerank=look, feature=feature, grid=grid,
                              weighting=weighting) for m in models for look in looks_]
                if any(found):
                    rows.append([feature, grid, weighting] + [f"{r['stage2']['p1']:.1f}" if r else "" for r in found])
    return table(head, rows)


def sweep_lfw(results):
    return sweep_of(results, "lfw")


def sweep_mask(results):
    return sweep_of(results, "mask")


def sweep_sunglasses(results):
    return sweep_of(results, "sunglasses")


def sweep_crop(results):
    return sweep_of(results, "crop")


def include(results):
    rows = []
    weightings = ("uniform", "apc", "cc", "sc", "lmk")
    for model in MODELS:
        for queries, title in SETS + (("cropped", "crop as it is"),):
            found = results.rows(model, queries, "include")
            if not found:
                continue
            values = [find(found, rerank="emd", weighting=w) for w in weightings] + [find(found, rerank="oae")]
            rows.append([model, title] + best_marked([found[0]["stage1"]["p1"]] +
                                                     [r["stage2"]["p1"] if r else None for r in values]))
    return table(["model", "query", "stage 1"] + [f"emd, {w}" for w in weightings] + ["oae"], rows)


def cropped(results):
    rows = []
    for model in MODELS:
        raw, again = results.rows(model, "cropped", "main"), results.get(model, "crop", "main")
        if raw and again:
            oae = find(again["results"], rerank="oae")
            rows.append([model, f"{raw[0]['stage1']['p1']:.2f}", f"{raw[0]['stage2']['p1']:.2f}", str(again["queries"]),
                         f"{again['results'][0]['stage1']['p1']:.2f}", f"{oae['stage2']['p1']:.2f}" if oae else ""])
    return table(["model", "as it is: stage 1", "emd", "faces found again", "aligned again: stage 1", "oae"], rows)


def dissertation(results):
    rows = []
    for model in MODELS:
        for r in results.rows(model, "lfw", "dissertation"):
            rows.append([model] + [f"{r[s][m]:.2f}" for s in ("stage1", "stage2", "max") for m in ("p1", "rp", "mapr")])
    return table(["model"] + [f"{s} {m}" for s in ("stage 1", "emd", "best order") for m in ("P@1", "RP", "MAP@R")],
                 rows)


def curve(results, name, key, form):
    rows = []
    columns = None
    for model in MODELS:
        for queries, title in SETS:
            found = results.rows(model, queries, name)
            for look in ("emd", "oae"):
                mine = sorted((r for r in found if r["rerank"] == look), key=lambda r: r[key])
                if mine:
                    columns = [form.format(r[key]) for r in mine]
                    rows.append([model, title, look] + best_marked([r["stage2"]["p1"] for r in mine], "{:.1f}"))
    return table(["model", "query", "look"] + (columns or []), rows)


def alpha(results):
    return curve(results, "alpha", "alpha", "{:.1f}")


def k(results):
    return curve(results, "k", "k", "{}")


def seconds(results):
    """All k share the scores of the largest one, so that one time tells."""
    rows = []
    for model in MODELS:
        found = results.rows(model, "mask", "k")
        for look in ("emd", "oae"):
            r = max((r for r in found if r["rerank"] == look), key=lambda r: r["k"], default=None)
            if r:
                pairs = results.get(model, "mask", "k")["queries"] * r["k"]
                rows.append([model, look, str(r["k"]), f"{r['seconds']['stage1']:.2f}", f"{r['seconds']['stage2']:.2f}",
                             f"{pairs / r['seconds']['stage2'] / 1000:.0f}"])
    return table(["model", "look", "k", "stage 1, s", "stage 2, s", "thousand pairs/s"], rows)


def first(results):
    rows = []
    for model in MODELS:
        for r in results.rows(model, "mask", "stage1"):
            rows.append([model, r["first"], r["weighting"], f"{r['stage1']['p1']:.1f}", f"{r['stage1']['rp']:.1f}",
                         f"{r['stage1']['mapr']:.1f}", f"{r['seconds']['stage1']:.1f}"])
    return table(["model", "ranked by", "weighting", "P@1", "RP", "MAP@R", "seconds"], rows)


def solver(results):
    rows = []
    for model in MODELS:
        for r in results.rows(model, "mask", "solver"):
            rows.append([model, r["solver"], f"{r['stage2']['p1']:.1f}", f"{r['stage2']['mapr']:.2f}",
                         f"{r['seconds']['stage2']:.1f}"])
    return table(["model", "solver", "P@1", "MAP@R", "seconds"], rows)


def pairs(results):
    rows = []
    for model in MODELS:
        path = os.path.join(results.folder, f"{model}-pairs.json")
        if not os.path.exists(path):
            continue
        document = json.load(open(path))
        for name, key in (("stage 1", "stage1"), ("emd alone", "stage2"), ("mix", "score")):
            v = document.get(key)
            if isinstance(v, dict):
                tar = v["tar_at_far"]
                tar = list(tar.values()) if isinstance(tar, dict) else tar
                rows.append([model, name, f"{v['accuracy']:.3f} +- {v['std']:.3f}", f"{v['eer']:.2f}"] +
                            ["" if t is None else f"{t:.2f}" for t in tar])
    return table(["model", "", "ten folds", "EER", "TAR at FAR 10 %", "1 %", ".1 %", ".01 %"], rows)


TABLES = {f.__name__: f for f in (headline, measures, looks, sweep_lfw, sweep_mask, sweep_sunglasses, sweep_crop,
                                  include, cropped, dissertation, alpha, k, seconds, first, solver, pairs)}


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "half-a":
        half_a(sys.argv[2])
    elif len(sys.argv) >= 4 and sys.argv[1] == "tables":
        for page in sys.argv[3:]:
            write_tables(page, "table", TABLES, Results(sys.argv[2]))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
