/* Templates as bytes (docs/template-format.md): written as they are, read as if an enemy had sent them. */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/mem.h"
#include "template/patch_row.h"

enum { VERSION = 1, HEADER = 128, CRC = 4, HAS_LANDMARKS = 1 };

static const char magic[8] = "SLTEMPL";

static size_t centre_bytes(const sl_template_shape *s)
{
    return s->format == SL_PATCHES_COMPACT ? sl_contribution_count(s) * sizeof(float) : 0;
}

/* header | centre of compact patches | embedding | patch row | checksum; sizes are those of a checked shape: no
 * overflow */
static size_t size_of(const sl_template_shape *s)
{
    return HEADER + centre_bytes(s) + (size_t)s->dim * sizeof(float) + sl_patch_row_layout(s).stride + CRC;
}

/* ---- writing ---- */

static void encode_header(const sl_template *t, uint8_t *out)
{
    const sl_template_shape *s = &t->shape;
    const uint32_t words[6] = {(uint32_t)s->dim,      (uint32_t)s->rows,   (uint32_t)s->cols,
                               (uint32_t)s->channels, (uint32_t)s->format, t->has_landmarks ? HAS_LANDMARKS : 0};
    const float numbers[9] = {t->box.x0,       t->box.y0,           t->box.x1,
                              t->box.y1,       t->quality.size,     t->quality.sharpness,
                              t->quality.pose, t->quality.detector, t->quality.overall};
    memset(out, 0, HEADER);
    memcpy(out, magic, sizeof magic);
    sl_put_u32(out + 8, VERSION);
    sl_put_u32(out + 12, (uint32_t)size_of(s));
    memcpy(out + 16, s->fingerprint, 32);
    for (int i = 0; i < 6; i++)
        sl_put_u32(out + 48 + 4 * i, words[i]);
    for (int i = 0; i < 9; i++)
        sl_put_f32(out + 72 + 4 * i, numbers[i]);
}

sl_status sl_template_bytes(const sl_template *t, uint8_t *out, size_t room, size_t *size, sl_error *err)
{
    if (!t || !size)
        return sl_fail(err, SL_ERR_ARGUMENT,
                       "sl_template_bytes needs a template, and where to say how many bytes it has");
    const sl_template_shape *s = &t->shape;
    *size = size_of(s);
    if (!out)
        return SL_OK;
    if (room < *size)
        return sl_fail(err, SL_ERR_LIMIT, "the template has %zu bytes, there is room for %zu", *size, room);
    uint8_t *at = out + HEADER;
    encode_header(t, out);
    if (centre_bytes(s))
        memcpy(at, t->centre, centre_bytes(s));
    at += centre_bytes(s);
    memcpy(at, t->embedding, (size_t)s->dim * sizeof(float));
    sl_patch_row_of(t, at + (size_t)s->dim * sizeof(float));
    sl_put_u32(out + *size - CRC, sl_crc32c(0, out, *size - CRC));
    return SL_OK;
}

/* ---- reading ---- */

static sl_status no_template(const char *why, sl_error *err)
{
    return sl_fail(err, SL_ERR_FORMAT, "these bytes are no template: %s", why);
}

/* The shape that the header tells, the numbers behind it, and what must hold of the whole. */
static sl_status decode_header(const uint8_t *bytes, size_t size, sl_template *head, sl_error *err)
{
    if (size < HEADER + CRC || memcmp(bytes, magic, sizeof magic) != 0)
        return no_template("they do not begin as one", err);
    if (sl_get_u32(bytes + 8) != VERSION)
        return sl_fail(err, SL_ERR_UNSUPPORTED, "the template is of version %u, this program reads %d",
                       sl_get_u32(bytes + 8), VERSION);
    if (sl_get_u32(bytes + 12) != size || sl_get_u32(bytes + size - CRC) != sl_crc32c(0, bytes, size - CRC))
        return sl_fail(err, SL_ERR_CORRUPT, "the template is damaged or was cut (%zu bytes of %u)", size,
                       sl_get_u32(bytes + 12));
    uint32_t words[6];
    float numbers[9];
    for (int i = 0; i < 6; i++)
        words[i] = sl_get_u32(bytes + 48 + 4 * i);
    for (int i = 0; i < 9; i++)
        numbers[i] = sl_get_f32(bytes + 72 + 4 * i);
    for (int i = 0; i < 4; i++)
        if (words[i] > 4096)
            return no_template("its sizes cannot be", err);
    *head = (sl_template){.shape = {.dim = (int)words[0], .rows = (int)words[1], .cols = (int)words[2],
                                    .channels = (int)words[3], .format = (sl_patch_format)words[4]},
                          .has_landmarks = words[5] == HAS_LANDMARKS,
                          .box = {numbers[0], numbers[1], numbers[2], numbers[3]},
                          .quality = {numbers[4], numbers[5], numbers[6], numbers[7], numbers[8]}};
    memcpy(head->shape.fingerprint, bytes + 16, 32);
    if (words[5] > HAS_LANDMARKS || !sl_patch_format_is_known(words[4]) ||
        sl_shape_check(&head->shape, NULL) != SL_OK || size != size_of(&head->shape))
        return no_template("its sizes cannot be", err);
    if (!sl_all_finite(bytes + 72, 9) || !sl_all_zero(bytes + 108, bytes + HEADER))
        return no_template("its numbers cannot be", err);
    return SL_OK;
}

/* Parts at any alignment, into aligned memory. */
static sl_status read_parts(const uint8_t *at, const sl_template *head, float *centre, float *embedding, uint8_t *row,
                            sl_error *err)
{
    sl_template_shape s = head->shape;
    static const sl_point none[68];
    const sl_row_layout l = sl_patch_row_layout(&s);
    memcpy(centre, at, centre_bytes(&s));
    memcpy(embedding, at + centre_bytes(&s), (size_t)s.dim * sizeof(float));
    memcpy(row, at + centre_bytes(&s) + (size_t)s.dim * sizeof(float), l.stride);
    if (!sl_embedding_sound((const uint8_t *)embedding, s.dim) || !sl_patch_row_sound(row, &s) ||
        (centre_bytes(&s) && !sl_centre_sound(centre, &s)) ||
        (!head->has_landmarks && memcmp(row + l.landmarks_at, none, sizeof none) != 0))
        return no_template("its numbers cannot be", err);
    return SL_OK;
}

static sl_status make(const sl_template *head, const float *centre, const float *embedding, const uint8_t *row,
                      sl_template **out, sl_error *err)
{
    sl_template_shape s = head->shape;
    s.centre = s.format == SL_PATCHES_COMPACT ? centre : NULL;
    SL_TRY(sl_template_alloc(&s, out, err));
    const sl_patch_source stored = sl_patch_row_source(row, &s);
    sl_template_fill(*out, embedding, &stored, head->has_landmarks ? sl_patch_row_landmarks(row, &s) : NULL);
    (*out)->box = head->box;
    (*out)->quality = head->quality;
    return SL_OK;
}

sl_status sl_template_of_bytes(const uint8_t *bytes, size_t size, sl_template **out, sl_error *err)
{
    sl_template head;
    if (!out || !bytes)
        return sl_fail(err, SL_ERR_ARGUMENT, "sl_template_of_bytes needs bytes, and where to put the template");
    *out = NULL;
    SL_TRY(decode_header(bytes, size, &head, err));
    const sl_template_shape *s = &head.shape;
    float *centre = sl_alloc_aligned(centre_bytes(s) + 64),
          *embedding = sl_alloc_aligned((size_t)s->dim * sizeof(float));
    uint8_t *row = sl_alloc_aligned(sl_patch_row_layout(s).stride);
    sl_status status = centre && embedding && row ? read_parts(bytes + HEADER, &head, centre, embedding, row, err)
                                                  : sl_fail(err, SL_ERR_MEMORY, "no memory for a template");
    if (status == SL_OK)
        status = make(&head, centre, embedding, row, out, err);
    free(centre);
    free(embedding);
    free(row);
    return status;
}
