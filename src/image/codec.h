/* Inside the picture readers. Decoders get data whose format codec.c has recognised, and give RGB (or grey where that
 * is asked for), upright. */
#ifndef SL_IMAGE_CODEC_H
#define SL_IMAGE_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "image/image.h"

/* grey: the file's own luma (CMYK has none: then it is made from RGB). */
sl_status sl_decode_jpeg(const uint8_t *data, size_t size, bool grey, sl_image *out, sl_error *err);
sl_status sl_decode_png(const uint8_t *data, size_t size, sl_image *out, sl_error *err);

/* The orientation, 1 .. 8, in EXIF data (a TIFF header and its first directory); 1 where it gives none. */
int sl_exif_orientation(const uint8_t *tiff, size_t size);

/* Turns a picture upright that was stored with this orientation; 1 leaves it alone. A failure frees it. */
sl_status sl_image_orient(sl_image *image, int orientation, sl_error *err);

#endif
