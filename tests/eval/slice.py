#!/usr/bin/python3
"""A slice of LFW through the whole program: enrolment, drawn queries, both second looks, against stored figures.

slice.py PROGRAM STORED [--store]      exit code 77: what it needs is not here

People whose names begin with A, B, C or D are the gallery (3,203 photos, of which one stands twice and is kept once); 500 of
their photos are asked for as they are, under a mask and under sunglasses, their own photo left out; of compact patches too.
Figures may differ from the stored ones by TOLERANCE points of P@1, which is four queries: networks add up in another order on
other processors and oneDNN versions. Counts must agree."""
import json
import os
import subprocess
import sys
import tarfile
import tempfile

TOLERANCE = 0.8
MODEL = "mobilefacenet-192"


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


def run(program, *arguments):
    done = subprocess.run([program, *arguments], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(arguments)}: exit code {done.returncode}")
    return done.stdout


def needs(program):
    shared = os.path.join(os.path.dirname(__file__), "..", "..", "..", "shared", "data", "lfw-deepfunneled.tar")
    if not os.path.exists(shared):
        skip("../shared/data/lfw-deepfunneled.tar is not here")
    models = {m["name"]: m["present"] for m in json.loads(run(program, "models", "list", "--json"))["models"]}
    for name in (MODEL, "retinaface-mnet25", "dlib-68"):
        if not models.get(name):
            skip(f"{name} is not here: secondlook models fetch")
    return shared


def unpack(tar, folder):
    """The slice's photos into folder/PERSON; returns the people with two photos or more."""
    photos = {}
    with tarfile.open(tar) as archive:
        for member in archive:
            person, name = os.path.split(member.name)
            person = os.path.basename(person)
            if not member.isfile() or person[:1] not in "ABCD":
                continue
            os.makedirs(os.path.join(folder, person), exist_ok=True)
            with open(os.path.join(folder, person, name), "wb") as out:
                out.write(archive.extractfile(member).read())
            photos[person] = photos.get(person, 0) + 1
    return sorted(p for p, count in photos.items() if count >= 2)


def measure(program, folder):
    gallery, queries = os.path.join(folder, "gallery"), os.path.join(folder, "queries")
    run(program, "enroll", "--patches", "int8", "--gallery", gallery, os.path.join(folder, "all"))
    run(program, "occlude", "--kind", "mask,sunglasses", "--stage", "aligned", "--seed", "1",
        os.path.join(folder, "several"), "-o", queries)
    run(program, "gallery", "copy", "--patches", "compact", gallery, gallery + "-compact")
    figures = {}
    for kind in ("untouched", "mask", "sunglasses"):
        asked = []
        if kind != "untouched":
            set_of = os.path.join(folder, kind)
            run(program, "enroll", "--patches", "int8", "--aligned", "--no-quality-gate", "--gallery", set_of,
                os.path.join(queries, kind))
            asked = ["--queries", set_of]
        found = json.loads(run(program, "eval", "identify", "--gallery", gallery, *asked, "--rerank", "emd,oae",
                               "--limit", "500", "--json"))
        small = json.loads(run(program, "eval", "identify", "--gallery", gallery + "-compact", "--queries",
                               asked[1] if asked else gallery, "--rerank", "oae", "--limit", "500", "--json"))
        by_look = {r["rerank"]: r["stage2"]["p1"] for r in found["results"]}
        figures[kind] = {"gallery": found["gallery"], "queries": found["queries"],
                         "stage1": found["results"][0]["stage1"]["p1"], "emd": by_look["emd"], "oae": by_look["oae"],
                         "compact": small["results"][0]["stage2"]["p1"]}
    return figures


def compare(figures, stored):
    wrong = []
    for kind, expected in stored.items():
        for name, value in expected.items():
            allowed = 0 if name in ("gallery", "queries") else TOLERANCE + 1e-6
            print(f"{kind:12}{name:10}{figures[kind][name]:10.1f}{value:10.1f}")
            if abs(figures[kind][name] - value) > allowed:
                wrong.append(f"{kind} {name}")
    for kind in figures:
        if abs(figures[kind]["compact"] - figures[kind]["oae"]) > TOLERANCE + 1e-6:
            wrong.append(f"{kind}: oae from compact patches {figures[kind]['compact']:.1f}, from maps {figures[kind]['oae']:.1f}")
    for kind in ("mask", "sunglasses"):
        if not figures[kind]["oae"] > figures[kind]["stage1"] + 2:
            wrong.append(f"{kind}: oae gains less than 2 points")
    if wrong:
        sys.exit("differs: " + ", ".join(wrong))


def main():
    program, stored = os.path.abspath(sys.argv[1]), sys.argv[2]
    tar = needs(program)
    with tempfile.TemporaryDirectory() as folder:
        several = unpack(tar, os.path.join(folder, "all"))
        os.mkdir(os.path.join(folder, "several"))
        for person in several:
            os.symlink(os.path.join(folder, "all", person), os.path.join(folder, "several", person))
        figures = measure(program, folder)
    if sys.argv[3:] == ["--store"]:
        with open(stored, "w") as out:
            json.dump(figures, out, indent=1)
            out.write("\n")
    else:
        with open(stored) as file:
            compare(figures, json.load(file))


if __name__ == "__main__":
    main()
