#include "face/hidden_points.h"

#include <math.h>
#include <string.h>

#include "face/align.h"

/* Nose and mouth are corrected. An eye stays: behind glasses the detector is as exact, and scarves leave eyes free
 * (docs/lab/points.md). */
enum { VIEW = SL_POINTS_VIEW, ROUNDS = 2, FIRST = 2 };

/* ---- the view ---- */

/* Pixels of a crop of the template to one of the view, and what is seen beyond the crop on each side. */
static const float pixel = 2.5f, beyond = 24;

void sl_points_of_view(sl_point out[5])
{
    const sl_align_template *t = sl_align_template_find("arcface-112");
    for (int i = 0; i < 5; i++)
        out[i] =
            (sl_point){(t->points[i].x + beyond + .5f) / pixel - .5f, (t->points[i].y + beyond + .5f) / pixel - .5f};
}

sl_status sl_points_view_map(const sl_point points[5], sl_affine *map, sl_error *err)
{
    sl_point view[5];
    for (int i = 0; i < 5; i++)
        if (!isfinite(points[i].x) || !isfinite(points[i].y))
            return sl_fail(err, SL_ERR_NUMERIC, "view: point %d of the face's five is not a number", i + 1);
    sl_points_of_view(view);
    return sl_similarity_fit(view, points, 5, map, err);
}

void sl_points_view_input(const sl_image *view, bool mirrored, float *out)
{
    for (int y = 0; y < VIEW; y++)
        for (int x = 0; x < VIEW; x++) {
            const uint8_t *p = view->pixels + 3 * (y * VIEW + (mirrored ? VIEW - 1 - x : x));
            for (int c = 0; c < 3; c++)
                out[(c * VIEW + y) * VIEW + x] = ((float)p[c] - 127.5f) / 64;
        }
}

/* ---- the network ---- */

static const sl_shape one_view = {4, {1, 3, VIEW, VIEW}};

bool sl_hidden_points_fits(const sl_graph *graph)
{
    sl_graph *sized;
    if (graph->n_inputs != 1 || graph->n_outputs != 1 ||
        sl_graph_infer(graph, &one_view, NULL, 0, &sized, NULL) != SL_OK)
        return false;
    const sl_shape *told = &sized->tensors[sized->outputs[0]].shape;
    const bool fits = told->rank == 2 && told->dim[0] == 1 && told->dim[1] == SL_POINTS_TOLD;
    sl_graph_free(sized);
    return fits;
}

sl_status sl_hidden_points_open(const sl_graph *graph, int threads, sl_hidden_points *out, sl_error *err)
{
    sl_graph *special;
    *out = (sl_hidden_points){0};
    if (!sl_hidden_points_fits(graph))
        return sl_fail(err, SL_ERR_UNSUPPORTED, "points: the network does not take views [N, 3, %d, %d] and give [N, "
                       "%d] numbers", VIEW, VIEW, SL_POINTS_TOLD);
    const char *name = graph->tensors[graph->outputs[0]].name;
    SL_TRY(sl_graph_specialize(graph, &one_view, &name, 1, &special, err));
    sl_status status = sl_plan_compile(special, threads, &out->plan, err);
    sl_graph_free(special);
    return status;
}

void sl_hidden_points_close(sl_hidden_points *h)
{
    sl_plan_free(h->plan);
    *h = (sl_hidden_points){0};
}

/* ---- a look at a face ---- */

/* What the network tells of a view, or of its mirror image. */
static sl_status ask(sl_hidden_points *h, const sl_image *view, bool mirrored, float told[SL_POINTS_TOLD],
                     sl_error *err)
{
    sl_points_view_input(view, mirrored, sl_plan_input(h->plan, 0, NULL));
    SL_TRY(sl_plan_run(h->plan, err));
    memcpy(told, sl_plan_output(h->plan, 0, NULL), SL_POINTS_TOLD * sizeof *told);
    return SL_OK;
}

/* Does the view alone say that all is seen? No face whose view did was ever corrected for its mirror image's sake
 * (docs/lab/points.md). */
static bool all_seen(const float told[SL_POINTS_TOLD])
{
    static const float surely = .1f;
    for (int i = FIRST; i < 5; i++)
        if (!(told[10 + i] < surely))
            return false;
    return true;
}

/* The mean of what is told of the view and of its mirror image: places in the view, hidden parts. */
static void join_looks(const float *told, const float *mirrored, sl_point points[5], float hidden[5])
{
    sl_points_of_view(points);
    for (int i = 0; i < 5; i++) {
        const int m = sl_mirrored_point[i];
        points[i].x += SL_POINTS_UNIT * (told[2 * i] - mirrored[2 * m]) / 2;
        points[i].y += SL_POINTS_UNIT * (told[2 * i + 1] + mirrored[2 * m + 1]) / 2;
        hidden[i] = (told[10 + i] + mirrored[10 + m]) / 2;
    }
}

/* In a view of the photo, where the points are in the photo, and how far hidden. Where all are seen they stay. */
static sl_status look(sl_hidden_points *h, const sl_image *rgb, const sl_affine *map, sl_point points[5],
                      float hidden[5], sl_error *err)
{
    float told[SL_POINTS_TOLD], mirrored[SL_POINTS_TOLD];
    sl_image view;
    SL_TRY(sl_image_take(rgb, map, VIEW, VIEW, &view, err));
    sl_status status = ask(h, &view, false, told, err);
    const bool seen = status == SL_OK && all_seen(told);
    if (status == SL_OK && !seen)
        status = ask(h, &view, true, mirrored, err);
    sl_image_free(&view);
    SL_TRY(status);
    if (seen) {
        memcpy(hidden, told + 10, 5 * sizeof *hidden);
        return SL_OK;
    }
    join_looks(told, mirrored, points, hidden);
    for (int i = 0; i < 5; i++)
        points[i] = sl_affine_apply(map, points[i]);
    return SL_OK;
}

/* How much of the network's word counts where so much is hidden: never all, for under a mask the detector knows some,
 * too (docs/lab/points.md). */
static float weight_of(float hidden)
{
    static const float from = .4f, to = .7f, most = .8f;
    return most * fminf(fmaxf((hidden - from) / (to - from), 0), 1);
}

/* Of real covers the network, which learns from drawn ones, tells what is too low by so much of the eye distance at
 * least (docs/lab/points.md). */
static const float lift = .03f;

static void lift_hidden(const sl_affine *map, sl_point points[5])
{
    sl_point mean[5];
    sl_points_of_view(mean);
    const double rows = (double)lift * (double)(mean[1].x - mean[0].x);
    for (int i = FIRST; i < 5; i++) {
        points[i].x -= (float)(rows * map->m[1]);
        points[i].y -= (float)(rows * map->m[4]);
    }
}

static bool any_hidden(const float hidden[5])
{
    for (int i = FIRST; i < 5; i++)
        if (weight_of(hidden[i]) > 0)
            return true;
    return false;
}

static sl_status correct(sl_hidden_points *h, const sl_image *rgb, sl_point points[5], sl_error *err)
{
    sl_point seen[5];
    sl_affine map;
    sl_error none;
    float hidden[5];
    memcpy(seen, points, sizeof seen);
    for (int round = 0; round < ROUNDS; round++) {
        if (sl_points_view_map(seen, &map, &none) != SL_OK)
            return SL_OK;
        SL_TRY(look(h, rgb, &map, seen, hidden, err));
        if (!any_hidden(hidden))
            return SL_OK;
    }
    lift_hidden(&map, seen);
    for (int i = FIRST; i < 5; i++) {
        const float w = weight_of(hidden[i]);
        if (w > 0 && isfinite(seen[i].x) && isfinite(seen[i].y))
            points[i] =
                (sl_point){points[i].x + w * (seen[i].x - points[i].x), points[i].y + w * (seen[i].y - points[i].y)};
    }
    return SL_OK;
}

sl_status sl_hidden_points_correct(sl_hidden_points *h, const sl_image *image, sl_point points[5], sl_error *err)
{
    sl_image rgb = {0};
    if (image->channels == 3)
        return correct(h, image, points, err);
    SL_TRY(sl_image_to_rgb(image, &rgb, err));
    sl_status status = correct(h, &rgb, points, err);
    sl_image_free(&rgb);
    return status;
}
