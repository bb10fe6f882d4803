"""Made-up faces for the second implementations. Exit 77: numpy is not here."""
import os
import subprocess
import sys

try:
    import numpy as np
except ImportError:
    print("skipped: numpy is not here (Debian's python3-numpy)")
    sys.exit(77)

SECONDLOOK, GALLERY_OF_ARRAYS = sys.argv[1:3]
DIM, ROWS, COLS, CHANNELS = 12, 2, 3, 5


# ---------------------------------------------------------------- faces

class Faces:
    """Embeddings and maps drawn from few prototypes, so that many scores are equal in every bit."""

    def __init__(self, rng, count, people, prototypes, ending):
        pick = rng.integers(0, prototypes, count)
        shared = np.random.default_rng(3)
        self.embeddings = shared.normal(size=(prototypes, DIM)).astype(np.float32)[pick]
        pick_map = np.where(rng.random(count) < .5, pick, rng.integers(0, prototypes, count))
        self.maps = shared.normal(size=(prototypes, ROWS * COLS, CHANNELS)).astype(np.float32)[pick_map]
        self.labels = [f"p {rng.integers(0, people)}" for _ in range(count)]
        self.images = [f"{label}/{i % 50}{'x' * (i // 50)}{ending}" for i, label in enumerate(self.labels)]

    def store(self, folder, name):
        base = os.path.join(folder, name)
        self.embeddings.tofile(base + ".e")
        self.maps.tofile(base + ".p")
        with open(base + ".names", "w", encoding="utf-8") as f:
            f.writelines(f"{i}\t{l}\n" for i, l in zip(self.images, self.labels))
        subprocess.run([GALLERY_OF_ARRAYS, base, base + ".names", base + ".e", base + ".p", str(DIM), str(ROWS),
                        str(COLS), str(CHANNELS)], check=True)
        return base


def unit(x):
    x = x.astype(np.float64)
    return x / np.sqrt((x * x).sum(axis=-1, keepdims=True))


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def near(a, b, bound, what):
    if not abs(a - b) <= bound:
        sys.exit(f"{what}: {a} and not {b}")
