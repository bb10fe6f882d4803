/* Draws a cover by its field, pixel by pixel. */
#include "occlude/soft.h"

static void draw_pixel(sl_image *image, const sl_face_axes *a, const sl_soft_cover *c, int x, int y)
{
    const sl_point p = sl_axes_to_face(a, (sl_point){(float)x, (float)y});
    const double depth = c->depth(c->own, p);
    const float covered = (float)sl_clamped(depth / c->soft + .5, 0, 1);
    if (covered < 1 && c->shadow > 0 && depth > -c->cast)
        sl_blend(image, x, y, (sl_paint){0, 0, 0}, (float)(c->shadow * sl_clamped(1 + depth / c->cast, 0, 1)));
    if (covered <= 0)
        return;
    const sl_paint made_of = sl_material_at(c->material, image, x, y);
    sl_blend(image, x, y, c->paint ? c->paint(c->own, p, depth, made_of) : made_of, covered * (float)c->opacity);
}

void sl_soft_draw(sl_image *image, const sl_face_axes *axes, const sl_soft_cover *cover)
{
    static const sl_point reach[] = {{-3, -3}, {3, -3}, {-3, 3}, {3, 3}};
    sl_area area;
    if (!sl_area_of(image, axes, reach, 4, 0, &area))
        return;
    sl_soft_cover c = *cover;
    c.soft = fmax(c.soft, 1 / axes->unit); /* no edge is sharper than a pixel */
    for (int y = area.y; y < area.y + area.height; y++)
        for (int x = area.x; x < area.x + area.width; x++)
            draw_pixel(image, axes, &c, x, y);
}
