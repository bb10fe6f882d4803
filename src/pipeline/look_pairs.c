#include "pipeline/look_pairs.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"
#include "gallery/gallery.h"
#include "match/look.h"

typedef struct {
    const sl_look *look;
    const sl_gallery *gallery;
    size_t row;      /* query and candidates */
    uint32_t *faces; /* [queries, row] */
} drawn_pairs;

static sl_status map_of(const void *context, size_t query, int candidate, float *out, sl_error *err)
{
    const drawn_pairs *d = context;
    const size_t face = d->faces[query * d->row + (size_t)(candidate + 1)];
    sl_patch_source source;
    SL_TRY(sl_gallery_patches(d->gallery, face, &source, err));
    sl_status status = sl_look_patches(d->look, &source, out, err);
    return status == SL_OK ? SL_OK : sl_fail_in(err, status, "%s", sl_gallery_image(d->gallery, face));
}

static bool same_person(const sl_gallery *g, size_t a, size_t b)
{
    return *sl_gallery_label(g, a) && sl_gallery_label_id(g, a) == sl_gallery_label_id(g, b);
}

/* Other faces of the query's person, the first that there are. */
static int take_mates(const drawn_pairs *d, uint32_t *row)
{
    const size_t faces = sl_gallery_size(d->gallery);
    int n = 0;
    for (size_t i = 0; i < faces && n < SL_LOOK_MOST_MATES && (size_t)n + 1 < d->row; i++)
        if (i != row[0] && same_person(d->gallery, row[0], i))
            row[1 + n++] = (uint32_t)i;
    return n;
}

/* Anybody else; in a gallery of hardly anybody else, any other face. */
static uint32_t draw_other(const drawn_pairs *d, uint32_t query, sl_rng *rng)
{
    const size_t faces = sl_gallery_size(d->gallery);
    uint32_t face = query;
    for (int tries = 0; face == query || (tries < 100 && same_person(d->gallery, query, face)); tries++)
        face = (uint32_t)sl_rng_below(rng, faces);
    return face;
}

static void draw_pairs(drawn_pairs *d, uint64_t seed, sl_look_pairs *out)
{
    const size_t faces = sl_gallery_size(d->gallery);
    sl_rng rng = sl_rng_seed(seed);
    for (size_t q = 0; q < out->queries; q++) {
        uint32_t *row = d->faces + q * d->row;
        row[0] = (uint32_t)(q * faces / out->queries);
        const int mates = take_mates(d, row);
        out->mates += (size_t)mates;
        for (size_t i = (size_t)mates + 1; i < d->row; i++)
            row[i] = draw_other(d, row[0], &rng);
    }
}

static sl_status check_gallery(const sl_look *look, const sl_gallery *gallery, sl_error *err)
{
    sl_match_options o = sl_match_defaults_of(look->rerank);
    o.look = look;
    SL_TRY(sl_look_kind_of(look->rerank)->check(&o, sl_gallery_shape(gallery), err));
    const size_t faces = sl_gallery_size(gallery);
    if (faces < SL_LOOK_LEAST_FACES)
        return sl_fail(err, SL_ERR_ARGUMENT, "%s: %zu faces, int8 needs %d or more to measure its ranges on",
                       sl_gallery_place(gallery), faces, SL_LOOK_LEAST_FACES);
    return SL_OK;
}

sl_status sl_look_pairs_of_gallery(const sl_look *look, const sl_gallery *gallery, uint64_t seed, sl_look_pairs *out,
                                   sl_error *err)
{
    const float *embeddings;
    *out = (sl_look_pairs){.candidates = SL_LOOK_CANDIDATES, .map = map_of};
    SL_TRY(check_gallery(look, gallery, err));
    SL_TRY(sl_gallery_embeddings(gallery, &embeddings, err)); /* whose labels can be read then */
    const size_t faces = sl_gallery_size(gallery);
    out->queries = faces < SL_LOOK_MOST_QUERIES ? faces : SL_LOOK_MOST_QUERIES;
    drawn_pairs *d = calloc(1, sizeof *d);
    if (!d)
        return sl_no_memory(err, "for pairs");
    *d = (drawn_pairs){.look = look, .gallery = gallery, .row = SL_LOOK_CANDIDATES + 1};
    d->faces = calloc(out->queries * d->row, sizeof *d->faces);
    if (!d->faces) {
        free(d);
        return sl_no_memory(err, "for pairs");
    }
    draw_pairs(d, seed, out);
    out->context = d;
    return SL_OK;
}

void sl_look_pairs_free(sl_look_pairs *pairs)
{
    drawn_pairs *d = pairs->context;
    if (d)
        free(d->faces);
    free(d);
    *pairs = (sl_look_pairs){0};
}
