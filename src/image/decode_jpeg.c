/* JPEG by libturbojpeg. It is lenient where we are strict (it fills what is missing with grey), so the file's
 * marker structure is walked first: that also gives the sizes before anything is allocated. */
#include "image/codec.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>

#include "base/bytes.h"

/* Encoders write some ten scans. Each costs a pass over the whole picture, however few bytes it takes. */
#define MAX_SCANS 100
#define MAX_SCAN_PIXELS 2000000000

/* Markers (ITU T.81, table B.1). */
enum { TEM = 0x01, SOF0 = 0xc0, SOF2 = 0xc2, SOF3 = 0xc3, DHT = 0xc4, JPG = 0xc8, SOF9 = 0xc9, DAC = 0xcc };
enum { SOF15 = 0xcf, RST0 = 0xd0, RST7 = 0xd7, SOI = 0xd8, EOI = 0xd9, SOS = 0xda, APP1 = 0xe1, APP2 = 0xe2 };
enum { APP14 = 0xee, MAX_ICC_PARTS = 255 };

typedef struct {
    const uint8_t *data; /* in the file */
    size_t size;
} part;

typedef struct {
    uint8_t frame; /* the SOF marker; 0 before it was seen */
    uint32_t precision, width, height, components;
    int64_t scans;
    uint8_t ids[4];      /* of the components */
    uint64_t coefficients[4]; /* of each component: a bit for each of 64 that some scan gives to its last bit */
    bool adobe;      /* has Adobe's APP14: CMYK is stored inverted */
    int orientation; /* of the first EXIF segment; 0 before it was seen */
    size_t end;      /* where its end marker is, or what can be read ends */
    bool complete;   /* the end marker is there */
    part icc[MAX_ICC_PARTS]; /* of the colour profile, in order */
    int icc_parts;           /* as the first of them says; 0: there is none */
} jpeg_outline;

static sl_status read_frame(uint8_t marker, const uint8_t *body, size_t length, jpeg_outline *o, sl_error *err)
{
    if (o->frame)
        return sl_fail(err, SL_ERR_FORMAT, "JPEG with two frame headers: it is damaged");
    if (length < 6)
        return sl_fail(err, SL_ERR_FORMAT, "JPEG with a frame header of %zu bytes: it is damaged", length);
    o->frame = marker;
    o->precision = body[0];
    o->height = sl_get_be16(body + 1);
    o->width = sl_get_be16(body + 3);
    o->components = body[5];
    for (size_t i = 0; i < 4 && i < o->components && 8 + 3 * i < length; i++)
        o->ids[i] = body[6 + 3 * i];
    return SL_OK;
}

/* A scan's header: how many components, two bytes for each, then which coefficients, and which of their bits. */
static void read_scan(const uint8_t *body, size_t length, jpeg_outline *o)
{
    size_t count = length ? body[0] : 0;
    o->scans++;
    if (length < 4 + 2 * count)
        return;
    const uint8_t *band = body + 1 + 2 * count;
    if (band[0] > band[1] || band[1] > 63 || (band[2] & 15))
        return;
    for (size_t i = 0; i < count; i++)
        for (size_t c = 0; c < 4; c++)
            if (o->ids[c] == body[1 + 2 * i])
                o->coefficients[c] |= (UINT64_MAX >> (63 - band[1])) & (UINT64_MAX << band[0]);
}

/* Whether the scans' headers are those of a whole picture. Their data may end too early all the same. */
static bool has_all_scans(const jpeg_outline *o)
{
    uint32_t c = 0;
    while (c < o->components && c < 4 && o->coefficients[c] == UINT64_MAX)
        c++;
    return o->scans && c == o->components;
}

/* A part of the profile: "ICC_PROFILE", its number from 1 on, how many there are, its bytes. */
static void read_icc_part(const uint8_t *body, size_t length, jpeg_outline *o)
{
    enum { HEAD = 14 };
    if (length <= HEAD || memcmp(body, "ICC_PROFILE", 12) != 0 || body[12] < 1)
        return;
    o->icc_parts = o->icc_parts ? o->icc_parts : body[13];
    o->icc[body[12] - 1] = (part){body + HEAD, length - HEAD};
}

/* One segment's body (without its length). */
static sl_status read_segment(uint8_t marker, const uint8_t *body, size_t length, jpeg_outline *o, sl_error *err)
{
    if (marker >= SOF0 && marker <= SOF15 && marker != DHT && marker != JPG && marker != DAC)
        return read_frame(marker, body, length, o, err);
    if (marker == SOS)
        read_scan(body, length, o);
    else if (marker == APP1 && !o->orientation && length > 6 && memcmp(body, "Exif\0", 5) == 0)
        o->orientation = sl_exif_orientation(body + 6, length - 6);
    else if (marker == APP2)
        read_icc_part(body, length, o);
    else if (marker == APP14 && length >= 12 && memcmp(body, "Adobe", 5) == 0)
        o->adobe = true;
    return SL_OK;
}

/* From marker to marker; what lies between (a scan's data: ff only before 00 or RSTn) is passed over. */
static sl_status walk(const uint8_t *data, size_t size, jpeg_outline *o, sl_error *err)
{
    *o = (jpeg_outline){.end = size};
    for (size_t at = 2;;) {
        const uint8_t *ff = at < size ? memchr(data + at, 0xff, size - at) : NULL;
        if (!ff || (at = (size_t)(ff - data) + 1) >= size)
            return SL_OK;
        o->end = at - 1;
        uint8_t marker = data[at];
        if (marker == 0xff) /* fill byte */
            continue;
        at++;
        if (marker == EOI) {
            o->complete = true;
            return SL_OK;
        }
        size_t length = size - at >= 2 ? sl_get_be16(data + at) : 0;
        if (marker == 0 || marker == TEM || marker == SOI || (marker >= RST0 && marker <= RST7))
            length = 0;
        else if (size - at < 2 || length > size - at || (length < 2 && has_all_scans(o)))
            return SL_OK;
        else if (length < 2)
            return sl_fail(err, SL_ERR_FORMAT, "JPEG with a segment of impossible length: it is damaged");
        else
            SL_TRY(read_segment(marker, data + at + 2, length - 2, o, err));
        at += length;
        o->end = size;
    }
}

static sl_status check_outline(const jpeg_outline *o, size_t size, uint32_t most, int *step, sl_error *err)
{
    if (o->frame) {
        if (o->frame > SOF2)
            return sl_fail(err, SL_ERR_UNSUPPORTED,
                           "JPEG of a kind (%s) that is not read here; save it as baseline or progressive JPEG",
                           o->frame == SOF3   ? "lossless"
                           : o->frame >= SOF9 ? "arithmetic coding"
                                              : "hierarchical");
        if (o->precision != 8)
            return sl_fail(err, SL_ERR_UNSUPPORTED,
                           "JPEG of %u bits a sample; only 8 bits are read: save it as PNG", o->precision);
        if (o->components != 1 && o->components != 3 && o->components != 4)
            return sl_fail(err, SL_ERR_UNSUPPORTED, "JPEG of %u colour components; 1, 3 and 4 are read",
                           o->components);
        SL_TRY(sl_image_step("JPEG", o->width, o->height, 65500, most, step, err));
    }
    if (!o->complete && !(o->frame && has_all_scans(o)))
        return sl_fail(err, SL_ERR_FORMAT, "JPEG that ends before its picture does (%zu bytes): it was truncated",
                       size);
    if (!o->frame || o->scans == 0)
        return sl_fail(err, SL_ERR_FORMAT, "JPEG without a picture in it");
    uint64_t pixels = (uint64_t)o->width * o->height;
    if (o->scans > MAX_SCANS || (uint64_t)o->scans * pixels > MAX_SCAN_PIXELS)
        return sl_fail(err, SL_ERR_LIMIT, "JPEG of %u x %u pixels in %lld scans: too many; save it again",
                       o->width, o->height, (long long)o->scans);
    /* A Huffman code takes a bit at least, for each block of 64 pixels. */
    if (pixels / 512 > size)
        return sl_fail(err, SL_ERR_FORMAT, "JPEG that claims %u x %u pixels in %zu bytes: it is damaged", o->width,
                       o->height, size);
    return SL_OK;
}

/* libjpeg warns and goes on. These warnings leave the picture whole; all others mean that parts of it are not. */
static bool is_harmless(const char *warning)
{
    static const char *const harmless[] = {"extraneous bytes before marker", "Adobe color transform",
                                           "bad ICC marker", "JFIF revision number", "Invalid SOS parameters"};
    for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
        if (strstr(warning, harmless[i]))
            return true;
    return false;
}

/* Decodes into `image`, whose sizes are those wanted; format: RGB, CMYK or grey. */
static sl_status decompress(const uint8_t *data, size_t size, int format, sl_image *image, sl_error *err)
{
    tjhandle handle = tjInitDecompress();
    if (!handle)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for the JPEG decoder");
    sl_status status = SL_OK;
    if (tjDecompress2(handle, data, (unsigned long)size, image->pixels, image->width,
                      image->width * image->channels, image->height, format,
                      TJFLAG_ACCURATEDCT | TJFLAG_LIMITSCANS) != 0) {
        bool warned = tjGetErrorCode(handle) == TJERR_WARNING;
        const char *text = tjGetErrorStr2(handle);
        if (!warned || !is_harmless(text))
            status = sl_fail(err, SL_ERR_FORMAT, "JPEG that is damaged (%s)", text);
    }
    tjDestroy(handle);
    return status;
}

/* The same of a file whose end marker is missing or damaged: with one behind what can be read, so that the decoder
 * warns of pixels that are not there, and of nothing else. */
static sl_status decompress_open(const uint8_t *data, const jpeg_outline *o, int format, sl_image *image,
                                 sl_error *err)
{
    uint8_t *whole = malloc(o->end + 2);
    if (!whole)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for a JPEG of %zu bytes", o->end);
    memcpy(whole, data, o->end);
    whole[o->end] = 0xff;
    whole[o->end + 1] = EOI;
    sl_status status = decompress(whole, o->end + 2, format, image, err);
    free(whole);
    if (status != SL_OK)
        return sl_fail(err, status, "JPEG that ends before its picture does (%zu bytes): it was truncated", o->end);
    return sl_warn(err, "the JPEG's end is missing or damaged; its whole picture is there");
}

/* [count, 4] CMYK to [count, 3] RGB in place. 255 is no ink when Adobe's marker says inverted, else 0 is. */
static void cmyk_to_rgb(uint8_t *pixels, size_t count, bool inverted)
{
    uint8_t flip = inverted ? 0 : 255;
    const uint8_t *from = pixels;
    for (uint8_t *to = pixels; count > 0; count--, from += 4, to += 3) {
        int light = from[3] ^ flip;
        for (int i = 0; i < 3; i++)
            to[i] = (uint8_t)(((from[i] ^ flip) * light + 127) / 255);
    }
}

/* The pixels of CMYK as RGB, or as grey when that was asked for. */
static sl_status from_cmyk(sl_image *image, bool inverted, bool grey, sl_error *err)
{
    size_t count = (size_t)image->width * (size_t)image->height;
    cmyk_to_rgb(image->pixels, count, inverted);
    uint8_t *shrunk = realloc(image->pixels, 3 * count);
    image->pixels = shrunk ? shrunk : image->pixels;
    image->channels = 3;
    if (!grey)
        return SL_OK;
    sl_image rgb = *image;
    sl_status status = sl_image_to_grey(&rgb, image, err);
    sl_image_free(&rgb);
    return status;
}

/* The parts of the profile in one piece; without one of them there is none. */
static sl_status take_profile(const jpeg_outline *o, sl_icc *icc, sl_error *err)
{
    size_t size = 0;
    for (int i = 0; i < o->icc_parts; i++) {
        if (!o->icc[i].data)
            return sl_icc_ignored(err, "a part of it is missing");
        size += o->icc[i].size;
    }
    uint8_t *whole = malloc(size + 1), *to = whole;
    if (!whole)
        return sl_no_memory(err, "for a colour profile");
    for (int i = 0; i < o->icc_parts; to += o->icc[i].size, i++)
        memcpy(to, o->icc[i].data, o->icc[i].size);
    sl_status status = sl_icc_copy(whole, size, icc, err);
    free(whole);
    return status;
}

sl_status sl_decode_jpeg(const uint8_t *data, size_t size, const sl_decode_how *how, sl_image *out, sl_icc *icc,
                         sl_error *err)
{
    jpeg_outline o;
    int step = 1;
    SL_TRY(walk(data, size, &o, err));
    SL_TRY(check_outline(&o, size, how->most, &step, err));
    int format = o.components == 4 ? TJPF_CMYK : how->grey ? TJPF_GRAY : TJPF_RGB;
    *out = (sl_image){.width = sl_image_stepped(o.width, step), .height = sl_image_stepped(o.height, step),
                      .channels = tjPixelSize[format]};
    out->pixels = calloc((size_t)out->width * (size_t)out->height, (size_t)out->channels);
    if (!out->pixels)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for a JPEG of %u x %u pixels", o.width, o.height);
    SL_TRY(sl_image_warn_step("JPEG", o.width, o.height, step, err));
    SL_TRY(o.complete ? decompress(data, size, format, out, err) : decompress_open(data, &o, format, out, err));
    SL_TRY(take_profile(&o, icc, err));
    if (format == TJPF_CMYK)
        SL_TRY(from_cmyk(out, o.adobe, how->grey, err));
    return sl_image_orient(out, o.orientation, err);
}
