/* A recogniser opened and checked, compiled, and fed with crops. */
#define _GNU_SOURCE
#include "model/recogniser.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/sha256.h"
#include "image/image.h"
#include "model/preamble.h"

typedef sl_status (*make_graph)(const sl_graph *g, const sl_shape *input, const char *const *outputs, int n_outputs,
                                sl_graph **out, sl_error *err);

/* The graph for a batch, its outputs embedding, patch map and what else is asked for: inferred, or specialised. */
static sl_status graph_for(const sl_recogniser *r, int batch, char *const *inner, int n_inner, make_graph make,
                           sl_graph **out, sl_error *err)
{
    const sl_manifest *m = r->network.manifest;
    const char *outputs[2 + SL_MOST_INNER] = {m->embedding, m->patch_map};
    sl_shape input = {.rank = 4, .dim = {batch, r->channels_in, r->height, r->width}};
    for (int i = 0; i < n_inner; i++)
        outputs[2 + i] = inner[i];
    sl_status status = make(r->network.graph, &input, outputs, 2 + n_inner, out, err);
    return status == SL_OK ? SL_OK : sl_fail_in(err, status, "model %s", m->name);
}

/* Elements per face of a tensor whose first dimension is the batch. */
static int64_t per_face(const sl_shape *s)
{
    int64_t n = sl_shape_elements(s);
    return s->rank > 0 && s->dim[0] == 1 ? n : -1;
}

static sl_status read_shapes(sl_recogniser *r, const sl_graph *g, sl_error *err)
{
    const sl_manifest *m = r->network.manifest;
    const sl_shape *embedding = &g->tensors[g->outputs[0]].shape, *map = &g->tensors[g->outputs[1]].shape;
    int64_t dim = per_face(embedding);
    if (dim < 1 || dim > 4096)
        return sl_fail(err, SL_ERR_FORMAT, "model %s: output \"%s\" is no embedding of 1 to 4096 numbers", m->name,
                       m->embedding);
    if (map->rank != 4 || map->dim[0] != 1 || map->dim[1] < 1 || map->dim[1] > 4096 || map->dim[2] < 1 ||
        map->dim[3] < 1 || map->dim[2] > 256 || map->dim[3] > 256 || map->dim[2] * map->dim[3] > 256)
        return sl_fail(err, SL_ERR_FORMAT, "model %s: tensor \"%s\" is no patch map of at most 256 cells and 4096 "
                       "channels", m->name, m->patch_map);
    r->dim = (int)dim;
    r->channels = (int)map->dim[1];
    r->rows = (int)map->dim[2];
    r->cols = (int)map->dim[3];
    const int stated[4] = {m->embedding_dim, m->patch_grid[0], m->patch_grid[1], m->patch_grid[2]};
    const int found[4] = {r->dim, r->rows, r->cols, r->channels};
    for (int i = 0; i < 4; i++)
        if (stated[i] && stated[i] != found[i])
            return sl_fail(err, SL_ERR_MISMATCH, "model %s: the manifest states an embedding of %d and a patch map of "
                           "%dx%dx%d, the network has %d and %dx%dx%d", m->name, stated[0], stated[1], stated[2],
                           stated[3], found[0], found[1], found[2], found[3]);
    return SL_OK;
}

static void make_fingerprint(sl_recogniser *r)
{
    const sl_manifest *m = r->network.manifest;
    char text[1024], hex[65];
    sl_hex32(r->network.digest, hex);
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0); /* a program's decimal comma must not come in */
    locale_t kept = plain ? uselocale(plain) : (locale_t)0;
    int n = snprintf(text, sizeof text, "secondlook template 1\n%s\n%d %d %d\n%.9g %.9g %.9g\n%.9g %.9g %.9g\n%.200s\n"
                     "%.200s\n%.200s\n", hex, m->input_width, m->input_height, (int)m->colour, (double)m->mean[0],
                     (double)m->mean[1], (double)m->mean[2], (double)m->std[0], (double)m->std[1], (double)m->std[2],
                     m->alignment, m->embedding, m->patch_map);
    if (plain) {
        uselocale(kept);
        freelocale(plain);
    }
    sl_sha256_of(text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1, r->fingerprint);
}

/* A network's own picture size, where its file fixes one, is the manifest's: of another size it makes numbers, too. */
static sl_status check_input(const sl_recogniser *r, sl_error *err)
{
    const sl_manifest *m = r->network.manifest;
    const sl_graph *g = r->network.graph;
    if (g->n_inputs != 1)
        return sl_fail(err, SL_ERR_UNSUPPORTED, "model %s: has %d inputs, a recogniser has one picture", m->name,
                       g->n_inputs);
    const sl_shape *input = &g->tensors[g->inputs[0]].shape;
    if (input->rank >= 0 && input->rank != 4)
        return sl_fail(err, SL_ERR_UNSUPPORTED, "model %s: its input has %d axes, a picture has four: batch, channels, "
                       "rows, columns", m->name, input->rank);
    const int stated[4] = {0, r->channels_in, r->height, r->width};
    int fixed[4] = {0};
    bool same = true;
    for (int i = 1; i < 4 && input->rank == 4; i++) {
        fixed[i] = input->dim[i] > 0 && input->dim[i] <= 1 << 16 ? (int)input->dim[i] : stated[i];
        same = same && fixed[i] == stated[i];
    }
    if (input->rank < 0 || same)
        return SL_OK;
    return sl_fail(err, SL_ERR_MISMATCH, "model %s: the network takes pictures of %d channels, %d wide and %d high, "
                   "the manifest says %d (colour \"%s\"), %d and %d: write \"width\": %d, \"height\": %d%s", m->name,
                   fixed[1], fixed[3], fixed[2], stated[1], stated[1] == 1 ? "grey" : "rgb\" or \"bgr", stated[3],
                   stated[2], fixed[3], fixed[2],
                   fixed[1] == stated[1] ? "" : fixed[1] == 1 ? ", \"colour\": \"grey\"" : ", and another colour");
}

static sl_status open_and_check(const char *models_dir, const char *name, sl_recogniser *r, sl_error *err)
{
    SL_TRY(sl_network_open(models_dir, name, SL_MODEL_RECOGNISER, &r->network, err));
    const sl_manifest *m = r->network.manifest;
    r->width = m->input_width;
    r->height = m->input_height;
    r->channels_in = m->colour == SL_COLOUR_GREY ? 1 : 3;
    SL_TRY(check_input(r, err));
    sl_graph *one;
    SL_TRY(graph_for(r, 1, NULL, 0, sl_graph_infer, &one, err));
    sl_status status = read_shapes(r, one, err);
    const sl_preamble preamble = sl_preamble_of(one);
    if (status == SL_OK)
        status = sl_preamble_check(&preamble, m, err);
    sl_graph_free(one);
    SL_TRY(status);
    make_fingerprint(r);
    return SL_OK;
}

sl_status sl_recogniser_open(const char *models_dir, const char *name, sl_recogniser *out, sl_error *err)
{
    *out = (sl_recogniser){0};
    sl_status status = open_and_check(models_dir, name ? name : SL_DEFAULT_RECOGNISER, out, err);
    if (status != SL_OK)
        sl_recogniser_close(out);
    return status;
}

void sl_recogniser_close(sl_recogniser *r)
{
    sl_network_close(&r->network);
    *r = (sl_recogniser){0};
}

sl_status sl_recogniser_graph(const sl_recogniser *r, int batch, sl_graph **out, sl_error *err)
{
    return graph_for(r, batch, NULL, 0, sl_graph_specialize, out, err);
}

sl_status sl_recogniser_compile(const sl_recogniser *r, int batch, const sl_plan_options *options, sl_plan **out,
                                sl_error *err)
{
    return sl_recogniser_compile_with(r, batch, NULL, 0, options, out, err);
}

sl_status sl_recogniser_compile_with(const sl_recogniser *r, int batch, char *const *inner, int n_inner,
                                     const sl_plan_options *options, sl_plan **out, sl_error *err)
{
    sl_graph *g;
    SL_TRY(graph_for(r, batch, inner, n_inner, sl_graph_specialize, &g, err));
    /* A network may drop faces of a batch (a slice, a mean): its outputs would then be read past their end. */
    const sl_shape *map = &g->tensors[g->outputs[1]].shape;
    int64_t numbers = sl_shape_elements(&g->tensors[g->outputs[0]].shape);
    sl_status status = numbers == (int64_t)batch * r->dim && map->rank == 4 && map->dim[0] == batch &&
                               map->dim[1] == r->channels && map->dim[2] == r->rows && map->dim[3] == r->cols
                           ? sl_plan_compile_as(g, options, out, err)
                           : sl_fail(err, SL_ERR_UNSUPPORTED, "model %s: does not keep the %d faces of a batch apart",
                                     r->network.manifest->name, batch);
    sl_graph_free(g);
    return status;
}

/* out[c][y][x] = (sample - mean) / std, channels in the manifest's order. */
static void normalise_pixels(const sl_recogniser *r, const sl_image *crop, float *out)
{
    const sl_manifest *m = r->network.manifest;
    size_t count = (size_t)r->width * (size_t)r->height;
    for (int c = 0; c < r->channels_in; c++) {
        int from = m->colour == SL_COLOUR_BGR ? 2 - c : c;
        float scale = 1 / m->std[c], shift = -m->mean[c] / m->std[c];
        for (size_t i = 0; i < count; i++)
            *out++ = (float)crop->pixels[i * (size_t)crop->channels + (size_t)from] * scale + shift;
    }
}

sl_status sl_recogniser_fit(const sl_recogniser *r, const sl_image *crop, sl_image *made, const sl_image **fitted,
                            sl_error *err)
{
    sl_image coloured = {0};
    *made = (sl_image){0};
    *fitted = crop;
    SL_TRY(sl_image_check(crop, err));
    if (crop->channels != r->channels_in) {
        SL_TRY(r->channels_in == 1 ? sl_image_to_grey(crop, made, err) : sl_image_to_rgb(crop, made, err));
        *fitted = made;
    }
    if ((*fitted)->width == r->width && (*fitted)->height == r->height)
        return SL_OK;
    coloured = *made;
    sl_status status = sl_image_resize(*fitted == made ? &coloured : crop, r->width, r->height, made, err);
    sl_image_free(&coloured);
    *fitted = made;
    return status;
}

/* In the network's channels and size, not rounded in between. */
static sl_status prepare_floats(const sl_recogniser *r, const sl_image *crop, float *out, sl_error *err)
{
    const sl_manifest *m = r->network.manifest;
    const size_t count = (size_t)r->width * (size_t)r->height, channels = (size_t)r->channels_in;
    sl_image made = {0};
    SL_TRY(sl_image_check(crop, err));
    if (crop->channels != r->channels_in)
        SL_TRY(channels == 1 ? sl_image_to_grey(crop, &made, err) : sl_image_to_rgb(crop, &made, err));
    float *sized = sl_calloc_aligned(count * channels, sizeof *sized);
    sl_status status = sized ? sl_image_resize_floats(made.pixels ? &made : crop, r->width, r->height, sized, err)
                             : sl_fail(err, SL_ERR_MEMORY, "no memory for a crop of %d x %d", r->width, r->height);
    for (size_t c = 0; status == SL_OK && c < channels; c++) {
        const size_t from = m->colour == SL_COLOUR_BGR ? 2 - c : c;
        for (size_t i = 0; i < count; i++)
            *out++ = (sized[i * channels + from] - m->mean[c]) / m->std[c];
    }
    free(sized);
    sl_image_free(&made);
    return status;
}

sl_status sl_recogniser_prepare(const sl_recogniser *r, const sl_image *crop, float *out, sl_error *err)
{
    sl_image made;
    const sl_image *fitted;
    if (r->network.manifest->float_crops && (crop->width != r->width || crop->height != r->height))
        return prepare_floats(r, crop, out, err);
    sl_status status = sl_recogniser_fit(r, crop, &made, &fitted, err);
    if (status == SL_OK)
        normalise_pixels(r, fitted, out);
    sl_image_free(&made);
    return status;
}

void sl_recogniser_patches(const sl_recogniser *r, const float *map, float *out)
{
    size_t cells = (size_t)r->rows * (size_t)r->cols, channels = (size_t)r->channels;
    for (size_t p = 0; p < cells; p++)
        for (size_t c = 0; c < channels; c++)
            out[p * channels + c] = map[c * cells + p];
}
