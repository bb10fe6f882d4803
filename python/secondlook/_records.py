"""What the library gives and takes as plain data. Numbers that are not known are None; arrays are numpy's."""
from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ._core import Look, Template

    Floats = NDArray[np.float32]
    Doubles = NDArray[np.float64]

Box = tuple[float, float, float, float]  # x0, y0, x1, y1 in pixels; may reach beyond the picture


def record(cls):
    """Compared by identity: a field may be an array."""
    return dataclasses.dataclass(frozen=True, eq=False)(cls)


@dataclasses.dataclass(frozen=True)
class Match:
    """A second look. None: the look's own (docs/method.md says what each option does).

    rerank: "auto", "none", "emd", "oae", "maxsim", "same-cell", "h2l", "h2"
    """
    rerank: str = "auto"
    weighting: str | None = None
    solver: str | None = None
    patch_compute: str | None = None
    feature: str | None = None
    grid: tuple[int, int] | None = None
    k: int | None = None
    alpha: float | None = None
    threads: int | None = None
    look: Look | None = None


@record
class Quality:
    """Each part in [0, 1]; overall is their product's fourth root."""
    size: float
    sharpness: float
    pose: float
    detector: float
    overall: float


@record
class Face:
    """points [5, 2]: left eye, right eye, nose, left and right mouth corner, as seen in the picture."""
    box: Box
    points: Floats
    score: float = 1.0
    quality: Quality = Quality(1.0, 1.0, 1.0, 1.0, 1.0)
    landmarks: Floats | None = None  # [68, 2]
    others: int = 0   # further faces in the photo,
    rivals: int = 0   # and those of them that are about as large
    turned: int = 0   # degrees, clockwise, that the photo was found to stand turned
    upright: float = 1.0


@record
class Score:
    score: float
    stage1: float         # cosine of the embeddings
    stage2: float | None  # by the second look
    iterations: int


@record
class Verification:
    """Do two photos show one person?"""
    same: bool
    decision: str  # "match", "unknown", or "too-little-seen": too little of a face is visible to tell
    score: float
    stage1: float
    stage2: float | None
    threshold: float | None
    threshold_on_stage1: bool  # stage1 was compared with it, not score
    hidden: float | None       # how much of the more hidden face is hidden
    rerank: str
    templates: tuple[Template, Template]


@record
class Candidate:
    rank: int
    label: str
    image: str
    index: int  # in the gallery
    score: float
    stage1: float
    stage2: float | None


@record
class Answer:
    """Who is it?"""
    match: bool
    decision: str  # "match", "unknown", or "too-little-seen": too little of the face is visible to tell
    label: str | None  # of the best candidate where it is a match
    candidates: list[Candidate]
    stage1_candidates: list[Candidate]
    threshold: float | None
    threshold_on_stage1: bool
    hidden: float | None
    rerank: str
    pairs: int
    unsearched: int


@record
class Entry:
    """A face of a gallery."""
    index: int
    label: str
    image: str
    box: Box
    quality: Quality
    has_landmarks: bool
    has_crop: bool
    photo_sha256: str | None


@record
class GalleryInfo:
    model: str
    fingerprint: str
    embedding_dim: int
    grid: tuple[int, int, int]
    patches: str
    faces: int
    removed: int
    labels: int
    version: int
    bytes: int


@record
class ModelInfo:
    name: str
    kind: str
    source: str
    licence: str
    provenance: str
    file: str
    sha256: str
    format: str
    bytes: int
    fetchable: bool
    present: bool
    input_size: tuple[int, int]
    embedding_dim: int
    grid: tuple[int, int, int]


@record
class Note:
    """Of a photo: "refused", "conflict", "duplicate", "same photo", "several faces" or "warning", and why."""
    event: str
    image: str
    label: str
    text: str


@record
class EnrollReport:
    photos: int
    enrolled: int
    existing: int
    duplicates: int
    conflicts: int
    no_face: int
    low_quality: int
    crowded: int
    unreadable: int
    unstorable: int
    replaced: int
    same_photo: int
    several_faces: int
    committed: int
    seconds: float
    notes: list[Note]


@record
class Attribution:
    """A score taken apart: shares.sum() + rest is the score; [rows, cols] of the query."""
    score: Score
    stage1: Floats
    stage2: Floats
    shares: Floats
    rest1: float
    rest2: float
    rest: float
    query_weights: Floats
    other_weights: Floats


# ---- evaluation: percent, but for thresholds and curves


@record
class Interval:
    """A mean with its 95 % interval."""
    mean: float | None
    low: float | None
    high: float | None


@record
class VerifyRates:
    accuracy: float
    std: float
    threshold: float
    eer: float
    tar_at_far: tuple[float | None, float | None, float | None, float | None]  # at 10 %, 1 %, .1 %, .01 %
    thresholds: Doubles
    far: Doubles
    tar: Doubles


@record
class VerifyResult:
    pairs: int
    same: int
    missing: int
    stage1: VerifyRates
    stage2: VerifyRates
    score: VerifyRates


@record
class Evaluation:
    """stage1 and so on: {"p1": Interval, "rp": .., "mapr": ..}."""
    queries: int
    unmatched: int
    own_photos: int
    gallery: int
    stage1: dict[str, Interval]
    stage2: dict[str, Interval]
    best: dict[str, Interval]
    difference: dict[str, Interval]
    won: int
    lost: int
    stage1_cmc: Doubles
    stage2_cmc: Doubles


@record
class OpensetPoint:
    threshold: float | None
    fpir: Interval
    fnir: Interval


@record
class OpensetRates:
    at: tuple[OpensetPoint, OpensetPoint, OpensetPoint]  # FPIR 10 %, 1 %, .1 %
    rank1: Interval
    thresholds: Doubles
    fpir: Doubles
    fnir: Doubles


@record
class Openset:
    mated: int
    nonmated: int
    strangers: int
    faces: int
    people: int
    stage1: OpensetRates
    score: OpensetRates


@record
class Calibration:
    faces: int
    people: int
    searches: int
    pairs: int
    bins: int
