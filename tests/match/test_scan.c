/* Stage 1 against a full sort. */
#include "support.h"

#include <stdatomic.h>

#include "base/mem.h"
#include "match/kernels/match_kernels.h"

static sl_error err;

typedef struct {
    float score;
    uint32_t index;
} hit;

static int by_rank(const void *a, const void *b)
{
    const hit *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

/* Every product by sl_scan_dot, sorted. The products themselves are held against double elsewhere. */
static void expect_top(const float *bank, size_t n, int dim, const float *query, size_t k, const uint32_t *index,
                       const float *score)
{
    hit *all = malloc((n + 1) * sizeof *all);
    for (size_t i = 0; i < n; i++)
        all[i] = (hit){sl_scan_dot(query, bank + i * (size_t)dim, dim), (uint32_t)i};
    qsort(all, n, sizeof *all, by_rank);
    for (size_t i = 0; i < k; i++) {
        assert_int_equal(index[i], i < n ? all[i].index : UINT32_MAX);
        assert_true(score[i] == (i < n ? all[i].score : -INFINITY));
    }
    free(all);
}

static void equals_a_full_sort(void **state)
{
    (void)state;
    static const struct {
        size_t n;
        int dim;
        size_t queries;
        int k;
    } cases[] = {{1000, 128, 1, 100}, {1000, 512, 5, 10}, {777, 63, 37, 100}, {3, 17, 2, 100}, {1, 1, 1, 1},
                 {0, 64, 3, 4},       {5000, 8, 2, 5000}, {2049, 100, 70, 7}, {64, 192, 4, 1}, {130, 15, 33, 130}};
    for (size_t t = 0; t < sizeof cases / sizeof *cases; t++) {
        const size_t n = cases[t].n, queries = cases[t].queries, k = (size_t)cases[t].k;
        const int dim = cases[t].dim;
        float *bank = malloc((n + 1) * (size_t)dim * sizeof *bank), *q = malloc(queries * (size_t)dim * sizeof *q);
        uint32_t *index = malloc(queries * k * sizeof *index), *first_index = malloc(queries * k * sizeof *index);
        float *score = malloc(queries * k * sizeof *score), *first_score = malloc(queries * k * sizeof *score);
        fill_random(bank, n * (size_t)dim, t, -1, 1);
        fill_random(q, queries * (size_t)dim, t + 100, -1, 1);
        for (size_t i = 7; i < n; i += 7) /* ties */
            memcpy(bank + i * (size_t)dim, bank + (i / 2) * (size_t)dim, (size_t)dim * sizeof *bank);
        for (int isa = 0; isa < sl_isa_count(); isa++)
            for (int threads = 0; threads <= 4; threads++) {
                sl_match_use_isa(&sl_isas[isa]);
                assert_ok(sl_cosine_top(&(sl_vectors){bank, n, dim}, &(sl_vectors){q, queries, dim}, cases[t].k,
                                        threads, index, score, &err));
                if (isa == 0 && threads == 0) {
                    for (size_t i = 0; i < queries; i++)
                        expect_top(bank, n, dim, q + i * (size_t)dim, k, index + i * k, score + i * k);
                    memcpy(first_index, index, queries * k * sizeof *index);
                    memcpy(first_score, score, queries * k * sizeof *score);
                }
                assert_memory_equal(index, first_index, queries * k * sizeof *index);
                assert_memory_equal(score, first_score, queries * k * sizeof *score);

                sl_cosine_bank *coded;
                assert_ok(sl_cosine_bank_open(&(sl_vectors){bank, n, dim}, threads, &coded, &err));
                assert_ok(
                    sl_cosine_bank_top(coded, &(sl_vectors){q, queries, dim}, cases[t].k, threads, index, score, &err));
                assert_memory_equal(index, first_index, queries * k * sizeof *index);
                assert_memory_equal(score, first_score, queries * k * sizeof *score);
                sl_cosine_bank_close(coded);
            }
        sl_match_use_isa(NULL);
        free(bank), free(q), free(index), free(first_index), free(score), free(first_score);
    }
}

static void products_are_right(void **state)
{
    (void)state;
    float a[1000], b[1000];
    fill_random(a, 1000, 1, -1, 1);
    fill_random(b, 1000, 2, -1, 1);
    for (int dim = 1; dim <= 1000; dim += dim < 40 ? 1 : 97) {
        double exact = 0;
        for (int i = 0; i < dim; i++)
            exact += (double)a[i] * b[i];
        assert_true(fabs(sl_scan_dot(a, b, dim) - exact) < 1e-6 * dim);
    }
}

/* The internal form: blocks anywhere in memory, with a stride, numbered on. */
static void blocks_equal_one_bank(void **state)
{
    (void)state;
    enum { N = 500, DIM = 33, K = 20 };
    static float bank[N * DIM], strided[N * 40], query[2 * DIM];
    uint32_t index[2 * K], expected[2 * K];
    float score[2 * K], expected_score[2 * K];
    fill_random(bank, N * DIM, 5, -1, 1);
    fill_random(query, 2 * DIM, 6, -1, 1);
    for (int i = 0; i < N; i++)
        memcpy(strided + i * 40, bank + i * DIM, DIM * sizeof *bank);
    assert_ok(
        sl_cosine_top(&(sl_vectors){bank, N, DIM}, &(sl_vectors){query, 2, DIM}, K, 1, expected, expected_score, &err));
    const sl_scan_block blocks[] = {{strided + 300 * 40, 40, 200, 300, NULL, NULL},
                                    {strided, 40, 1, 0, NULL, NULL},
                                    {bank, DIM, 0, 1, NULL, NULL},
                                    {bank + DIM, DIM, 150, 1, NULL, NULL},
                                    {strided + 151 * 40, 40, 149, 151, NULL, NULL}};
    for (int threads = 1; threads <= 4; threads++) {
        assert_ok(sl_scan_top(blocks, 5, &(sl_vectors){query, 2, DIM}, K, threads, index, score, &err));
        assert_memory_equal(index, expected, sizeof index);
        assert_memory_equal(score, expected_score, sizeof score);
    }
}

/* Row r of a bank that codes find hard: of one large number, all alike, tiny, nothing, huge, or ordinary. */
static void hard_row(float *row, int dim, int r)
{
    static const float sizes[] = {1, 1e-30f, 1e12f, 1e-3f, 1, 0};
    fill_random(row, (size_t)dim, (uint64_t)r + 50, -1, 1);
    for (int d = 0; d < dim; d++)
        row[d] = (r % 7 == 0 ? .0078f : row[d]) * sizes[r % 6];
    if (r % 5 == 0)
        row[r % dim] = 100 * sizes[r % 6];
}

/* A mark at a product itself keeps its row: no bound is below the product, and codes do tell most rows apart. */
static void bounds_hold(void **state)
{
    (void)state;
    enum { N = 400 };
    static const int dims[] = {1, 3, 16, 100, 128, 513, 4096};
    float *bank = malloc(N * 4096 * sizeof *bank), query[4096], out;
    uint32_t codes[1024];
    for (size_t t = 0; t < sizeof dims / sizeof *dims; t++)
        for (int isa = 0; isa < sl_isa_count(); isa++) {
            const int dim = dims[t];
            sl_scan_codes coded;
            sl_code_query q;
            size_t kept = 0, asked = 0;
            sl_match_use_isa(&sl_isas[isa]);
            for (int r = 0; r < N; r++)
                hard_row(bank + r * dim, dim, r);
            assert_ok(sl_scan_codes_make(bank, N, dim, 2, &coded, &err));
            for (int j = 0; j < 12; j++) {
                hard_row(query, dim, 1000 + j);
                assert_true(sl_code_query_of(query, dim, codes, &q));
                for (size_t i = 0; i < N; i++) {
                    uint16_t mask[SL_SCAN_GROUPS];
                    out = sl_scan_dot(query, bank + i * (size_t)dim, dim);
                    sl_scan_kernels_now()->survivors(&coded, i / SL_CODE_ROWS, 1, &q, 1, &out, mask);
                    assert_true(mask[0] >> i % SL_CODE_ROWS & 1);
                    float beyond = out + .2f * coded.norm * q.norm;
                    sl_scan_kernels_now()->survivors(&coded, i / SL_CODE_ROWS, 1, &q, 1, &beyond, mask);
                    kept += mask[0] >> i % SL_CODE_ROWS & 1, asked++;
                }
            }
            assert_true(q.norm == 0 || kept < asked / 2);
            sl_scan_codes_free(&coded);
        }
    sl_match_use_isa(NULL);
    free(bank);
}

static sl_status count_row(void *context, size_t i, bool *skip, sl_error *why)
{
    (void)i, (void)why;
    *skip = false;
    atomic_fetch_add((atomic_size_t *)context, 1);
    return SL_OK;
}

/* What one thread has found is the mark for all: else each of sixteen slices would multiply its own best, some 9,000
 * rows, each of which may lie on a page of its own. */
static void slices_share_what_they_found(void **state)
{
    (void)state;
    enum { N = 200000, DIM = 24, K = 100, THREADS = 4 };
    float *bank = malloc((size_t)N * DIM * sizeof *bank), query[DIM], score[K], expected_score[K];
    uint32_t index[K], expected[K];
    fill_random(bank, (size_t)N * DIM, 15, -1, 1);
    fill_random(query, DIM, 16, -1, 1);
    sl_scan_codes codes;
    assert_ok(sl_scan_codes_make(bank, N, DIM, THREADS, &codes, &err));
    atomic_size_t multiplied = 0;
    const sl_scan_guard guard = {.row = count_row, .context = &multiplied};
    const sl_scan_block block = {.rows = bank, .stride = DIM, .count = N, .codes = &codes, .guard = &guard};
    const sl_vectors asked = {query, 1, DIM};
    assert_ok(sl_cosine_top(&(sl_vectors){bank, N, DIM}, &asked, K, 1, expected, expected_score, &err));
    assert_ok(sl_scan_top(&block, 1, &asked, K, THREADS, index, score, &err));
    assert_memory_equal(index, expected, sizeof index);
    assert_memory_equal(score, expected_score, sizeof score);
    assert_in_range(multiplied, K, 5000);
    sl_scan_codes_free(&codes);
    free(bank);
}

static void bad_input_is_refused(void **state)
{
    (void)state;
    float bank[300 * 20], query[20];
    uint32_t index[5];
    float score[5];
    sl_cosine_bank *coded;
    fill_random(bank, 300 * 20, 1, -1, 1);
    fill_random(query, 20, 2, -1, 1);
    assert_int_equal(sl_cosine_top(&(sl_vectors){bank, 300, 0}, &(sl_vectors){query, 1, 0}, 5, 1, index, score, &err),
                     SL_ERR_ARGUMENT);
    assert_int_equal(sl_cosine_top(&(sl_vectors){bank, 300, 20}, &(sl_vectors){query, 1, 20}, 0, 1, index, score, &err),
                     SL_ERR_ARGUMENT);
    assert_int_equal(
        sl_cosine_top(&(sl_vectors){bank, 300, 20}, &(sl_vectors){query, 1, 20}, 5, -2, index, score, &err),
        SL_ERR_ARGUMENT);
    assert_int_equal(sl_cosine_top(&(sl_vectors){bank, (size_t)UINT32_MAX, 20}, &(sl_vectors){query, 1, 20}, 5, 1,
                                   index, score, &err),
                     SL_ERR_LIMIT);
    assert_ok(sl_cosine_top(&(sl_vectors){bank, 300, 20}, &(sl_vectors){query, 0, 20}, 5, 1, index, score, &err));
    bank[250 * 20 + 3] = INFINITY;
    bank[123 * 20 + 19] = NAN;
    for (int threads = 1; threads <= 4; threads++) {
        assert_int_equal(
            sl_cosine_top(&(sl_vectors){bank, 300, 20}, &(sl_vectors){query, 1, 20}, 5, threads, index, score, &err),
            SL_ERR_NUMERIC);
        assert_non_null(strstr(err.text, "row 123"));
        assert_int_equal(sl_cosine_bank_open(&(sl_vectors){bank, 300, 20}, threads, &coded, &err), SL_ERR_NUMERIC);
        assert_non_null(strstr(err.text, "row 123"));
        assert_null(coded);
    }
    bank[250 * 20 + 3] = bank[123 * 20 + 19] = 0;
    assert_int_equal(sl_cosine_bank_open(&(sl_vectors){bank, 300, 0}, 1, &coded, &err), SL_ERR_ARGUMENT);
    assert_int_equal(sl_cosine_bank_open(&(sl_vectors){bank, (size_t)UINT32_MAX, 20}, 1, &coded, &err), SL_ERR_LIMIT);
    assert_ok(sl_cosine_bank_open(&(sl_vectors){bank, 300, 20}, 1, &coded, &err));
    assert_int_equal(sl_cosine_bank_top(coded, &(sl_vectors){query, 1, 20}, 0, 1, index, score, &err), SL_ERR_ARGUMENT);
    query[0] = NAN;
    assert_int_equal(sl_cosine_top(&(sl_vectors){bank, 300, 20}, &(sl_vectors){query, 1, 20}, 5, 1, index, score, &err),
                     SL_ERR_NUMERIC);
    assert_non_null(strstr(err.text, "row 0"));
    assert_int_equal(sl_cosine_bank_top(coded, &(sl_vectors){query, 1, 20}, 5, 1, index, score, &err), SL_ERR_NUMERIC);
    query[0] = 1e30f; /* too large for codes, not for products */
    assert_ok(sl_cosine_bank_top(coded, &(sl_vectors){query, 1, 20}, 5, 1, index, score, &err));
    sl_cosine_bank_close(coded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_a_full_sort),
        cmocka_unit_test(products_are_right),
        cmocka_unit_test(blocks_equal_one_bank),
        cmocka_unit_test(bounds_hold),
        cmocka_unit_test(slices_share_what_they_found),
        cmocka_unit_test(bad_input_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
