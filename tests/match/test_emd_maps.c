/* EMD similarity of maps: golden values, every instruction set against plain double arithmetic, what must not matter,
 * and what must be refused. */
#include "reference.h"

#include "base/mem.h"
#include "match/kernels/match_kernels.h"

static sl_error err;

/* One pair through the internal functions; plan [R, R], weights [R] may be NULL. */
static sl_score match_maps(const sl_match_layout *layout, const sl_patch_source *query,
                           const sl_patch_source *candidate, float *plan, float *S, float *wq, float *wn)
{
    void *memory[2];
    sl_patch_set sets[2];
    sl_matcher *matcher;
    sl_score score;
    for (int role = 0; role < 2; role++) {
        memory[role] = sl_alloc_aligned(sl_patch_set_bytes(layout, role));
        assert_ok(sl_patch_set_init(&sets[role], layout, role, memory[role], role ? candidate : query, &err));
    }
    assert_ok(sl_matcher_open(layout, 1, &matcher, &err));
    assert_ok(sl_matcher_plan(matcher, &sets[0], &sets[1], plan, S, wq, wn, &score, &err));
    sl_matcher_close(matcher);
    free(memory[0]);
    free(memory[1]);
    return score;
}

/* ---------------------------------------------------------------- golden (method.md section 12) */

enum { G_N = 64, G_C = 512 };

static void golden_query(float *map)
{
    for (int c = 0; c < G_C; c++)
        for (int m = 0; m < G_N; m++)
            map[m * G_C + c] = (float)(0.9 * sin(0.01 * (64 * c + m)));
}

static void golden_candidate(float *map, int n)
{
    for (int c = 0; c < G_C; c++)
        for (int s = 0; s < G_N; s++) {
            double i = (512.0 * n + c) * 64 + s;
            map[s * G_C + c] = (float)(sin(0.0101 * i) + 0.3 * sin(1.7 * i));
        }
}

static const struct {
    sl_weighting weighting;
    int iterations;
    double scores[3], u[3], v[3];
} golden[] = {
    {SL_WEIGHT_UNIFORM,
     11,
     {-.0365929958, .520323826, -.435786399},
     {.015625, .015625, .015625},
     {.015625, .015625, .015625}},
    {SL_WEIGHT_SC,
     11,
     {-.0579250373, .512489662, -.441856632},
     {.01290344, .01300499, .01308167},
     {.0182858, .01820513, .01812415}},
    {SL_WEIGHT_APC, 100, {.230313504, .527292116, 0}, {.07663353, .07304482, .07033469}, {0, 0, 0}},
};

/* The golden batch as one, by the stop of the published program. */
static void golden_batch(void **state)
{
    (void)state;
    float *q = malloc(G_N * G_C * sizeof *q), *b = malloc(3 * G_N * G_C * sizeof *b);
    sl_patch_map query = {8, 8, G_C, q, NULL, 0, NULL}, candidates[3];
    golden_query(q);
    for (int n = 0; n < 3; n++) {
        golden_candidate(b + n * G_N * G_C, n);
        candidates[n] = (sl_patch_map){8, 8, G_C, b + n * G_N * G_C, NULL, 0, NULL};
    }
    for (int g = 0; g < 3; g++) {
        sl_match_options o = emd_options_of(golden[g].weighting, SL_COMPARE_F32);
        float scores[3];
        int iterations[3];
        o.solver = SL_SOLVER_PUBLISHED;
        assert_ok(sl_emd_compare(&query, candidates, 3, &o, scores, iterations, &err));
        for (int n = 0; n < 3; n++) {
            assert_near(scores[n], golden[g].scores[n], 2e-6);
            assert_in_range(iterations[n], golden[g].iterations, 100); /* r is 1e8 here, which trembles on in f32 */
        }
    }
    free(q);
    free(b);
}

static void golden_values(void **state)
{
    (void)state;
    float *q = malloc(G_N * G_C * sizeof *q), *b = malloc(G_N * G_C * sizeof *b);
    float plan[G_N * G_N], wq[G_N], wn[G_N];
    ref_pair *ref = malloc(sizeof *ref);
    golden_query(q);
    for (int g = 0; g < 3; g++)
        for (int n = 0; n < 3; n++) {
            golden_candidate(b, n);
            /* The plain reference first: it must be right to judge the kernels. */
            ref_weights(ref, q, b, G_N, G_C, golden[g].weighting, NULL, NULL);
            ref_sinkhorn(ref, 0.05, golden[g].iterations, 0);
            assert_near(ref->weightless ? 0 : ref->score, golden[g].scores[n], 1e-7);
            for (int isa = 0; isa < sl_isa_count(); isa++) {
                sl_match_use_isa(&sl_isas[isa]);
                for (int precision = 0; precision < 2; precision++) {
                    sl_match_options o = emd_options_of(golden[g].weighting, precision);
                    sl_match_layout layout;
                    assert_ok(sl_match_layout_make(&o, 8, 8, G_C, 0, &layout, &err));
                    layout.sinkhorn.max_iterations = golden[g].iterations; /* as in the golden batch */
                    layout.sinkhorn.stop = 0;
                    sl_patch_source query = {.patches_f32 = q}, candidate = {.patches_f32 = b};
                    sl_score score = match_maps(&layout, &query, &candidate, plan, NULL, wq, wn);
                    assert_near(score.stage2, golden[g].scores[n], precision == SL_COMPARE_F32 ? 2e-6 : 1e-3);
                    if (precision != SL_COMPARE_F32 || n > 0)
                        continue;
                    for (int i = 0; i < 3; i++) {
                        assert_near(wn[i], golden[g].u[i], 2e-8);
                        assert_near(wq[i], golden[g].v[i], 2e-8);
                    }
                    if (golden[g].weighting == SL_WEIGHT_UNIFORM)
                        assert_near(plan[0], 2.224622e-4, 1e-9);
                }
            }
            sl_match_use_isa(NULL);
        }
    /* The public function stops by pair, not by batch: within 4e-5 of the golden batch (APC further). */
    sl_patch_map query = {8, 8, G_C, q, NULL, 0, NULL}, candidate = {8, 8, G_C, b, NULL, 0, NULL};
    sl_match_options o = emd_options_of(SL_WEIGHT_UNIFORM, SL_COMPARE_F32);
    golden_candidate(b, 1);
    float score;
    int iterations;
    assert_ok(sl_emd_compare(&query, &candidate, 1, &o, &score, &iterations, &err));
    assert_near(score, golden[0].scores[1], 4e-5);
    assert_in_range(iterations, 1, 11);
    free(q);
    free(b);
    free(ref);
}

/* ---------------------------------------------------------------- kernels against plain arithmetic */

static const struct {
    int rows, cols, channels;
} shapes[] = {{8, 8, 512},  {7, 7, 512},  {4, 4, 512},  {7, 7, 128}, {7, 6, 512},  {3, 3, 1792},
              {1, 1, 1},    {1, 2, 3},    {2, 3, 7},    {5, 5, 17},  {3, 11, 65},  {13, 7, 100},
              {16, 16, 33}, {1, 255, 63}, {5, 13, 130}, {1, 17, 2},  {6, 8, 4096}, {3, 5, 191}};

/* Bounds of the header: f32 within 2e-6 of exact arithmetic at equal iterations, int8 within 1e-3 (patches of a
 * few channels: their rounding does not average out); int8 the same bits on every instruction set; f32 the same
 * bits wherever it is fused. */
static void kernels_for_all_shapes(void **state)
{
    (void)state;
    ref_pair *ref = malloc(sizeof *ref);
    for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++)
        for (int weighting = SL_WEIGHT_UNIFORM; weighting <= SL_WEIGHT_UEW; weighting++) {
            const int n = shapes[k].rows * shapes[k].cols, c = shapes[k].channels;
            if (weighting == SL_WEIGHT_LMK || weighting == SL_WEIGHT_TRUST)
                continue; /* they are not made of the maps */
            if (n * c > 100000 && weighting > SL_WEIGHT_APC)
                continue; /* slow ones: two weightings are enough */
            if (c == 1 && weighting == SL_WEIGHT_SC)
                continue; /* all distances are 0: what is left is rounding */
            float *q = malloc((size_t)n * c * sizeof *q), *b = malloc((size_t)n * c * sizeof *b);
            float *S = malloc((size_t)n * n * sizeof *S), *plan = malloc((size_t)n * n * sizeof *plan);
            double *g[2] = {calloc((size_t)c, sizeof(double)), calloc((size_t)c, sizeof(double))};
            float *embedding[2] = {malloc((size_t)c * sizeof(float)), malloc((size_t)c * sizeof(float))};
            make_map(q, n, c, 1, 1);
            make_map(b, n, c, 1, 2);
            for (int side = 0; side < 2; side++) {
                fill_random(embedding[side], (size_t)c, 5 + side, 0, 3);
                for (int i = 0; i < c; i++)
                    g[side][i] = embedding[side][i];
                ref_unit(g[side], c, g[side]);
            }
            const int cc = weighting == SL_WEIGHT_CC;
            ref_weights(ref, q, b, n, c, weighting, cc ? g[0] : NULL, cc ? g[1] : NULL);
            float first[2] = {0, 0};
            for (int isa = 0; isa < sl_isa_count(); isa++)
                for (int precision = 0; precision < 2; precision++) {
                    sl_match_use_isa(&sl_isas[isa]);
                    sl_match_options o = emd_options_of(weighting, precision);
                    sl_match_layout layout;
                    assert_ok(sl_match_layout_make(&o, shapes[k].rows, shapes[k].cols, c, c, &layout, &err));
                    sl_patch_source source[2] = {{.patches_f32 = q, .embedding = embedding[0]},
                                                 {.patches_f32 = b, .embedding = embedding[1]}};
                    sl_score score = match_maps(&layout, &source[0], &source[1], plan, S, NULL, NULL);
                    ref_sinkhorn(ref, 0.05, score.iterations, 0);
                    const double rounding = c > 2048 ? 8e-6 : 2e-6; /* of sums that run over all channels */
                    const double bound = precision == SL_COMPARE_F32 ? rounding : c < 32 ? 6e-3 : 1e-3;
                    if (fabs((ref->weightless ? 0 : ref->score) - score.stage2) > bound)
                        fail_msg("%s %dx%d %d precision %d: %.9g, exactly %.9g after %d", sl_isa_name(sl_isas[isa]),
                                 n, c, weighting, precision, score.stage2, ref->score, score.iterations);
                    for (int i = 0; i < n * n && precision == SL_COMPARE_F32; i++) {
                        assert_near(S[i], ref->S[i], rounding);
                        assert_near(plan[i], ref->T[i], rounding);
                    }
                    const int reference = precision == SL_COMPARE_F32 ? 1 : 0;
                    if (isa == reference)
                        first[precision] = score.stage2;
                    else if (isa > reference)
                        assert_memory_equal(&first[precision], &score.stage2, sizeof(float));
                }
            sl_match_use_isa(NULL);
            for (int side = 0; side < 2; side++)
                free(g[side]), free(embedding[side]);
            free(q), free(b), free(S), free(plan);
        }
    free(ref);
}

/* S of int8 patches is the cosine of the stored integers, for extreme ones too. */
static void int8_products_are_exact(void **state)
{
    (void)state;
    static const int channels[] = {1, 3, 4, 63, 64, 65, 512, 4096};
    for (size_t k = 0; k < sizeof channels / sizeof *channels; k++) {
        const int n = 21, c = channels[k];
        int8_t *q = malloc((size_t)n * c), *b = malloc((size_t)n * c);
        float scales[21], *random = malloc((size_t)n * c * sizeof *random), S[21 * 21];
        fill_random(random, (size_t)n * c, 3, -127.99f, 127.99f);
        for (int i = 0; i < n * c; i++) {
            q[i] = i / c == 0 ? 127 : i / c == 1 ? -127 : (int8_t)random[i];
            b[i] = i / c == 0 ? -127 : i / c == 1 ? 127 : i / c == 2 ? 0 : (int8_t)random[n * c - 1 - i];
        }
        for (int i = 0; i < n; i++)
            scales[i] = 0.01f + 3 * (float)i;
        for (int isa = 0; isa < sl_isa_count(); isa++) {
            sl_match_use_isa(&sl_isas[isa]);
            sl_match_options o = emd_options_of(SL_WEIGHT_UNIFORM, SL_COMPARE_INT8);
            sl_match_layout layout;
            assert_ok(sl_match_layout_make(&o, 3, 7, c, 0, &layout, &err));
            sl_patch_source query = {.patches_i8 = q, .patch_scales = scales};
            sl_patch_source candidate = {.patches_i8 = b, .patch_scales = scales};
            match_maps(&layout, &query, &candidate, NULL, S, NULL, NULL);
            for (int s = 0; s < n; s++)
                for (int m = 0; m < n; m++) {
                    long product = 0, qq = 0, bb = 0;
                    for (int i = 0; i < c; i++) {
                        product += b[s * c + i] * q[m * c + i];
                        bb += b[s * c + i] * b[s * c + i];
                        qq += q[m * c + i] * q[m * c + i];
                    }
                    double exact = qq && bb ? (double)product / sqrt((double)qq * (double)bb) : 0;
                    assert_near(S[s * n + m], exact, 3e-7);
                }
        }
        sl_match_use_isa(NULL);
        free(q), free(b), free(random);
    }
}

/* Stored int8 maps and their float values give the same similarity, in both precisions. */
static void stored_int8_equals_dequantised(void **state)
{
    (void)state;
    enum { N = 49, C = 192 };
    int8_t q8[N * C], b8[N * C];
    float q[N * C], b[N * C], scales[N];
    make_map(q, N, C, 1, 1);
    make_map(b, N, C, 1, 2);
    for (int i = 0; i < N; i++)
        scales[i] = 0.02f + 0.0003f * (float)i;
    for (int i = 0; i < N * C; i++) {
        q8[i] = (int8_t)lrintf(fmaxf(-127, fminf(127, q[i] * 30)));
        b8[i] = (int8_t)lrintf(fmaxf(-127, fminf(127, b[i] * 30)));
        q[i] = (float)q8[i] * scales[i / C];
        b[i] = (float)b8[i] * scales[i / C];
    }
    sl_patch_source from_i8[2] = {{.patches_i8 = q8, .patch_scales = scales},
                                  {.patches_i8 = b8, .patch_scales = scales}};
    sl_patch_source from_f32[2] = {{.patches_f32 = q}, {.patches_f32 = b}};
    for (int precision = 0; precision < 2; precision++) {
        sl_match_options o = emd_options_of(SL_WEIGHT_APC, precision);
        sl_match_layout layout;
        assert_ok(sl_match_layout_make(&o, 7, 7, C, 0, &layout, &err));
        sl_score a = match_maps(&layout, &from_i8[0], &from_i8[1], NULL, NULL, NULL, NULL);
        sl_score d = match_maps(&layout, &from_f32[0], &from_f32[1], NULL, NULL, NULL, NULL);
        assert_near(a.stage2, d.stage2, precision == SL_COMPARE_F32 ? 1e-6 : 5e-4);
    }
}

/* The 15 bits of the pooled vector keep the weights of stored maps: on every instruction set, on both sides. */
static void int8_weights_are_exact(void **state)
{
    (void)state;
    enum { N = 30, C = 200 };
    static int8_t q8[N * C], b8[N * C];
    static float q[N * C], b[N * C];
    float scales[N], wq[N], wn[N];
    ref_pair *ref = malloc(sizeof *ref);
    fill_random(q, N * C, 1, -60, 127.9f);
    fill_random(b, N * C, 2, -60, 127.9f);
    for (int i = 0; i < N; i++)
        scales[i] = 0.02f + 0.01f * (float)i;
    for (int i = 0; i < N * C; i++) {
        q8[i] = (int8_t)q[i];
        b8[i] = (int8_t)b[i];
        q[i] = (float)q8[i] * scales[i / C];
        b[i] = (float)b8[i] * scales[i / C];
    }
    ref_weights(ref, q, b, N, C, SL_WEIGHT_APC, NULL, NULL);
    sl_patch_source query = {.patches_i8 = q8, .patch_scales = scales},
                    candidate = {.patches_i8 = b8, .patch_scales = scales};
    for (int isa = 0; isa < sl_isa_count(); isa++) {
        sl_match_use_isa(&sl_isas[isa]);
        sl_match_options o = emd_options_of(SL_WEIGHT_APC, SL_COMPARE_INT8);
        sl_match_layout layout;
        assert_ok(sl_match_layout_make(&o, 5, 6, C, 0, &layout, &err));
        match_maps(&layout, &query, &candidate, NULL, NULL, wq, wn);
        for (int i = 0; i < N; i++) {
            assert_near(wq[i], ref->v[i], 1e-6);
            assert_near(wn[i], ref->u[i], 1e-6);
        }
    }
    sl_match_use_isa(NULL);
    free(ref);
}

/* Each pair stops by itself, at the iteration where the reference does. */
static void stops_where_the_rule_says(void **state)
{
    (void)state;
    enum { N = 49, C = 64 };
    static float q[N * C], b[N * C];
    ref_pair *ref = malloc(sizeof *ref);
    int least = 100, most = 0;
    make_map(q, N, C, 1, 1);
    for (uint64_t photo = 2; photo < 30; photo++) {
        float score;
        int iterations;
        make_map(b, N, C, photo % 3, photo);
        sl_patch_map query = {7, 7, C, q, NULL, 0, NULL}, candidate = {7, 7, C, b, NULL, 0, NULL};
        sl_match_options o = emd_options_of(photo % 2 ? SL_WEIGHT_APC : SL_WEIGHT_UNIFORM, SL_COMPARE_F32);
        assert_ok(sl_emd_compare(&query, &candidate, 1, &o, &score, &iterations, &err));
        ref_weights(ref, q, b, N, C, o.weighting, NULL, NULL);
        ref_sinkhorn(ref, 0.05, 100, 0.1);
        assert_int_equal(iterations, ref->iterations);
        assert_near(score, ref->score, 2e-6);
        least = iterations < least ? iterations : least;
        most = iterations > most ? iterations : most;
    }
    assert_true(least > 1 && least < most && most < 100); /* the rule was at work */
    free(ref);
}

/* ---------------------------------------------------------------- what must not matter */

enum { B_N = 49, B_C = 64, B_COUNT = 37 };

typedef struct {
    float *maps;
    sl_patch_map query, candidates[B_COUNT];
} batch_case;

/* Candidate 5 points away from everything: APC gives it no weight. Candidate 9 is all zero. */
static batch_case make_batch(void)
{
    const size_t size = B_N * B_C;
    batch_case b = {.maps = malloc((B_COUNT + 1) * size * sizeof(float))};
    for (int i = 0; i <= B_COUNT; i++) {
        float *map = b.maps + (size_t)i * size;
        make_map(map, B_N, B_C, (uint64_t)(i % 4), (uint64_t)i);
        for (size_t j = 0; i == 5 && j < size; j++)
            map[j] = -fabsf(map[j]);
        if (i == 9)
            memset(map, 0, size * sizeof *map);
        sl_patch_map m = {7, 7, B_C, map, NULL, 0, NULL};
        if (i < B_COUNT)
            b.candidates[i] = m;
        else
            b.query = m;
    }
    float *query = b.maps + B_COUNT * size;
    for (size_t j = 0; j < size; j++)
        query[j] = fabsf(query[j]);
    return b;
}

static void weightless_pairs_touch_nobody(void **state)
{
    (void)state;
    batch_case b = make_batch();
    float together[B_COUNT], alone;
    int iterations[B_COUNT];
    sl_match_options o = emd_options_of(SL_WEIGHT_APC, SL_COMPARE_INT8);
    for (int solver = 0; solver < 3; solver++) {
        o.solver = solver;
        assert_ok(sl_emd_compare(&b.query, b.candidates, B_COUNT, &o, together, iterations, &err));
        assert_near(together[5], 0, 0);
        assert_near(together[9], 0, 0);
        assert_int_equal(iterations[5], 0);
        assert_true(together[4] > 0.1f && together[6] > 0.1f);
        for (int i = 0; i < B_COUNT; i++) {
            assert_ok(sl_emd_compare(&b.query, &b.candidates[i], 1, &o, &alone, NULL, &err));
            assert_memory_equal(&alone, &together[i], sizeof alone);
        }
        float plan[B_N * B_N];
        assert_ok(sl_emd_plan(&b.query, &b.candidates[5], &o, plan, NULL, NULL, &err));
        for (int i = 0; i < B_N * B_N; i++)
            assert_true(plan[i] == 0);
    }
    free(b.maps);
}

static void threads_do_not_matter(void **state)
{
    (void)state;
    batch_case b = make_batch();
    float one[B_COUNT], many[B_COUNT];
    int iterations[2][B_COUNT];
    for (int precision = 0; precision < 2; precision++) {
        sl_match_options o = emd_options_of(SL_WEIGHT_APC, precision);
        assert_ok(sl_emd_compare(&b.query, b.candidates, B_COUNT, &o, one, iterations[0], &err));
        for (o.threads = 0; o.threads <= 5; o.threads++) {
            assert_ok(sl_emd_compare(&b.query, b.candidates, B_COUNT, &o, many, iterations[1], &err));
            assert_memory_equal(one, many, sizeof one);
            assert_memory_equal(iterations[0], iterations[1], sizeof iterations[0]);
        }
    }
    free(b.maps);
}

/* The similarity is a set's: the order of patches, and of channels in both, changes only rounding. */
static void permutations_do_not_matter(void **state)
{
    (void)state;
    enum { N = 25, C = 40 };
    float q[N * C], n[N * C], moved[N * C], q_moved[N * C], a, b;
    make_map(q, N, C, 1, 1);
    make_map(n, N, C, 1, 2);
    for (int solver = 0; solver < 3; solver++)
        for (int weighting = SL_WEIGHT_UNIFORM; weighting <= SL_WEIGHT_SC_TEXT; weighting++) {
            if (weighting == SL_WEIGHT_CC)
                continue;
            sl_match_options o = emd_options_of(weighting, SL_COMPARE_F32);
            o.solver = solver;
            for (int i = 0; i < N * C; i++)
                moved[(i / C * 7 + 3) % N * C + i % C] = n[i];
            sl_patch_map query = {5, 5, C, q, NULL, 0, NULL}, first = {5, 5, C, n, NULL, 0, NULL};
            sl_patch_map second = {5, 5, C, moved, NULL, 0, NULL};
            assert_ok(sl_emd_compare(&query, &first, 1, &o, &a, NULL, &err));
            assert_ok(sl_emd_compare(&query, &second, 1, &o, &b, NULL, &err));
            assert_near(a, b, 2e-6);
            for (int i = 0; i < N * C; i++) {
                moved[i / C * C + (i % C * 3 + 1) % C] = n[i];
                q_moved[i / C * C + (i % C * 3 + 1) % C] = q[i];
            }
            query.patches = q_moved;
            assert_ok(sl_emd_compare(&query, &second, 1, &o, &b, NULL, &err));
            assert_near(a, b, 2e-6);
        }
}

/* ---------------------------------------------------------------- refusals */

static void refuses(const sl_patch_map *q, const sl_patch_map *n, const sl_match_options *o, sl_status status,
                    const char *text)
{
    float score = 7;
    err.text[0] = 0;
    assert_int_equal(sl_emd_compare(q, n, 1, o, &score, NULL, &err), status);
    assert_int_equal(err.status, status);
    if (!strstr(err.text, text))
        fail_msg("\"%s\" does not say \"%s\"", err.text, text);
    assert_true(score == 0);
}

static void bad_input_is_refused(void **state)
{
    (void)state;
    float map[4 * 6], bad[4 * 6], embedding[5] = {1, 2, 3, 4, 5};
    fill_random(map, 24, 1, -1, 1);
    memcpy(bad, map, sizeof bad);
    sl_patch_map good = {2, 2, 6, map, NULL, 0, NULL}, other = good;
    sl_match_options o = emd_options_of(SL_WEIGHT_APC, SL_COMPARE_INT8);
    const float poison[] = {NAN, INFINITY, -INFINITY};
    for (int i = 0; i < 3; i++)
        for (o.patch_compute = 0; (int)o.patch_compute < 2; o.patch_compute++) {
            memcpy(bad, map, sizeof bad);
            bad[17] = poison[i];
            other.patches = bad;
            refuses(&good, &other, &o, SL_ERR_NUMERIC, "candidate 0: patch map: patch 2");
            refuses(&other, &good, &o, SL_ERR_NUMERIC, "query: patch map: patch 2");
        }
    other = good;
    o = emd_options_of(SL_WEIGHT_CC, SL_COMPARE_INT8);
    good.embedding = other.embedding = embedding;
    good.dim = other.dim = 5;
    refuses(&good, &other, &o, SL_ERR_ARGUMENT, "6 channels, its embedding 5");
    good = other = (sl_patch_map){2, 2, 6, map, NULL, 0, NULL};
    refuses(&good, &other, &o, SL_ERR_ARGUMENT, "cc");
    o = emd_options_of(SL_WEIGHT_APC, SL_COMPARE_INT8);
    other.channels = 5;
    refuses(&good, &other, &o, SL_ERR_MISMATCH, "candidate 0 is a map of 2x2x5");
    other = good;
    other.patches = NULL;
    refuses(&good, &other, &o, SL_ERR_ARGUMENT, "no patches");
    o.grid_rows = 3;
    refuses(&good, &good, &o, SL_ERR_ARGUMENT, "larger than");
    o = emd_options_of(99, SL_COMPARE_INT8);
    refuses(&good, &good, &o, SL_ERR_ARGUMENT, "weighting 99");
    o = emd_options_of(SL_WEIGHT_APC, 7);
    refuses(&good, &good, &o, SL_ERR_ARGUMENT, "precision 7");
    o = emd_options_of(SL_WEIGHT_APC, SL_COMPARE_INT8);
    o.threads = -1;
    refuses(&good, &good, &o, SL_ERR_ARGUMENT, "threads");
    good.rows = 0;
    o.threads = 1;
    refuses(&good, &good, &o, SL_ERR_ARGUMENT, "0 x 2 x 6");
    good.rows = 70000;
    refuses(&good, &good, &o, SL_ERR_LIMIT, "256 patches");
    good = (sl_patch_map){2, 2, 5000, map, NULL, 0, NULL};
    refuses(&good, &good, &o, SL_ERR_LIMIT, "4096");
}

/* The lowest of several bad candidates is named, with any number of threads. */
static void lowest_bad_candidate_is_named(void **state)
{
    (void)state;
    batch_case b = make_batch();
    float scores[B_COUNT];
    b.maps[11 * B_N * B_C + 3 * B_C] = NAN;
    b.maps[30 * B_N * B_C] = INFINITY;
    sl_match_options o = emd_options_of(SL_WEIGHT_APC, SL_COMPARE_INT8);
    for (o.threads = 1; o.threads <= 4; o.threads++) {
        assert_int_equal(sl_emd_compare(&b.query, b.candidates, B_COUNT, &o, scores, NULL, &err), SL_ERR_NUMERIC);
        assert_string_equal(err.text, "candidate 11: patch map: patch 3 has NaN or infinity");
    }
    assert_ok(sl_emd_compare(&b.query, b.candidates, 0, &o, scores, NULL, &err)); /* nobody: nothing to do */
    free(b.maps);
}

/* Huge and tiny numbers are numbers. */
static void extreme_sizes(void **state)
{
    (void)state;
    float map[16 * 20], scaled[16 * 20], one, other;
    make_map(map, 16, 20, 1, 1);
    sl_patch_map q = {4, 4, 20, map, NULL, 0, NULL}, n = {4, 4, 20, scaled, NULL, 0, NULL};
    const float sizes[] = {1e30f, 1e-8f, 1};
    for (int precision = 0; precision < 2; precision++) {
        sl_match_options o = emd_options_of(SL_WEIGHT_APC, precision);
        assert_ok(sl_emd_compare(&q, &q, 1, &o, &one, NULL, &err));
        for (int k = 0; k < 3; k++) {
            for (int i = 0; i < 16 * 20; i++)
                scaled[i] = map[i] * sizes[k];
            assert_ok(sl_emd_compare(&q, &n, 1, &o, &other, NULL, &err));
            assert_near(one, other, 2e-6);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_values),
        cmocka_unit_test(golden_batch),
        cmocka_unit_test(kernels_for_all_shapes),
        cmocka_unit_test(int8_products_are_exact),
        cmocka_unit_test(stored_int8_equals_dequantised),
        cmocka_unit_test(int8_weights_are_exact),
        cmocka_unit_test(stops_where_the_rule_says),
        cmocka_unit_test(weightless_pairs_touch_nobody),
        cmocka_unit_test(threads_do_not_matter),
        cmocka_unit_test(permutations_do_not_matter),
        cmocka_unit_test(bad_input_is_refused),
        cmocka_unit_test(lowest_bad_candidate_is_named),
        cmocka_unit_test(extreme_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
