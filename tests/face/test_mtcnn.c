/* MTCNN: what becomes of windows, by hand-made cases; the cascade with the real networks on LFW photos. */
#include "lfw.h"

#include "base/file.h"
#include "face/detector.h"
#include "face/mtcnn.h"
#include "image/image.h"

/* ---- windows ---- */

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

/* ---- the cascade ---- */

static const char *const files[SL_MTCNN_STAGES] = {"mtcnn-pnet.tflite", "mtcnn-rnet.tflite", "mtcnn-onet.tflite"};
static sl_mapping maps[SL_MTCNN_STAGES];
static sl_mtcnn_stage stages[SL_MTCNN_STAGES];

static bool open_networks(void)
{
    sl_error err;
    for (int i = 0; i < SL_MTCNN_STAGES; i++) {
        char *path = model_path(files[i]);
        sl_graph *graph;
        if (!path)
            return false;
        assert_ok(sl_map_file(path, (size_t)1 << 28, &maps[i], &err));
        assert_ok(sl_import_tflite(maps[i].data, maps[i].size, &graph, &err));
        stages[i] = (sl_mtcnn_stage){graph, true};
        free(path);
    }
    return true;
}

static int close_networks(void **state)
{
    (void)state;
    for (int i = 0; i < SL_MTCNN_STAGES; i++) {
        sl_graph_free((sl_graph *)stages[i].graph);
        sl_unmap_file(&maps[i]);
    }
    return 0;
}

static void need_networks(void)
{
    if (!stages[SL_MTCNN_STAGES - 1].graph && !open_networks()) {
        print_message("skipped: MTCNN is not here: run `secondlook models fetch mtcnn`\n");
        skip();
    }
}

static void other_networks_are_refused(void **state)
{
    (void)state;
    need_networks();
    sl_error err;
    sl_mtcnn *m;
    sl_image image;
    sl_face *faces;
    size_t count;
    const sl_mtcnn_stage wrong[SL_MTCNN_STAGES] = {stages[2], stages[1], stages[0]};
    assert_ok(sl_mtcnn_open(wrong, NULL, 1, &m, &err));
    assert_ok(sl_image_new(100, 80, 3, &image, &err));
    assert_int_equal(sl_mtcnn_run(m, &image, .7f, &faces, &count, &err), SL_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.text, "P-net"));
    assert_true(!faces && !count);
    sl_mtcnn_close(m);
    sl_mtcnn_options o = sl_mtcnn_defaults();
    o.min_face = 5;
    assert_int_equal(sl_mtcnn_open(stages, &o, 1, &m, &err), SL_ERR_ARGUMENT);
    assert_ok(sl_mtcnn_open(stages, NULL, 1, &m, &err));
    assert_int_equal(sl_mtcnn_run(m, &image, NAN, &faces, &count, &err), SL_ERR_ARGUMENT);
    sl_mtcnn_close(m);
    sl_mtcnn_close(NULL);
    sl_image_free(&image);
}

static void faceless_pictures_of_odd_sizes(void **state)
{
    (void)state;
    need_networks();
    sl_error err;
    sl_mtcnn *m;
    static const int sizes[][3] = {{1, 1, 3}, {33, 2, 1}, {20, 20, 3}, {250, 250, 1}, {2000, 30, 3}};
    assert_ok(sl_mtcnn_open(stages, NULL, 1, &m, &err));
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        sl_image image;
        sl_face *faces;
        size_t count;
        assert_ok(sl_image_new(sizes[i][0], sizes[i][1], sizes[i][2], &image, &err));
        assert_ok(sl_mtcnn_run(m, &image, .7f, &faces, &count, &err));
        assert_true(count == 0 && !faces);
        sl_image_free(&image);
    }
    sl_mtcnn_close(m);
}

/* The face whose nose is nearest the middle. */
static const sl_face *middle_face(const sl_image *image, const sl_face *faces, size_t count)
{
    const sl_face *best = faces;
    float least = INFINITY;
    for (size_t i = 0; i < count; i++) {
        float away = hypotf(faces[i].points[2].x - .5f * (float)image->width,
                            faces[i].points[2].y - .5f * (float)image->height);
        if (away < least) {
            least = away;
            best = &faces[i];
        }
    }
    return best;
}

/* The face of an LFW photo is found in the middle; on a picture of twice the size at the same place. */
static void faces_are_found(void **state)
{
    (void)state;
    need_networks();
    FILE *f = lfw_open();
    if (!f)
        skip();
    sl_error err;
    sl_mtcnn *m;
    sl_image photo, large;
    int photos = 0;
    assert_ok(sl_mtcnn_open(stages, NULL, 1, &m, &err));
    for (; photos < 20 && lfw_next(f, &photo); photos++) {
        sl_face *faces, *again;
        size_t count, count_again;
        assert_ok(sl_image_resize(&photo, 2 * photo.width, 2 * photo.height, &large, &err));
        assert_ok(sl_mtcnn_run(m, &photo, .7f, &faces, &count, &err));
        assert_ok(sl_mtcnn_run(m, &large, .7f, &again, &count_again, &err));
        assert_true(count > 0 && count_again > 0);
        for (size_t i = 1; i < count; i++)
            assert_true(faces[i].score <= faces[i - 1].score);
        const sl_face *f1 = middle_face(&photo, faces, count), *f2 = middle_face(&large, again, count_again);
        for (int i = 0; i < 5; i++) {
            assert_true(fabsf(f1->points[i].x - 124.5f) < 50 && fabsf(f1->points[i].y - 124.5f) < 60);
            assert_true(hypotf((f2->points[i].x + .5f) / 2 - .5f - f1->points[i].x,
                               (f2->points[i].y + .5f) / 2 - .5f - f1->points[i].y) < 5);
        }
        free(faces), free(again);
        sl_image_free(&photo);
        sl_image_free(&large);
    }
    assert_int_equal(photos, 20);
    fclose(f);
    sl_mtcnn_close(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(level_cells_become_windows),
        cmocka_unit_test(weaker_windows_go),
        cmocka_unit_test(windows_are_corrected_and_squared),
        cmocka_unit_test(other_networks_are_refused),
        cmocka_unit_test(faceless_pictures_of_odd_sizes),
        cmocka_unit_test(faces_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, close_networks);
}
