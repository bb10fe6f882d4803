/* Inside the picture readers. Decoders get data that codec.c has recognised and give RGB, upright. */
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

/* SL_ERR_LIMIT or SL_ERR_FORMAT for sizes out of bounds, so that decoders ask before they allocate. */
sl_status sl_check_size(const char *format, uint32_t width, uint32_t height, uint32_t max_side, sl_error *err);

static inline uint32_t sl_be16(const uint8_t *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}

static inline uint32_t sl_be32(const uint8_t *p)
{
    return sl_be16(p) << 16 | sl_be16(p + 2);
}

#endif
