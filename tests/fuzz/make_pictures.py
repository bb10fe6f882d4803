#!/usr/bin/python3
"""make_pictures.py: writes the corpora of fuzz_bmp, fuzz_webp, fuzz_heif, fuzz_tiff and fuzz_gif (Debian's python3-pil and
libheif-examples). tests/image/test_formats.c reads them too: all show the same picture of 48 x 32 pixels, red and green
above blue and white, some stored turned.
"""
import os
import struct
import subprocess
import tempfile

from PIL import Image

CORPUS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus")
RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def picture(mode="RGB"):
    image = Image.new("RGB", (48, 32))
    for at, colour in (((0, 0), RED), ((24, 0), GREEN), ((0, 16), BLUE), ((24, 16), WHITE)):
        image.paste(colour, (*at, at[0] + 24, at[1] + 16))
    return image.convert(mode)


def holed():
    """Its white part is transparent instead."""
    image = picture("RGBA")
    image.paste((0, 0, 0, 0), (24, 16, 48, 32))
    return image


def lying():
    """As a camera held upright stores it: EXIF 6 says that the right side is the top."""
    exif = Image.Exif()
    exif[0x112] = 6
    return picture().transpose(Image.ROTATE_90), exif.tobytes()


def save(image, kind, name, **options):
    os.makedirs(os.path.join(CORPUS, kind), exist_ok=True)
    image.save(os.path.join(CORPUS, kind, name), **options)


PALETTE = (RED, GREEN, BLUE, WHITE)


def place(x, y):
    """Of the picture's colour at (x, y) in the palette."""
    return (x >= 24) + 2 * (y >= 16)


def bmp_file(name, bits, rows, compression=0, height=32, core=False, masks=b""):
    """rows: the pixels' bytes, as the file has them."""
    colours = b"".join(bytes((c[2], c[1], c[0])) + (b"" if core else b"\0") for c in PALETTE) if bits <= 8 else b""
    if core:
        header = struct.pack("<IHHHH", 12, 48, height, 1, bits)
    else:
        header = struct.pack("<IiiHHIIiiII", 40, 48, height, 1, bits, compression, len(rows), 0, 0,
                             4 if bits <= 8 else 0, 0)
    at = 14 + len(header) + len(masks) + len(colours)
    os.makedirs(os.path.join(CORPUS, "bmp"), exist_ok=True)
    with open(os.path.join(CORPUS, "bmp", name), "wb") as out:
        out.write(struct.pack("<2sIHHI", b"BM", at + len(rows), 0, 0, at) + header + masks + colours + rows)


def bmp_rows(pixel, top_down=False):
    rows = [b"".join(pixel(x, y) for x in range(48)) for y in range(32)]
    return b"".join(row + bytes(-len(row) % 4) for row in (rows if top_down else reversed(rows)))


def fields(r, g, b):
    """A pixel's number where colours have so many bits, red uppermost."""
    def number(x, y):
        full = PALETTE[place(x, y)]
        return (full[0] >> (8 - r)) << (g + b) | (full[1] >> (8 - g)) << b | full[2] >> (8 - b)
    return number


def bmp():
    bgr = bmp_rows(lambda x, y: bytes(reversed(PALETTE[place(x, y)])))
    bmp_file("24.bmp", 24, bgr)
    bmp_file("core.bmp", 24, bgr, core=True)
    bmp_file("down.bmp", 24, bmp_rows(lambda x, y: bytes(reversed(PALETTE[place(x, y)])), True), height=-32)
    bmp_file("8.bmp", 8, bmp_rows(lambda x, y: bytes((place(x, y),))))
    bmp_file("4.bmp", 4, bmp_rows(lambda x, y: bytes((place(x, y) * 17,)) if x % 2 else b""))
    bmp_file("16.bmp", 16, bmp_rows(lambda x, y: struct.pack("<H", fields(5, 5, 5)(x, y))))
    bmp_file("565.bmp", 16, bmp_rows(lambda x, y: struct.pack("<H", fields(5, 6, 5)(x, y))), 3,
             masks=struct.pack("<III", 0xf800, 0x7e0, 0x1f))
    bmp_file("32.bmp", 32, bmp_rows(lambda x, y: struct.pack("<I", fields(8, 8, 8)(x, y))))
    # Runs: the left half as a run, the right one listed where it can be (and a move over a part that stays as it is).
    low, high = bytes((24, 2, 0, 24)) + bytes([3] * 24) + b"\0\0", bytes((24, 0, 24, 1)) + b"\0\0"
    bmp_file("rle8.bmp", 8, low * 16 + bytes((0, 2, 24, 0, 24, 1, 0, 0)) + high * 15 + b"\0\1", 1)
    low, high = bytes((24, 0x22, 0, 24)) + bytes([0x33] * 12) + b"\0\0", bytes((24, 0, 24, 0x11)) + b"\0\0"
    bmp_file("rle4.bmp", 4, low * 16 + high * 16 + b"\0\1", 2)


def webp():
    save(picture(), "webp", "lossy.webp", quality=80)
    save(picture(), "webp", "lossless.webp", lossless=True)
    save(holed(), "webp", "alpha.webp", quality=80)
    save(picture(), "webp", "animated.webp", save_all=True, append_images=[Image.new("RGB", (48, 32))], lossless=True)
    turned, exif = lying()
    save(turned, "webp", "turned.webp", lossless=True, exif=exif)


def gif():
    save(picture("P"), "gif", "plain.gif", interlace=0)
    save(picture("P"), "gif", "interlaced.gif", interlace=1)
    save(picture("P"), "gif", "animated.gif", save_all=True, append_images=[Image.new("P", (48, 32))])
    clear = picture("P")
    clear.info["transparency"] = clear.getpixel((40, 28))
    save(clear, "gif", "transparent.gif", transparency=clear.getpixel((40, 28)))


def tiff():
    for compression in ("raw", "tiff_lzw", "packbits", "tiff_adobe_deflate", "jpeg"):
        save(picture(), "tiff", compression.replace("tiff_", "") + ".tiff", compression=compression)
    save(holed(), "tiff", "alpha.tiff", compression="tiff_lzw")
    save(picture("P"), "tiff", "palette.tiff", compression="tiff_lzw")
    save(picture("CMYK"), "tiff", "cmyk.tiff", compression="tiff_lzw")
    save(picture().transpose(Image.ROTATE_90), "tiff", "turned.tiff", compression="tiff_lzw", tiffinfo={274: 6})
    save(picture(), "tiff", "pages.tiff", save_all=True, append_images=[Image.new("RGB", (48, 32))])
    save(picture(), "tiff", "thumbnail.tiff", tiffinfo={254: 1})


def heif():
    with tempfile.TemporaryDirectory() as scratch:
        for image, name in ((picture(), "plain"), (holed(), "alpha")):
            png = os.path.join(scratch, name + ".png")
            image.save(png)
            for ending, more in ((".heic", []), (".avif", ["-A"])):
                os.makedirs(os.path.join(CORPUS, "heif"), exist_ok=True)
                subprocess.run(["heif-enc", *more, "-q", "90", png, "-o", os.path.join(CORPUS, "heif", name + ending)],
                               check=True, capture_output=True)


if __name__ == "__main__":
    bmp()
    webp()
    gif()
    tiff()
    heif()
