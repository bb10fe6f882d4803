/* Parts of the people that experiments are about. A person's part depends on the label alone: it stays what it is when
 * others are enrolled. */
#ifndef SL_GALLERY_PARTS_H
#define SL_GALLERY_PARTS_H

#include <stdbool.h>

#include "secondlook_eval.h"

/* Is the person in this half of the people? */
bool sl_in_half(sl_people half, const char *label);

/* Is the person among the share (0 .. 1) of the people that is held out? A larger share holds out all that a smaller
 * one does; it cuts through both halves. */
bool sl_held_out(double share, const char *label);

#endif
