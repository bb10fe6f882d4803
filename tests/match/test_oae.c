/* The occlusion-aware second look: trust by hand, scores against the formulas in double, the file and its damage. */
#include "gallery/gallery.h"
#include "linear_model.h"

#include "base/crc32c.h"
#include "base/file.h"
#include "base/rng.h"
#include "match/oae/oae.h"
#include "match/kernels/head_kernel.h"
#include "match/kernels/match_kernels.h"

enum { FACES = 1100, CANDIDATES = 70 };

/* ---- trust ---- */

static void smoothing_by_hand(void **state)
{
    (void)state;
    const float in[6] = {10, 0, 0, 0, 0, 20}; /* 2 x 3 */
    float out[6];
    sl_oae_smooth(in, 2, 3, out);
    /* cell 0: 10 itself, and the window with its edges repeated holds the 10 four times */
    const float want[6] = {5, 4, 4, 2, 5, 10};
    assert_close(out, want, 6, 1e-6);
}

static void one_cell_smooths_to_itself(void **state)
{
    (void)state;
    const float in[1] = {7};
    float out[1];
    sl_oae_smooth(in, 1, 1, out);
    assert_close(out, in, 1, 1e-6);
}

static void surprise_by_hand(void **state)
{
    (void)state;
    float scales[2] = {.1f, .1f};
    int8_t axes[2 * 3] = {10, 0, 0, 0, 10, 0};
    sl_oae_stats s = {.rows = 1, .cols = 1, .dim = 3, .rank = 2, .scales = scales, .axes = axes};
    assert_true(fabsf(sl_oae_surprise(&s, 0, (float[]){1, 2, 2}, 0) - 4.f / 9) < 1e-6f);
    assert_true(fabsf(sl_oae_surprise(&s, 0, (float[]){3, -4, 0}, 0)) < 1e-6f);
    assert_true(sl_oae_surprise(&s, 0, (float[]){0, 0, 5}, 0) == 1);
    assert_true(sl_oae_surprise(&s, 0, (float[]){0, 0, 0}, 0) == 1);
}

/* What 4 bits lose is put back: else a face out of a compact gallery looks more hidden than the same face as it
 * asks. */
static void codes_do_not_hide_a_face(void **state)
{
    (void)state;
    enum { DIMS = 192, RANK = 48, DRAWS = 300 };
    static int8_t axes[RANK * DIMS];
    static float scales[RANK], centre[DIMS];
    const sl_oae_stats s = {.rows = 1, .cols = 1, .dim = DIMS, .rank = RANK, .scales = scales, .axes = axes};
    sl_rng rng = sl_rng_seed(5);
    double own = 0, codes_as_they_are = 0, put_back = 0;
    for (int k = 0; k < RANK; k++) {
        axes[k * DIMS + 4 * k] = 100; /* in all blocks that are mixed */
        scales[k] = .01f;
    }
    assert_true(fabsf(sl_oae_surprise(&s, 0, (float[DIMS]){[0] = 3, [DIMS - 1] = 4}, .1f) -
                      (1 - (.36f - .1f / 4) / .9f)) < 1e-6f);
    for (int i = 0; i < DRAWS; i++) {
        float x[DIMS], q[DIMS], scale;
        uint8_t codes[DIMS / 2];
        for (int d = 0; d < DIMS; d++) /* a long tail, a twentieth of it outside */
            x[d] = (float)(pow(sl_rng_uniform(&rng) * 2 - 1, 3) * (d % 4 ? .13 : 1));
        sl_contributions_quantise(x, centre, 1, DIMS, codes, &scale);
        sl_contributions_dequantise(codes, &scale, centre, 1, DIMS, q);
        own += (double)sl_oae_surprise(&s, 0, x, 0) / DRAWS;
        codes_as_they_are += (double)sl_oae_surprise(&s, 0, q, 0) / DRAWS;
        put_back += (double)sl_oae_surprise(&s, 0, q, SL_CODES_LOSE) / DRAWS;
    }
    assert_true(fabs(put_back - own) < 1e-3 && codes_as_they_are - own > 6e-3);
}

static void trust_by_hand(void **state)
{
    (void)state;
    float means[2] = {.5f, .2f}, sds[2] = {.1f, .05f}, trust[2];
    sl_oae_stats s = {.rows = 1, .cols = 2, .means = means, .sds = sds};
    sl_trust_of_surprise(&s, (float[]){.5f, .7f}, trust); /* z = 0 and 10; smoothed (7*0+3*10)/10 = 3, 7 */
    double a = 1 / (1 + exp((3 - 1.25) / .6)) + .001, b = 1 / (1 + exp((7 - 1.25) / .6)) + .001;
    assert_true(fabs(trust[0] - 2 * a / (a + b)) < 1e-5 && fabs(trust[1] - 2 * b / (a + b)) < 1e-5);
    sl_trust_of_surprise(&s, (float[]){.5f, .2f}, trust);
    assert_true(fabsf(trust[0] - 1) < 1e-6f && fabsf(trust[1] - 1) < 1e-6f);
}

/* Seven rows of one cell: the third and the fourth are the eyes', the last three the mouth's. z is in standard
 * deviations; far apart, so that smoothing hides or shows whole rows. */
static void halves_by_hand(void **state)
{
    (void)state;
    float means[7] = {0}, sds[7], v[7] = {0}, smooth[7], hidden[7];
    sl_oae_stats s = {.rows = 7, .cols = 1, .means = means, .sds = sds};
    for (int y = 0; y < 7; y++)
        sds[y] = 1;
    v[2] = v[3] = 50;
    v[6] = 5;
    sl_oae_smooth(v, 7, 1, smooth);
    double all = 0;
    for (int y = 0; y < 7; y++) {
        hidden[y] = (float)(1 - 1 / (1 + exp((smooth[y] - 1.25) / .6)));
        all += hidden[y];
    }
    const sl_hidden h = sl_hidden_of_surprise(&s, v);
    assert_true(fabs(h.all - all / 7) < 1e-6);
    assert_true(fabsf(h.eyes - (hidden[2] + hidden[3]) / 2) < 1e-6f && h.eyes > .99f);
    assert_true(fabsf(h.mouth - (hidden[4] + hidden[5] + hidden[6]) / 3) < 1e-6f);
    assert_true(sl_most_hidden(&h) == h.eyes);
}

/* One cell is eyes and mouth at once. */
static void one_cell_has_no_halves(void **state)
{
    (void)state;
    float means[1] = {0}, sds[1] = {1};
    sl_oae_stats s = {.rows = 1, .cols = 1, .means = means, .sds = sds};
    const sl_hidden h = sl_hidden_of_surprise(&s, (float[]){2});
    assert_true(h.eyes == h.all && h.mouth == h.all && h.all > .5f);
}

static void kernels_agree_in_every_bit(void **state)
{
    (void)state;
    enum { N = 77, R = 13 };
    float a[R * N], w[N * SL_HEAD_COLUMNS], out[R * SL_HEAD_COLUMNS], first[R * SL_HEAD_COLUMNS];
    fill_random(a, R * N, 1, -3, 3);
    fill_random(w, N * SL_HEAD_COLUMNS, 2, -1, 1);
    for (int isa = 0; isa < sl_isa_count(); isa++)
        for (int rows = 0; rows <= R; rows++) {
            for (int i = 0; i < R * SL_HEAD_COLUMNS; i++)
                out[i] = (float)i;
            sl_head_kernel_for(sl_isas[isa])(a, N, rows, N, w, out);
            for (int i = 0; i < R; i++)
                for (int d = 0; d < SL_HEAD_COLUMNS; d++) {
                    float sum = (float)(i * SL_HEAD_COLUMNS + d);
                    for (int c = 0; c < N && i < rows; c++)
                        sum += a[i * N + c] * w[c * SL_HEAD_COLUMNS + d];
                    assert_true(fabsf(out[i * SL_HEAD_COLUMNS + d] - sum) <= 1e-3f);
                }
            if (rows == R && isa == 0)
                memcpy(first, out, sizeof out);
            else if (rows == R)
                assert_memory_equal(first, out, sizeof out);
        }
}

/* ---- statistics and scores, on a gallery ---- */

typedef struct {
    char *dir;
    sl_gallery *gallery;
    sl_oae oae;
} world;

static world w;

static int open_world(void **state)
{
    (void)state;
    char path[600];
    w.dir = make_temp_dir();
    snprintf(path, sizeof path, "%s/faces", w.dir);
    w.gallery = make_gallery(path, FACES);
    w.oae.head = make_head();
    w.oae.shape = shape;
    return sl_oae_stats_make(sl_gallery_faces(w.gallery), &w.oae.head, 2, NULL, NULL, &w.oae.stats, &err);
}

static int close_world(void **state)
{
    (void)state;
    sl_gallery_close(w.gallery);
    sl_head_free(&w.oae.head);
    sl_oae_stats_free(&w.oae.stats);
    remove_tree(w.dir);
    free(w.dir);
    return 0;
}

static void statistics_are_the_definition(void **state)
{
    (void)state;
    const sl_oae_stats *s = &w.oae.stats;
    static double y[FACES][CELLS * DIM];
    assert_int_equal(s->rank, 10); /* a quarter of D */
    assert_int_equal(s->faces, FACES);
    for (int i = 0; i < FACES; i++) {
        sl_template *t;
        assert_ok(sl_gallery_template(w.gallery, (size_t)i, &t, &err));
        slow_contributions(&w.oae.head, t, y[i]);
        sl_template_free(t);
    }
    for (int p = 0; p < CELLS; p++) {
        double sum = 0, squares = 0;
        for (int d = 0; d < DIM; d++) {
            double mean = 0;
            for (int i = 0; i < FACES; i++)
                mean += y[i][p * DIM + d] / FACES;
            assert_true(fabs(mean - s->mu[p * DIM + d]) < 1e-4);
            for (int i = 0; i < FACES; i++)
                y[i][p * DIM + d] -= mean;
        }
        for (int i = 0; i < FACES; i++) {
            float x[DIM];
            for (int d = 0; d < DIM; d++)
                x[d] = (float)y[i][p * DIM + d];
            double v = sl_oae_surprise(s, p, x, 0);
            sum += v;
            squares += v * v;
        }
        /* ten channels give ten directions: nothing is left over, but for the axes' rounding */
        if (!(fabs(sum / FACES) < 3e-3))
            fail_msg("cell %d: %g is left over", p, sum / FACES);
        assert_true(fabs(sum / FACES - s->means[p]) < 1e-5);
        assert_true(s->sds[p] > 0 && s->sds[p] < 1e-2);
    }
}

static void statistics_do_not_depend_on_threads(void **state)
{
    (void)state;
    sl_oae_stats one;
    assert_ok(sl_oae_stats_make(sl_gallery_faces(w.gallery), &w.oae.head, 1, NULL, NULL, &one, &err));
    assert_memory_equal(one.axes, w.oae.stats.axes, (size_t)CELLS * 10 * DIM);
    assert_memory_equal(one.means, w.oae.stats.means, CELLS * sizeof(float));
    assert_memory_equal(one.mu, w.oae.stats.mu, CELLS * DIM * sizeof(float));
    sl_oae_stats_free(&one);
}

static void small_galleries_are_refused(void **state)
{
    (void)state;
    char path[600];
    sl_oae_stats s;
    snprintf(path, sizeof path, "%s/few", w.dir);
    sl_gallery *few = make_gallery(path, 5);
    assert_int_equal(sl_oae_stats_make(sl_gallery_faces(few), &w.oae.head, 1, NULL, NULL, &s, &err), SL_ERR_ARGUMENT);
    assert_non_null(strstr(err.text, "1000 faces, this one has 5"));
    sl_gallery_close(few);
}

static int stop(void *context, size_t done, size_t total)
{
    (void)context, (void)total;
    return done > 3;
}

static void statistics_can_be_interrupted(void **state)
{
    (void)state;
    sl_oae_stats s;
    assert_int_equal(sl_oae_stats_make(sl_gallery_faces(w.gallery), &w.oae.head, 2, stop, NULL, &s, &err),
                     SL_ERR_INTERRUPTED);
    assert_null(s.axes);
}

static sl_status source_at(void *context, size_t i, sl_patch_source *out, sl_error *e)
{
    (void)e;
    *out = sl_patch_source_of(((sl_template **)context)[i]);
    return SL_OK;
}

static sl_status listed_source(void *context, size_t i, sl_patch_source *out, sl_error *e)
{
    (void)e;
    *out = ((const sl_patch_source *)context)[i];
    return SL_OK;
}

/* Weighted sums and their cosine in double. */
static double slow_score(const sl_template *query, const sl_template *other, const float *trust)
{
    static double a[CELLS * DIM], b[CELLS * DIM];
    double ab = 0, aa = 0, bb = 0;
    slow_contributions(&w.oae.head, query, a);
    slow_contributions(&w.oae.head, other, b);
    for (int d = 0; d < DIM; d++) {
        double x = 0, y = 0;
        for (int p = 0; p < CELLS; p++) {
            x += (double)trust[p] * (a[p * DIM + d] - (double)w.oae.stats.mu[p * DIM + d]);
            y += (double)trust[p] * (b[p * DIM + d] - (double)w.oae.stats.mu[p * DIM + d]);
        }
        ab += x * y;
        aa += x * x;
        bb += y * y;
    }
    return ab / sqrt(aa * bb);
}

/* Every other candidate carries its contributions. */
static void scores_from_ready_contributions(const sl_patch_source *query, sl_template **faces, const float *want)
{
    static float y[CANDIDATES][CELLS * DIM], own[CELLS * DIM];
    sl_patch_source sources[CANDIDATES], ready = *query;
    float scores[CANDIDATES];
    assert_ok(sl_contributions(&w.oae.head, query, 1, own, &err));
    ready.contributions = own;
    for (int i = 0; i < CANDIDATES; i++) {
        sources[i] = sl_patch_source_of(faces[i]);
        assert_ok(sl_contributions(&w.oae.head, &sources[i], 1, y[i], &err));
        if (i % 2)
            sources[i] = (sl_patch_source){.contributions = y[i]};
    }
    assert_ok(sl_oae_scores_of(&w.oae, &ready, CANDIDATES, listed_source, sources, 3, scores, &err));
    assert_close(scores, want, CANDIDATES, 1e-5);
}

/* A compact template of the same face. */
static sl_template *compact_of(const sl_template *face)
{
    static float y[CELLS * DIM];
    sl_template_shape compact = shape;
    const sl_patch_source source = sl_patch_source_of(face);
    sl_template *t;
    compact.format = SL_PATCHES_COMPACT;
    compact.centre = w.oae.stats.mu;
    assert_ok(sl_template_alloc(&compact, &t, &err));
    memcpy(t->embedding, face->embedding, DIM * sizeof(float));
    assert_ok(sl_contributions(&w.oae.head, &source, 1, y, &err));
    sl_contributions_quantise(y, w.oae.stats.mu, CELLS, DIM, t->codes, t->patch_scales);
    return t;
}

/* Compact candidates, with other ones between them, give what their expanded contributions give, on every instruction
 * set; and nearly what the maps that they were made of give. */
static void compact_candidates(void **state)
{
    (void)state;
    enum { N = 70 };
    static float y[N][CELLS * DIM];
    sl_template *faces[N], *query = make_face(5000);
    sl_patch_source source = sl_patch_source_of(query), sources[N], expanded[N];
    float maps[N], codes[N], sums[N];
    for (int i = 0; i < N; i++) {
        sl_template *face = make_face((uint64_t)(6000 + i));
        sl_patch_source one = sl_patch_source_of(face);
        assert_ok(sl_oae_scores_of(&w.oae, &source, 1, listed_source, &one, 1, &maps[i], &err));
        faces[i] = i % 3 ? compact_of(face) : face;
        if (i % 3)
            sl_template_free(face);
        sources[i] = sl_patch_source_of(faces[i]);
        assert_ok(sl_contributions(&w.oae.head, &sources[i], 1, y[i], &err));
        expanded[i] = (sl_patch_source){.contributions = y[i]};
    }
    for (int isa = 0; isa < sl_isa_count(); isa++) {
        sl_match_use_isa(&sl_isas[isa]);
        assert_ok(sl_oae_scores_of(&w.oae, &source, N, listed_source, sources, 2, codes, &err));
        assert_ok(sl_oae_scores_of(&w.oae, &source, N, listed_source, expanded, 2, sums, &err));
        assert_close(codes, sums, N, 1e-5);
        assert_close(codes, maps, N, .05);
    }
    sl_match_use_isa(NULL);
    sl_match_options options = sl_match_defaults_of(SL_RERANK_EMD);
    sl_score score;
    options.oae = &w.oae;
    assert_int_equal(sl_compare(query, faces[1], &options, &score, &err), SL_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.text, "--patches int8"));
    options.feature = SL_FEATURE_CONTRIBUTIONS;
    options.weighting = SL_WEIGHT_UNIFORM;
    assert_ok(sl_compare(query, faces[1], &options, &score, &err));
    assert_ok(sl_compare(faces[1], query, &options, &score, &err)); /* a compact query too */
    assert_true(score.stage2 > 0 && score.stage2 <= 1);
    for (int i = 0; i < N; i++)
        sl_template_free(faces[i]);
    sl_template_free(query);
}

static void scores_are_the_definition(void **state)
{
    (void)state;
    sl_template *faces[CANDIDATES], *query = make_face(5000);
    float trust[CELLS], scores[CANDIDATES], again[CANDIDATES];
    for (int i = 0; i < CANDIDATES; i++)
        faces[i] = make_face((uint64_t)(6000 + i));
    const sl_patch_source source = sl_patch_source_of(query);
    assert_ok(sl_trust_of_face(&w.oae, &source, trust, &err));
    assert_ok(sl_oae_scores_of(&w.oae, &source, CANDIDATES, source_at, faces, 1, scores, &err));
    for (int i = 0; i < CANDIDATES; i++)
        assert_true(fabs(scores[i] - slow_score(query, faces[i], trust)) < 1e-5);
    assert_ok(sl_oae_scores_of(&w.oae, &source, CANDIDATES, source_at, faces, 3, again, &err));
    assert_memory_equal(scores, again, sizeof scores);
    assert_ok(sl_oae_scores_of(&w.oae, &source, 1, source_at, faces + 69, 1, again, &err));
    assert_memory_equal(scores + 69, again, sizeof *again); /* whoever stands beside it */
    scores_from_ready_contributions(&source, faces, scores);

    sl_match_options options = sl_match_defaults_of(SL_RERANK_OAE);
    sl_score score;
    options.oae = &w.oae;
    assert_ok(sl_compare(query, faces[3], &options, &score, &err));
    assert_true(score.stage2 == scores[3]);
    assert_true(fabsf(score.score - (.6f * score.stage2 + .4f * score.stage1)) < 1e-6f);
    assert_ok(sl_compare(query, query, &options, &score, &err));
    assert_true(fabsf(score.stage2 - 1) < 1e-5f);
    options.oae = NULL;
    assert_int_equal(sl_compare(query, faces[3], &options, &score, &err), SL_ERR_ARGUMENT);
    sl_oae other = w.oae;
    other.shape.fingerprint[0]++;
    options.oae = &other;
    assert_int_equal(sl_compare(query, faces[3], &options, &score, &err), SL_ERR_MISMATCH);
    for (int i = 0; i < CANDIDATES; i++)
        sl_template_free(faces[i]);
    sl_template_free(query);
}

/* ---- the file ---- */

static uint8_t *write_and_read(size_t *size)
{
    char path[600];
    uint8_t *data;
    snprintf(path, sizeof path, "%s/x.cells", w.dir);
    assert_ok(sl_oae_stats_write(&w.oae.stats, path, &err));
    assert_ok(sl_read_file(path, 1 << 20, &data, size, &err));
    return data;
}

static void file_keeps_everything(void **state)
{
    (void)state;
    size_t size;
    uint8_t *data = write_and_read(&size);
    const sl_oae_stats *a = &w.oae.stats;
    sl_oae_stats b;
    assert_ok(sl_oae_stats_parse(data, size, "x", &b, &err));
    assert_memory_equal(a->fingerprint, b.fingerprint, 32);
    assert_true(a->rows == b.rows && a->cols == b.cols && a->dim == b.dim && a->rank == b.rank && a->faces == b.faces);
    assert_memory_equal(a->means, b.means, CELLS * sizeof(float));
    assert_memory_equal(a->sds, b.sds, CELLS * sizeof(float));
    assert_memory_equal(a->mu, b.mu, CELLS * DIM * sizeof(float));
    assert_memory_equal(a->scales, b.scales, CELLS * 10 * sizeof(float));
    assert_memory_equal(a->axes, b.axes, CELLS * 10 * DIM);
    sl_oae_stats_free(&b);
    free(data);
}

static void damage_is_found(void **state)
{
    (void)state;
    size_t size;
    uint8_t *data = write_and_read(&size);
    sl_oae_stats s;
    for (size_t cut = 0; cut < size; cut += cut < 80 ? 1 : 997)
        assert_int_equal(sl_oae_stats_parse(data, cut, "x", &s, &err), SL_ERR_FORMAT);
    for (size_t i = 0; i < size; i += i < 80 ? 1 : 331) {
        data[i] ^= 0x10;
        sl_status status = sl_oae_stats_parse(data, size, "x", &s, &err);
        assert_true(status == SL_ERR_FORMAT || status == SL_ERR_CORRUPT);
        data[i] ^= 0x10;
    }
    const float nan = NAN, zero = 0;
    memcpy(data + 60, &nan, 4); /* the first mean */
    uint32_t crc = sl_crc32c(0, data, size - 4);
    memcpy(data + size - 4, &crc, 4);
    assert_int_equal(sl_oae_stats_parse(data, size, "x", &s, &err), SL_ERR_FORMAT);
    memcpy(data + 60, &zero, 4);
    memcpy(data + 64, &zero, 4); /* a deviation of nothing */
    crc = sl_crc32c(0, data, size - 4);
    memcpy(data + size - 4, &crc, 4);
    assert_int_equal(sl_oae_stats_parse(data, size, "x", &s, &err), SL_ERR_FORMAT);
    assert_non_null(strstr(err.text, "cell 0"));
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(smoothing_by_hand),
        cmocka_unit_test(one_cell_smooths_to_itself),
        cmocka_unit_test(surprise_by_hand),
        cmocka_unit_test(codes_do_not_hide_a_face),
        cmocka_unit_test(trust_by_hand),
        cmocka_unit_test(halves_by_hand),
        cmocka_unit_test(one_cell_has_no_halves),
        cmocka_unit_test(kernels_agree_in_every_bit),
        cmocka_unit_test(statistics_are_the_definition),
        cmocka_unit_test(statistics_do_not_depend_on_threads),
        cmocka_unit_test(small_galleries_are_refused),
        cmocka_unit_test(statistics_can_be_interrupted),
        cmocka_unit_test(compact_candidates),
        cmocka_unit_test(scores_are_the_definition),
        cmocka_unit_test(file_keeps_everything),
        cmocka_unit_test(damage_is_found),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
