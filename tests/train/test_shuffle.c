/* Shuffled walks: every number once a round, in orders that are equally likely. */
#include "support.h"

#include "train/data/sampler.h"

static void test_each_once_a_round(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 2, 3, 7, 8, 9, 63, 64, 65, 1000, 4096, 4097, 13233};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        const size_t n = sizes[k];
        uint8_t *seen = calloc(n, 1);
        for (uint64_t round = 0; round < 4; round++)
            for (size_t i = 0; i < n; i++) {
                size_t item = sl_shuffled(7, round * n + i, n);
                assert_true(item < n);
                assert_int_equal(seen[item]++, round);
            }
        free(seen);
    }
    assert_true(sl_shuffled(1, UINT64_MAX, (size_t)1 << 40) < (size_t)1 << 40);
}

/* Number of an order of four among the 24. */
static int rank_of(const size_t order[4])
{
    int rank = 0;
    for (int i = 0; i < 4; i++) {
        int smaller = 0;
        for (int j = i + 1; j < 4; j++)
            smaller += order[j] < order[i];
        rank = rank * (4 - i) + smaller;
    }
    return rank;
}

/* Chi squared over the 24 orders of four, 23 degrees of freedom: above 49.7 once in a thousand. By rounds of one seed,
 * and by seeds. */
static void test_orders_are_equally_likely(void **state)
{
    (void)state;
    for (int by_seed = 0; by_seed < 2; by_seed++) {
        enum { DRAWS = 24000 };
        int seen[24] = {0};
        double chi = 0;
        for (uint64_t d = 0; d < DRAWS; d++) {
            size_t order[4];
            for (uint64_t i = 0; i < 4; i++)
                order[i] = by_seed ? sl_shuffled(d, i, 4) : sl_shuffled(11, 4 * d + i, 4);
            seen[rank_of(order)]++;
        }
        for (int k = 0; k < 24; k++)
            chi += (seen[k] - DRAWS / 24.) * (seen[k] - DRAWS / 24.) / (DRAWS / 24.);
        assert_true(chi < 49.7);
    }
}

/* Neighbours are as far apart as in a random order: n / 3 on the mean. */
static void test_neighbours(void **state)
{
    (void)state;
    const size_t n = 10000;
    double sum = 0;
    for (size_t i = 1; i < n; i++)
        sum += fabs((double)sl_shuffled(3, i, n) - (double)sl_shuffled(3, i - 1, n));
    assert_true(fabs(sum / (double)(n - 1) / (double)n - 1. / 3) < .015);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_once_a_round),
        cmocka_unit_test(test_orders_are_equally_likely),
        cmocka_unit_test(test_neighbours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
