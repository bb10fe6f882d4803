/* Four made-up pictures through a network, and how alike their embeddings are. */
#include "model/self_check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "base/vector.h"
#include "image/image.h"

/* ---- pictures: colours of the point (u, v), both from 0 to 1 ---- */

typedef void draw_point(double u, double v, sl_rng *rng, double colour[3]);

static void draw_noise(double u, double v, sl_rng *rng, double colour[3])
{
    (void)u, (void)v;
    for (int i = 0; i < 3; i++)
        colour[i] = sl_rng_range(rng, 0, 255);
}

static void draw_stripes(double u, double v, sl_rng *rng, double colour[3])
{
    (void)rng;
    for (int i = 0; i < 3; i++)
        colour[i] = 127.5 + 127.5 * sin(20 * u + 3 * v + i);
}

static void draw_gradient(double u, double v, sl_rng *rng, double colour[3])
{
    (void)rng;
    for (int i = 0; i < 3; i++)
        colour[i] = 255 * u * v;
}

/* Eyes, nose and mouth on an oval. */
static void draw_oval_face(double u, double v, sl_rng *rng, double colour[3])
{
    static const double ground[3] = {40, 40, 40}, skin[3] = {200, 160, 130}, eye[3] = {20, 20, 20},
                        lips[3] = {150, 40, 50};
    (void)rng;
    const double *c = hypot((u - .5) / .42, (v - .55) / .55) > 1 ? ground : skin;
    if (hypot(fabs(u - .5) - .16, v - .42) < .05)
        c = eye;
    if (fabs(v - .75) < .02 && fabs(u - .5) < .18)
        c = lips;
    bool nose = fabs(u - .5) < .03 && v > .42 && v < .66;
    for (int i = 0; i < 3; i++)
        colour[i] = c[i] * (nose ? .8 : 1);
}

static sl_status draw_picture(const sl_recogniser *r, draw_point *point, sl_image *out, sl_error *err)
{
    SL_TRY(sl_image_new(r->width, r->height, 3, out, err));
    sl_rng rng = sl_rng_seed(1);
    uint8_t *p = out->pixels;
    for (int y = 0; y < r->height; y++)
        for (int x = 0; x < r->width; x++) {
            double colour[3];
            point(((double)x + .5) / r->width, ((double)y + .5) / r->height, &rng, colour);
            for (int i = 0; i < 3; i++)
                *p++ = (uint8_t)lrint(colour[i]);
        }
    return SL_OK;
}

/* ---- embeddings ---- */

/* of [SL_SELF_CHECK_PICTURES, dim] */
static sl_status embed_pictures(const sl_recogniser *r, sl_plan *plan, float *embeddings, sl_error *err)
{
    static draw_point *const pictures[SL_SELF_CHECK_PICTURES] = {draw_noise, draw_stripes, draw_gradient,
                                                                 draw_oval_face};
    for (int i = 0; i < SL_SELF_CHECK_PICTURES; i++) {
        sl_image crop;
        SL_TRY(draw_picture(r, pictures[i], &crop, err));
        sl_status status = sl_recogniser_prepare(r, &crop, sl_plan_input(plan, 0, NULL), err);
        sl_image_free(&crop);
        SL_TRY(status);
        SL_TRY(sl_plan_run(plan, err));
        memcpy(embeddings + i * r->dim, sl_plan_output(plan, 0, NULL), (size_t)r->dim * sizeof *embeddings);
    }
    return SL_OK;
}

static sl_self_check compare_embeddings(const float *embeddings, int dim)
{
    sl_self_check c = {.finite = true, .least = 1, .most = -1};
    for (int i = 0; i < SL_SELF_CHECK_PICTURES; i++)
        for (int k = 0; k < i; k++) {
            double cosine = sl_cosine(embeddings + i * dim, embeddings + k * dim, dim);
            c.finite = c.finite && isfinite(cosine);
            c.least = fminf(c.least, (float)cosine);
            c.most = fmaxf(c.most, (float)cosine);
        }
    c.sound = c.finite && c.least <= SL_SELF_CHECK_LEAST;
    return c;
}

sl_status sl_recogniser_self_check(const sl_recogniser *r, sl_self_check *out, sl_error *err)
{
    sl_plan *plan;
    *out = (sl_self_check){0};
    SL_TRY(sl_recogniser_compile(r, 1, &(sl_plan_options){.threads = 1}, &plan, err));
    float *embeddings = sl_calloc_aligned(SL_SELF_CHECK_PICTURES * (size_t)r->dim, sizeof *embeddings);
    sl_status status =
        embeddings ? embed_pictures(r, plan, embeddings, err) : sl_no_memory(err, "for embeddings");
    if (status == SL_OK)
        *out = compare_embeddings(embeddings, r->dim);
    free(embeddings);
    sl_plan_free(plan);
    return status;
}
