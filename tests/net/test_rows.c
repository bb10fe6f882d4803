/* Loops over rows: every instruction set the same bits as plain C, which is near sums and functions in double. */
#include "support.h"

#include "base/cpu.h"
#include "net/import/half.h"
#include "net/kernels/row_sums.h"

enum { MOST = 400, MOST_ROWS = 11 /* more than go through a loop side by side */ };

static const sl_row_loops *const all[] = SL_PER_ISA(sl_row_loops);

/* What one of the loops writes, for n numbers. */
typedef struct {
    float y[6 * MOST];
    double sums[MOST];
    uint16_t narrow[MOST];
} written;

static uint16_t bf16_of(float f)
{
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return (uint16_t)((bits + 0x8000) >> 16);
}

static void run_all(const sl_row_loops *k, int n, written *w)
{
    float x[MOST], gy[MOST], scale[MOST];
    fill_random(x, MOST, 1, -4, 4);
    fill_random(gy, MOST, 2, -1, 1);
    fill_random(scale, MOST, 3, 0.5f, 2);
    memset(w, 0, sizeof *w);
    k->gelu(x, w->y, n);
    k->gelu_back(x, gy, w->y + MOST, n);
    const int rows = n > MOST / MOST_ROWS ? 1 : MOST_ROWS;
    k->softmax(x, w->y + 2 * MOST, n);
    k->softmax_back(w->y + 2 * MOST, gy, w->y + 3 * MOST, n);
    k->layernorm(x, scale, gy, w->y + 4 * MOST, rows, n, 1e-5f);
    k->l2norm_back(x, gy, w->y + 5 * MOST, n, 1e-12f);
    k->add_rows(x, 4, n / 4, n / 4, w->sums);
    for (int i = 0; i < n; i++)
        w->narrow[i] = bf16_of(x[i]);
    k->gelu_bf16(w->narrow, w->narrow, n);
    w->sums[MOST - 1] = k->sum(x, n);
}

static void run_back(const sl_row_loops *k, int n, written *w)
{
    float x[MOST], gy[MOST], scale[MOST];
    const sl_row_window window = {{5, 4}, {3, 2}, {3, 3}, {2, 2}, {1, 1}, {1, 1, 1, 1}, n % 20 + 1, true, false};
    fill_random(x, MOST, 1, -4, 4);
    fill_random(gy, MOST, 2, -1, 1);
    fill_random(scale, MOST, 3, 0.5f, 2);
    memset(w, 0, sizeof *w);
    k->layernorm_back(x, scale, gy, w->y, w->y + MOST, w->y + 2 * MOST, n, 1e-5f);
    k->pool_back(&window, x, gy, w->y + 3 * MOST);
}

static void test_same_bits(void **state)
{
    (void)state;
    static written want, got;
    for (int n = 1; n <= MOST - 4; n = n < 70 ? n + 1 : n + 37)
        for (int i = 1; i < sl_isa_count(); i++) {
            run_all(&sl_row_loops_scalar, n, &want);
            run_all(all[sl_isas[i]], n, &got);
            assert_memory_equal(&got, &want, sizeof want);
            run_back(&sl_row_loops_scalar, n, &want);
            run_back(all[sl_isas[i]], n, &got);
            assert_memory_equal(&got, &want, sizeof want);
        }
}

static void test_gelu(void **state)
{
    (void)state;
    const float one = 1;
    for (double v = -12; v <= 12; v += 0.001) {
        float x = (float)v, y, slope;
        sl_row_loops_active()->gelu(&x, &y, 1);
        sl_row_loops_active()->gelu_back(&x, &one, &slope, 1);
        const double d = x, below = 0.5 * erfc(-d * M_SQRT1_2), bell = exp(-d * d / 2) * 0.3989422804014327;
        if (!(fabs((double)y - d * below) <= 4e-7 * fmax(1, fabs(d))) ||
            !(fabs((double)slope - below - d * bell) <= 4e-7))
            fail_msg("gelu(%g) = %g, slope %g; expected %g, %g", d, (double)y, (double)slope, d * below,
                     below + d * bell);
    }
}

/* Every number that bf16 has. */
static void test_gelu_bf16(void **state)
{
    (void)state;
    for (uint32_t bits = 0; bits < 0x10000; bits++) {
        const uint16_t narrow = (uint16_t)bits;
        const double x = sl_float_of_bfloat(narrow), want = x * 0.5 * erfc(-x * M_SQRT1_2);
        uint16_t y;
        sl_row_loops_active()->gelu_bf16(&narrow, &y, 1);
        const double got = sl_float_of_bfloat(y), room = 2e-4 * fmax(1, fabs(x)) + fabs(want) / 256;
        if (isfinite(x) && fabs(x) < 1e30 && !(fabs(got - want) <= room))
            fail_msg("gelu(%g) = %g; expected %g", x, got, want);
        if (isnan(x))
            assert_true(isnan(got));
    }
}

/* Large differences, whose own rounding is the error, and one that all others vanish beside. */
static void test_softmax(void **state)
{
    (void)state;
    float x[40], y[40];
    for (int round = 0; round < 4; round++) {
        double sum = 0, largest = -30;
        fill_random(x, 40, (uint64_t)round, -30, 30);
        if (round == 3)
            x[39] = 3e4f;
        for (int i = 0; i < 40; i++)
            if ((double)x[i] > largest) /* fmax here breaks Debian 12's gcc for arm64 */
                largest = (double)x[i];
        for (int i = 0; i < 40; i++)
            sum += exp(x[i] - largest);
        sl_row_loops_active()->softmax(x, y, 40);
        for (int i = 0; i < 40; i++) {
            double want = exp(x[i] - largest) / sum;
            assert_true(fabs((double)y[i] - want) <= 1e-5 * want + 1e-37);
        }
    }
}

static void test_layernorm(void **state)
{
    (void)state;
    enum { N = 36 };
    float x[MOST_ROWS * N], scale[N], bias[N], y[MOST_ROWS * N];
    fill_random(x, MOST_ROWS * N, 1, -4, 9);
    fill_random(scale, N, 2, 0.5f, 2);
    fill_random(bias, N, 3, -1, 1);
    sl_row_loops_active()->layernorm(x, scale, bias, y, MOST_ROWS, N, 1e-5f);
    for (int r = 0; r < MOST_ROWS; r++) {
        const float *row = x + r * N;
        double mean = 0, squares = 0;
        for (int i = 0; i < N; i++)
            mean += row[i] / (double)N;
        for (int i = 0; i < N; i++)
            squares += (row[i] - mean) * (row[i] - mean) / N;
        for (int i = 0; i < N; i++)
            assert_true(fabs((double)y[r * N + i] - ((row[i] - mean) / sqrt(squares + 1e-5) * scale[i] + bias[i])) <
                        2e-6);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_gelu),
        cmocka_unit_test(test_gelu_bf16),
        cmocka_unit_test(test_softmax),
        cmocka_unit_test(test_layernorm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
