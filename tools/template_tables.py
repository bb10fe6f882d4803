#!/usr/bin/python3
"""tools/template_tables.py DIR FILE   the tables of templates between the marks of FILE anew, from what tools/templates
measured: DIR has MODEL-FORM-QUERIES.json, and .csv with what became of every query."""
import csv
import functools
import os
import random
import sys

from marked_tables import table, write_tables
from results_tables import MODELS, SETS, Results, find

FORMS = (("whole", "whole map, int8"), ("contributions", "whole map, compared by contributions"),
         ("compact", "**compact: contributions, 4 bits**"), ("parts-3", "contributions, 3 bits"),
         ("parts-2", "contributions, 2 bits"), ("grid", "map pooled to 4x4, int8"), ("map-4", "map, 4 bits"),
         ("map-2", "map, 2 bits"), ("standard-4", "map, standardised, 4 bits"),
         ("standard-2", "map, standardised, 2 bits"),
         ("pca-256-8", "256 components, 8 bits"), ("pca-256-4", "256 components, 4 bits"),
         ("pca-128-8", "128 components, 8 bits"), ("pca-128-4", "128 components, 4 bits"),
         ("pca-64-8", "64 components, 8 bits"))
CELLS = 49  # of all three models' maps, of 512 channels
RESAMPLES = 2000


def form_bytes(model, form):
    """Embedding, patches, scales and 68 landmarks, each but the first rounded up to 64 bytes as galleries do."""
    dim, bits, cells = int(model.split("-")[1]), 8, CELLS
    if form[-1].isdigit():
        bits = int(form[-1])
    values = 512
    if form == "compact":
        bits = 4
    if form == "grid":
        cells = 16
    if form == "compact" or form.startswith("parts"):
        values = dim
    if form.startswith("pca"):
        values = int(form.split("-")[1])
    return 4 * dim + sum((n + 63) // 64 * 64 for n in (cells * ((values * bits + 7) // 8), 4 * cells, 544))


@functools.cache
def outcomes(folder, model, form, queries, look):
    """{photo: (person, P@1)} of the queries that somebody in the gallery matches; empty where no CSV is."""
    path = os.path.join(folder, f"{model}-{form}-{queries}.csv")
    if not os.path.exists(path):
        return {}
    with open(path, newline="") as f:
        return {line["image"]: (line["label"], int(line["stage2_p1"])) for line in csv.DictReader(f)
                if line["config"].split()[0] == look and line["stage2_p1"]}


class People:
    """Bootstrap over people, whose photos resemble each other: a draw is how often each is in it."""

    def __init__(self, photos):
        """photos: {person: how many}"""
        rng, self.photos = random.Random(1), photos
        names = sorted(photos)
        self.draws = []
        for _ in range(RESAMPLES):
            draw = dict.fromkeys(names, 0)
            for person in rng.choices(names, k=len(names)):
                draw[person] += 1
            self.draws.append((draw, sum(photos[person] * times for person, times in draw.items())))

    def interval(self, sums):
        """95 % of a mean over photos, from its sum for each person, in percent."""
        known = [(person, value) for person, value in sums.items() if value]
        means = sorted(100 * sum(draw[person] * value for person, value in known) / all_photos
                       for draw, all_photos in self.draws)
        return means[RESAMPLES // 40], means[-1 - RESAMPLES // 40]


class Differences:
    """P@1 of a form less that of whole maps: the same queries in both, paired."""

    def __init__(self, folder):
        self.folder = folder
        self.people = {}

    def interval(self, model, form, queries, look):
        whole, mine = (outcomes(self.folder, model, f, queries, look) for f in ("whole", form))
        if not whole or not mine:
            return None
        if whole.keys() != mine.keys():
            sys.exit(f"{model}, {queries}: {form} was asked other queries than whole")
        photos, sums = {}, {}
        for photo, (person, right) in mine.items():
            photos[person] = photos.get(person, 0) + 1
            sums[person] = sums.get(person, 0) + right - whole[photo][1]
        key = tuple(sorted(photos.items()))
        if key not in self.people:
            self.people[key] = People(photos)
        return self.people[key].interval(sums)


def cell(results, differences, model, form, queries, look):
    """P@1; its difference to whole maps; the interval of that, where both have a CSV."""
    found, whole = (find(results.rows(model, f, queries), rerank=look) for f in (form, "whole"))
    if not found:
        return ""
    p1, text = found["stage2"]["p1"], f"{found['stage2']['p1']:.2f}"
    if form == "whole" or not whole:
        return text
    interval = differences.interval(model, form, queries, look)
    text += f", {p1 - whole['stage2']['p1']:+.2f}"
    return text + (f" ({interval[0]:.2f} to {interval[1]:.2f})" if interval else "")


def templates_of(results, look):
    rows, differences = [], Differences(results.folder)
    sets = ("mask", "sunglasses", "lfw")
    for model in MODELS:
        for form, title in FORMS:
            cells = [cell(results, differences, model, form, queries, look) for queries in sets]
            if any(cells):
                rows.append([model, title, f"{form_bytes(model, form):,}", *cells])
    return table(["model", "kept of a face", "bytes"] + [dict(SETS)[queries] for queries in sets], rows)


def templates_oae(results):
    return templates_of(results, "oae")


def templates_emd(results):
    return templates_of(results, "emd")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    write_tables(sys.argv[2], "forms", {f.__name__: f for f in (templates_oae, templates_emd)}, Results(sys.argv[1]))
