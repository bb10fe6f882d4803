/* What smaller templates cost: template_forms FROM TO FORM [MODELS_DIR] copies a gallery of int8 maps with every map as
 * it comes back from a smaller form, to be measured by `eval identify` (tools/templates does).
 *
 *     map-B        B bits a value, one scale a patch
 *     standard-B   the same of (x - mean) / sd, both per cell and channel
 *     pca-D-B      the first D principal components of x - mean, each over its sd, B bits a value
 *     parts-B      contributions around their mean, mixed and cut into 2^B levels as compact patches are (B <= 4)
 *
 * Means, deviations and directions are learned from half a of the people (label's CRC-32C even). Levels are the odd
 * multiples of the scale, which is that of least squares. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "gallery/gallery.h"
#include "match/oae/oae.h"
#include "base/eigen.h"

enum { SAMPLE = 1500 /* faces to learn from */, MOST = 4096 };

typedef struct {
    enum { MAP, STANDARD, PCA, PARTS } kind;
    int bits, kept; /* kept: dimensions of pca */
} form;

typedef struct {
    int cells, channels;
    double *mean, *sd;     /* [R, C] */
    double *whiten, *back; /* [C, kept] principal directions over the sd along each, [kept, C] times it */
} learned;

static sl_error err;

static void check(sl_status status)
{
    if (status == SL_OK)
        return;
    fprintf(stderr, "%s\n", err.text);
    exit(1);
}

static void *zeros(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (!memory)
        check(sl_fail(&err, SL_ERR_MEMORY, "no memory"));
    return memory;
}

/* x [n] becomes what 2^bits levels leave of it. Gives the scale: a value is scale times an odd number. */
static double round_to_levels(double *x, int n, int bits)
{
    const double top = (1 << bits) - 1;
    double squares = 0, best_kept = 0, scale = 0;
    for (int i = 0; i < n; i++)
        squares += x[i] * x[i];
    for (double start = .5; start < 4 && squares > 0; start *= 1.4) { /* times what would suit an even law */
        double s = sqrt(3 * squares / n) * start / top, kept = 0;
        for (int step = 0; step < 4; step++) {
            double products = 0, weight = 0;
            for (int i = 0; i < n; i++) {
                const double level = fmin(fmax(2 * floor(x[i] / s / 2) + 1, -top), top);
                products += x[i] * level;
                weight += level * level;
            }
            s = products / weight;
            kept = products * s;
        }
        if (kept > best_kept) {
            best_kept = kept;
            scale = s;
        }
    }
    for (int i = 0; i < n && scale > 0; i++)
        x[i] = scale * fmin(fmax(2 * floor(x[i] / scale / 2) + 1, -top), top);
    return scale;
}

static void read_map(const sl_gallery *g, size_t face, float *x)
{
    sl_template *t;
    check(sl_gallery_template(g, face, &t, &err));
    check(sl_template_patches(t, x, &err));
    sl_template_free(t);
}

/* Faces of half a, evenly spaced. */
static size_t choose_sample(const sl_gallery *g, size_t *chosen)
{
    size_t faces = sl_gallery_size(g), all = 0, count = 0;
    size_t *half = zeros(faces, sizeof *half);
    for (size_t i = 0; i < faces; i++) {
        const char *label = sl_gallery_label(g, i);
        if (!(sl_crc32c(0, label, strlen(label)) & 1))
            half[all++] = i;
    }
    for (size_t i = 0; i < SAMPLE && i < all; i++)
        chosen[count++] = half[i * all / (SAMPLE < all ? SAMPLE : all)];
    free(half);
    return count;
}

static void learn_moments(const sl_gallery *g, const size_t *sample, size_t count, learned *l, float *x)
{
    const int n = l->cells * l->channels;
    for (size_t s = 0; s < count; s++) {
        read_map(g, sample[s], x);
        for (int i = 0; i < n; i++) {
            l->mean[i] += x[i] / (double)count;
            l->sd[i] += (double)x[i] * x[i] / (double)count;
        }
    }
    for (int i = 0; i < n; i++)
        l->sd[i] = sqrt(fmax(l->sd[i] - l->mean[i] * l->mean[i], 1e-12));
}

/* Principal directions of channels, one set for all cells; every third cell of the sample counts. */
static void learn_directions(const sl_gallery *g, const size_t *sample, size_t count, int kept, learned *l, float *x)
{
    const int n = l->channels;
    double *covariance = zeros((size_t)n * (size_t)n, sizeof *covariance), d[MOST], vectors = 0;
    for (size_t s = 0; s < count; s++) {
        read_map(g, sample[s], x);
        for (int p = (int)(s % 3); p < l->cells; p += 3, vectors++) {
            for (int c = 0; c < n; c++)
                d[c] = x[p * n + c] - l->mean[p * n + c];
            for (int a = 0; a < n; a++)
                for (int b = 0; b < n; b++)
                    covariance[a * n + b] += d[a] * d[b];
        }
    }
    for (int i = 0; i < n * n; i++)
        covariance[i] /= vectors;
    double *values = zeros((size_t)kept, sizeof *values);
    l->whiten = zeros((size_t)n * (size_t)kept, sizeof(double));
    l->back = zeros((size_t)kept * (size_t)n, sizeof(double));
    check(sl_eigen_top(covariance, n, kept, values, l->back, &err));
    for (int k = 0; k < kept; k++)
        for (int c = 0; c < n; c++) {
            l->whiten[c * kept + k] = l->back[k * n + c] / sqrt(values[k]);
            l->back[k * n + c] *= sqrt(values[k]);
        }
    free(values);
    free(covariance);
}

static void pass_pca(const form *f, const learned *l, const double *mean, double *x)
{
    const int n = l->channels;
    double z[MOST] = {0};
    for (int c = 0; c < n; c++)
        for (int k = 0; k < f->kept; k++)
            z[k] += l->whiten[c * f->kept + k] * (x[c] - mean[c]);
    round_to_levels(z, f->kept, f->bits);
    memcpy(x, mean, (size_t)n * sizeof *x);
    for (int k = 0; k < f->kept; k++)
        for (int c = 0; c < n; c++)
            x[c] += z[k] * l->back[k * n + c];
}

/* A map as it comes back. */
static void pass_map(const form *f, const learned *l, float *map)
{
    const int n = l->channels;
    double x[MOST];
    for (int p = 0; p < l->cells; p++) {
        const double *mean = l->mean + p * n, *sd = l->sd + p * n;
        for (int c = 0; c < n; c++)
            x[c] = f->kind == STANDARD ? (map[p * n + c] - mean[c]) / sd[c] : map[p * n + c];
        if (f->kind == PCA)
            pass_pca(f, l, mean, x);
        else
            round_to_levels(x, n, f->bits);
        for (int c = 0; c < n; c++)
            map[p * n + c] = (float)(f->kind == STANDARD ? x[c] * sd[c] + mean[c] : x[c]);
    }
}

/* Compact patches that use 2^bits of the levels. */
static void pass_parts(const form *f, const sl_oae *oae, const sl_template *t, sl_template *out)
{
    const int dim = oae->head.dim, half = (int)sl_code_bytes(dim);
    const sl_patch_source face = sl_patch_source_of(t);
    float *y = zeros((size_t)oae->head.cells * (size_t)dim, sizeof *y);
    double x[MOST];
    check(sl_contributions(&oae->head, &face, 1, y, &err));
    for (int p = 0; p < oae->head.cells; p++) {
        float *v = y + p * dim;
        for (int d = 0; d < dim; d++)
            v[d] -= oae->stats.mu[p * dim + d];
        sl_contributions_rotate(v, dim);
        for (int d = 0; d < dim; d++)
            x[d] = v[d];
        const double scale = round_to_levels(x, dim, f->bits);
        out->patch_scales[p] = (float)scale;
        memset(out->codes + p * half, 0, (size_t)half);
        for (int d = 0; d < dim && scale > 0; d++)
            out->codes[p * half + d % half] |= (uint8_t)((int)lround((x[d] / scale + 15) / 2) << (d < half ? 0 : 4));
    }
    free(y);
}

static form parse_form(const char *text)
{
    form f = {.bits = 0};
    char rest;
    if (sscanf(text, "map-%d%c", &f.bits, &rest) == 1)
        f.kind = MAP;
    else if (sscanf(text, "standard-%d%c", &f.bits, &rest) == 1)
        f.kind = STANDARD;
    else if (sscanf(text, "pca-%d-%d%c", &f.kept, &f.bits, &rest) == 2)
        f.kind = PCA;
    else if (sscanf(text, "parts-%d%c", &f.bits, &rest) == 1)
        f.kind = PARTS;
    if (f.bits < 1 || f.bits > (f.kind == PARTS ? 4 : 8) || f.kept < 0 || f.kept > 512)
        check(sl_fail(&err, SL_ERR_ARGUMENT, "%s is no form", text));
    return f;
}

static void copy_face(const form *f, const learned *l, const sl_oae *oae, const sl_gallery *from, size_t i,
                      const sl_template_shape *shape, sl_gallery *to, float *map)
{
    sl_template *t, *passed;
    sl_entry entry;
    check(sl_gallery_entry(from, i, &entry, &err));
    check(sl_gallery_template(from, i, &t, &err));
    if (f->kind == PARTS) {
        check(sl_template_alloc(shape, &passed, &err));
        pass_parts(f, oae, t, passed);
    } else {
        check(sl_template_patches(t, map, &err));
        pass_map(f, l, map);
        check(sl_template_make(shape, t->embedding, map, &passed, &err));
    }
    memcpy(passed->embedding, t->embedding, (size_t)shape->dim * sizeof(float));
    memcpy(passed->landmarks, t->landmarks, sizeof t->landmarks);
    passed->has_landmarks = t->has_landmarks;
    check(sl_gallery_add(to, &entry, passed, NULL, &err));
    sl_template_free(passed);
    sl_template_free(t);
}

static void learn(const form *f, const sl_gallery *from, learned *l, float *map)
{
    size_t sample[SAMPLE], count = choose_sample(from, sample);
    learn_moments(from, sample, count, l, map);
    if (f->kind == PCA)
        learn_directions(from, sample, count, f->kept, l, map);
}

int main(int argc, char **argv)
{
    sl_gallery *from, *to;
    sl_gallery_info info;
    sl_oae *oae = NULL;
    if (argc < 4) {
        fprintf(stderr, "usage: template_forms FROM TO FORM [MODELS_DIR]\n");
        return 2;
    }
    const form f = parse_form(argv[3]);
    check(sl_gallery_open_shape(argv[1], SL_GALLERY_READ, NULL, NULL, &from, &err));
    sl_gallery_get_info(from, &info);
    sl_template_shape shape = *sl_gallery_shape(from);
    const size_t values = (size_t)(shape.rows * shape.cols * shape.channels);
    learned l = {.cells = shape.rows * shape.cols, .channels = shape.channels, .mean = zeros(values, sizeof(double)),
                 .sd = zeros(values, sizeof(double))};
    float *map = zeros(values, sizeof *map);
    if (f.kind == PARTS) {
        check(sl_oae_open(argc > 4 ? argv[4] : NULL, info.model, NULL, 1, &oae, &err));
        shape.format = SL_PATCHES_COMPACT;
        shape.centre = oae->stats.mu;
    } else if (f.kind != MAP) {
        learn(&f, from, &l, map);
    }
    check(sl_gallery_open_shape(argv[2], SL_GALLERY_CREATE, &shape, info.model, &to, &err));
    for (size_t i = 0; i < sl_gallery_size(from); i++)
        copy_face(&f, &l, oae, from, i, &shape, to, map);
    check(sl_gallery_commit(to, &err));
    sl_gallery_close(to);
    sl_gallery_close(from);
    sl_oae_close(oae);
    free(map);
    free(l.mean);
    free(l.sd);
    free(l.whiten);
    free(l.back);
    return 0;
}
