/* What people wear and hide behind, one thing or several at once, each as src/occlude draws it. */
#include "train/data/augment_steps.h"

typedef enum {
    NOTHING = 0,
    WRAP = 1,
    DARK_GLASSES = 2,
    HOOD = 4, /* with the cloth over the mouth, which is mostly its own */
    BEARD = 8,
    HELMET = 16,
    HAIR = 32,
    SIDE = 64,
    HAND = 128
} part;

/* How often each is worn: the prototype's shares, and hands. */
static const struct {
    double share;
    unsigned parts;
} outfits[] = {
    {.15, WRAP},
    {.15, DARK_GLASSES},
    {.09, WRAP | DARK_GLASSES},
    {.07, HOOD | WRAP},
    {.07, HOOD | WRAP | DARK_GLASSES},
    {.08, BEARD},
    {.08, BEARD | DARK_GLASSES},
    {.03, HELMET | WRAP},
    {.04, HELMET | WRAP | DARK_GLASSES},
    {.03, HELMET | DARK_GLASSES},
    {.03, SIDE},
    {.03, HAIR | DARK_GLASSES},
    {.03, HAIR | WRAP},
    {.02, HELMET},
    {.05, HAND},
};
enum { OUTFITS = sizeof outfits / sizeof *outfits };

static unsigned pick_outfit(sl_rng *r)
{
    double sum = 0;
    for (int i = 0; i < OUTFITS; i++)
        sum += outfits[i].share;
    double at = sl_rng_range(r, 0, sum);
    int i = 0;
    while (i < OUTFITS - 1 && at >= outfits[i].share)
        at -= outfits[i++].share;
    return outfits[i].parts;
}

typedef struct {
    sl_image *image;
    const sl_face_axes *axes;
    const sl_image *other;
    sl_rng *rng;
} wearer;

/* In any of the kind's styles. */
static void put_on(const wearer *w, sl_soft_kind kind)
{
    enum { ANY = 9 };
    kind(w->image, w->axes, ANY, w->other, w->rng);
}

static void put_on_dark_glasses(const wearer *w)
{
    const int style = sl_rng_odds(w->rng, .45) ? SL_GLASSES_TINTED : SL_GLASSES_MIRRORED;
    sl_draw_glasses(w->image, w->axes, style, w->other, w->rng);
}

static void put_on_cloth(const wearer *w, bool hood, bool glasses_below)
{
    const sl_material cloth = sl_cloth_pick(SL_CLOTH_ANY, w->image, w->axes->unit, w->other, w->rng);
    const bool of_one_cloth = sl_rng_odds(w->rng, .7);
    if (hood)
        sl_draw_hood_of(w->image, w->axes, &cloth, w->rng);
    if (glasses_below)
        put_on_dark_glasses(w);
    if (hood && !of_one_cloth)
        put_on(w, sl_draw_wrap);
    else
        sl_draw_wrap_of(w->image, w->axes, &cloth, w->rng);
}

/* From the skin outwards. */
void sl_dress(sl_image *image, const sl_face_axes *axes, const sl_image *other, sl_rng *r)
{
    const wearer w = {image, axes, other, r};
    const unsigned parts = pick_outfit(r);
    const bool glasses_below = (parts & WRAP) && (parts & DARK_GLASSES) && sl_rng_odds(r, .35);
    if (!(parts & DARK_GLASSES) && sl_rng_odds(r, .12))
        sl_draw_glasses(image, axes, SL_GLASSES_CLEAR, other, r);
    if (parts & BEARD)
        put_on(&w, sl_draw_beard);
    if (parts & HAIR)
        put_on(&w, sl_draw_hair);
    if (parts & WRAP)
        put_on_cloth(&w, parts & HOOD, glasses_below);
    if ((parts & DARK_GLASSES) && !glasses_below)
        put_on_dark_glasses(&w);
    if ((parts & HELMET) || sl_rng_odds(r, .1))
        put_on(&w, sl_draw_helmet);
    if (parts & SIDE)
        put_on(&w, sl_draw_side);
    if (parts & HAND)
        put_on(&w, sl_draw_hand);
}
