/* Shapes, pictures and text drawn into RGB pictures. Every shape is cut to the picture first, so that coordinates may
 * be anything. Rectangles, tiles and letters cover whole pixels; lines and discs cover a pixel by how far its centre
 * lies inside their edge; polygons are counted out by 16 samples a pixel. */
#include "image/draw.h"

#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "image/font.h"

/* Half-open pixel rectangle inside a picture. */
typedef struct {
    int x0, y0, x1, y1;
} rect;

static int clamp_int(int64_t v, int low, int high)
{
    return v < low ? low : v > high ? high : (int)v;
}

static rect clip(const sl_image *image, int64_t x, int64_t y, int64_t width, int64_t height)
{
    return (rect){clamp_int(x, 0, image->width), clamp_int(y, 0, image->height),
                  clamp_int(x + width, 0, image->width), clamp_int(y + height, 0, image->height)};
}

static bool drawable(const sl_image *image)
{
    return image && image->pixels && image->channels == 3;
}

static uint8_t *pixel_at(const sl_image *image, int x, int y)
{
    return image->pixels + 3 * ((size_t)y * (size_t)image->width + (size_t)x);
}

static void put(uint8_t *p, sl_colour c)
{
    p[0] = c.r;
    p[1] = c.g;
    p[2] = c.b;
}

static void blend(uint8_t *p, sl_colour c, float amount)
{
    p[0] = (uint8_t)(p[0] + (c.r - p[0]) * amount + .5f);
    p[1] = (uint8_t)(p[1] + (c.g - p[1]) * amount + .5f);
    p[2] = (uint8_t)(p[2] + (c.b - p[2]) * amount + .5f);
}

static void fill(sl_image *image, rect r, sl_colour colour)
{
    for (int y = r.y0; y < r.y1; y++)
        for (int x = r.x0; x < r.x1; x++)
            put(pixel_at(image, x, y), colour);
}

void sl_draw_fill(sl_image *image, int x, int y, int width, int height, sl_colour colour)
{
    if (drawable(image))
        fill(image, clip(image, x, y, width, height), colour);
}

void sl_draw_frame(sl_image *image, int x, int y, int width, int height, int thickness, sl_colour colour)
{
    if (!drawable(image) || width <= 0 || height <= 0 || thickness <= 0)
        return;
    int64_t t = thickness < width ? thickness : width;
    t = t < height ? t : height;
    fill(image, clip(image, x, y, width, t), colour);
    fill(image, clip(image, x, (int64_t)y + height - t, width, t), colour);
    fill(image, clip(image, x, y, t, height), colour);
    fill(image, clip(image, (int64_t)x + width - t, y, t, height), colour);
}

void sl_draw_image(sl_image *image, int x, int y, const sl_image *tile)
{
    if (!drawable(image) || !tile || !tile->pixels)
        return;
    rect r = clip(image, x, y, tile->width, tile->height);
    for (int row = r.y0; row < r.y1 && r.x0 < r.x1; row++) {
        size_t at = (size_t)(row - y) * (size_t)tile->width + (size_t)(r.x0 - x);
        uint8_t *to = pixel_at(image, r.x0, row);
        if (tile->channels == 3)
            memcpy(to, tile->pixels + 3 * at, 3 * (size_t)(r.x1 - r.x0));
        else
            for (int i = 0; i < r.x1 - r.x0; i++)
                memset(to + 3 * i, tile->pixels[at + (size_t)i], 3);
    }
}

/* [low, high] to pixels [*begin, *end) within 0 .. size. NaN gives nothing. */
static void pixel_span(double low, double high, int size, int *begin, int *end)
{
    *begin = *end = 0;
    if (!(low <= high) || high < 0 || low > size - 1)
        return;
    *begin = low <= 0 ? 0 : (int)ceil(low);
    *end = high >= size - 1 ? size : (int)floor(high) + 1;
}

/* A pixel is covered by how far its centre lies inside the outline, over one pixel: distances are to the spine. */
static float coverage(double radius, double distance)
{
    double inside = radius + .5 - distance;
    return inside <= 0 ? 0 : inside >= 1 ? 1 : (float)inside;
}

/* The part of the spine a + t d, t in [0, 1], within `reach` of row y, as the x it spans; false for none. */
static bool spine_near_row(double ax, double ay, double dx, double dy, double y, double reach, double *low,
                           double *high)
{
    double t0 = 0, t1 = 1;
    if (dy != 0) {
        double u = (y - reach - ay) / dy, v = (y + reach - ay) / dy;
        t0 = fmax(t0, fmin(u, v));
        t1 = fmin(t1, fmax(u, v));
    }
    if (!(t0 <= t1))
        return false;
    *low = fmin(ax + t0 * dx, ax + t1 * dx) - reach;
    *high = fmax(ax + t0 * dx, ax + t1 * dx) + reach;
    return true;
}

/* A line with round ends: all within `radius` of the spine from a to b. */
static void draw_capsule(sl_image *image, sl_point a, sl_point b, double radius, sl_colour colour, float alpha)
{
    if (!drawable(image) || !isfinite(radius) || radius < 0 || !(alpha > 0) || !isfinite(a.x) || !isfinite(a.y) ||
        !isfinite(b.x) || !isfinite(b.y))
        return;
    alpha = alpha > 1 ? 1 : alpha;
    double dx = (double)b.x - a.x, dy = (double)b.y - a.y, squared = dx * dx + dy * dy, reach = radius + .5;
    int y0, y1;
    pixel_span(fmin(a.y, b.y) - reach, fmax(a.y, b.y) + reach, image->height, &y0, &y1);
    for (int y = y0; y < y1; y++) {
        double low, high;
        int x0, x1;
        if (!spine_near_row(a.x, a.y, dx, dy, y, reach, &low, &high))
            continue;
        pixel_span(low, high, image->width, &x0, &x1);
        for (int x = x0; x < x1; x++) {
            double t = squared > 0 ? ((x - a.x) * dx + (y - a.y) * dy) / squared : 0;
            t = t < 0 ? 0 : t > 1 ? 1 : t;
            float covered = coverage(radius, hypot(x - a.x - t * dx, y - a.y - t * dy));
            if (covered > 0)
                blend(pixel_at(image, x, y), colour, covered * alpha);
        }
    }
}

void sl_draw_line(sl_image *image, sl_point from, sl_point to, float thickness, sl_colour colour, float alpha)
{
    draw_capsule(image, from, to, thickness / 2., colour, alpha);
}

void sl_draw_disc(sl_image *image, sl_point centre, float radius, sl_colour colour, float alpha)
{
    draw_capsule(image, centre, centre, radius, colour, alpha);
}

/* ---- polygon coverage ----
 *
 * Each pixel has 4 x 4 samples, at -3/8, -1/8, 1/8, 3/8 from its centre. Where an edge crosses a line of
 * samples, everything to its right changes sides: that is one toggled bit, 16 to a pixel, which the pixel's
 * own float holds exactly until the bits are summed from the left. */

static void toggle_edge(sl_point a, sl_point b, int width, int height, float *out)
{
    if (a.y > b.y) {
        sl_point swapped = a;
        a = b;
        b = swapped;
    }
    /* Sample line j is at y = j / 4 - 3/8; a line is crossed when a.y <= y < b.y. */
    double first = fmax(ceil((a.y + .375) * 4), 0), last = fmin(ceil((b.y + .375) * 4), 4. * height);
    double slope = ((double)b.x - a.x) / ((double)b.y - a.y);
    for (int j = (int)fmin(first, INT_MAX); j < last; j++) {
        double x = a.x + (j / 4. - .375 - a.y) * slope;
        double k = fmax(ceil((x + .375) * 4), 0); /* first sample at or right of the crossing */
        if (!(k < 4. * width))
            continue;
        float *cell = out + (size_t)(j / 4) * (size_t)width + (int)k / 4;
        *cell = (float)((unsigned)*cell ^ 1u << (j % 4 * 4 + (int)k % 4));
    }
}

/* Turns the toggles of one row into coverage. */
static void sum_toggles(float *row, int width)
{
    unsigned inside = 0; /* for each of the four sample lines 0xf inside, 0 outside, as the pixel begins */
    for (int x = 0; x < width; x++) {
        unsigned bits = (unsigned)row[x];
        bits ^= bits << 1 & 0xeeee; /* prefix parity within each nibble */
        bits ^= bits << 2 & 0xcccc;
        bits ^= inside;
        row[x] = (float)__builtin_popcount(bits) / 16;
        inside = (bits >> 3 & 0x1111) * 0xf;
    }
}

void sl_polygon_coverage(const sl_point *points, int count, int width, int height, float *out)
{
    if (width <= 0 || height <= 0)
        return;
    size_t size = (size_t)width * (size_t)height;
    for (size_t i = 0; i < size; i++)
        out[i] = 0;
    for (int i = 0; i < count; i++)
        if (!isfinite(points[i].x) || !isfinite(points[i].y))
            return;
    for (int i = 0; i < count; i++)
        toggle_edge(points[i], points[(i + 1) % count], width, height, out);
    for (int y = 0; y < height; y++)
        sum_toggles(out + (size_t)y * (size_t)width, width);
}

/* ---- text ---- */

static void draw_glyph(sl_image *image, int64_t x, int64_t y, char letter, int scale, sl_colour colour)
{
    const uint8_t *rows = sl_font_glyph(letter);
    for (int row = 0; row < SL_FONT_HEIGHT; row++)
        for (int column = 0; column < SL_FONT_WIDTH; column++)
            if (rows[row] >> (7 - column) & 1)
                fill(image, clip(image, x + (int64_t)column * scale, y + (int64_t)row * scale, scale, scale),
                     colour);
}

void sl_draw_text(sl_image *image, int x, int y, const char *text, int scale, sl_colour colour)
{
    if (!drawable(image) || !text || scale < 1)
        return;
    int64_t at_x = x, at_y = y;
    while (*text) {
        char letter = sl_font_next(&text);
        if (letter == '\n') {
            at_x = x;
            at_y += (int64_t)SL_FONT_HEIGHT * scale;
            continue;
        }
        if (at_x < image->width)
            draw_glyph(image, at_x, at_y, letter, scale, colour);
        at_x += (int64_t)SL_FONT_WIDTH * scale;
    }
}

void sl_text_size(const char *text, int scale, int *width, int *height)
{
    int64_t columns = 0, widest = 0, lines = 1;
    scale = scale < 1 ? 1 : scale;
    while (text && *text) {
        bool ends = sl_font_next(&text) == '\n';
        lines += ends;
        columns = ends ? 0 : columns + 1;
        widest = columns > widest ? columns : widest;
    }
    *width = clamp_int(widest * SL_FONT_WIDTH * scale, 0, INT_MAX);
    *height = clamp_int(lines * SL_FONT_HEIGHT * scale, 0, INT_MAX);
}

/* ---- colours ---- */

/* Rises over one quarter, stays for one, falls over one: each of jet's primaries, `centre` its middle. */
static uint8_t hat(float value, float centre)
{
    float v = 1.5f - fabsf(4 * (value - centre));
    return (uint8_t)(255 * (v < 0 ? 0 : v > 1 ? 1 : v) + .5f);
}

sl_colour sl_colour_jet(float value)
{
    value = value > 0 ? value < 1 ? value : 1 : 0; /* NaN too is 0 */
    return (sl_colour){hat(value, .75f), hat(value, .5f), hat(value, .25f)};
}
