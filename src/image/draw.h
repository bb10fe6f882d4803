/* Drawing on RGB pictures: antialiased shapes, text, tiles. Everything is clipped to the picture. */
#ifndef SL_IMAGE_DRAW_H
#define SL_IMAGE_DRAW_H

#include "base/status.h"

typedef struct {
    uint8_t r, g, b;
} sl_colour;

void sl_draw_fill(sl_image *image, int x, int y, int width, int height, sl_colour colour);
void sl_draw_frame(sl_image *image, int x, int y, int width, int height, int thickness, sl_colour colour);

/* Copies `tile` with its top left corner at (x, y). Grey tiles are repeated to RGB. */
void sl_draw_image(sl_image *image, int x, int y, const sl_image *tile);

/* Antialiased; thickness and radius in pixels, alpha in [0, 1]. */
void sl_draw_line(sl_image *image, sl_point from, sl_point to, float thickness, sl_colour colour, float alpha);
void sl_draw_disc(sl_image *image, sl_point centre, float radius, sl_colour colour, float alpha);

/* Coverage in [0, 1] of a polygon (even-odd) at each pixel: out [height, width] float. Antialiased by 4x4
 * samples. points may lie outside. */
void sl_polygon_coverage(const sl_point *points, int count, int width, int height, float *out);

/* Text in the built-in pixel font, 8 x 13 a letter; (x, y) is the top left corner, `scale` 1, 2, ..; '\n' begins a
 * new line. Other characters of UTF-8 than ASCII are drawn as their nearest ASCII letter or '?'. */
void sl_draw_text(sl_image *image, int x, int y, const char *text, int scale, sl_colour colour);

/* Its size in pixels. */
void sl_text_size(const char *text, int scale, int *width, int *height);

/* The "jet" colour map (blue, cyan, green, yellow, red) at value in [0, 1]. */
sl_colour sl_colour_jet(float value);

#endif
