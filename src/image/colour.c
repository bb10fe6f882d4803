/* Colour profiles (ICC) by lcms2: pictures whose colours are not sRGB (phones' Display P3, Adobe RGB) become sRGB,
 * which is what networks were trained on. Most files carry sRGB's own profile; those stay as they are, byte for
 * byte. */
#include "image/codec.h"

#include <lcms2.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum {
    MAX_PROFILE_BYTES = 4 << 20,
    STEPS = 6,    /* a side of the lattice of colours by which a profile is judged */
    NO_CHANGE = 2 /* levels: sRGB's profiles differ by as much in their rounding */
};

sl_status sl_icc_ignored(sl_error *err, const char *why)
{
    return err && *err->text ? SL_OK : sl_warn(err, "its colour profile is ignored: %s", why);
}

sl_status sl_icc_copy(const void *data, size_t size, sl_icc *out, sl_error *err)
{
    *out = (sl_icc){0};
    if (!data || !size)
        return SL_OK;
    if (size > MAX_PROFILE_BYTES)
        return sl_icc_ignored(err, "it has more than 4 MB");
    out->data = malloc(size);
    if (!out->data)
        return sl_no_memory(err, "for a colour profile");
    memcpy(out->data, data, size);
    out->size = size;
    return SL_OK;
}

void sl_icc_free(sl_icc *icc)
{
    free(icc->data);
    *icc = (sl_icc){0};
}

/* To sRGB, 8 bits; NULL for profiles that are damaged, or of neither RGB nor grey. *grey: it reads one channel. */
static cmsHTRANSFORM transform_of(const sl_icc *icc, cmsUInt32Number flags, bool *grey)
{
    cmsHPROFILE from = cmsOpenProfileFromMem(icc->data, (cmsUInt32Number)icc->size), to = cmsCreate_sRGBProfile();
    cmsHTRANSFORM transform = NULL;
    cmsColorSpaceSignature space = from ? cmsGetColorSpace(from) : cmsSigCmykData;
    *grey = space == cmsSigGrayData;
    if (from && to && (*grey || space == cmsSigRgbData))
        transform = cmsCreateTransform(from, *grey ? TYPE_GRAY_8 : TYPE_RGB_8, to, TYPE_RGB_8,
                                       INTENT_RELATIVE_COLORIMETRIC, flags);
    if (from)
        cmsCloseProfile(from);
    if (to)
        cmsCloseProfile(to);
    return transform;
}

/* Whether it leaves a lattice of colours as they are. */
static bool changes_nothing(cmsHTRANSFORM transform, bool grey)
{
    int worst = 0;
    for (int i = 0; i < STEPS * STEPS * STEPS; i++) {
        int r = i % STEPS, g = grey ? r : i / STEPS % STEPS, b = grey ? r : i / (STEPS * STEPS);
        uint8_t in[3] = {(uint8_t)(r * 51), (uint8_t)(g * 51), (uint8_t)(b * 51)}, out[3];
        cmsDoTransform(transform, in, out, 1);
        for (int c = 0; c < 3; c++)
            worst = abs(in[c] - out[c]) > worst ? abs(in[c] - out[c]) : worst;
    }
    return worst <= NO_CHANGE;
}

/* Judged without lcms2's tables, which cost more than they bring for so few colours. */
bool sl_icc_is_srgb(const sl_icc *icc)
{
    bool grey;
    if (!icc->data)
        return true;
    cmsHTRANSFORM transform = transform_of(icc, cmsFLAGS_NOOPTIMIZE | cmsFLAGS_NOCACHE, &grey);
    bool same = transform && changes_nothing(transform, grey);
    if (transform)
        cmsDeleteTransform(transform);
    return same;
}

static bool is_grey(const sl_image *image)
{
    size_t count = (size_t)image->width * (size_t)image->height;
    const uint8_t *p = image->pixels;
    while (count > 0 && p[0] == p[1] && p[0] == p[2])
        count--, p += 3;
    return count == 0;
}

/* Row by row, in place; a grey profile reads the first channel of each pixel. */
static sl_status apply(cmsHTRANSFORM transform, bool grey, sl_image *image, sl_error *err)
{
    size_t width = (size_t)image->width;
    uint8_t *light = grey ? malloc(width) : NULL;
    if (grey && !light)
        return sl_no_memory(err, "to convert colours");
    for (int y = 0; y < image->height; y++) {
        uint8_t *row = image->pixels + (size_t)y * width * 3;
        for (size_t x = 0; grey && x < width; x++)
            light[x] = row[3 * x];
        cmsDoTransform(transform, grey ? light : row, row, (cmsUInt32Number)width);
    }
    free(light);
    return SL_OK;
}

sl_status sl_icc_to_srgb(const sl_icc *icc, sl_image *image, sl_error *err)
{
    bool grey;
    if (sl_icc_is_srgb(icc))
        return SL_OK;
    cmsHTRANSFORM transform = transform_of(icc, 0, &grey);
    sl_status status = transform && (!grey || is_grey(image))
                           ? apply(transform, grey, image, err)
                           : sl_icc_ignored(err, "it is damaged, or is not of the picture's kind of colours");
    if (transform)
        cmsDeleteTransform(transform);
    return status;
}
