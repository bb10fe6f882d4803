/* Crops as tiles, and the words beside them. */
#include "explain/explain.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "image/image.h"

/* Dark enough to read on the paper, pale enough not to fight with faces; right and wrong also differ in lightness.
 */
const sl_colour sl_paper = {250, 250, 247}, sl_ink = {28, 32, 38}, sl_ink_soft = {94, 101, 112},
                sl_line = {216, 217, 213}, sl_right = {24, 150, 84}, sl_wrong = {205, 56, 48},
                sl_blue = {32, 84, 147}, sl_amber = {154, 90, 8};

static const sl_colour tile_grey = {168, 170, 172};

void sl_tile_size(const sl_image *crop, int side, int *width, int *height)
{
    *width = *height = side;
    if (!crop || !crop->pixels)
        return;
    int longer = crop->width > crop->height ? crop->width : crop->height;
    *width = (int)lrint((double)crop->width * side / longer);
    *height = (int)lrint((double)crop->height * side / longer);
    *width = *width > 0 ? *width : 1;
    *height = *height > 0 ? *height : 1;
}

sl_status sl_tile(const sl_image *crop, int width, int height, sl_image *out, sl_error *err)
{
    if (!crop || !crop->pixels) {
        SL_TRY(sl_image_new(width, height, 3, out, err));
        sl_draw_fill(out, 0, 0, width, height, tile_grey);
        return SL_OK;
    }
    *out = (sl_image){0};
    SL_TRY(sl_image_check(crop, err));
    sl_image sized;
    SL_TRY(sl_image_shrink(crop, width, height, &sized, err));
    if (sized.channels == 3) {
        *out = sized;
        return SL_OK;
    }
    sl_status status = sl_image_to_rgb(&sized, out, err);
    sl_image_free(&sized);
    return status;
}

sl_status sl_tile_message(const char *message, int side, sl_image *out, sl_error *err)
{
    SL_TRY(sl_tile(NULL, side, side, out, err));
    int width, height;
    sl_text_size(message, 1, &width, &height);
    sl_draw_text_middle(out, side / 2, (side - height) / 2, message, 1, side - 4, sl_ink);
    return SL_OK;
}

sl_status sl_tile_square(const sl_image *crop, int side, sl_image *out, sl_error *err)
{
    if (!crop || !crop->pixels)
        return sl_tile_message("picture not kept", side, out, err);
    int width, height;
    sl_tile_size(crop, side, &width, &height);
    if (width == side && height == side)
        return sl_tile(crop, side, side, out, err);
    sl_image inner;
    SL_TRY(sl_tile(crop, width, height, &inner, err));
    sl_status status = sl_image_new(side, side, 3, out, err);
    if (status == SL_OK) {
        sl_draw_fill(out, 0, 0, side, side, sl_line);
        sl_draw_image(out, (side - width) / 2, (side - height) / 2, &inner);
    }
    sl_image_free(&inner);
    return status;
}

static int text_width(const char *text, int scale)
{
    int width, height;
    sl_text_size(text, scale, &width, &height);
    return width;
}

/* The longest beginning of `text` that fits, whole characters of UTF-8 on one line, in `cut`. Of a path that does
 * not fit, the file's name. */
static void cut_text(const char *text, int scale, int max_width, char *cut, size_t capacity)
{
    snprintf(cut, capacity - 3, "%s", text);
    size_t size = strlen(cut);
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)cut[i] < ' ')
            cut[i] = ' ';
    bool whole = text[size] == '\0';
    if (whole && text_width(cut, scale) <= max_width)
        return;
    const char *name = strrchr(text, '/');
    if (name && name[1]) {
        cut_text(name + 1, scale, max_width, cut, capacity);
        return;
    }
    do {
        while (size > 0 && ((unsigned char)cut[--size] & 0xc0) == 0x80)
            continue;
        strcpy(cut + size, "..");
    } while (size > 0 && text_width(cut, scale) > max_width);
}

int sl_draw_text_cut(sl_image *image, int x, int y, const char *text, int scale, int max_width, sl_colour colour)
{
    char cut[512];
    cut_text(text, scale, max_width, cut, sizeof cut);
    sl_draw_text(image, x, y, cut, scale, colour);
    return text_width(cut, scale);
}

void sl_draw_text_middle(sl_image *image, int x, int y, const char *text, int scale, int max_width,
                         sl_colour colour)
{
    char cut[512];
    cut_text(text, scale, max_width, cut, sizeof cut);
    sl_draw_text(image, x - text_width(cut, scale) / 2, y, cut, scale, colour);
}

const char *sl_number(char text[16], float value)
{
    if (!isfinite(value))
        return strcpy(text, "-");
    double limited = fmin(fmax(value, -99999), 99999);
    int thousandths = (int)lrint(fabs(limited) * 1000);
    snprintf(text, 16, "%s%d.%03d", limited < 0 && thousandths ? "-" : "", thousandths / 1000, thousandths % 1000);
    return text;
}
