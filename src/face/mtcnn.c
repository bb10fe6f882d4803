/* MTCNN's cascade: the pyramid of the picture, batches of windows, and the plans of the three networks. */
#include "face/mtcnn.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "face/align.h"
#include "image/image.h"
#include "net/plan/plan_cache.h"

enum { PNET, RNET, ONET, NETWORKS };

enum {
    LEVEL_PLANS = 32,    /* sizes of P-net's input that stay compiled */
    MAX_WINDOWS = 20000, /* that go on from P-net: the best ones */
    LEAST_FACE = 20,     /* pixels of the picture: the smallest face looked for */
    PNET_LEAST = 12,     /* pixels: a smaller level shows it nothing */
    ONET_LOOKS = 2 /* the paper has one; where a window lay badly, the points are better seen in the corrected one */
};
static const float pnet_threshold = .6f, rnet_threshold = .7f;
static const float pyramid_factor = .709f; /* about 1 / sqrt(2): half the area from level to level */
static const float level_overlap = .5f, window_overlap = .7f;

/* A network that looks at single windows, `batch` at a time. */
typedef struct {
    int side, batch;
    sl_plan *plan; /* compiled when it is first needed */
} window_net;

typedef struct {
    sl_detector base;
    sl_detector_network networks[NETWORKS];
    sl_plan_cache levels; /* of P-net, by input size */
    window_net rnet, onet;
} mtcnn;

/* What a network gave, told apart by the number of channels. */
typedef struct {
    const float *prob, *shift, *points;
    sl_shape shape; /* of prob */
} outputs;

/* ---- networks ---- */

static const char *const names[NETWORKS] = {"P-net", "R-net", "O-net"};

static int count_outputs(int stage) { return stage == ONET ? 3 : 2; }

static sl_status check_network(const sl_graph *g, int stage, sl_error *err)
{
    if (g->n_inputs == 1 && g->n_outputs == count_outputs(stage))
        return SL_OK;
    return sl_fail(err, SL_ERR_UNSUPPORTED, "mtcnn: the %s has %d inputs and %d outputs, 1 and %d are needed",
                   names[stage], g->n_inputs, g->n_outputs, count_outputs(stage));
}

static sl_status compile(const mtcnn *m, int stage, int batch, int width, int height, sl_plan **out, sl_error *err)
{
    const sl_detector_network *s = &m->networks[stage];
    sl_shape shape = {.rank = 4, .dim = {batch, 3, s->transposed ? width : height, s->transposed ? height : width}};
    sl_graph *specialised = NULL;
    sl_status status = sl_graph_specialize(s->graph, &shape, NULL, 0, &specialised, err);
    if (status == SL_OK)
        status = sl_plan_compile(specialised, m->base.options.threads, out, err);
    sl_graph_free(specialised);
    return status == SL_OK ? SL_OK : sl_fail_in(err, status, "mtcnn: %s", names[stage]);
}

static sl_status outputs_of(const sl_plan *plan, int stage, outputs *out, sl_error *err)
{
    *out = (outputs){0};
    for (int i = 0; i < count_outputs(stage); i++) {
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
    if (!out->prob || !out->shift || (stage == ONET && !out->points) || out->shape.rank != (stage ? 2 : 4))
        return sl_fail(err, SL_ERR_UNSUPPORTED,
                       "mtcnn: network %d of the cascade does not give scores [2], boxes [4]%s", stage + 1,
                       stage == ONET ? " and points [10]" : "");
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

static sl_status compile_level(void *context, const sl_plan_key *size, sl_plan **out, sl_error *err)
{
    return compile(context, PNET, 1, size->width, size->height, out, err);
}

static sl_status look_at_level(mtcnn *m, const sl_image *image, double scale, sl_window_list *windows,
                               sl_error *err)
{
    sl_image level;
    sl_plan *plan;
    outputs o;
    int width = (int)ceil(image->width * scale), height = (int)ceil(image->height * scale);
    const sl_plan_key size = {.width = padded(width), .height = padded(height)};
    SL_TRY(sl_plan_cache_get(&m->levels, &size, compile_level, m, &plan, err));
    SL_TRY(sl_image_shrink(image, width, height, &level, err));
    bool transposed = m->networks[PNET].transposed;
    fill_input(&level, false, transposed, size.width, size.height, sl_plan_input(plan, 0, NULL));
    sl_image_free(&level);
    SL_TRY(sl_plan_run(plan, err));
    SL_TRY(outputs_of(plan, PNET, &o, err));
    sl_pnet_level found = {.prob = o.prob, .shift = o.shift, .transposed = transposed, .scale = scale, .width = width,
                           .height = height, .rows = (int)o.shape.dim[transposed ? 3 : 2],
                           .cols = (int)o.shape.dim[transposed ? 2 : 3]};
    sl_window_list own = {0};
    bool fits = sl_windows_of_level(&found, pnet_threshold, &own);
    sl_windows_suppress(&own, level_overlap, false);
    for (size_t i = 0; fits && i < own.count; i++)
        fits = sl_windows_add(windows, &own.items[i]);
    free(own.items);
    return fits ? SL_OK : sl_fail(err, SL_ERR_MEMORY, "no memory for %zu windows", windows->count);
}

static sl_status propose(mtcnn *m, const sl_image *image, sl_window_list *windows, sl_error *err)
{
    int least = image->width < image->height ? image->width : image->height;
    double scale = (double)PNET_LEAST / LEAST_FACE;
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
static sl_status run_windows(mtcnn *m, int stage, window_net *net, const sl_image *image,
                             const sl_window *windows, size_t n, bool mirrored, outputs *o, sl_error *err)
{
    size_t picture = 3 * (size_t)net->side * (size_t)net->side;
    if (!net->plan)
        SL_TRY(compile(m, stage, net->batch, net->side, net->side, &net->plan, err));
    float *input = sl_plan_input(net->plan, 0, NULL);
    for (size_t i = 0; i < n; i++)
        SL_TRY(fill_window(image, &windows[i], net->side, mirrored, m->networks[stage].transposed,
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
static sl_status look_closer(mtcnn *m, int stage, window_net *net, const sl_image *image, float threshold,
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
static sl_status look_mirrored(mtcnn *m, const sl_image *image, sl_window_list *windows, sl_error *err)
{
    window_net *net = &m->onet;
    for (size_t from = 0; from < windows->count; from += (size_t)net->batch) {
        size_t n = windows->count - from < (size_t)net->batch ? windows->count - from : (size_t)net->batch;
        outputs o;
        SL_TRY(run_windows(m, ONET, net, image, windows->items + from, n, true, &o, err));
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

static sl_status cascade(mtcnn *m, const sl_image *image, float threshold, sl_window_list *windows, sl_error *err)
{
    SL_TRY(propose(m, image, windows, err));
    SL_TRY(look_closer(m, RNET, &m->rnet, image, rnet_threshold, windows, err));
    sl_windows_suppress(windows, window_overlap, false);
    sl_windows_shift(windows);
    for (int look = 0; look < ONET_LOOKS; look++) {
        sl_windows_square(windows);
        SL_TRY(look_closer(m, ONET, &m->onet, image, threshold, windows, err));
        if (look == ONET_LOOKS - 1)
            SL_TRY(look_mirrored(m, image, windows, err));
        sl_windows_shift(windows);
        sl_windows_suppress(windows, window_overlap, true);
    }
    return SL_OK;
}

/* ---- faces ---- */

/* The photo scaled down to the options' long side; a view of it when it is small enough (*own false). */
static sl_status scaled_photo(const mtcnn *m, const sl_image *photo, sl_image *out, bool *own, sl_error *err)
{
    int side = photo->width > photo->height ? photo->width : photo->height;
    double scale = (double)m->base.options.max_side / side;
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

static sl_status find(sl_detector *d, const sl_image *image, float threshold, sl_face **faces, size_t *count,
                      sl_error *err)
{
    mtcnn *m = (mtcnn *)d;
    sl_image scaled;
    bool own;
    SL_TRY(scaled_photo(m, image, &scaled, &own, err));
    sl_window_list windows = {0};
    sl_status status = cascade(m, &scaled, threshold, &windows, err);
    size_t n = windows.count < d->options.max_faces ? windows.count : d->options.max_faces;
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

/* ---- the kind ---- */

/* O-net: windows of 48 x 48 in, scores [2], shifts [4] and points [10] out. */
static bool network_fits(const sl_graph *g)
{
    const sl_shape shape = {.rank = 4, .dim = {1, 3, 48, 48}};
    sl_graph *sized;
    if (g->n_inputs != 1 || g->n_outputs != count_outputs(ONET) ||
        sl_graph_infer(g, &shape, NULL, 0, &sized, NULL) != SL_OK)
        return false;
    int64_t product = 1;
    for (int i = 0; i < g->n_outputs; i++) {
        const sl_shape *s = &sized->tensors[sized->outputs[i]].shape;
        product *= s->rank == 2 ? s->dim[1] : 0;
    }
    sl_graph_free(sized);
    return product == 2 * 4 * 10;
}

static void close_networks(sl_detector *d)
{
    mtcnn *m = (mtcnn *)d;
    sl_plan_cache_clear(&m->levels);
    sl_plan_free(m->rnet.plan);
    sl_plan_free(m->onet.plan);
}

static sl_status open_networks(sl_detector *d, const sl_detector_network *networks, sl_error *err)
{
    mtcnn *m = (mtcnn *)d;
    for (int i = 0; i < NETWORKS; i++)
        SL_TRY(check_network(networks[i].graph, i, err));
    memcpy(m->networks, networks, sizeof m->networks);
    m->levels.capacity = LEVEL_PLANS;
    m->rnet = (window_net){.side = 24, .batch = 32};
    m->onet = (window_net){.side = 48, .batch = 8};
    return SL_OK;
}

const sl_detector_kind sl_detector_mtcnn = {
    .name = "mtcnn",
    .networks = NETWORKS,
    .threshold = .7f, /* the paper's for O-net */
    .least_face = 20,
    .size = sizeof(mtcnn),
    .fits = network_fits,
    .open = open_networks,
    .close = close_networks,
    .find = find,
};
