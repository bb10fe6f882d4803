/* MTCNN's cascade: pyramid, batches of windows, plans. */
#include "face/mtcnn.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "face/align.h"
#include "image/image.h"
#include "net/plan/plan.h"

enum {
    LEVEL_PLANS = 32,    /* sizes of P-net's input that stay compiled */
    MAX_WINDOWS = 20000, /* that go on from P-net: the best ones */
    MAX_SIDE = 8192,
    PNET_LEAST = 12, /* pixels: a smaller level shows it nothing */
    ONET_LOOKS = 2   /* the paper has one; where a window lay badly, the points are better seen in the corrected one */
};
static const float pyramid_factor = .709f; /* about 1 / sqrt(2): half the area from level to level */
static const float level_overlap = .5f, window_overlap = .7f;

/* A compiled network for one input size. */
typedef struct {
    int width, height;
    sl_plan *plan;
    uint64_t used; /* when it ran last, for eviction */
} sized_plan;

/* A network that looks at single windows, `batch` at a time. */
typedef struct {
    int side, batch;
    sl_plan *plan;
} window_net;

struct sl_mtcnn {
    sl_mtcnn_stage stages[SL_MTCNN_STAGES];
    sl_mtcnn_options options;
    int threads;
    sized_plan levels[LEVEL_PLANS];
    uint64_t clock;
    window_net rnet, onet;
};

/* What a network gave, told apart by the number of channels. */
typedef struct {
    const float *prob, *shift, *points;
    sl_shape shape; /* of prob */
} outputs;

sl_mtcnn_options sl_mtcnn_defaults(void)
{
    return (sl_mtcnn_options){.max_side = 1280, .min_face = 20, .thresholds = {.6f, .7f}, .max_faces = 1000};
}

sl_status sl_mtcnn_open(const sl_mtcnn_stage stages[SL_MTCNN_STAGES], const sl_mtcnn_options *options, int threads,
                        sl_mtcnn **out, sl_error *err)
{
    *out = NULL;
    sl_mtcnn_options o = options ? *options : sl_mtcnn_defaults();
    if (o.max_side < 32 || o.max_side > MAX_SIDE || o.min_face < PNET_LEAST || !o.max_faces)
        return sl_fail(err, SL_ERR_ARGUMENT,
                       "mtcnn: max_side must be 32 to %d, min_face %d or more, max_faces above 0", MAX_SIDE,
                       PNET_LEAST);
    sl_mtcnn *m = calloc(1, sizeof *m);
    if (!m)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for a detector");
    memcpy(m->stages, stages, sizeof m->stages);
    m->options = o;
    m->threads = threads;
    m->rnet = (window_net){.side = 24, .batch = 32};
    m->onet = (window_net){.side = 48, .batch = 8};
    *out = m;
    return SL_OK;
}

void sl_mtcnn_close(sl_mtcnn *m)
{
    if (!m)
        return;
    for (int i = 0; i < LEVEL_PLANS; i++)
        sl_plan_free(m->levels[i].plan);
    sl_plan_free(m->rnet.plan);
    sl_plan_free(m->onet.plan);
    free(m);
}

/* ---- networks ---- */

static sl_status compile(const sl_mtcnn *m, int stage, int batch, int width, int height, sl_plan **out, sl_error *err)
{
    const sl_mtcnn_stage *s = &m->stages[stage];
    static const char *const names[] = {"P-net", "R-net", "O-net"};
    if (s->graph->n_inputs != 1 || s->graph->n_outputs != (stage == 2 ? 3 : 2))
        return sl_fail(err, SL_ERR_UNSUPPORTED, "mtcnn: the %s has %d inputs and %d outputs, 1 and %d are needed",
                       names[stage], s->graph->n_inputs, s->graph->n_outputs, stage == 2 ? 3 : 2);
    sl_shape shape = {.rank = 4, .dim = {batch, 3, s->transposed ? width : height, s->transposed ? height : width}};
    sl_graph *specialised;
    SL_TRY(sl_graph_specialize(s->graph, &shape, NULL, 0, &specialised, err));
    sl_status status = sl_plan_compile(specialised, m->threads, out, err);
    sl_graph_free(specialised);
    return status == SL_OK ? SL_OK : sl_fail_in(err, status, "mtcnn: %s", names[stage]);
}

static sl_status outputs_of(const sl_plan *plan, int stage, outputs *out, sl_error *err)
{
    *out = (outputs){0};
    for (int i = 0; i < (stage == 2 ? 3 : 2); i++) {
        sl_shape shape;
        const float *data = sl_plan_output(plan, i, &shape);
        int64_t channels = shape.rank >= 2 ? shape.dim[1] : 0;
        if (channels == 2) {
            out->prob = data;
            out->shape = shape;
        } else if (channels == 4) {
            out->shift = data;
        } else if (channels == 10) {
            out->points = data;
        }
    }
    if (!out->prob || !out->shift || (stage == 2 && !out->points) || out->shape.rank != (stage ? 2 : 4))
        return sl_fail(err, SL_ERR_UNSUPPORTED,
                       "mtcnn: network %d of the cascade does not give scores [2], boxes [4]%s", stage + 1,
                       stage == 2 ? " and points [10]" : "");
    return SL_OK;
}

/* (RGB - 127.5) / 128 of a picture, or of its mirror image, at the top left of one network input [3, height,
 * width], which is black beyond. */
static void fill_input(const sl_image *image, bool mirrored, bool transposed, int width, int height, float *input)
{
    size_t plane = (size_t)width * (size_t)height;
    size_t step_x = transposed ? (size_t)height : 1, step_y = transposed ? 1 : (size_t)width;
    for (size_t i = 0; i < 3 * plane; i++)
        input[i] = -127.5f / 128;
    for (int c = 0; c < 3; c++)
        for (int y = 0; y < image->height; y++) {
            const uint8_t *from = image->pixels + (size_t)y * (size_t)image->width * (size_t)image->channels;
            float *to = input + (size_t)c * plane + (size_t)y * step_y;
            int channel = image->channels == 3 ? c : 0;
            for (int x = 0; x < image->width; x++) {
                int from_x = mirrored ? image->width - 1 - x : x;
                to[(size_t)x * step_x] = ((float)from[from_x * image->channels + channel] - 127.5f) / 128;
            }
        }
}

/* ---- P-net over the pyramid ---- */

/* Padded sizes come in steps that grow with the size, so that few plans serve many pictures. */
static int padded(int side)
{
    int step = side <= 128 ? 16 : side <= 512 ? 32 : 64;
    return (side + step - 1) / step * step;
}

/* The plan for this size: a kept one, or a new one in the place of the one not used for longest. */
static sl_status level_plan(sl_mtcnn *m, int width, int height, sl_plan **out, sl_error *err)
{
    sized_plan *oldest = m->levels;
    m->clock++;
    for (sized_plan *p = m->levels; p < m->levels + LEVEL_PLANS; p++) {
        if (p->plan && p->width == width && p->height == height) {
            p->used = m->clock;
            *out = p->plan;
            return SL_OK;
        }
        if (p->used < oldest->used)
            oldest = p;
    }
    sl_plan_free(oldest->plan);
    *oldest = (sized_plan){0};
    SL_TRY(compile(m, 0, 1, width, height, out, err));
    *oldest = (sized_plan){.width = width, .height = height, .plan = *out, .used = m->clock};
    return SL_OK;
}

static sl_status look_at_level(sl_mtcnn *m, const sl_image *image, double scale, sl_window_list *windows,
                               sl_error *err)
{
    sl_image level;
    sl_plan *plan;
    outputs o;
    int width = (int)ceil(image->width * scale), height = (int)ceil(image->height * scale);
    SL_TRY(level_plan(m, padded(width), padded(height), &plan, err));
    SL_TRY(sl_image_shrink(image, width, height, &level, err));
    bool transposed = m->stages[0].transposed;
    fill_input(&level, false, transposed, padded(width), padded(height), sl_plan_input(plan, 0, NULL));
    sl_image_free(&level);
    SL_TRY(sl_plan_run(plan, err));
    SL_TRY(outputs_of(plan, 0, &o, err));
    sl_pnet_level found = {.prob = o.prob, .shift = o.shift, .transposed = transposed, .scale = scale, .width = width,
                           .height = height, .rows = (int)o.shape.dim[transposed ? 3 : 2],
                           .cols = (int)o.shape.dim[transposed ? 2 : 3]};
    sl_window_list own = {0};
    bool fits = sl_windows_of_level(&found, m->options.thresholds[0], &own);
    sl_windows_suppress(&own, level_overlap, false);
    for (size_t i = 0; fits && i < own.count; i++)
        fits = sl_windows_add(windows, &own.items[i]);
    free(own.items);
    return fits ? SL_OK : sl_fail(err, SL_ERR_MEMORY, "no memory for %zu windows", windows->count);
}

static sl_status propose(sl_mtcnn *m, const sl_image *image, sl_window_list *windows, sl_error *err)
{
    int least = image->width < image->height ? image->width : image->height;
    double scale = (double)PNET_LEAST / m->options.min_face;
    for (; least * scale >= PNET_LEAST; scale *= (double)pyramid_factor)
        SL_TRY(look_at_level(m, image, scale, windows, err));
    sl_windows_suppress(windows, window_overlap, false);
    if (windows->count > MAX_WINDOWS)
        windows->count = MAX_WINDOWS;
    sl_windows_shift(windows);
    sl_windows_square(windows);
    return SL_OK;
}

/* ---- R-net and O-net on windows ---- */

/* The window's part of the picture, black where it reaches out of it, as one network input. */
static sl_status fill_window(const sl_image *image, const sl_window *w, int net_side, bool mirrored,
                             bool transposed, float *input, sl_error *err)
{
    sl_image part, scaled;
    int side = (int)(w->box.x1 - w->box.x0);
    SL_TRY(sl_image_crop(image, (int)w->box.x0, (int)w->box.y0, side, side, &part, err));
    sl_status status = sl_image_shrink(&part, net_side, net_side, &scaled, err);
    sl_image_free(&part);
    SL_TRY(status);
    fill_input(&scaled, mirrored, transposed, net_side, net_side, input);
    sl_image_free(&scaled);
    return SL_OK;
}

/* Runs the network on n <= batch windows. */
static sl_status run_windows(sl_mtcnn *m, int stage, window_net *net, const sl_image *image,
                             const sl_window *windows, size_t n, bool mirrored, outputs *o, sl_error *err)
{
    size_t picture = 3 * (size_t)net->side * (size_t)net->side;
    if (!net->plan)
        SL_TRY(compile(m, stage, net->batch, net->side, net->side, &net->plan, err));
    float *input = sl_plan_input(net->plan, 0, NULL);
    for (size_t i = 0; i < n; i++)
        SL_TRY(fill_window(image, &windows[i], net->side, mirrored, m->stages[stage].transposed,
                           input + i * picture, err));
    memset(input + n * picture, 0, ((size_t)net->batch - n) * picture * sizeof *input);
    SL_TRY(sl_plan_run(net->plan, err));
    return outputs_of(net->plan, stage, o, err);
}

/* Scores, shifts and points of window i of the batch. */
static void take_outputs(const outputs *o, size_t i, sl_window *w)
{
    float x = w->box.x0, y = w->box.y0, side = w->box.x1 - w->box.x0;
    w->score = o->prob[2 * i + 1];
    memcpy(w->shift, o->shift + 4 * i, sizeof w->shift);
    for (size_t k = 0; o->points && k < 5; k++)
        w->points[k] = (sl_point){x + side * o->points[10 * i + k], y + side * o->points[10 * i + 5 + k]};
}

/* Keeps the windows whose score reaches the threshold. */
static sl_status look_closer(sl_mtcnn *m, int stage, window_net *net, const sl_image *image, float threshold,
                             sl_window_list *windows, sl_error *err)
{
    size_t kept = 0;
    for (size_t from = 0; from < windows->count; from += (size_t)net->batch) {
        size_t n = windows->count - from < (size_t)net->batch ? windows->count - from : (size_t)net->batch;
        outputs o;
        SL_TRY(run_windows(m, stage, net, image, windows->items + from, n, false, &o, err));
        for (size_t i = 0; i < n; i++) {
            sl_window w = windows->items[from + i];
            take_outputs(&o, i, &w);
            if (w.score >= threshold)
                windows->items[kept++] = w;
        }
    }
    windows->count = kept;
    return SL_OK;
}

/* O-net's last word on the points: the mean of what it said and of what it says of the mirrored square windows. */
static sl_status look_mirrored(sl_mtcnn *m, const sl_image *image, sl_window_list *windows, sl_error *err)
{
    window_net *net = &m->onet;
    for (size_t from = 0; from < windows->count; from += (size_t)net->batch) {
        size_t n = windows->count - from < (size_t)net->batch ? windows->count - from : (size_t)net->batch;
        outputs o;
        SL_TRY(run_windows(m, 2, net, image, windows->items + from, n, true, &o, err));
        for (size_t i = 0; i < n; i++) {
            sl_window *w = &windows->items[from + i], seen = *w;
            take_outputs(&o, i, &seen);
            w->upright = w->score * seen.score;
            for (int k = 0; k < 5; k++) {
                sl_point p = seen.points[sl_mirrored_point[k]];
                w->points[k].x = (w->points[k].x + w->box.x0 + w->box.x1 - p.x) / 2;
                w->points[k].y = (w->points[k].y + p.y) / 2;
            }
        }
    }
    return SL_OK;
}

static sl_status cascade(sl_mtcnn *m, const sl_image *image, float threshold, sl_window_list *windows, sl_error *err)
{
    SL_TRY(propose(m, image, windows, err));
    SL_TRY(look_closer(m, 1, &m->rnet, image, m->options.thresholds[1], windows, err));
    sl_windows_suppress(windows, window_overlap, false);
    sl_windows_shift(windows);
    for (int look = 0; look < ONET_LOOKS; look++) {
        sl_windows_square(windows);
        SL_TRY(look_closer(m, 2, &m->onet, image, threshold, windows, err));
        if (look == ONET_LOOKS - 1)
            SL_TRY(look_mirrored(m, image, windows, err));
        sl_windows_shift(windows);
        sl_windows_suppress(windows, window_overlap, true);
    }
    return SL_OK;
}

/* ---- faces ---- */

/* The photo scaled down to the options' long side; a view of it when it is small enough (*own false). */
static sl_status scaled_photo(const sl_mtcnn *m, const sl_image *photo, sl_image *out, bool *own, sl_error *err)
{
    int side = photo->width > photo->height ? photo->width : photo->height;
    double scale = (double)m->options.max_side / side;
    *own = scale < 1;
    *out = *photo;
    if (!*own)
        return SL_OK;
    int width = (int)lround(photo->width * scale), height = (int)lround(photo->height * scale);
    return sl_image_shrink(photo, width < 1 ? 1 : width, height < 1 ? 1 : height, out, err);
}

/* From edges of the scaled picture to pixel centres of the photo. */
static sl_face face_of(const sl_window *w, double sx, double sy)
{
    float ax = (float)sx, ay = (float)sy;
    sl_face f = {.score = fminf(w->score, 1), .upright = fminf(w->upright, 1),
                 .box = {ax * w->box.x0 - .5f, ay * w->box.y0 - .5f, ax * w->box.x1 - .5f, ay * w->box.y1 - .5f}};
    for (int i = 0; i < 5; i++)
        f.points[i] = (sl_point){ax * w->points[i].x - .5f, ay * w->points[i].y - .5f};
    return f;
}

sl_status sl_mtcnn_run(sl_mtcnn *m, const sl_image *image, float threshold, sl_face **faces, size_t *count,
                       sl_error *err)
{
    *faces = NULL;
    *count = 0;
    SL_TRY(sl_image_check(image, err));
    if (!(threshold > 0 && threshold <= 1))
        return sl_fail(err, SL_ERR_ARGUMENT, "detector: threshold %g is not in (0, 1]", (double)threshold);
    sl_image scaled;
    bool own;
    SL_TRY(scaled_photo(m, image, &scaled, &own, err));
    sl_window_list windows = {0};
    sl_status status = cascade(m, &scaled, threshold, &windows, err);
    size_t n = windows.count < m->options.max_faces ? windows.count : m->options.max_faces;
    if (status == SL_OK && n && !(*faces = sl_calloc_aligned(n, sizeof **faces)))
        status = sl_fail(err, SL_ERR_MEMORY, "no memory for %zu faces", n);
    double sx = (double)image->width / scaled.width, sy = (double)image->height / scaled.height;
    for (size_t i = 0; status == SL_OK && i < n; i++)
        (*faces)[i] = face_of(&windows.items[i], sx, sy);
    if (status == SL_OK)
        *count = n;
    free(windows.items);
    if (own)
        sl_image_free(&scaled);
    return status;
}
