/* One look of a dense detector: the picture into the input, the network, the faces back into the picture. */
#include "face/dense_detector.h"

#include <math.h>
#include <stdlib.h>

#include "face/align.h"
#include "image/image.h"

enum { STEP = 32, PLANS = 7 }; /* sides of free inputs are multiples of the coarsest stride */

/* ---- sizes ---- */

/* How a picture lies in the input: its scaled size, and pixels of the picture per pixel of the input. */
typedef struct {
    int width, height; /* of the input */
    int inner_width, inner_height;
    double across, down;
    double left, top; /* of the picture, in pixels of the input */
} placing;

static int at_least_1(double side) { return side < 1 ? 1 : (int)side; }

/* As large as fits, with one factor for both sides, whose fractions are cut off: as SCRFD's publisher does it. */
static placing fit_into(const sl_image *image, int width, int height)
{
    double ratio = (double)image->height / image->width;
    bool tall = ratio > (double)height / width;
    placing p = {.width = width, .height = height};
    p.inner_height = tall ? height : at_least_1(width * ratio);
    p.inner_width = tall ? at_least_1(height / ratio) : width;
    p.across = p.down = (double)image->height / p.inner_height; /* published so, though the width was cut otherwise */
    return p;
}

/* As large as fits, by one factor that is not rounded, in the middle: as MediaPipe does it. */
static placing fit_in_the_middle(const sl_image *image, int width, int height)
{
    const double factor = fmax((double)image->width / width, (double)image->height / height);
    return (placing){.width = width, .height = height, .inner_width = width, .inner_height = height,
                     .across = factor, .down = factor, .left = (width - image->width / factor) / 2,
                     .top = (height - image->height / factor) / 2};
}

static placing place(const sl_dense *d, const sl_image *image)
{
    int width = d->width ? d->width : d->rule->side, height = d->height ? d->height : d->rule->side;
    if (d->rule->centred)
        return fit_in_the_middle(image, width, height);
    if (d->rule->stretch)
        return (placing){.width = width, .height = height, .inner_width = width, .inner_height = height,
                         .across = (double)image->width / width, .down = (double)image->height / height};
    if (width)
        return fit_into(image, width, height);
    int side = image->width > image->height ? image->width : image->height, most = d->base.options.max_side;
    placing p = side > most ? fit_into(image, image->width >= image->height ? most : most * image->width / side + 1,
                                       image->height >= image->width ? most : most * image->height / side + 1)
                            : (placing){0, 0, image->width, image->height, 1, 1, 0, 0};
    p.width = (p.inner_width + STEP - 1) / STEP * STEP;
    p.height = (p.inner_height + STEP - 1) / STEP * STEP;
    return p;
}

/* ---- the network ---- */

static sl_shape input_shape(int width, int height) { return (sl_shape){4, {1, 3, height, width}}; }

static void describe(sl_dense_output *o, const sl_shape *shape, const float *data)
{
    *o = (sl_dense_output){.data = data, .rows = 1, .channels = shape->rank > 0 ? shape->dim[shape->rank - 1] : 0};
    for (int i = 0; i < shape->rank - 1; i++)
        o->rows *= shape->dim[i];
}

/* The shapes of all outputs for an input of this size; false where they cannot be known. */
static bool shapes_for(const sl_graph *graph, int width, int height, sl_dense_look *look)
{
    const sl_shape shape = input_shape(width, height);
    sl_graph *sized;
    *look = (sl_dense_look){.width = width, .height = height, .count = graph->n_outputs};
    if (sl_graph_infer(graph, &shape, NULL, 0, &sized, NULL) != SL_OK)
        return false;
    for (int i = 0; i < look->count; i++)
        describe(&look->outputs[i], &sized->tensors[sized->outputs[i]].shape, NULL);
    sl_graph_free(sized);
    return true;
}

/* What the file says of the input's size; 0: it takes any. False for inputs of another kind. */
static bool input_size(const sl_graph *graph, int *width, int *height)
{
    const sl_shape *s = graph->n_inputs == 1 ? &graph->tensors[graph->inputs[0]].shape : NULL;
    if (!s || graph->n_outputs < 1 || graph->n_outputs > SL_DENSE_OUTPUTS || (s->rank >= 0 && s->rank != 4) ||
        (s->rank == 4 && s->dim[1] >= 0 && s->dim[1] != 3))
        return false;
    *height = s->rank == 4 && s->dim[2] > 0 && s->dim[2] <= 8192 ? (int)s->dim[2] : 0;
    *width = s->rank == 4 && s->dim[3] > 0 && s->dim[3] <= 8192 ? (int)s->dim[3] : 0;
    return !*width == !*height;
}

static bool look_of(const sl_graph *graph, int *width, int *height, sl_dense_look *look)
{
    enum { ANY = 320 };
    return input_size(graph, width, height) &&
           shapes_for(graph, *width ? *width : ANY, *height ? *height : ANY, look);
}

bool sl_dense_fits(const sl_graph *graph, const sl_dense_rule *rule)
{
    int width, height;
    sl_dense_look look;
    return look_of(graph, &width, &height, &look) && (width || !rule->stretch) && rule->fits(&look);
}

sl_status sl_dense_open(sl_detector *detector, const sl_dense_rule *rule, const sl_graph *graph, sl_error *err)
{
    sl_dense *d = (sl_dense *)detector;
    sl_dense_look look;
    d->rule = rule;
    d->graph = graph;
    d->plans.capacity = PLANS;
    if (!look_of(graph, &d->width, &d->height, &look) || !rule->fits(&look))
        return sl_fail(err, SL_ERR_UNSUPPORTED, "detector: the network's inputs and outputs are not those of %s",
                       d->base.kind->name);
    d->base.guesses_points = !rule->has_points(&look);
    return SL_OK;
}

void sl_dense_close(sl_detector *detector) { sl_plan_cache_clear(&((sl_dense *)detector)->plans); }

static sl_status compile(void *context, const sl_plan_key *key, sl_plan **out, sl_error *err)
{
    const sl_dense *d = context;
    const sl_shape shape = input_shape(key->width, key->height);
    sl_graph *specialised;
    SL_TRY(sl_graph_specialize(d->graph, &shape, NULL, 0, &specialised, err));
    sl_status status = sl_plan_compile(specialised, d->base.options.threads, out, err);
    sl_graph_free(specialised);
    return status;
}

/* ---- pixels ---- */

/* [3, height, width]; the picture at the top left, black beyond it. */
static void fill_input(const sl_dense_rule *rule, const sl_image *picture, const placing *p, float *input)
{
    const size_t plane = (size_t)p->width * (size_t)p->height;
    const float scale = 1 / rule->std;
    const int channels = picture->channels;
    for (size_t i = 0; i < 3 * plane; i++)
        input[i] = -rule->mean[i / plane] * scale;
    for (int c = 0; c < 3; c++)
        for (int y = 0; y < picture->height; y++) {
            const uint8_t *from = picture->pixels + (size_t)y * (size_t)(picture->width * channels) +
                                  (channels == 1 ? 0 : rule->bgr ? 2 - c : c);
            float *to = input + (size_t)c * plane + (size_t)y * (size_t)p->width;
            for (int x = 0; x < picture->width; x++, from += channels)
                to[x] = (*from - rule->mean[c]) * scale;
        }
}

static sl_status scale_picture(const sl_dense_rule *rule, const sl_image *image, const placing *p, sl_image *out,
                               sl_error *err)
{
    if (!rule->centred)
        return sl_image_resize(image, p->inner_width, p->inner_height, out, err);
    const sl_affine map = {{p->across, 0, -p->across * p->left, 0, p->down, -p->down * p->top}};
    return sl_image_warp(image, &map, p->width, p->height, out, err);
}

static sl_status run(sl_dense *d, const sl_image *image, const placing *p, sl_dense_look *look, sl_error *err)
{
    const sl_plan_key key = {p->width, p->height, 0};
    sl_plan *plan;
    sl_image scaled;
    SL_TRY(sl_plan_cache_get(&d->plans, &key, compile, d, &plan, err));
    SL_TRY(scale_picture(d->rule, image, p, &scaled, err));
    fill_input(d->rule, &scaled, p, sl_plan_input(plan, 0, NULL));
    sl_image_free(&scaled);
    SL_TRY(sl_plan_run(plan, err));
    *look = (sl_dense_look){.width = p->width, .height = p->height, .count = d->graph->n_outputs};
    for (int i = 0; i < look->count; i++) {
        sl_shape shape;
        const float *data = sl_plan_output(plan, i, &shape);
        describe(&look->outputs[i], &shape, data);
    }
    return d->rule->fits(look) ? SL_OK : sl_fail(err, SL_ERR_INTERNAL, "%s: other outputs than before",
                                                 d->base.kind->name);
}

/* ---- faces ---- */

static void to_picture(const placing *p, sl_face *f)
{
    const float ax = (float)p->across, ay = (float)p->down, x = (float)p->left, y = (float)p->top;
    f->box = (sl_box){ax * (f->box.x0 - x), ay * (f->box.y0 - y), ax * (f->box.x1 - x), ay * (f->box.y1 - y)};
    for (int i = 0; i < 5; i++)
        f->points[i] = (sl_point){ax * (f->points[i].x - x), ay * (f->points[i].y - y)};
}

/* These networks have no look of their own by which a face upside down would show, but that its points are. */
static void weigh(sl_face *f)
{
    enum { MOST_LEAN = 45 };
    f->upright = fabsf(sl_points_lean(f->points)) < MOST_LEAN ? 1 : 0;
}

void sl_dense_guess_points(sl_face *f)
{
    /* Means over the faces of LFW, as parts of the box. */
    static const sl_point mean[5] = {{.30f, .38f}, {.70f, .38f}, {.50f, .57f}, {.34f, .75f}, {.66f, .75f}};
    for (int i = 0; i < 5; i++)
        f->points[i] = (sl_point){f->box.x0 + mean[i].x * (f->box.x1 - f->box.x0),
                                  f->box.y0 + mean[i].y * (f->box.y1 - f->box.y0)};
}

sl_status sl_dense_find(sl_detector *detector, const sl_image *image, float threshold, sl_face **faces, size_t *count,
                        sl_error *err)
{
    sl_dense *d = (sl_dense *)detector;
    sl_dense_look look;
    sl_face_list list = {0};
    const placing p = place(d, image);
    SL_TRY(run(d, image, &p, &look, err));
    if (!d->rule->decode(&look, threshold, &list)) {
        free(list.faces);
        return sl_fail(err, SL_ERR_MEMORY, "no memory for the detector's %zu candidates", list.count);
    }
    for (size_t i = 0; i < list.count; i++)
        to_picture(&p, &list.faces[i]);
    sl_faces_sort(list.faces, list.count);
    *faces = list.faces;
    *count = (d->rule->blended ? sl_faces_blend : sl_faces_suppress)(list.faces, list.count, d->rule->overlap,
                                                                     d->base.options.max_faces);
    for (size_t i = 0; i < *count; i++)
        weigh(&list.faces[i]);
    return SL_OK;
}
