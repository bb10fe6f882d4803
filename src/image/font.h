/* The built-in pixel font: one cell of 8 x 13 pixels for each of ASCII 32 .. 126. */
#ifndef SL_IMAGE_FONT_H
#define SL_IMAGE_FONT_H

#include <stdint.h>

#define SL_FONT_WIDTH 8
#define SL_FONT_HEIGHT 13

/* The rows of a letter's cell from the top, bit 7 leftmost. Letters outside 32 .. 126 are drawn as '?'. */
const uint8_t *sl_font_glyph(char letter);

/* Takes one character of UTF-8 from *text (which is not at its end), with the accents that combine with it, and
 * gives the ASCII letter to draw: itself, '\n', the base letter of an accented Latin one, or '?'. Malformed bytes
 * count as one character each. */
char sl_font_next(const char **text);

#endif
