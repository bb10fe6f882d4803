#include "explain/pair_page.h"

#include "image/image.h"

void sl_pair_put(sl_image *page, const sl_pair_place *p, const sl_image *picture)
{
    const int middle = sl_pair_place_x(p->column) + PAIR_SIDE / 2, y = sl_pair_row_y(p->row);
    sl_draw_text_middle(page, middle, y - PAIR_HEAD, p->heading, 1, PAIR_SIDE, sl_ink_soft);
    if (picture)
        sl_draw_image(page, middle - picture->width / 2, y + (PAIR_SIDE - picture->height) / 2, picture);
    sl_draw_text_middle(page, middle, y + PAIR_SIDE + 6, p->line, 1, PAIR_SIDE, sl_ink);
    sl_draw_text_middle(page, middle, y + PAIR_SIDE + 21, p->second_line, 1, PAIR_SIDE, sl_ink_soft);
}
