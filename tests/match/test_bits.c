/* The bits of the scores, which no machine may change: int8 patches have one answer, f32 patches one where products and
 * sums are fused and one in plain C, stage 1 one. Who changes them on purpose, writes down the new ones. */
#include "reference.h"

#include "base/crc32c.h"
#include "match/kernels/match_kernels.h"

enum { FACES = 12, MOST = 64 * 512 };

static sl_error err;
static float query[MOST], faces[FACES][MOST], embedding[FACES + 1][512];

/* CRC-32C of the scores of all faces with every weighting, of maps of these sizes. */
static uint32_t bits_of_scores(sl_patch_compute compute)
{
    static const int shapes[][3] = {{8, 8, 512}, {7, 7, 129}, {3, 11, 65}, {2, 1, 3}};
    uint32_t crc = 0;
    for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++)
        for (int weighting = SL_WEIGHT_UNIFORM; weighting <= SL_WEIGHT_SC_TEXT; weighting++) {
            const int rows = shapes[k][0], cols = shapes[k][1], channels = shapes[k][2];
            const sl_match_options o = emd_options_of((sl_weighting)weighting, compute);
            const sl_patch_map asked = {rows, cols, channels, query, embedding[FACES], channels, NULL};
            sl_patch_map others[FACES];
            float scores[FACES];
            for (int i = 0; i < FACES; i++)
                others[i] = (sl_patch_map){rows, cols, channels, faces[i], embedding[i], channels, NULL};
            assert_ok(sl_emd_compare(&asked, others, FACES, &o, scores, NULL, &err));
            crc = sl_crc32c(crc, scores, sizeof scores);
        }
    return crc;
}

static int make_numbers(void **state)
{
    (void)state;
    fill_random(query, MOST, 1, -1, 1.5f);
    for (int i = 0; i < FACES; i++) {
        fill_random(faces[i], MOST, 2 + (uint64_t)i, -1, 1.5f);
        for (int k = 0; k < MOST; k++) /* the first faces are like the query */
            faces[i][k] = (faces[i][k] * (float)(i + 1) + query[k]) / 8;
    }
    fill_random(embedding[0], (FACES + 1) * 512, 99, -1, 2);
    return 0;
}

static int leave_isa(void **state)
{
    (void)state;
    sl_match_use_isa(NULL);
    return 0;
}

static void second_looks(void **state)
{
    (void)state;
    for (int isa = 0; isa < sl_isa_count(); isa++) {
        sl_match_use_isa(&sl_isas[isa]);
        assert_int_equal(bits_of_scores(SL_COMPARE_INT8), 0xb7f2e2e9);
        assert_int_equal(bits_of_scores(SL_COMPARE_F32), isa == 0 ? 0x70663e47 : 0x030011c5);
    }
}

static void first_looks(void **state)
{
    (void)state;
    enum { DIM = 131, ROWS = FACES * MOST / DIM, K = 100 };
    const sl_vectors bank = {faces[0], ROWS, DIM}, asked = {query, 1, DIM};
    for (int isa = 0; isa < sl_isa_count(); isa++) {
        uint32_t index[K];
        float score[K];
        sl_match_use_isa(&sl_isas[isa]);
        assert_ok(sl_cosine_top(&bank, &asked, K, 1, index, score, &err));
        assert_int_equal(sl_crc32c(sl_crc32c(0, index, sizeof index), score, sizeof score), 0x9ab817d6);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_teardown(second_looks, leave_isa),
                                       cmocka_unit_test_teardown(first_looks, leave_isa)};
    return cmocka_run_group_tests(tests, make_numbers, NULL);
}
