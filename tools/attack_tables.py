#!/usr/bin/python3
"""tools/attack_tables.py prepare LFW OUT EVERY   what tools/attacks works on: photos as links below OUT/verify, and
                                               lists of pairs OUT/pairs-SET.txt
tools/attack_tables.py tables OUT FILE...         writes the tables between the marks of the files anew"""
import os
import sys

from face_vit_tables import FOLDS, Results, half_b, interval, link
from marked_tables import table, write_tables

SETS = (("asking", "untouched", ""),
        ("fgsm-8", "FGSM, eps 8", "white box"),
        ("iterated-8", "iterated, eps 8", "white box"),
        ("white-4", "momentum, eps 4", "white box"),
        ("white-8", "momentum, eps 8", "white box"),
        ("white-16", "momentum, eps 16", "white box"),
        ("l2-4", "momentum, L2, eps 4", "white box"),
        ("glasses", "momentum, frames of glasses", "white box"),
        ("encoder-8", "momentum, eps 8", "the encoder"),
        ("system-8", "momentum, eps 8", "recogniser and encoder"),
        ("both-8", "momentum, eps 8", "both networks"),
        ("transfer-4", "momentum, eps 4", "the other network"),
        ("transfer-8", "momentum, eps 8", "the other network"),
        ("transfer-16", "momentum, eps 16", "the other network"),
        ("towards-8", "towards one person, eps 8", "white box"),
        ("masked", "masked, no attack", ""),
        ("masked-white-4", "masked; momentum, eps 4", "white box"),
        ("masked-encoder-4", "masked; momentum, eps 4", "the encoder"),
        ("masked-system-4", "masked; momentum, eps 4", "recogniser and encoder"),
        ("dark", "dark glasses, no attack", ""),
        ("dark-white-4", "dark glasses; momentum, eps 4", "white box"),
        ("dark-eyes-4", "dark glasses; momentum, eps 4", "the encoder of eyes"),
        ("dark-system-4", "dark glasses; momentum, eps 4", "recogniser and that encoder"))
NO_ATTACK = "asking", "masked", "dark"


# ---- what is attacked

def photos_of_b(lfw, every):
    """(person, photo, another photo of that person): every n-th photo of the people of half b who have two and more."""
    found = []
    for person in sorted(filter(half_b, os.listdir(lfw))):
        names = sorted(os.listdir(os.path.join(lfw, person)))
        if len(names) > 1:
            found += [(person, name, names[(i + 1) % len(names)]) for i, name in enumerate(names)]
    return found[::every]


def write_pairs(path, asked, folder, ending):
    """Each query with another photo of its person, and with that of the next query's; the copy comes second."""
    n = len(asked) // FOLDS * FOLDS
    with open(path, "w") as f:
        for i in range(n):
            person, name, other = asked[i]
            later = next(a for a in asked[i + 1:] + asked[:i] if a[0] != person)
            query = f"{folder}/{person}/{name[:-len('.jpg')]}{ending}"
            f.write(f"other/{person}/{other} {query} 1\nother/{later[0]}/{later[2]} {query} 0\n")


def prepare(lfw, out, every):
    asked = photos_of_b(lfw, every)
    for person, name, other in asked:
        link(os.path.join(lfw, person, name), os.path.join(out, "verify", "asking", person, name))
        link(os.path.join(lfw, person, other), os.path.join(out, "verify", "other", person, other))
    for name, _, _ in SETS:
        write_pairs(os.path.join(out, f"pairs-{name}.txt"), asked, name, ".jpg" if name in NO_ATTACK else ".png")
    # whom impostors are to look like: the first person of half b who has 20 photos and more
    for person in sorted(filter(half_b, os.listdir(lfw))):
        names = sorted(os.listdir(os.path.join(lfw, person)))
        if len(names) >= 20:
            link(os.path.join(lfw, person, names[0]), os.path.join(out, "goal.jpg"))
            break


# ---- tables

def measured(results, prefix):
    """The sets of which this was measured, with it."""
    for name, what, where in SETS:
        found = results.get(f"{prefix}-{name}")
        if found:
            yield name, [what, where], found


def with_interval(value, low_high):
    return f"{value:.1f} ({low_high[0]:.1f} to {low_high[1]:.1f})"


def look_cell(found, rerank):
    r = next((x for x in found["results"] if x.get("rerank") == rerank), None) if found else None
    return f"{r['stage2']['p1']:.1f}, {interval(r['difference'])}" if r else ""


def without_empty(names, rows):
    """A column that was not measured, as without a learned look, is left out."""
    kept = [i for i in range(len(names)) if any(row[i] for row in rows)]
    return table([names[i] for i in kept], [[row[i] for i in kept] for row in rows])


def identification(results):
    rows = []
    for name, title, found in measured(results, "identify"):
        stage1 = found["results"][0]["stage1"]
        h2l = results.get(f"identify-h2l-{name}")
        rows.append([*title, str(found["queries"]), with_interval(stage1["p1"], stage1["interval"]["p1"]),
                     f"{found['results'][0]['max']['p1']:.1f}", look_cell(found, "emd"), look_cell(found, "oae"),
                     look_cell(h2l, "h2l")])
    return without_empty(["attack", "made on", "photos", "stage 1", "best order of k", "`emd`", "`oae`", "`h2l`"], rows)


def accuracy(found, part):
    """The folds' mean, and its 95 % interval by Student's t: 2.262 with nine degrees of freedom."""
    r = found.get(part) if found else None
    return f"{r['accuracy']:.1f} ± {2.262 * r['std'] / (FOLDS - 1) ** .5:.1f}" if r else ""


def verification(results):
    rows = []
    for name, title, found in measured(results, "verify-emd"):
        looks = [accuracy(results.get(f"verify-{look}-{name}"), "score") for look in ("emd", "oae", "h2l")]
        rows.append([*title, str(found["pairs"]), accuracy(found, "stage1"), *looks])
    return without_empty(["attack", "made on", "pairs", "stage 1", "`emd`", "`oae`", "`h2l`"], rows)


def rate(found, which):
    """At the thresholds that promise one search in a hundred for somebody absent to find somebody."""
    point = next(p for p in found["promised"] if p["asked"] == 1)[which]
    return with_interval(point["mean"], (point["low"], point["high"]))


def thresholds(results):
    rows = [[*title, str(found["mated"]), rate(found, "fnir"), rate(found, "fpir")]
            for _, title, found in measured(results, "openset") if found["promised"]]
    return table(["attack", "made on", "searches", "person not found", "person absent, somebody found"], rows)


def encoder(results):
    """By the crops that the queries' gallery keeps: the recogniser alone, and with its query encoder."""
    rows = []
    for name, title, alone in measured(results, "encoder-none"):
        both = [found and found["results"][0] for found in (alone, results.get(f"encoder-auto-{name}"))]
        refused = [results.get(f"openset-encoder-{which}-{name}") for which in ("none", "auto")]
        rows.append([*title, str(alone["queries"]), *(f"{r['stage1']['p1']:.1f}" if r else "" for r in both),
                     *(f"{r['stage2']['p1']:.1f}" if r else "" for r in both),
                     *(rate(found, "fnir") if found and found["promised"] else "" for found in refused)])
    return table(["attack", "made on", "photos", "stage 1", "with the encoder", "`oae`", "with the encoder",
                  "person not found", "with the encoder"], rows)


def impostors(results):
    """Of the photos that were driven towards one person: who is found, over all and above the threshold."""
    found = results.get("impostors")
    if not found:
        return table(["photos", "best candidate", "match"], [])
    goal = os.path.basename(os.path.dirname(os.readlink(os.path.join(results.folder, os.pardir, "goal.jpg"))))
    answers = [face for photo in found["queries"] for face in photo["faces"]]
    best = [a for a in answers if a["candidates"] and a["candidates"][0]["label"] == goal]
    matches = [a for a in best if a["decision"] == "match"]
    own = [a for p in found["queries"] for a in p["faces"]
           if a["decision"] == "match" and a["candidates"][0]["label"] == os.path.basename(os.path.dirname(p["image"]))]
    return table(["photos", "taken for that person", "of them above the threshold", "known for who they are"],
                 [[str(n) for n in (len(answers), len(best), len(matches), len(own))]])


def mean(values):
    return sum(values) / len(values)


def change(results):
    """What the attacks did to pictures and to the networks that they were made on."""
    rows = []
    for _, title, found in measured(results, "attack"):
        changes = [p["change"] for p in found["pictures"]]
        cosines = [[c["after"] for c in p["cosines"]] for p in found["pictures"]]
        rows.append([*title, str(len(changes)), f"{mean([c['root_mean_square'] for c in changes]):.1f}",
                     f"{mean([c['samples'] for c in changes]) / 1000:.1f}",
                     ", ".join(f"{mean(of_network):.2f}" for of_network in zip(*cosines))])
    return table(["attack", "made on", "photos", "root mean square, grey levels", "thousand samples that might change",
                  "cosine to what was aimed at"], rows)


TABLES = {"identification": identification, "verification": verification, "thresholds": thresholds, "change": change,
          "impostors": impostors, "encoder": encoder}


def main(words):
    if words[:1] == ["prepare"] and len(words) == 4:
        prepare(words[1], words[2], int(words[3]))
    elif words[:1] == ["tables"] and len(words) > 2:
        for page in words[2:]:
            write_tables(page, "attacks", TABLES, Results(os.path.join(words[1], "json")))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
