/* The best rows by codes that come block by block are those of sl_cosine_top, ties by lower id, whatever the blocks;
 * where rows are gone, those of the rows that are left. */
#include "support.h"

#include "base/mem.h"
#include "match/stage1/code_top.h"

enum { ROWS = 1500, QUERIES = 7, MOST_DIM = 200 };

static sl_error err;

typedef struct {
    int dim;
    float *rows; /* [ROWS, dim] unit length; row i is known as id 3 i + 5 */
    bool *gone;
    size_t fetched;
} bank;

static float *unit_rows(size_t count, int dim, uint64_t seed)
{
    float *x = sl_alloc_aligned(count * (size_t)dim * sizeof *x);
    fill_random(x, count * (size_t)dim, seed, -1, 1);
    for (size_t i = 0; i < count; i++) {
        double sum = 0;
        for (int d = 0; d < dim; d++)
            sum += (double)x[i * (size_t)dim + (size_t)d] * (double)x[i * (size_t)dim + (size_t)d];
        for (int d = 0; d < dim; d++)
            x[i * (size_t)dim + (size_t)d] /= (float)sqrt(sum);
    }
    return x;
}

/* Every fifth row is the one before it, so there are ties. */
static bank make_bank(int dim)
{
    bank b = {.dim = dim, .rows = unit_rows(ROWS, dim, (uint64_t)dim), .gone = calloc(ROWS, sizeof(bool))};
    for (size_t i = 5; i < ROWS; i += 5)
        memcpy(b.rows + i * (size_t)dim, b.rows + (i - 1) * (size_t)dim, (size_t)dim * sizeof *b.rows);
    return b;
}

static sl_status fetch(void *context, uint64_t id, const float **out, sl_error *why)
{
    bank *b = context;
    const size_t i = (size_t)(id - 5) / 3;
    (void)why;
    assert_true(i < ROWS && id == 3 * i + 5);
    *out = b->gone[i] ? NULL : b->rows + i * (size_t)b->dim;
    b->fetched++;
    return SL_OK;
}

/* Blocks of 1 .. 70 rows; every fourth of them row by row. */
static void scan_all(const bank *b, sl_code_top *top)
{
    uint8_t ids[1 + 8 * 70]; /* at an odd address */
    for (size_t at = 0, turn = 0, n; at < ROWS; at += n, turn++) {
        n = 1 + turn * 37 % 70;
        n = n < ROWS - at ? n : ROWS - at;
        for (size_t i = 0; i < n; i++) {
            const uint64_t id = 3 * (at + i) + 5;
            memcpy(ids + 1 + 8 * i, &id, 8);
        }
        if (turn % 4 == 3) {
            for (size_t i = 0; i < n; i++)
                assert_ok(sl_code_top_offer(top, 3 * (at + i) + 5, b->rows + (at + i) * (size_t)b->dim, &err));
            continue;
        }
        sl_scan_codes codes;
        assert_ok(sl_scan_codes_make(b->rows + at * (size_t)b->dim, n, b->dim, 1, &codes, &err));
        assert_ok(sl_code_top_scan(top, &codes, ids + 1, &err));
        sl_scan_codes_free(&codes);
    }
}

/* What sl_cosine_top says of the rows that are there, by id. */
static size_t wanted(const bank *b, const sl_vectors *query, int k, sl_code_hit *out)
{
    uint32_t *index = calloc(ROWS, sizeof *index);
    float *score = calloc(ROWS, sizeof *score);
    const sl_vectors all = {b->rows, ROWS, b->dim};
    size_t count = 0;
    assert_ok(sl_cosine_top(&all, query, ROWS, 1, index, score, &err));
    for (size_t i = 0; i < ROWS && count < (size_t)k; i++)
        if (!b->gone[index[i]])
            out[count++] = (sl_code_hit){score[i], 3 * (uint64_t)index[i] + 5};
    free(index);
    free(score);
    return count;
}

static void compare(bank *b, int k, int kept)
{
    float *q = unit_rows(QUERIES, b->dim, 99);
    memcpy(q, b->rows + 4 * b->dim, (size_t)b->dim * sizeof *q); /* a row that is there twice */
    const sl_vectors queries = {q, QUERIES, b->dim};
    sl_code_hit *hits = calloc((size_t)k, sizeof *hits), *right = calloc((size_t)k, sizeof *right);
    sl_code_top *top;
    assert_ok(sl_code_top_open(&queries, kept, &top, &err));
    scan_all(b, top);
    for (size_t i = 0; i < QUERIES; i++) {
        size_t count;
        bool whole;
        const sl_vectors one = {q + i * (size_t)b->dim, 1, b->dim};
        assert_ok(sl_code_top_best(top, i, (size_t)k, fetch, b, hits, &count, &whole, &err));
        if (!whole)
            continue; /* it says so: the caller asks for more */
        assert_int_equal(count, wanted(b, &one, k, right));
        for (size_t n = 0; n < count; n++)
            assert_true(hits[n].id == right[n].id && hits[n].score == right[n].score);
    }
    sl_code_top_close(top);
    free(hits);
    free(right);
    free(q);
}

static void it_is_the_scan(void **state)
{
    (void)state;
    static const int dims[] = {1, 5, 16, 63, 192}, ks[] = {1, 3, 40, 1499, 1500, 2000};
    for (size_t d = 0; d < 5; d++)
        for (size_t k = 0; k < 6; k++) {
            bank b = make_bank(dims[d]);
            compare(&b, ks[k], ks[k]);
            assert_true(dims[d] < 63 || ks[k] > 3 || b.fetched < QUERIES * 100); /* few are multiplied */
            free(b.rows);
            free(b.gone);
        }
}

/* The rows that would come first are gone. */
static void rows_that_are_gone_are_passed_over(void **state)
{
    (void)state;
    bank b = make_bank(63);
    float *q = unit_rows(1, 63, 7);
    const sl_vectors query = {q, 1, 63};
    sl_code_hit best[20], hits[10];
    sl_code_top *top;
    size_t count;
    bool whole;
    wanted(&b, &query, 20, best);
    for (int i = 0; i < 10; i++)
        b.gone[(best[i].id - 5) / 3] = true;
    assert_ok(sl_code_top_open(&query, 10, &top, &err));
    scan_all(&b, top);
    assert_ok(sl_code_top_best(top, 0, 10, fetch, &b, hits, &count, &whole, &err));
    assert_false(whole);
    sl_code_top_close(top);
    assert_ok(sl_code_top_open(&query, 20, &top, &err));
    scan_all(&b, top);
    assert_ok(sl_code_top_best(top, 0, 10, fetch, &b, hits, &count, &whole, &err));
    assert_true(whole && count == 10);
    for (int i = 0; i < 10; i++)
        assert_true(hits[i].id == best[10 + i].id && hits[i].score == best[10 + i].score);
    sl_code_top_close(top);
    memset(b.gone, true, ROWS * sizeof *b.gone);
    b.gone[3] = false; /* all but one: whole only where everything was kept */
    compare(&b, 10, 10);
    compare(&b, 10, ROWS + 1);
    free(q);
    free(b.rows);
    free(b.gone);
}

static void what_cannot_be_searched(void **state)
{
    (void)state;
    float q[4] = {1, 0, NAN, 0}, row[4] = {INFINITY, 0, 0, 0};
    sl_vectors queries = {q, 1, 4};
    sl_code_top *top;
    assert_int_equal(sl_code_top_open(&queries, 0, &top, &err), SL_ERR_ARGUMENT);
    assert_non_null(strstr(err.text, "1 or more"));
    assert_null(top);
    assert_int_equal(sl_code_top_open(&queries, 5, &top, &err), SL_ERR_NUMERIC);
    assert_non_null(strstr(err.text, "query 0"));
    queries.dim = 5000;
    assert_int_equal(sl_code_top_open(&queries, 5, &top, &err), SL_ERR_ARGUMENT);
    assert_non_null(strstr(err.text, "1 to 4096"));
    queries.dim = 4;
    q[2] = 0;
    assert_ok(sl_code_top_open(&queries, 5, &top, &err));
    assert_int_equal(sl_code_top_offer(top, 77, row, &err), SL_ERR_NUMERIC);
    assert_non_null(strstr(err.text, "face 77"));
    sl_code_top_close(top);
    sl_code_top_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_the_scan),
        cmocka_unit_test(rows_that_are_gone_are_passed_over),
        cmocka_unit_test(what_cannot_be_searched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
