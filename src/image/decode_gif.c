/* GIF by giflib: the first picture of it, on white where it is transparent. */
#include "image/codec.h"

#include <gif_lib.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const uint8_t *data;
    size_t size, at;
} source;

static int read_some(GifFileType *gif, GifByteType *out, int count)
{
    source *s = gif->UserData;
    size_t left = s->size - s->at, n = count > 0 && (size_t)count < left ? (size_t)count : count > 0 ? left : 0;
    memcpy(out, s->data + s->at, n);
    s->at += n;
    return (int)n;
}

static sl_status damaged(const GifFileType *gif, sl_error *err)
{
    const char *why = gif ? GifErrorString(gif->Error) : NULL;
    return sl_fail(err, SL_ERR_FORMAT, "GIF that was truncated or is damaged%s%s%s", why ? " (" : "", why ? why : "",
                   why ? ")" : "");
}

/* An extension's blocks; *transparent becomes the place in the palette that it names, if any. */
static int read_extension(GifFileType *gif, int *transparent)
{
    int code;
    GifByteType *block;
    if (DGifGetExtension(gif, &code, &block) == GIF_ERROR)
        return GIF_ERROR;
    GraphicsControlBlock control;
    if (code == GRAPHICS_EXT_FUNC_CODE && block && DGifExtensionToGCB(block[0], block + 1, &control) == GIF_OK)
        *transparent = control.TransparentColor;
    while (block)
        if (DGifGetExtensionNext(gif, &block) == GIF_ERROR)
            return GIF_ERROR;
    return GIF_OK;
}

/* Up to the first picture. */
static sl_status find_picture(GifFileType *gif, int *transparent, sl_error *err)
{
    for (;;) {
        GifRecordType type;
        if (DGifGetRecordType(gif, &type) == GIF_ERROR)
            return damaged(gif, err);
        if (type == IMAGE_DESC_RECORD_TYPE)
            return DGifGetImageDesc(gif) == GIF_ERROR ? damaged(gif, err) : SL_OK;
        if (type == TERMINATE_RECORD_TYPE)
            return sl_fail(err, SL_ERR_FORMAT, "GIF without a picture in it");
        if (type == EXTENSION_RECORD_TYPE && read_extension(gif, transparent) == GIF_ERROR)
            return damaged(gif, err);
    }
}

static void colour_row(const ColorMapObject *map, const uint8_t *places, int transparent, int width, uint8_t *to)
{
    for (int x = 0; x < width; x++, to += 3) {
        const GifColorType *c = places[x] < map->ColorCount ? &map->Colors[places[x]] : NULL;
        if (!c || places[x] == transparent)
            memset(to, c ? 255 : 0, 3);
        else
            to[0] = c->Red, to[1] = c->Green, to[2] = c->Blue;
    }
}

/* Rows come in order, or every eighth, the fourth between them, and so on. */
static sl_status read_rows(GifFileType *gif, const ColorMapObject *map, int transparent, sl_image *out, sl_error *err)
{
    static const int first[] = {0, 4, 2, 1}, step[] = {8, 8, 4, 2};
    int passes = gif->Image.Interlace ? 4 : 1;
    uint8_t *places = calloc((size_t)out->width, 1);
    if (!places)
        return sl_no_memory(err, "for a GIF");
    sl_status status = SL_OK;
    for (int pass = 0; pass < passes && status == SL_OK; pass++)
        for (int y = passes > 1 ? first[pass] : 0; y < out->height; y += passes > 1 ? step[pass] : 1) {
            if (DGifGetLine(gif, places, out->width) == GIF_ERROR) {
                status = damaged(gif, err);
                break;
            }
            colour_row(map, places, transparent, out->width, out->pixels + (size_t)y * (size_t)out->width * 3);
        }
    free(places);
    return status;
}

static sl_status decode(GifFileType *gif, uint32_t most, sl_image *out, sl_error *err)
{
    int transparent = NO_TRANSPARENT_COLOR;
    SL_TRY(find_picture(gif, &transparent, err));
    const ColorMapObject *map = gif->Image.ColorMap ? gif->Image.ColorMap : gif->SColorMap;
    if (!map)
        return sl_fail(err, SL_ERR_FORMAT, "GIF without colours: it is damaged");
    SL_TRY(sl_image_check_size("GIF", (uint32_t)gif->Image.Width, (uint32_t)gif->Image.Height, 65535, most,
                               err));
    SL_TRY(sl_image_new(gif->Image.Width, gif->Image.Height, 3, out, err));
    return read_rows(gif, map, transparent, out, err);
}

sl_status sl_decode_gif(const uint8_t *data, size_t size, const sl_decode_how *how, sl_image *out, sl_icc *icc,
                        sl_error *err)
{
    (void)icc;
    source s = {.data = data, .size = size};
    GifFileType *gif = DGifOpen(&s, read_some, NULL);
    if (!gif)
        return damaged(NULL, err);
    sl_status status = decode(gif, how->most, out, err);
    DGifCloseFile(gif, NULL);
    return status;
}
