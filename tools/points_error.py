#!/usr/bin/python3
"""points_error.py POINTS.tsv DETECTOR.json FOUND.json: how far points lie from those set by hand, in hundredths of the eye
distance (medians), by kind of cover. The two JSON files are what `detect --json` found, by the detector alone and by what
is measured. POINTS.tsv: photo, point (5-10 the eyes, 11 the nose, 12-14 the mouth), x, y.

The second line of a kind leaves out what the hand does otherwise than the detector: the mean difference between the two,
in the frame of the crop, on photos of kind "cap". The third is what could be had by learning from the hand: nose and
mouth of each person told by least squares from the detector's and the measured ones, as the other people's photos of
that kind have them. It is a limit, for research: nothing that ships may learn from these photos."""
import collections
import csv
import json
import sys

import numpy as np

TEMPLATE = np.array([[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655],
                     [70.7299, 92.2041]])
CROP = np.array([[0, 0], [111, 0], [0, 111], [111, 111], [55.5, 55.5]])
KINDS = "cap", "scarf", "beard", "glasses"


def by_hand(path):
    """{photo: five points}: the middles of the eyes, the nose, the corners of the mouth."""
    marks = collections.defaultdict(dict)
    with open(path) as file:
        for row in csv.DictReader(file, delimiter="\t"):
            marks[row["photo"]][int(row["point"])] = float(row["x"]), float(row["y"])
    out = {}
    for photo, of in marks.items():
        if len(of) < 14:
            continue
        eyes = sorted(of[i] for i in range(5, 11))
        mouth = sorted(of[i] for i in range(12, 15))
        out[photo] = np.array([np.mean(eyes[:3], 0), np.mean(eyes[3:], 0), of[11], mouth[0], mouth[2]])
    return out


def found(path, wanted):
    """{photo: five points} of the face that lies nearest to the wanted points."""
    out = {}
    with open(path) as file:
        for photo in json.load(file)["photos"]:
            name = "/".join(photo["image"].split("/")[-3:])
            if name in wanted and photo["faces"]:
                out[name] = min((np.array(f["points"]) for f in photo["faces"]),
                                key=lambda p: np.abs(p - wanted[name]).sum())
    return out


def similarity(points):
    """Template to photo, least squares: p -> p A + b."""
    x, y = TEMPLATE - TEMPLATE.mean(0), points - points.mean(0)
    size = (x ** 2).sum()
    c, s = (x * y).sum() / size, (x[:, 0] * y[:, 1] - x[:, 1] * y[:, 0]).sum() / size
    a = np.array([[c, s], [-s, c]])
    return a, points.mean(0) - TEMPLATE.mean(0) @ a


def errors(points, hand):
    eye = np.linalg.norm(hand[1] - hand[0])
    (a, b), (c, d) = similarity(points), similarity(hand)
    off = np.linalg.norm(points - hand, axis=1)
    crop = np.linalg.norm(CROP @ a + b - CROP @ c - d, axis=1)
    return [100 * v / eye for v in (off[:2], off[2:3], off[3:], crop)]


def line(points, hand, photos):
    lists = [[], [], [], []]
    for photo in photos:
        for values, new in zip(lists, errors(points[photo], hand[photo])):
            values.extend(new)
    return "  ".join("%s %5.1f" % pair for pair in zip(("eyes", "nose", "mouth", "crop"), map(np.median, lists)))


def eye_frame(points):
    """Photo to the frame of these points' eyes: (p - origin) @ axes; the eyes are 1 apart."""
    across = points[1] - points[0]
    return points[:2].mean(0), np.array([[across[0], -across[1]], [across[1], across[0]]]) / (across @ across)


def told_by_others(detector, measured, hand, photos, damping=15.):
    """{photo: five points}: eyes as measured; nose and mouth learned from the hand's points of the other people."""
    inputs, wanted = [], []
    for photo in photos:
        origin, axes = eye_frame(detector[photo])
        place = [((of[photo][2:] - origin) @ axes).ravel() for of in (detector, measured, hand)]
        inputs.append(np.concatenate(place[:2]))
        wanted.append(place[2])
    inputs, wanted = np.array(inputs), np.array(wanted)
    people = np.array([photo.split("/")[1] for photo in photos])
    out = {}
    for person in set(people):
        others, own = people != person, people == person
        mean, spread, usual = inputs[others].mean(0), inputs[others].std(0) + 1e-9, wanted[others].mean(0)
        x = (inputs - mean) / spread
        weights = np.linalg.solve(x[others].T @ x[others] + damping * np.eye(x.shape[1]),
                                  x[others].T @ (wanted[others] - usual))
        for i in np.flatnonzero(own):
            origin, axes = eye_frame(detector[photos[i]])
            places = (x[i] @ weights + usual).reshape(3, 2)
            out[photos[i]] = np.vstack([measured[photos[i]][:2], places @ np.linalg.inv(axes) + origin])
    return out


def main():
    hand = by_hand(sys.argv[1])
    detector, measured = found(sys.argv[2], hand), found(sys.argv[3], hand)
    custom = np.mean([(hand[p] - detector[p]) @ np.linalg.inv(similarity(detector[p])[0]) for p in detector
                      if p.startswith("cap/")], 0)
    for kind in KINDS:
        photos = sorted(p for p in measured if p.startswith(kind + "/"))
        less = {p: measured[p] + custom @ similarity(measured[p])[0] for p in photos}
        print("%-8s %4d photos  %s" % (kind, len(photos), line(measured, hand, photos)))
        print("%-8s less the hand's custom  %s" % (kind, line(less, hand, photos)))
        print("%-8s learned from the others' %s" % (kind, line(told_by_others(detector, measured, hand, photos), hand,
                                                              photos)))


if __name__ == "__main__":
    main()
