/* What becomes of MTCNN's windows, by hand-made cases. */
#include "support.h"

#include "face/mtcnn.h"

static sl_window window_at(float x0, float y0, float x1, float y1, float score)
{
    return (sl_window){.box = {x0, y0, x1, y1}, .score = score};
}

static void level_cells_become_windows(void **state)
{
    (void)state;
    /* 2 rows x 3 columns of P-net cells, the level at half size: cell (1, 2) is 24 pixels wide at (8, 4). */
    float prob[12] = {0}, shift[24], transposed_prob[12] = {0}, transposed_shift[24];
    for (int i = 0; i < 24; i++)
        shift[i] = (float)i;
    prob[6 + 5] = .9f;
    prob[6 + 0] = .5f;
    for (int c = 0; c < 4; c++)
        for (int row = 0; row < 2; row++)
            for (int col = 0; col < 3; col++) {
                transposed_shift[c * 6 + col * 2 + row] = shift[c * 6 + row * 3 + col];
                if (c < 2)
                    transposed_prob[c * 6 + col * 2 + row] = prob[c * 6 + row * 3 + col];
            }
    for (int transposed = 0; transposed < 2; transposed++) {
        sl_pnet_level level = {.prob = transposed ? transposed_prob : prob,
                               .shift = transposed ? transposed_shift : shift,
                               .rows = 2, .cols = 3, .transposed = transposed, .scale = .5, .width = 16, .height = 14};
        sl_window_list list = {0};
        assert_true(sl_windows_of_level(&level, .6f, &list));
        assert_int_equal(list.count, 1);
        const sl_window *w = list.items;
        assert_close(&w->box.x0, (const float[]){8, 4, 32, 28}, 4, 1e-6);
        assert_close(w->shift, (const float[]){5, 11, 17, 23}, 4, 0);
        list.count = 0;
        level.width = 15; /* the last column of cells would need 16 */
        assert_true(sl_windows_of_level(&level, .6f, &list));
        assert_int_equal(list.count, 0);
        prob[6 + 5] = transposed_prob[6 + 5] = NAN;
        level.width = 16;
        assert_true(sl_windows_of_level(&level, .4f, &list));
        assert_int_equal(list.count, 1); /* the one of .5; NaN is no face */
        prob[6 + 5] = transposed_prob[6 + 5] = .9f;
        free(list.items);
    }
}

static void weaker_windows_go(void **state)
{
    (void)state;
    /* b is 2/3 of the union with a; c lies inside a, a quarter of it; d is apart. */
    const sl_window a = window_at(0, 0, 10, 10, .8f), b = window_at(2, 0, 12, 10, .9f),
                    c = window_at(1, 1, 6, 6, .7f), d = window_at(50, 50, 60, 60, .1f);
    sl_window items[4] = {a, b, c, d};
    sl_window_list list = {items, 4, 4};
    sl_windows_suppress(&list, .5f, false);
    assert_int_equal(list.count, 3);
    assert_true(items[0].score == .9f && items[1].score == .7f && items[2].score == .1f);
    sl_window again[4] = {a, c, d, a};
    list = (sl_window_list){again, 3, 4};
    sl_windows_suppress(&list, .7f, true); /* all of c is in a */
    assert_int_equal(list.count, 2);
    assert_true(again[0].score == .8f && again[1].score == .1f);
    /* Equal scores: by place, whatever the order they came in. */
    sl_window tie[2] = {window_at(9, 0, 20, 10, .5f), window_at(0, 0, 10, 10, .5f)};
    list = (sl_window_list){tie, 2, 2};
    sl_windows_suppress(&list, .5f, false);
    assert_true(list.count == 2 && tie[0].box.x0 == 0);
}

static void windows_are_corrected_and_squared(void **state)
{
    (void)state;
    sl_window items[3] = {window_at(10, 20, 30, 60, 1), window_at(0, 0, 10, 10, 1), window_at(0, 0, 10, 10, 1)};
    memcpy(items[0].shift, (const float[]){.1f, -.1f, .2f, .25f}, sizeof items[0].shift);
    memcpy(items[1].shift, (const float[]){.6f, 0, -.6f, 0}, sizeof items[1].shift); /* turns inside out */
    items[2].shift[0] = NAN;
    sl_window_list list = {items, 3, 3};
    sl_windows_shift(&list);
    assert_int_equal(list.count, 1);
    assert_close(&items[0].box.x0, (const float[]){12, 16, 34, 70}, 4, 1e-5);
    sl_windows_square(&list);
    assert_close(&items[0].box.x0, (const float[]){-4, 16, 50, 70}, 4, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(level_cells_become_windows),
        cmocka_unit_test(weaker_windows_go),
        cmocka_unit_test(windows_are_corrected_and_squared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
