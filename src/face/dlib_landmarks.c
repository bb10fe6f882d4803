/* dlib's shape predictor: reading its file, and running it.
 *
 * A shape (68 points) starts as the mean shape in the face's box. Each of some 15 cascades reads pixels around the
 * points as they are by then, lets some 500 trees compare pairs of them, and adds the small step of each tree's leaf.
 *
 * The file is a sequence of numbers:
 *
 *     integer   a control byte (low four bits: how many bytes follow, top bit: negative), its magnitude, little-endian
 *     float     two integers, mantissa and binary exponent
 *     vector    its length, its elements
 *     matrix    -rows, -columns, its elements
 *
 * in this order:
 *
 *     version      1
 *     mean shape   matrix [2 * points, 1]: x and y in turn, in units of the face's box
 *     forests      vector over cascades of vector of trees; a tree is its splits, a vector of (feature a, feature b,
 *                  threshold), and its leaf values, a vector of matrices [2 * points, 1]
 *     anchors      vector over cascades of vector of landmark numbers, one a feature
 *     deltas       vector over cascades of vector of (x, y), one a feature
 *
 * A feature is the grey value at an offset (delta) from a landmark (anchor) of the shape so far. */
#include "face/landmarks.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/mem.h"

enum {
    MAX_POINTS = 256,
    MAX_CASCADES = 256,
    MAX_TREES = 1 << 14,
    MAX_SPLITS = (1 << 10) - 1,
    MAX_FEATURES = 4096
};
#define MAX_FILE_BYTES ((size_t)1 << 30)

/* The shortest integer takes 2 bytes, the shortest float 4: a length in the file that needs more bytes than are
 * left is refused before anything is allocated for it. */
enum { MIN_INTEGER_BYTES = 2, MIN_FLOAT_BYTES = 4 };

typedef struct {
    uint16_t a, b;   /* features */
    float threshold; /* a - b above it goes to the left child */
} split;

typedef struct {
    uint16_t anchor;
    sl_point delta;
} feature;

struct sl_shape_predictor {
    int points, cascades, trees, splits, features; /* trees a cascade, splits a tree, features a cascade */
    float *mean;                                   /* [2 * points] */
    split *split_of;     /* [cascades, trees, splits], each tree a heap: children of i are 2i + 1 and 2i + 2 */
    float *leaf_of;      /* [cascades, trees, splits + 1, 2 * points] */
    feature *feature_of; /* [cascades, features] */
};

/* ---- numbers ---- */

static int64_t read_integer(sl_reader *r)
{
    uint8_t control = sl_read_u8(r);
    unsigned bytes = control & 15;
    if ((control & 0x70) || bytes < 1 || bytes > 8)
        r->failed = true;
    const uint8_t *p = sl_read_bytes(r, bytes);
    if (!p)
        return 0;
    uint64_t magnitude = 0;
    for (unsigned i = 0; i < bytes; i++)
        magnitude |= (uint64_t)p[i] << (8 * i);
    if (magnitude > INT64_MAX) {
        r->failed = true;
        return 0;
    }
    return control & 0x80 ? -(int64_t)magnitude : (int64_t)magnitude;
}

/* mantissa * 2^exponent; what is not finite or is beyond any face's coordinates fails. */
static float read_float(sl_reader *r)
{
    int64_t mantissa = read_integer(r), exponent = read_integer(r);
    if (exponent < -1000 || exponent > 100) {
        r->failed = true;
        return 0;
    }
    uint64_t bits = (uint64_t)(exponent + 1023) << 52; /* 2^exponent as a double */
    double power;
    memcpy(&power, &bits, sizeof power);
    double value = (double)mantissa * power;
    if (!(fabs(value) < 1e6))
        r->failed = true;
    return (float)value;
}

/* A file has 16 million floats: the usual ones (at most 3 bytes of mantissa, 1 of exponent, room for a wide load)
 * are read without a loop. */
static inline float read_float_fast(sl_reader *r)
{
    if (r->size - r->at >= 16 && !r->failed) {
        const uint8_t *p = r->data + r->at;
        unsigned n = p[0] & 15;
        if ((p[0] & 0x70) == 0 && n - 1 < 3 && p[n + 1] == 0x81 && p[n + 2] < 64) {
            uint32_t magnitude = sl_get_u32(p + 1) & (0xffffffu >> (24 - 8 * n));
            float power;
            uint32_t bits = (uint32_t)(127 - p[n + 2]) << 23; /* 2^-p[n + 2] */
            memcpy(&power, &bits, sizeof power);
            float value = (float)magnitude * power;
            r->at += n + 3;
            r->failed = !(value < 1e6f);
            return p[0] & 0x80 ? -value : value;
        }
    }
    return read_float(r);
}

/* A vector's length, at most `most`, whose elements take at least `element` bytes each. */
static size_t read_length(sl_reader *r, size_t most, size_t element)
{
    int64_t n = read_integer(r);
    if (n < 0 || (uint64_t)n > most || (uint64_t)n > (r->size - r->at) / element) {
        r->failed = true;
        return 0;
    }
    return (size_t)n;
}

/* Fails unless the next length is `n`. */
static void expect_length(sl_reader *r, size_t n)
{
    if (read_integer(r) != (int64_t)n)
        r->failed = true;
}

/* ---- the parts of the file ---- */

static sl_status bad(const sl_reader *r, sl_error *err, const char *what)
{
    return sl_fail(err, SL_ERR_FORMAT,
                   "landmark file: %s is not as dlib writes it, at byte %zu of %zu: get the file again", what,
                   r->at, r->size);
}

static void read_column(sl_reader *r, int rows, float *out)
{
    if (read_integer(r) != -rows || read_integer(r) != -1)
        r->failed = true;
    for (int i = 0; i < rows && !r->failed; i++)
        out[i] = read_float_fast(r);
}

static sl_status read_mean(sl_reader *r, sl_shape_predictor *p, sl_error *err)
{
    if (read_integer(r) != 1 || r->failed)
        return bad(r, err, "the version");
    sl_reader ahead = *r;
    int64_t rows = -read_integer(&ahead);
    if (ahead.failed || rows < 2 || rows > 2 * MAX_POINTS || rows % 2)
        return bad(&ahead, err, "the mean shape");
    p->points = (int)rows / 2;
    p->mean = sl_calloc_aligned((size_t)rows, sizeof *p->mean);
    if (!p->mean)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for %d landmarks", p->points);
    read_column(r, (int)rows, p->mean);
    return r->failed ? bad(r, err, "the mean shape") : SL_OK;
}

static void read_tree(sl_reader *r, const sl_shape_predictor *p, split *splits, float *leaves)
{
    expect_length(r, (size_t)p->splits);
    for (int i = 0; i < p->splits && !r->failed; i++) {
        int64_t a = read_integer(r), b = read_integer(r);
        if (a < 0 || a >= MAX_FEATURES || b < 0 || b >= MAX_FEATURES)
            r->failed = true;
        splits[i] = (split){(uint16_t)a, (uint16_t)b, read_float(r)};
    }
    expect_length(r, (size_t)p->splits + 1);
    for (int i = 0; i <= p->splits && !r->failed; i++)
        read_column(r, 2 * p->points, leaves + (size_t)i * 2 * (size_t)p->points);
}

/* The forests' sizes are those of the first cascade and its first tree; the others must have the same. */
static bool read_forest_sizes(sl_reader r, sl_shape_predictor *p)
{
    p->cascades = (int)read_length(&r, MAX_CASCADES, MIN_INTEGER_BYTES);
    p->trees = (int)read_length(&r, MAX_TREES, MIN_INTEGER_BYTES);
    p->splits = (int)read_length(&r, MAX_SPLITS, 2 * MIN_INTEGER_BYTES + MIN_FLOAT_BYTES);
    return !r.failed && p->cascades > 0 && p->trees > 0 && p->splits > 0 && ((p->splits + 1) & p->splits) == 0;
}

static sl_status read_forests(sl_reader *r, sl_shape_predictor *p, sl_error *err)
{
    if (!read_forest_sizes(*r, p))
        return bad(r, err, "the size of the forests");
    size_t trees = (size_t)p->cascades * (size_t)p->trees, leaf_floats, floats;
    leaf_floats = ((size_t)p->splits + 1) * 2 * (size_t)p->points;
    if (!sl_mul_size(trees, leaf_floats, &floats) || floats > (r->size - r->at) / MIN_FLOAT_BYTES)
        return bad(r, err, "the size of the forests");
    p->split_of = sl_calloc_aligned(trees * (size_t)p->splits, sizeof *p->split_of);
    p->leaf_of = sl_alloc_aligned(floats * sizeof *p->leaf_of);
    if (!p->split_of || !p->leaf_of)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for %zu regression trees", trees);

    expect_length(r, (size_t)p->cascades);
    for (size_t t = 0; t < trees && !r->failed; t++) {
        if (t % (size_t)p->trees == 0)
            expect_length(r, (size_t)p->trees);
        read_tree(r, p, p->split_of + t * (size_t)p->splits, p->leaf_of + t * leaf_floats);
    }
    return r->failed ? bad(r, err, "a regression tree") : SL_OK;
}

static sl_status read_features(sl_reader *r, sl_shape_predictor *p, sl_error *err)
{
    sl_reader ahead = *r;
    expect_length(&ahead, (size_t)p->cascades);
    p->features = (int)read_length(&ahead, MAX_FEATURES, MIN_INTEGER_BYTES);
    if (ahead.failed || p->features < 1)
        return bad(&ahead, err, "the number of features");
    size_t cascades = (size_t)p->cascades, features = (size_t)p->features;
    p->feature_of = sl_calloc_aligned(cascades * features, sizeof *p->feature_of);
    if (!p->feature_of)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for %zu features", cascades * features);

    expect_length(r, cascades);
    for (size_t i = 0; i < cascades * features && !r->failed; i++) {
        if (i % features == 0)
            expect_length(r, features);
        int64_t anchor = read_integer(r);
        if (anchor < 0 || anchor >= p->points)
            r->failed = true;
        p->feature_of[i].anchor = (uint16_t)anchor;
    }
    expect_length(r, cascades);
    for (size_t i = 0; i < cascades * features && !r->failed; i++) {
        if (i % features == 0)
            expect_length(r, features);
        p->feature_of[i].delta.x = read_float(r);
        p->feature_of[i].delta.y = read_float(r);
    }
    if (r->failed)
        return bad(r, err, "a feature");

    for (size_t i = 0; i < cascades * (size_t)p->trees * (size_t)p->splits; i++)
        if (p->split_of[i].a >= features || p->split_of[i].b >= features)
            return sl_fail(err, SL_ERR_FORMAT,
                           "landmark file: a tree asks for feature %d of %zu: get the file again",
                           p->split_of[i].a >= features ? p->split_of[i].a : p->split_of[i].b, features);
    return SL_OK;
}

sl_status sl_shape_predictor_read(const void *data, size_t size, sl_shape_predictor **out, sl_error *err)
{
    *out = NULL;
    sl_shape_predictor *p = calloc(1, sizeof *p);
    if (!p)
        return sl_fail(err, SL_ERR_MEMORY, "no memory for a landmark model");
    sl_reader r = sl_reader_of(data, size);
    sl_status status = read_mean(&r, p, err);
    if (status == SL_OK)
        status = read_forests(&r, p, err);
    if (status == SL_OK)
        status = read_features(&r, p, err);
    if (status != SL_OK) {
        sl_shape_predictor_free(p);
        return status;
    }
    *out = p;
    return SL_OK;
}

sl_status sl_shape_predictor_open(const char *path, sl_shape_predictor **out, sl_error *err)
{
    *out = NULL;
    sl_mapping file;
    SL_TRY(sl_map_file(path, MAX_FILE_BYTES, &file, err));
    sl_status status = sl_shape_predictor_read(file.data, file.size, out, err);
    sl_unmap_file(&file);
    return status == SL_OK ? SL_OK : sl_fail_in(err, status, "%s", path);
}

void sl_shape_predictor_free(sl_shape_predictor *p)
{
    if (!p)
        return;
    free(p->mean);
    free(p->split_of);
    free(p->leaf_of);
    free(p->feature_of);
    free(p);
}

int sl_shape_predictor_points(const sl_shape_predictor *predictor)
{
    return predictor->points;
}

/* ---- running ---- */

/* Rotation and scale of the least-squares similarity from the mean shape to `shape`: (x, y) -> (a x - b y, b x + a
 * y). */
static void turn_of_shape(const sl_shape_predictor *p, const float *shape, double *a, double *b)
{
    double mx = 0, my = 0, sx = 0, sy = 0, dot = 0, cross = 0, norm = 0;
    for (int i = 0; i < p->points; i++) {
        mx += p->mean[2 * i], my += p->mean[2 * i + 1];
        sx += shape[2 * i], sy += shape[2 * i + 1];
    }
    mx /= p->points, my /= p->points, sx /= p->points, sy /= p->points;
    for (int i = 0; i < p->points; i++) {
        double x = p->mean[2 * i] - mx, y = p->mean[2 * i + 1] - my;
        double u = shape[2 * i] - sx, v = shape[2 * i + 1] - sy;
        dot += x * u + y * v;
        cross += x * v - y * u;
        norm += x * x + y * y;
    }
    *a = norm > 0 ? dot / norm : 1;
    *b = norm > 0 ? cross / norm : 0;
}

/* Grey value of the nearest pixel, 0 outside the picture (and for NaN). */
static float grey_at(const sl_image *image, double x, double y)
{
    if (!(x >= -.5 && y >= -.5 && x < image->width - .5 && y < image->height - .5))
        return 0;
    size_t at = (size_t)floor(y + .5) * (size_t)image->width + (size_t)floor(x + .5);
    const uint8_t *p = image->pixels + at * (size_t)image->channels;
    return image->channels == 1 ? p[0] : (float)((p[0] + p[1] + p[2]) / 3); /* as dlib reads colour */
}

static void read_pixels(const sl_shape_predictor *p, const feature *features, const sl_image *image,
                        const sl_affine *frame, const float *shape, float *out)
{
    double a, b;
    const double *m = frame->m;
    turn_of_shape(p, shape, &a, &b);
    for (int i = 0; i < p->features; i++) {
        const feature *f = &features[i];
        double x = shape[2 * f->anchor] + a * f->delta.x - b * f->delta.y;
        double y = shape[2 * f->anchor + 1] + b * f->delta.x + a * f->delta.y;
        out[i] = grey_at(image, m[0] * x + m[1] * y + m[2], m[3] * x + m[4] * y + m[5]);
    }
}

static int leaf_reached(const split *splits, int n_splits, const float *pixels)
{
    int i = 0;
    while (i < n_splits)
        i = 2 * i + (pixels[splits[i].a] - pixels[splits[i].b] > splits[i].threshold ? 1 : 2);
    return i - n_splits;
}

/* Adds the steps of all leaves reached, tree by tree. Leaves lie scattered over 60 MB, so some trees are walked ahead
 * and their leaves fetched meanwhile. */
static void add_steps(const sl_shape_predictor *p, int cascade, const float *pixels, float *shape)
{
    enum { AHEAD = 16, LINE = 64 / sizeof(float) };
    const float *steps[AHEAD];
    size_t values = 2 * (size_t)p->points, tree = (size_t)cascade * (size_t)p->trees, end = tree + (size_t)p->trees;
    for (int n; tree < end; tree += (size_t)n) {
        n = end - tree < AHEAD ? (int)(end - tree) : AHEAD;
        for (int k = 0; k < n; k++) {
            size_t t = tree + (size_t)k;
            int leaf = leaf_reached(p->split_of + t * (size_t)p->splits, p->splits, pixels);
            steps[k] = p->leaf_of + (t * ((size_t)p->splits + 1) + (size_t)leaf) * values;
            for (size_t i = 0; i < values; i += LINE)
                __builtin_prefetch(steps[k] + i);
        }
        for (int k = 0; k < n; k++)
            for (size_t i = 0; i < values; i++)
                shape[i] += steps[k][i];
    }
}

void sl_shape_predictor_run(const sl_shape_predictor *p, const sl_image *image, const sl_affine *frame,
                            sl_point *out)
{
    float shape[2 * MAX_POINTS], pixels[MAX_FEATURES];
    memcpy(shape, p->mean, 2 * (size_t)p->points * sizeof *shape);
    for (int c = 0; c < p->cascades; c++) {
        read_pixels(p, p->feature_of + (size_t)c * (size_t)p->features, image, frame, shape, pixels);
        add_steps(p, c, pixels, shape);
    }
    for (int i = 0; i < p->points; i++)
        out[i] = sl_affine_apply(frame, (sl_point){shape[2 * i], shape[2 * i + 1]});
}
