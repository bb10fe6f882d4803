/* Patches compared in bf16: the rounding, every instruction set against plain double arithmetic on the rounded patches,
 * scores beside those of f32, and what must not matter. */
#include "reference.h"

#include "base/mem.h"
#include "match/kernels/match_kernels.h"

static sl_error err;

/* The ways to compute it: every instruction set, the best one with vdpbf16ps too where there is that, which lays the
 * same numbers out differently. */
static int way_count(void)
{
    return sl_isa_count() + sl_cpu_has_bf16();
}

static const sl_isa *isa_of(int way)
{
    return &sl_isas[way < sl_isa_count() ? way : sl_isa_count() - 1];
}

static void take_way(int way)
{
    sl_match_use_isa(isa_of(way));
    sl_match_use_bf16(way == sl_isa_count());
}

static int leave_ways(void **state)
{
    (void)state;
    sl_match_use_isa(NULL);
    sl_match_use_bf16(true);
    return 0;
}

/* ---- the rounding ---- */

/* 1 + 2^-8 and 1 + 3 * 2^-8 lie half way between neighbours. */
static void rounds_to_nearest_even(void **state)
{
    (void)state;
    static const float x[] = {0, -0.0f, 1, 1 + 0x1p-8f, 1 + 0x1.8p-8f, 1 + 0x3p-8f, -1 - 0x1p-8f, 1 + 0x1.0002p-8f,
                              0x1.ffp-1f, 0x1.ff8p-3f, 0x1p-126f, 0x1.8p-133f, 0x1p-149f, 0.7071068f};
    static const float wanted[] = {0, -0.0f, 1, 1, 1 + 0x1p-7f, 1 + 0x1p-6f, -1, 1 + 0x1p-7f,
                                   1, 0x1p-2f, 0x1p-126f, 0x1p-132f, 0, 0.70703125f};
    enum { N = sizeof x / sizeof *x };
    for (int way = 0; way < way_count(); way++) {
        float floats[N];
        uint16_t halves[N];
        take_way(way);
        sl_emd_kernels_now()->scale_to_bf16(x, N, 1, floats);
        sl_emd_kernels_now()->pack_to_bf16(x, N, 1, halves);
        assert_memory_equal(floats, wanted, sizeof floats);
        for (int i = 0; i < N; i++) {
            uint32_t bits = (uint32_t)halves[i] << 16;
            assert_memory_equal(&bits, &wanted[i], sizeof bits);
        }
        sl_emd_kernels_now()->scale_to_bf16(x, N, -0.5f, floats); /* the product is rounded, not x */
        assert_true(floats[3] == -0.5f && floats[5] == -0.5f - 0x1p-7f);
    }
}

/* ---- kernels against plain arithmetic ---- */

static const struct {
    int rows, cols, channels;
} shapes[] = {{8, 8, 512}, {7, 7, 512},  {4, 4, 512},  {7, 7, 128},  {7, 6, 512}, {3, 3, 1792}, {1, 1, 1},   {1, 2, 3},
              {5, 5, 17},  {3, 11, 65},  {13, 7, 100}, {16, 16, 33}, {1, 255, 63}, {1, 17, 2},  {6, 8, 4096}};

typedef struct {
    sl_match_layout layout;
    sl_patch_set sets[2]; /* query, candidate */
    void *memory[2];
    float *S; /* [row_count, stride] */
} prepared;

static prepared *prepare(const sl_match_options *o, int rows, int cols, int c, const sl_patch_source source[2])
{
    prepared *p = calloc(1, sizeof *p);
    assert_ok(sl_match_layout_make(o, rows, cols, c, c, &p->layout, &err));
    for (int role = 0; role < 2; role++) {
        p->memory[role] = sl_alloc_aligned(sl_patch_set_bytes(&p->layout, role));
        assert_ok(sl_patch_set_init(&p->sets[role], &p->layout, role, p->memory[role], &source[role], &err));
    }
    p->S = sl_alloc_aligned((size_t)sl_set_shape_of(&p->layout).row_count * (size_t)p->layout.stride * sizeof(float));
    sl_emd_kernels_now()->similarities(&p->sets[0], &p->sets[1], NULL, p->S);
    return p;
}

static void discard(prepared *p)
{
    free(p->memory[0]), free(p->memory[1]), free(p->S), free(p);
}

/* Row i of a set as numbers, however it lies there; they must be bf16. */
static void read_row(const sl_patch_set *set, int i, float *out)
{
    const size_t at = (size_t)i * sl_set_row_stride(set->layout);
    for (int c = 0; c < set->layout->channels; c++) {
        uint32_t bits;
        if (sl_set_element_bytes(set->layout) == 2)
            bits = (uint32_t)((const uint16_t *)set->rows)[at + (size_t)c] << 16;
        else
            memcpy(&bits, (const float *)set->rows + at + c, sizeof bits);
        assert_int_equal(bits & 0xffff, 0);
        memcpy(&out[c], &bits, sizeof bits);
    }
}

/* Rows are the unit patches to half a last place of 8 bits (and f32's own rounding before that); the same bits as
 * `first` [2, patches, channels], which the first way fills. */
static void check_rows(const prepared *p, const float *const maps[2], bool is_first, float *first)
{
    const int n = p->layout.patches, c = p->layout.channels;
    double unit[SL_MATCH_MAX_CHANNELS];
    float row[SL_MATCH_MAX_CHANNELS];
    for (int i = 0; i < 2 * n; i++) {
        for (int k = 0; k < c; k++)
            unit[k] = maps[i / n][(size_t)(i % n) * c + k];
        ref_unit(unit, c, unit);
        read_row(&p->sets[i / n], i % n, row);
        for (int k = 0; k < c; k++)
            assert_near(row[k], unit[k], fabs(unit[k]) * 0x1.001p-8);
        if (is_first)
            memcpy(first + (size_t)i * c, row, (size_t)c * sizeof *row);
        else
            assert_memory_equal(first + (size_t)i * c, row, (size_t)c * sizeof *row);
    }
}

/* S is the product of the rounded patches [2, n, c], to the rounding of sums over all channels; 0 behind R. */
static void check_similarities(const prepared *p, const float *patches, const char *way)
{
    const int n = p->layout.patches, c = p->layout.channels, stride = p->layout.stride;
    const double bound = c > 2048 ? 8e-6 : 2e-6;
    const float *query = patches, *candidate = patches + (size_t)n * c;
    for (int s = 0; s < n; s++) {
        for (int m = 0; m < n; m++) {
            double exact = 0;
            for (int k = 0; k < c; k++)
                exact += (double)candidate[(size_t)s * c + k] * (double)query[(size_t)m * c + k];
            if (!(fabs(p->S[(size_t)s * stride + m] - exact) <= bound))
                fail_msg("%s %dx%d: S[%d][%d] = %.9g, exactly %.9g", way, n, c, s, m, p->S[(size_t)s * stride + m],
                         exact);
        }
        for (int m = n; m < stride; m++)
            assert_true(p->S[(size_t)s * stride + m] == 0);
    }
}

static void products_on_every_instruction_set(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++) {
        const int rows = shapes[k].rows, cols = shapes[k].cols, n = rows * cols, c = shapes[k].channels;
        const size_t size = (size_t)n * c;
        float *maps[2] = {malloc(size * sizeof(float)), malloc(size * sizeof(float))};
        float *first = malloc(2 * size * sizeof *first);
        make_map(maps[0], n, c, 1, 1);
        make_map(maps[1], n, c, 1, 2);
        memset(maps[1] + (size_t)(n - 1) * c, 0, n > 4 ? (size_t)c * sizeof(float) : 0); /* a patch of nothing */
        for (int way = 0; way < way_count(); way++) {
            const sl_match_options o = emd_options_of(SL_WEIGHT_UNIFORM, SL_COMPARE_BF16);
            const sl_patch_source source[2] = {{.patches_f32 = maps[0]}, {.patches_f32 = maps[1]}};
            take_way(way);
            prepared *p = prepare(&o, rows, cols, c, source);
            assert_int_equal(sl_set_element_bytes(&p->layout), way == sl_isa_count() ? 2 : 4);
            check_rows(p, (const float *const[]){maps[0], maps[1]}, way == 0, first);
            check_similarities(p, first, sl_isa_name(*isa_of(way)));
            discard(p);
        }
        free(maps[0]), free(maps[1]), free(first);
    }
}

/* ---- scores ---- */

static float score_of(const sl_match_options *o, int rows, int cols, int c, const float *q, const float *n,
                      const float *embedding)
{
    float score;
    const sl_patch_map query = {rows, cols, c, q, embedding, c, NULL};
    const sl_patch_map candidate = {rows, cols, c, n, embedding, c, NULL};
    assert_ok(sl_emd_compare(&query, &candidate, 1, o, &score, NULL, &err));
    return score;
}

/* Weights, whether by pooled vectors (cc, grids whose cells overlap) or by shares, and the solvers take the rounded
 * similarities as they take f32's. A look that stops by a rule may stop an iteration sooner or later. */
static void scores_are_near_f32(void **state)
{
    (void)state;
    static const struct {
        int side, grid, channels;
    } kinds[] = {{8, 0, 512}, {7, 0, 128}, {7, 3, 64}, {8, 4, 100}, {3, 0, 33}};
    int differ = 0;
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        const int side = kinds[k].side, n = side * side, c = kinds[k].channels;
        float *q = malloc((size_t)n * c * sizeof *q), *b = malloc((size_t)n * c * sizeof *b);
        make_map(q, n, c, 1, 1);
        make_map(b, n, c, 1, 2);
        for (int weighting = SL_WEIGHT_UNIFORM; weighting <= SL_WEIGHT_SC_TEXT; weighting++)
            for (int solver = 0; solver < 3; solver++) {
                sl_match_options o = emd_options_of(weighting, SL_COMPARE_F32);
                o.solver = solver;
                o.grid_rows = o.grid_cols = kinds[k].grid;
                take_way(0);
                const float f32 = score_of(&o, side, side, c, q, b, q);
                o.patch_compute = SL_COMPARE_BF16;
                const float reference = score_of(&o, side, side, c, q, b, q);
                assert_near(reference, f32, 5e-3);
                differ += reference != f32;
                for (int way = 1; way < way_count(); way++) {
                    take_way(way);
                    assert_near(score_of(&o, side, side, c, q, b, q), reference, 1e-5);
                }
            }
        free(q), free(b);
    }
    assert_true(differ > 50); /* of 75: it is bf16 that ran */
}

/* Maps stored in int8 are compared in bf16 as their values in floats are. */
static void stored_int8_is_widened(void **state)
{
    (void)state;
    enum { N = 49, C = 96 };
    static int8_t q8[N * C];
    static float q[N * C];
    float scales[N];
    make_map(q, N, C, 1, 1);
    for (int i = 0; i < N; i++)
        scales[i] = 0.02f + 0.0003f * (float)i;
    for (int i = 0; i < N * C; i++) {
        q8[i] = (int8_t)lrintf(fmaxf(-127, fminf(127, q[i] * 30)));
        q[i] = (float)q8[i] * scales[i / C];
    }
    const sl_match_options o = emd_options_of(SL_WEIGHT_APC, SL_COMPARE_BF16);
    const sl_patch_source stored = {.patches_i8 = q8, .patch_scales = scales}, floats = {.patches_f32 = q};
    for (int way = 0; way < way_count(); way++) {
        take_way(way);
        prepared *a = prepare(&o, 7, 7, C, (sl_patch_source[]){stored, stored});
        prepared *b = prepare(&o, 7, 7, C, (sl_patch_source[]){floats, floats});
        assert_memory_equal(a->S, b->S, N * (size_t)a->layout.stride * sizeof(float));
        discard(a), discard(b);
    }
}

static void threads_do_not_matter(void **state)
{
    (void)state;
    enum { N = 49, C = 64, COUNT = 37 };
    float *maps = malloc((size_t)(COUNT + 1) * N * C * sizeof *maps), one[COUNT], many[COUNT];
    sl_patch_map face[COUNT + 1];
    for (int i = 0; i <= COUNT; i++) {
        face[i] = (sl_patch_map){7, 7, C, maps + (size_t)i * N * C, NULL, 0, NULL};
        make_map(maps + (size_t)i * N * C, N, C, (uint64_t)i % 4, (uint64_t)i);
    }
    for (int way = 0; way < way_count(); way++) {
        sl_match_options o = emd_options_of(SL_WEIGHT_APC, SL_COMPARE_BF16);
        take_way(way);
        assert_ok(sl_emd_compare(&face[COUNT], face, COUNT, &o, one, NULL, &err));
        for (o.threads = 0; o.threads <= 5; o.threads++) {
            assert_ok(sl_emd_compare(&face[COUNT], face, COUNT, &o, many, NULL, &err));
            assert_memory_equal(one, many, sizeof one);
        }
        for (int i = 0; i < COUNT; i++) { /* nor who stands beside whom */
            assert_ok(sl_emd_compare(&face[COUNT], &face[i], 1, &o, many, NULL, &err));
            assert_memory_equal(&one[i], many, sizeof *many);
        }
    }
    free(maps);
}

static void bad_numbers_are_refused(void **state)
{
    (void)state;
    float map[4 * 6], bad[4 * 6], score;
    fill_random(map, 24, 1, -1, 1);
    const float poison[] = {NAN, INFINITY, -INFINITY};
    const sl_match_options o = emd_options_of(SL_WEIGHT_APC, SL_COMPARE_BF16);
    const sl_patch_map good = {2, 2, 6, map, NULL, 0, NULL}, other = {2, 2, 6, bad, NULL, 0, NULL};
    for (int i = 0; i < 3; i++) {
        memcpy(bad, map, sizeof bad);
        bad[17] = poison[i];
        assert_int_equal(sl_emd_compare(&good, &other, 1, &o, &score, NULL, &err), SL_ERR_NUMERIC);
        assert_non_null(strstr(err.text, "candidate 0: patch map: patch 2"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(rounds_to_nearest_even, leave_ways),
        cmocka_unit_test_teardown(products_on_every_instruction_set, leave_ways),
        cmocka_unit_test_teardown(scores_are_near_f32, leave_ways),
        cmocka_unit_test_teardown(stored_int8_is_widened, leave_ways),
        cmocka_unit_test_teardown(threads_do_not_matter, leave_ways),
        cmocka_unit_test(bad_numbers_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
