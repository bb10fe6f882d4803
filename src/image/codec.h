/* Inside the picture readers. Decoders get data whose format codec.c has recognised, and give RGB (or grey where that
 * is asked for), upright, in the file's own colours. */
#ifndef SL_IMAGE_CODEC_H
#define SL_IMAGE_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "image/image.h"

/* A colour profile as a file holds it, malloc'd; NULL: the colours are sRGB, as far as the file says. */
typedef struct {
    uint8_t *data;
    size_t size;
} sl_icc;

typedef struct {
    bool grey;     /* the file's own luma where it has one (JPEG; not CMYK), in one channel; all others give RGB */
    uint32_t most; /* pixels that come out, up to SL_MAX_PIXELS */
} sl_decode_how;

/* What *out and *icc hold, also after a failure, the caller frees. */
typedef sl_status sl_decoder(const uint8_t *data, size_t size, const sl_decode_how *how, sl_image *out, sl_icc *icc,
                             sl_error *err);
sl_decoder sl_decode_jpeg, sl_decode_png, sl_decode_bmp, sl_decode_webp, sl_decode_heif, sl_decode_tiff, sl_decode_gif;

/* How much smaller a picture of this size is to be read: 1, 2, 4 or 8, so that at most `most` pixels come out. For the
 * formats that can. SL_ERR_LIMIT or SL_ERR_FORMAT as sl_image_check_size: for more than SL_MAX_FILE_PIXELS, and where
 * an eighth is still too large. */
sl_status sl_image_step(const char *format, uint32_t width, uint32_t height, uint32_t max_side, uint32_t most,
                        int *step, sl_error *err);

/* ceil(side / step) */
static inline int sl_image_stepped(uint32_t side, int step)
{
    return (int)((side + (uint32_t)step - 1) / (uint32_t)step);
}

/* The warning beside a picture that was read smaller than it is. */
sl_status sl_image_warn_step(const char *format, uint32_t width, uint32_t height, int step, sl_error *err);

/* rgba.c: takes over malloc'd pixels [height, width, 4] RGBA: *out is RGB on white. */
void sl_image_take_rgba(uint8_t *pixels, int width, int height, sl_image *out);

/* ---- colour.c ---- */

/* Copies a profile out of a file; one above 4 MB is left out, with a warning. */
sl_status sl_icc_copy(const void *data, size_t size, sl_icc *out, sl_error *err);
void sl_icc_free(sl_icc *icc);

/* The warning that colours are not what they should be; the first warning in `err` stays. */
sl_status sl_icc_ignored(sl_error *err, const char *why);

/* Whether its colours are sRGB's, to within two levels. */
bool sl_icc_is_srgb(const sl_icc *icc);

/* From the colours of this profile to sRGB, in place; RGB pictures only. Nothing is changed where they are sRGB's. A
 * profile that cannot be applied is left out, with a warning. */
sl_status sl_icc_to_srgb(const sl_icc *icc, sl_image *image, sl_error *err);

/* ---- exif.c, turn.c ---- */

/* The orientation, 1 .. 8, in EXIF data (a TIFF header and its first directory); 1 where it gives none. */
int sl_exif_orientation(const uint8_t *tiff, size_t size);

/* Turns a picture upright that was stored with this orientation; 1 leaves it alone. A failure frees it. */
sl_status sl_image_orient(sl_image *image, int orientation, sl_error *err);

#endif
