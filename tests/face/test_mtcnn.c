/* MTCNN's cascade with the real networks, on LFW photos and pictures of odd sizes; and what it refuses. */
#include "lfw.h"

#include "base/file.h"
#include "face/mtcnn.h"
#include "image/image.h"

enum { NETWORKS = 3 };
static const char *const files[NETWORKS] = {"mtcnn-pnet.tflite", "mtcnn-rnet.tflite", "mtcnn-onet.tflite"};
static sl_mapping maps[NETWORKS];
static sl_detector_network networks[NETWORKS];

static bool open_networks(void)
{
    sl_error err;
    for (int i = 0; i < NETWORKS; i++) {
        char *path = model_path(files[i]);
        sl_graph *graph;
        if (!path)
            return false;
        assert_ok(sl_map_file(path, (size_t)1 << 28, &maps[i], &err));
        assert_ok(sl_import_tflite(maps[i].data, maps[i].size, &graph, &err));
        networks[i] = (sl_detector_network){graph, true};
        free(path);
    }
    return true;
}

static int close_networks(void **state)
{
    (void)state;
    for (int i = 0; i < NETWORKS; i++) {
        sl_graph_free((sl_graph *)networks[i].graph);
        sl_unmap_file(&maps[i]);
    }
    return 0;
}

static void need_networks(void)
{
    if (!networks[NETWORKS - 1].graph && !open_networks()) {
        print_message("skipped: MTCNN is not here: run `secondlook models fetch mtcnn`\n");
        skip();
    }
}

static sl_detector *open_mtcnn(void)
{
    sl_error err;
    sl_detector *m;
    const sl_detector_options o = sl_detector_defaults(1);
    assert_ok(sl_detector_open(&sl_detector_mtcnn, networks, &o, &m, &err));
    return m;
}

static void other_networks_are_refused(void **state)
{
    (void)state;
    need_networks();
    sl_error err;
    sl_detector *m;
    const sl_detector_options o = sl_detector_defaults(1);
    const sl_detector_network wrong[NETWORKS] = {networks[2], networks[1], networks[0]};
    assert_int_equal(sl_detector_open(&sl_detector_mtcnn, wrong, &o, &m, &err), SL_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.text, "P-net"));
    assert_null(m);
}

/* As many inputs and outputs as the right ones, but R-net looks at single windows. */
static void networks_in_the_wrong_order_are_refused(void **state)
{
    (void)state;
    need_networks();
    sl_error err;
    sl_detector *m;
    sl_image image;
    sl_face *faces;
    size_t count;
    const sl_detector_options o = sl_detector_defaults(1);
    const sl_detector_network wrong[NETWORKS] = {networks[1], networks[0], networks[2]};
    assert_ok(sl_detector_open(&sl_detector_mtcnn, wrong, &o, &m, &err));
    assert_ok(sl_image_new(100, 80, 3, &image, &err));
    assert_int_not_equal(sl_detector_find(m, &image, .7f, &faces, &count, &err), SL_OK);
    assert_non_null(strstr(err.text, "mtcnn"));
    assert_true(!faces && !count);
    sl_detector_close(m);
    sl_image_free(&image);
}

static void faceless_pictures_of_odd_sizes(void **state)
{
    (void)state;
    need_networks();
    sl_error err;
    sl_detector *m = open_mtcnn();
    static const int sizes[][3] = {{1, 1, 3}, {33, 2, 1}, {20, 20, 3}, {250, 250, 1}, {2000, 30, 3}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        sl_image image;
        sl_face *faces;
        size_t count;
        assert_ok(sl_image_new(sizes[i][0], sizes[i][1], sizes[i][2], &image, &err));
        assert_ok(sl_detector_find(m, &image, .7f, &faces, &count, &err));
        assert_true(count == 0 && !faces);
        sl_image_free(&image);
    }
    sl_detector_close(m);
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
    sl_detector *m = open_mtcnn();
    sl_image photo, large;
    int photos = 0;
    for (; photos < 20 && lfw_next(f, &photo); photos++) {
        sl_face *faces, *again;
        size_t count, count_again;
        assert_ok(sl_image_resize(&photo, 2 * photo.width, 2 * photo.height, &large, &err));
        assert_ok(sl_detector_find(m, &photo, .7f, &faces, &count, &err));
        assert_ok(sl_detector_find(m, &large, .7f, &again, &count_again, &err));
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
    sl_detector_close(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_networks_are_refused),
        cmocka_unit_test(networks_in_the_wrong_order_are_refused),
        cmocka_unit_test(faceless_pictures_of_odd_sizes),
        cmocka_unit_test(faces_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, close_networks);
}
