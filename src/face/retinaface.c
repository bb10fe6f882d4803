/* The detector around the network: sizes, plans, pixels in, faces out. */
#include "face/detector.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "image/image.h"
#include "net/plan/plan.h"

enum { OUTPUTS_A_HEAD = 3, OUTPUTS = OUTPUTS_A_HEAD * SL_RETINAFACE_HEADS, PLANS = 7, MAX_SIDE = 8192 };
static const int strides[SL_RETINAFACE_HEADS] = {32, 16, 8};

/* A plan for one input size that gives the first heads (from stride 32 on). */
typedef struct {
    int width, height, heads;
    sl_plan *plan;
    uint64_t used; /* when it ran last, for eviction */
} sized_plan;

struct sl_detector {
    const sl_graph *graph;
    sl_detector_options options;
    int threads;
    sized_plan plans[PLANS];
    uint64_t clock;
};

sl_detector_options sl_detector_defaults(void)
{
    return (sl_detector_options){.max_side = 1280, .nms_iou = .4f, .max_faces = 1000};
}

sl_status sl_detector_open(const sl_graph *graph, const sl_detector_options *options, int threads,
                           sl_detector **out, sl_error *err)
{
    *out = NULL;
    sl_detector_options o = options ? *options : sl_detector_defaults();
    if (o.max_side < 32 || o.max_side > MAX_SIDE || !(o.nms_iou > 0 && o.nms_iou <= 1) || !o.max_faces)
        return sl_fail(err, SL_ERR_ARGUMENT,
                       "detector: max_side must be 32 to %d, nms_iou in (0, 1], max_faces above 0", MAX_SIDE);
    if (graph->n_inputs != 1 || graph->n_outputs != OUTPUTS)
        return sl_fail(err, SL_ERR_UNSUPPORTED,
                       "detector: the network has %d inputs and %d outputs, RetinaFace mnet.25 has 1 and %d",
                       graph->n_inputs, graph->n_outputs, OUTPUTS);
    sl_detector *d = calloc(1, sizeof *d);
    if (!d)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for a detector");
    d->graph = graph;
    d->options = o;
    d->threads = threads;
    *out = d;
    return SL_OK;
}

void sl_detector_close(sl_detector *detector)
{
    if (!detector)
        return;
    for (int i = 0; i < PLANS; i++)
        sl_plan_free(detector->plans[i].plan);
    free(detector);
}

/* ---- plans ---- */

/* Outputs are told apart by their shapes, whatever their order and names. */
static bool is_of_stride(const sl_shape *output, int stride, int width, int height)
{
    return output->rank == 4 && output->dim[0] == 1 && output->dim[2] == height / stride &&
           output->dim[3] == width / stride;
}

/* The names of the first heads' outputs; returns how many there are. */
static int names_of_heads(const sl_graph *sized, int width, int height, int heads, const char *names[OUTPUTS])
{
    int count = 0;
    for (int i = 0; i < OUTPUTS; i++) {
        const sl_tensor_info *output = &sized->tensors[sized->outputs[i]];
        for (int s = 0; s < heads; s++)
            if (is_of_stride(&output->shape, strides[s], width, height))
                names[count++] = output->name;
    }
    return count;
}

/* Only what leads to those heads is computed. */
static sl_status compile(const sl_detector *d, int width, int height, int heads, sl_plan **out, sl_error *err)
{
    const char *names[OUTPUTS];
    for (int i = 0; i < OUTPUTS; i++)
        names[i] = d->graph->tensors[d->graph->outputs[i]].name;
    const sl_shape shape = {.rank = 4, .dim = {1, 3, height, width}};
    sl_graph *sized, *specialised;
    SL_TRY(sl_graph_infer(d->graph, &shape, names, OUTPUTS, &sized, err));
    int count = names_of_heads(sized, width, height, heads, names);
    sl_status status =
        count == OUTPUTS_A_HEAD * heads
            ? sl_graph_specialize(d->graph, &shape, names, count, &specialised, err)
            : sl_fail(err, SL_ERR_UNSUPPORTED, "detector: %d outputs at strides 32 to %d, RetinaFace mnet.25 has %d",
                      count, strides[heads - 1], OUTPUTS_A_HEAD * heads);
    sl_graph_free(sized);
    SL_TRY(status);
    status = sl_plan_compile(specialised, d->threads, out, err);
    sl_graph_free(specialised);
    return status;
}

/* The plan for this size and these heads: a kept one, or a new one in the place of the one not used for longest. */
static sl_status plan_for(sl_detector *d, int width, int height, int heads, sl_plan **out, sl_error *err)
{
    sized_plan *oldest = d->plans;
    d->clock++;
    for (sized_plan *p = d->plans; p < d->plans + PLANS; p++) {
        if (p->plan && p->width == width && p->height == height && p->heads == heads) {
            p->used = d->clock;
            *out = p->plan;
            return SL_OK;
        }
        if (p->used < oldest->used)
            oldest = p;
    }
    sl_plan_free(oldest->plan);
    *oldest = (sized_plan){0};
    SL_TRY(compile(d, width, height, heads, out, err));
    *oldest = (sized_plan){.width = width, .height = height, .heads = heads, .plan = *out, .used = d->clock};
    return SL_OK;
}

/* Which of the plan's outputs is what. */
static sl_status heads_of(const sl_plan *plan, int width, int height, int n_heads,
                          sl_retinaface_head *heads, sl_error *err)
{
    for (int s = 0; s < n_heads; s++)
        heads[s] =
            (sl_retinaface_head){.stride = strides[s], .rows = height / strides[s], .cols = width / strides[s]};
    for (int j = 0; j < OUTPUTS_A_HEAD * n_heads; j++) {
        sl_shape shape;
        const float *data = sl_plan_output(plan, j, &shape);
        for (int s = 0; s < n_heads; s++) {
            sl_retinaface_head *h = &heads[s];
            if (!is_of_stride(&shape, h->stride, width, height))
                continue;
            if (shape.dim[1] == 4)
                h->score = data;
            else if (shape.dim[1] == 8)
                h->box = data;
            else if (shape.dim[1] == 20)
                h->points = data;
        }
    }
    for (int s = 0; s < n_heads; s++)
        if (!heads[s].score || !heads[s].box || !heads[s].points)
            return sl_fail(err, SL_ERR_UNSUPPORTED,
                           "detector: the network gives no scores [4], boxes [8] and points [20] at stride %d: "
                           "it is not RetinaFace mnet.25",
                           strides[s]);
    return SL_OK;
}

/* ---- sizes ---- */

/* Padded sizes come in steps that grow with the size, so that few plans serve many pictures. */
static int padded(int side)
{
    int step = side <= 320 ? 32 : side <= 640 ? 64 : 128;
    return (side + step - 1) / step * step;
}

/* How the picture is looked at. */
typedef struct {
    int width, height; /* of the scaled picture */
    int input_width, input_height;
} view;

static view view_of(const sl_image *image, int max_side)
{
    int side = image->width > image->height ? image->width : image->height;
    double scale = side > max_side ? (double)max_side / side : 1;
    view v = {.width = (int)lround(image->width * scale), .height = (int)lround(image->height * scale)};
    v.width = v.width < 1 ? 1 : v.width;
    v.height = v.height < 1 ? 1 : v.height;
    v.input_width = padded(v.width);
    v.input_height = padded(v.height);
    return v;
}

/* Pixels that are `step` bytes apart to a row of each plane; green and blue are so many bytes after red. */
static void fill_row(const uint8_t *from, ptrdiff_t step, int green, int blue, int width, size_t plane, float *r)
{
    float *g = r + plane, *b = g + plane;
    for (int x = 0; x < width; x++, from += step) {
        r[x] = from[0];
        g[x] = from[green];
        b[x] = from[blue];
    }
}

/* RGB planes of 0 .. 255 of the picture or of its mirror image, black where it ends: [3, input_height,
 * input_width]. */
static void fill_input(const sl_image *image, const view *v, bool mirrored, float *input)
{
    const size_t plane = (size_t)v->input_width * (size_t)v->input_height;
    const int channels = image->channels, last = (v->width - 1) * channels;
    memset(input, 0, 3 * plane * sizeof *input);
    for (int y = 0; y < v->height; y++) {
        const uint8_t *row = image->pixels + (size_t)y * (size_t)v->width * (size_t)channels;
        fill_row(mirrored ? row + last : row, mirrored ? -channels : channels, channels == 3 ? 1 : 0,
                 channels == 3 ? 2 : 0, v->width, plane, input + (size_t)y * (size_t)v->input_width);
    }
}

static sl_status run_network(sl_detector *d, const sl_image *scaled, const view *v, bool mirrored, int n_heads,
                             sl_retinaface_head *heads, sl_error *err)
{
    sl_plan *plan;
    SL_TRY(plan_for(d, v->input_width, v->input_height, n_heads, &plan, err));
    sl_shape shape;
    fill_input(scaled, v, mirrored, sl_plan_input(plan, 0, &shape));
    SL_TRY(sl_plan_run(plan, err));
    return heads_of(plan, v->input_width, v->input_height, n_heads, heads, err);
}

sl_status sl_detector_look(sl_detector *d, const sl_image *picture, bool mirrored, int n_heads,
                           sl_retinaface_head *heads, sl_error *err)
{
    const view v = {picture->width, picture->height, picture->width, picture->height};
    return run_network(d, picture, &v, mirrored, n_heads, heads, err);
}

/* Pixels of the scaled picture to pixels of the photo; centres are at integers. */
static void to_photo(sl_face *f, double sx, double sy)
{
    float ax = (float)sx, bx = (float)(.5 * sx - .5), ay = (float)sy, by = (float)(.5 * sy - .5);
    f->box = (sl_box){ax * f->box.x0 + bx, ay * f->box.y0 + by, ax * f->box.x1 + bx, ay * f->box.y1 + by};
    for (int i = 0; i < 5; i++)
        f->points[i] = (sl_point){ax * f->points[i].x + bx, ay * f->points[i].y + by};
}

/* The faces of one view in the photo's pixels, best first, not yet thinned. */
static sl_status faces_of_view(sl_detector *d, const sl_image *image, const view *v, float threshold,
                               sl_face **faces, size_t *count, sl_error *err)
{
    sl_retinaface_head heads[SL_RETINAFACE_HEADS];
    *faces = NULL;
    *count = 0;
    if (v->width == image->width && v->height == image->height) {
        SL_TRY(run_network(d, image, v, false, SL_RETINAFACE_HEADS, heads, err));
    } else {
        sl_image scaled;
        SL_TRY(sl_image_shrink(image, v->width, v->height, &scaled, err));
        sl_status status = run_network(d, &scaled, v, false, SL_RETINAFACE_HEADS, heads, err);
        sl_image_free(&scaled);
        SL_TRY(status);
    }
    SL_TRY(sl_retinaface_decode(heads, SL_RETINAFACE_HEADS, threshold, faces, count, err));
    for (size_t i = 0; i < *count; i++)
        to_photo(&(*faces)[i], (double)image->width / v->width, (double)image->height / v->height);
    return SL_OK;
}

/* A face that fills the picture is larger than any anchor: a second, coarse look finds it. Only faces of more than
 * this part of the long side are taken from there, the others are better seen in the first one. */
enum { COARSE_FROM = 400, COARSE_SIDE = 320 };
static const float coarse_part = .375f;

/* Those of the coarse look that are large enough, thinned. */
static sl_status large_faces(sl_detector *d, const sl_image *image, float threshold, sl_face **faces,
                             size_t *count, sl_error *err)
{
    view v = view_of(image, COARSE_SIDE);
    size_t n, kept = 0;
    SL_TRY(faces_of_view(d, image, &v, threshold, faces, &n, err));
    float least = coarse_part * (float)(image->width > image->height ? image->width : image->height);
    for (size_t i = 0; i < n; i++)
        if ((*faces)[i].box.y1 - (*faces)[i].box.y0 > least)
            (*faces)[kept++] = (*faces)[i];
    *count = sl_face_suppress(*faces, kept, d->options.nms_iou, d->options.max_faces);
    return SL_OK;
}

/* True for a box that lies inside a much larger one: what a close look takes for a face within a face. */
static bool is_part_of(const sl_box *part, const sl_box *whole)
{
    float w = fminf(part->x1, whole->x1) - fmaxf(part->x0, whole->x0);
    float h = fminf(part->y1, whole->y1) - fmaxf(part->y0, whole->y0);
    float area = (part->x1 - part->x0) * (part->y1 - part->y0);
    return w > 0 && h > 0 && w * h > .8f * area && area < .4f * (whole->x1 - whole->x0) * (whole->y1 - whole->y0);
}

/* Adds the large faces and drops what is only a part of one; sorted, not thinned. */
static sl_status join_faces(sl_face **faces, size_t *count, const sl_face *large, size_t n_large, sl_error *err)
{
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++) {
        size_t j = 0;
        while (j < n_large && !is_part_of(&(*faces)[i].box, &large[j].box))
            j++;
        if (j == n_large)
            (*faces)[kept++] = (*faces)[i];
    }
    *count = kept;
    if (!n_large)
        return SL_OK;
    sl_face *joined = sl_realloc_array(*faces, kept + n_large, sizeof *joined);
    if (!joined)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for %zu faces", kept + n_large);
    memcpy(joined + kept, large, n_large * sizeof *joined);
    *faces = joined;
    *count += n_large;
    sl_faces_sort(joined, *count);
    return SL_OK;
}

/* All faces of both looks at the whole picture, thinned. */
static sl_status find_faces(sl_detector *d, const sl_image *image, float threshold, sl_face **faces, size_t *count,
                            sl_error *err)
{
    view v = view_of(image, d->options.max_side);
    SL_TRY(faces_of_view(d, image, &v, threshold, faces, count, err));
    if (v.width > COARSE_FROM || v.height > COARSE_FROM) {
        sl_face *large;
        size_t n_large;
        sl_status status = large_faces(d, image, threshold, &large, &n_large, err);
        if (status == SL_OK)
            status = join_faces(faces, count, large, n_large, err);
        free(large);
        SL_TRY(status);
    }
    *count = sl_face_suppress(*faces, *count, d->options.nms_iou, d->options.max_faces);
    return SL_OK;
}

sl_status sl_detector_run(sl_detector *d, const sl_image *image, float threshold, sl_face **faces, size_t *count,
                          sl_error *err)
{
    *faces = NULL;
    *count = 0;
    SL_TRY(sl_image_check(image, err));
    if (!(threshold > 0 && threshold <= 1))
        return sl_fail(err, SL_ERR_ARGUMENT, "detector: threshold %g is not in (0, 1]", (double)threshold);
    sl_status status = find_faces(d, image, threshold, faces, count, err);
    if (status != SL_OK) {
        free(*faces);
        *faces = NULL;
        *count = 0;
    }
    return status;
}
